/**
 * Go's `sync.Map` as it was up to Go 1.23, ported part by part.
 *
 * `read` is an index that never changes once it is published; its table word carries the `amended` bit: `dirty` has keys
 * that `read` lacks. `dirty` belongs to the mutex. Both reference the same entries. An entry's value word is what Go calls
 * `p`: a value block {generation | reference}, NIL (deleted, and in `dirty` if there is one), or EXPUNGED (deleted, and
 * not in `dirty`). NIL and EXPUNGED carry the entry's generation, so that no two entries ever share one: a
 * compare-exchange that was prepared for an entry which has gone cannot succeed in the one that came after it.
 *
 * Where Go's collector frees, this does it: an expunged entry when `dirty` is promoted without it, a value block by the
 * thread that swapped it out. Value blocks come from a heap per thread, so that a store to a known key takes no lock
 * that others want.
 *
 * Source: go/src/sync/map.go, Go 1.23.
 */
import { exchange64, load32, load64, put32, store64 } from '../atomics'
import {
  ABSENT,
  AGAIN,
  COMPARE_AND_DELETE,
  D_DIRTY,
  D_DIRTY_AT,
  D_DIRTY_USED,
  D_EXPUNGED,
  D_HEAP,
  D_LOCK,
  D_MISSES,
  D_MOVING,
  D_TABLE,
  D_USED,
  DELETE,
  E_FULL,
  ENTRY_VALUE,
  EXPUNGED,
  GET_AND_DELETE,
  H_EMPTY_TABLE,
  PRESENT,
  R_ENTRY,
  R_GENERATION,
  R_SHARD,
  R_VERSION,
  S_RETRIES,
  SLOW,
} from '../layout'
import { failure, wantsRun } from '../memory/allocation'
import { free, freeTable, isFree, isSpan } from '../memory/blocks'
import { damaged, MOST_TRIES } from '../memory/damage'
import { isReserveShort } from '../memory/pages'
import { headGeneration, valueWord } from '../table/entry'
import { collect } from '../table/scan'
import { shardAt } from '../table/shard'
import {
  addressOf,
  find,
  foundEntry,
  foundHead,
  HIGH_HALF,
  nextSlot,
  nextWord,
  STALE,
  slotContent,
} from '../table/table'
import { copyOut, copyOutValidated, resultAt } from '../table/value'
import { unlock } from '../threads/lock'
import { busy, count, rest } from '../threads/thread'
import { lockMap } from './shard-lock'
import { changeDirty, freeIndex, insertLocked, missLocked, promoteAll, unexpungeLocked } from './sync-dirty'
import { changeEntry, GONE, inserts, loadP } from './sync-entry'
import { makeRoom, releaseEntryPages } from './sync-room'
import { isAmended, isValue, withState } from './sync-state'
import { freeValue, giveEmptyValues, useReserve } from './sync-values'

export function syncGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardAt(0)
  let tries: u32 = 0
  while (true) {
    if (++tries == MOST_TRIES) damaged()
    const word = load64(shard + D_TABLE)
    const slot = find(word, shard + D_TABLE, hash, meta)
    if (slot != STALE) {
      let code: i32
      if (slot != 0) {
        code = readEntry(shard, word, foundEntry, foundHead, wantsValue)
      } else if (isAmended(word)) {
        code = getSlowly(shard, hash, meta, wantsValue)
      } else {
        code = load64(shard + D_TABLE) == word ? ABSENT : AGAIN
      }
      if (code != AGAIN) return code
    }
    count(S_RETRIES, 1)
  }
  return ABSENT
}

function readEntry(shard: u32, word: u64, entry: u32, head: u64, wantsValue: bool): i32 {
  const p = loadP(entry, head)
  if (p == GONE) return AGAIN
  if (!isValue(p)) return load64(shard + D_TABLE) == word ? ABSENT : AGAIN
  if (wantsValue) {
    const code = copyOutValidated(p)
    nameToken(shard, entry, <u32>head, word)
    // If the entry still has this value word, the block held this value all the time.
    if (code == 0 || valueWord(entry) != p) return AGAIN
    if (code < 0) return code
  }
  return load64(shard + D_TABLE) == word ? PRESENT : AGAIN
}

function getSlowly(shard: u32, hash: u64, meta: u32, wantsValue: bool): i32 {
  const locked = lockMap(shard)
  if (locked < 0) return locked
  let code = ABSENT
  const word = load64(shard + D_TABLE)
  if (find(word, shard + D_TABLE, hash, meta) != 0) {
    code = readEntry(shard, word, foundEntry, foundHead, wantsValue)
  } else if (isAmended(word)) {
    if (find(load64(shard + D_DIRTY), shard + D_DIRTY, hash, meta) != 0) {
      const p = valueWord(foundEntry)
      if (isValue(p)) {
        code = wantsValue ? copyOut(p) : PRESENT
        nameToken(shard, foundEntry, <u32>foundHead, 0)
      }
    }
    missLocked(shard)
    if (code == PRESENT) store<u32>(resultAt + R_VERSION, <u32>(load64(shard + D_TABLE) >> 32))
  }
  unlock(shard + D_LOCK)
  return code
}

/** Says where the result was found: what the read cache and `update` check later. */
function nameToken(shard: u32, entry: u32, generation: u32, word: u64): void {
  store<u32>(resultAt + R_ENTRY, entry)
  store<u32>(resultAt + R_GENERATION, generation)
  store<u32>(resultAt + R_SHARD, shard)
  store<u32>(resultAt + R_VERSION, <u32>(word >> 32))
}

