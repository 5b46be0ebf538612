/**
 * FastMap: a writer takes the shard's mutex; a reader takes nothing and writes nothing.
 *
 * A read is validated: table word, slot, header, key, value, then header and table word again. The entry lived, with this
 * key and value, at the moment its value word was loaded, if the header is the same before and after it and the table
 * word is the same from beginning to end. Otherwise it starts again. A writer that dies leaves nothing that makes a reader wait.
 *
 * Sources: CLHT, xsync (lock-free reads beside bucket locks), FASTER (versions), sequence locks.
 */
import { load64 } from './atomics'
import {
  ABSENT,
  D_LOCK,
  D_TABLE,
  E_TIMEOUT,
  PRESENT,
  R_ENTRY,
  R_GENERATION,
  R_SHARD,
  R_VERSION,
  S_RETRIES,
} from './layout'
import { BROKEN, lock, passOn, unlock } from './lock'
import { repair } from './repair'
import { change, shardOf } from './shard'
import { find, foundEntry, foundHead, STALE, sameHead, valueWord } from './table'
import { count } from './thread'
import { copyOutValidated, resultAt } from './value'

const AGAIN: i32 = 101

export function fastGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardOf(hash)
  while (true) {
    const code = readValidated(shard, hash, meta, wantsValue)
    if (code != AGAIN) return code
    count(S_RETRIES, 1)
  }
  return ABSENT
}

/** One try at a read; AGAIN if a writer came between. */
export function readValidated(shard: u32, hash: u64, meta: u32, wantsValue: bool): i32 {
  const word = load64(shard + D_TABLE)
  const slot = find(word, shard + D_TABLE, hash, meta)
  if (slot == 0) return load64(shard + D_TABLE) == word ? ABSENT : AGAIN
  if (slot == STALE) return AGAIN
  const entry = foundEntry
  const head = foundHead
  if (!wantsValue) return sameHead(entry, head) && load64(shard + D_TABLE) == word ? PRESENT : AGAIN
  const value = valueWord(entry)
  if (!sameHead(entry, head) || load64(shard + D_TABLE) != word) return AGAIN
  const code = copyOutValidated(value)
  if (code == 0 || load64(shard + D_TABLE) != word) return AGAIN
  if (code < 0) return code
  store<u32>(resultAt + R_ENTRY, entry)
  store<u32>(resultAt + R_GENERATION, <u32>head)
  store<u32>(resultAt + R_SHARD, shard)
  store<u32>(resultAt + R_VERSION, <u32>(word >> 32))
  return PRESENT
}

/** Takes a shard's mutex; repairs the shard if its owner died. */
export function lockShard(shard: u32): i32 {
  const code = lock(shard + D_LOCK)
  if (code != BROKEN || repair(shard)) return code
  passOn(shard + D_LOCK)
  return E_TIMEOUT
}

export function fastChange(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const shard = shardOf(hash)
  const locked = lockShard(shard)
  if (locked < 0) return locked
  const code = change(shard, op, hash, meta, valueMeta, expectedMeta)
  unlock(shard + D_LOCK)
  return code
}
