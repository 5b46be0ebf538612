/**
 * UnsafeMap: Go's built-in map. There is no waiting; a thread that finds another one inside gets an error. The writing flag
 * is a lock word that nobody waits for, so an overlap is always noticed by the second thread, before it has touched
 * anything, and the first one's work is not damaged. A single thread is never accused.
 *
 * Without detection an update of an existing key is a load and a store that other threads can come between, as in any race. Changes of
 * the structure still exclude each other, so that the memory stays whole.
 *
 * Source: go/src/runtime/map.go (hashWriting).
 */
import { cas32, load32, load64, store64 } from '../atomics'
import {
  ABSENT,
  ADD,
  AGAIN,
  D_LOCK,
  D_TABLE,
  E_ITERATION_WRITE,
  E_READ_WRITE,
  E_WRITES,
  ENTRY_VALUE,
  H_DETECT,
  PRESENT,
  R_WORD,
  SET,
} from '../layout'
import { damaged, MOST_TRIES } from '../memory/damage'
import { change } from '../table/change'
import { sameHead, valueWord } from '../table/entry'
import { readValidated } from '../table/read'
import { collect } from '../table/scan'
import { shardAt } from '../table/shard'
import { find, foundEntry, foundHead, STALE } from '../table/table'
import { isInline, resultAt, sum, valueAt } from '../table/value'
import { ownerOf, unlock } from '../threads/lock'
import { livesStill, me } from '../threads/thread'
import { lockShard } from './shard-lock'

function detects(): bool {
  return load<u32>(H_DETECT) != 0
}

/** Raises the writing flag, or returns E_WRITES: another thread is writing. A dead writer's flag is taken over. */
export function beginWriting(shard: u32): i32 {
  if (cas32(shard + D_LOCK, 0, me) == 0) return PRESENT
  if (!detects() || !livesStill(ownerOf(shard + D_LOCK))) {
    const code = lockShard(shard)
    return code < 0 ? code : PRESENT
  }
  return E_WRITES
}

/** Whether a living thread is writing. */
function isWriting(shard: u32): bool {
  return load32(shard + D_LOCK) != 0 && livesStill(ownerOf(shard + D_LOCK))
}

export function unsafeGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardAt(0)
  const strict = detects()
  let tries: u32 = 0
  while (true) {
    if (++tries == MOST_TRIES) damaged()
    if (strict && isWriting(shard)) return E_READ_WRITE
    const code = readValidated(shard, hash, meta, wantsValue)
    if (strict && (code == AGAIN || isWriting(shard))) return E_READ_WRITE
    if (code != AGAIN) return code
  }
  return ABSENT
}

export function unsafeChange(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const shard = shardAt(0)
  if (!detects() && isInline && (op == SET || op == ADD) && overwrite(shard, op, hash, meta)) return PRESENT
  const begun = beginWriting(shard)
  if (begun < 0) return begun
  const code = change(shard, op, hash, meta, valueMeta, expectedMeta)
  unlock(shard + D_LOCK)
  return code
}

/**
 * The undetected race: a write of another thread between the load and the store is lost. The store is made under the lock, so that the
 * entry does not go meanwhile.
 */
function overwrite(shard: u32, op: u32, hash: u64, meta: u32): bool {
  const word = load64(shard + D_TABLE)
  const slot = find(word, shard + D_TABLE, hash, meta)
  if (slot == 0 || slot == STALE) return false
  const entry = foundEntry
  const head = foundHead
  const old = valueWord(entry)
  const next = op == ADD ? sum(old, load<u64>(valueAt)) : load<u64>(valueAt)
  if (lockShard(shard) < 0) return false
  const isThere = load64(shard + D_TABLE) == word && sameHead(entry, head)
  if (isThere) {
    store64(entry + ENTRY_VALUE, next)
    store<u64>(resultAt + R_WORD, next)
  }
  unlock(shard + D_LOCK)
  return isThere
}

/** A batch is refused if another thread wrote meanwhile. */
export function unsafeScan(shard: u32, position: u32): i32 {
  if (isMisused()) return E_ITERATION_WRITE
  const code = collect(shard, position)
  return isMisused() ? E_ITERATION_WRITE : code
}

/** Whether another thread is writing, and may not. */
export function isMisused(): bool {
  return detects() && isWriting(shardAt(0))
}