export function syncChange(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const shard = shardAt(0)
  let tries: u32 = 0
  while (true) {
    if (++tries == MOST_TRIES) damaged()
    busy()
    let code = load32(shard + D_MOVING) != 0 ? SLOW : changeUnlocked(shard, op, hash, meta, valueMeta, expectedMeta)
    rest()
    if (code == SLOW || code == E_FULL) code = changeSlowly(shard, op, hash, meta, valueMeta, expectedMeta)
    if (code != AGAIN) return code
    count(S_RETRIES, 1)
  }
  return ABSENT
}

/** One try without the mutex, between `busy` and `rest`. */
// @inline
function changeUnlocked(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const word = load64(shard + D_TABLE)
  const slot = find(word, shard + D_TABLE, hash, meta)
  if (slot == STALE) return AGAIN
  if (slot == 0) {
    if (isAmended(word) || inserts(op)) return SLOW
    return load64(shard + D_TABLE) == word ? ABSENT : AGAIN
  }
  // An entry of pages of its own is not type-stable (see memory/heaps.ts): it is changed under the mutex, which frees it.
  if (isSpan(foundEntry)) return SLOW
  const code = changeEntry(foundEntry, foundHead, op, valueMeta, expectedMeta)
  // An entry that is absent in `read` was so while `read` was the current one.
  return code == ABSENT && !inserts(op) && load64(shard + D_TABLE) != word ? AGAIN : code
}

function changeSlowly(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const locked = lockMap(shard)
  if (locked < 0) return locked
  let code = changeLocked(shard, op, hash, meta, valueMeta, expectedMeta)
  if (code == E_FULL) {
    useReserve(true)
    code = changeLocked(shard, op, hash, meta, valueMeta, expectedMeta)
    // Once more where that makes enough room, but not side by side.
    for (let tries = 0; code == E_FULL && (tries == 0 || (tries == 1 && wantsRun)); tries++) {
      makeRoom(shard)
      code = changeLocked(shard, op, hash, meta, valueMeta, expectedMeta)
    }
    useReserve(false)
    if (isReserveShort()) makeRoom(shard)
  }
  unlock(shard + D_LOCK)
  return code
}

function changeLocked(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const word = load64(shard + D_TABLE)
  if (find(word, shard + D_TABLE, hash, meta) != 0) {
    const entry = foundEntry
    const head = foundHead
    if (inserts(op) && !unexpungeLocked(shard, entry, head, hash)) return failure
    return changeEntry(entry, head, op, valueMeta, expectedMeta)
  }
  if (isAmended(word)) {
    const slot = find(load64(shard + D_DIRTY), shard + D_DIRTY, hash, meta)
    if (slot != 0) return changeDirty(shard, slot, op, valueMeta, expectedMeta)
    if (op == DELETE || op == GET_AND_DELETE || op == COMPARE_AND_DELETE) missLocked(shard)
  }
  if (!inserts(op)) return ABSENT
  return insertLocked(shard, hash, meta, valueMeta)
}

export function syncClear(): i32 {
  const shard = shardAt(0)
  const locked = lockMap(shard)
  if (locked < 0) return locked
  const read = load64(shard + D_TABLE)
  const dirty = load64(shard + D_DIRTY)
  store64(shard + D_TABLE, nextWord(read, H_EMPTY_TABLE, 0))
  store64(shard + D_DIRTY, dirty & HIGH_HALF)
  put32(shard + D_USED, 0)
  put32(shard + D_DIRTY_USED, 0)
  put32(shard + D_MISSES, 0)
  put32(shard + D_DIRTY_AT, 0)
  put32(shard + D_EXPUNGED, 0)
  // Only dirty-only entries first: those of both tables are freed once, with `read`.
  if (addressOf(dirty) != 0) freeEntries(shard, dirty)
  freeEntries(shard, read)
  freeIndex(shard, read)
  if (addressOf(dirty) != 0) freeTable(shard + D_HEAP, addressOf(dirty))
  releaseEntryPages(shard + D_HEAP)
  giveEmptyValues()
  unlock(shard + D_LOCK)
  return PRESENT
}

/** Takes the value out of each entry of a table that is gone, so that no late exchange succeeds, and frees both. */
function freeEntries(shard: u32, table: u64): void {
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) {
    const entry = <u32>slotContent
    if (isFree(headGeneration(entry))) continue
    const word = exchange64(entry + ENTRY_VALUE, withState(load64(entry), EXPUNGED))
    if (isValue(word)) freeValue(word)
    free(shard + D_HEAP, entry)
  }
}

/** The number of entries with a value. O(n): Go's map has no count either. */
export function syncSize(): i32 {
  const shard = shardAt(0)
  const locked = lockMap(shard)
  if (locked < 0) return locked
  const read = load64(shard + D_TABLE)
  const table = isAmended(read) ? load64(shard + D_DIRTY) : read
  let size: i32 = 0
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) {
    if (isValue(valueWord(<u32>slotContent))) size++
  }
  unlock(shard + D_LOCK)
  return size
}

/** Go's Range begins with a promotion. */
export function syncScan(shard: u32, position: u32): i32 {
  if (position == 0) {
    const code = promoteAll()
    if (code < 0) return code
  }
  return collect(shard, position)
}
