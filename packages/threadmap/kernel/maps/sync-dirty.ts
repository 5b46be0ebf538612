/**
 * The `dirty` table of a SyncMap, which belongs to the mutex: it is made of what lives in `read`, takes the new keys, and becomes
 * `read` after as many misses as it has entries. All functions but `promoteAll` are called with the mutex held.
 *
 * Source: go/src/sync/map.go, Go 1.23.
 */
import { add32, get32, load64, put32, store64 } from '../atomics'
import {
  ABSENT,
  ADD,
  BUCKET,
  D_COPIED,
  D_DIRTY,
  D_DIRTY_AT,
  D_DIRTY_USED,
  D_EXPUNGED,
  D_HEAP,
  D_LOCK,
  D_MISSES,
  D_MISSES_TOTAL,
  D_PROMOTIONS,
  D_RESIZES,
  D_TABLE,
  D_USED,
  DELETE,
  ENTRY_VALUE,
  EXPUNGED,
  GET_AND_DELETE,
  H_EMPTY_TABLE,
  H_INITIAL_BITS,
  MAX_TABLE_BITS,
  NIL,
  PRESENT,
  SET,
  SWAP,
  TABLE_AMENDED,
} from '../layout'
import { failure } from '../memory/allocation'
import { allocateTable, free, freeTable } from '../memory/blocks'
import { bringToLife, entrySize, kill, valueWord } from '../table/entry'
import { shardAt } from '../table/shard'
import {
  addressOf,
  bitsFor,
  bitsOf,
  clearTable,
  copyTable,
  displace,
  foundEntry,
  foundHead,
  HIGH_HALF,
  IN_USE,
  loadLimit,
  mostEntries,
  nextSlot,
  nextWord,
  place,
  slotContent,
  TAG,
  tagOf,
} from '../table/table'
import { returnNumber } from '../table/value'
import { unlock } from '../threads/lock'
import { lockMap } from './shard-lock'
import { changeEntry, newEntry } from './sync-entry'
import { insertIntoRead, isPurgeDue, purge } from './sync-in-place'
import { isAmended, tryExpungeLocked, unexpungeAll, withState } from './sync-state'
import { settle } from './sync-values'

/** After a try to make `dirty` that found no memory, `read` grows by this share before the next one: each takes O(n). */
const RETRY_SHARE: u32 = 8

/** An expunged entry that gets a value again has to be in `dirty` first. */
export function unexpungeLocked(shard: u32, entry: u32, head: u64, hash: u64): bool {
  if (<u32>valueWord(entry) != EXPUNGED) return true
  if (!roomInDirty(shard)) return false
  place(load64(shard + D_DIRTY), <u32>hash, tagOf(hash), entry)
  put32(shard + D_DIRTY_USED, get32(shard + D_DIRTY_USED) + 1)
  put32(shard + D_EXPUNGED, get32(shard + D_EXPUNGED) - 1)
  store64(entry + ENTRY_VALUE, withState(head, NIL))
  return true
}

/** `op` on an entry that only `dirty` has: nobody without the mutex knows it. */
export function changeDirty(shard: u32, slot: u32, op: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const entry = foundEntry
  const head = foundHead
  const code = changeEntry(entry, head, op, valueMeta, expectedMeta)
  if (code < 0) return code
  if (op == DELETE || op == GET_AND_DELETE) {
    kill(entry)
    displace(load64(shard + D_DIRTY), slot)
    put32(shard + D_DIRTY_USED, get32(shard + D_DIRTY_USED) - 1)
    free(shard + D_HEAP, entry)
  }
  // Go counts a miss here for all but Swap and Store.
  if (op != SET && op != SWAP && op != ADD) missLocked(shard)
  return code
}

export function insertLocked(shard: u32, hash: u64, meta: u32, valueMeta: u32): i32 {
  if (!isAmended(load64(shard + D_TABLE))) {
    let inRead = get32(shard + D_USED) < get32(shard + D_DIRTY_AT) && insertIntoRead(shard, hash, meta, valueMeta)
    if (!inRead && !dirtyLocked(shard)) {
      const cause = failure
      const used = get32(shard + D_USED)
      put32(shard + D_DIRTY_AT, used + used / RETRY_SHARE + 1)
      if (!insertIntoRead(shard, hash, meta, valueMeta)) return cause
      inRead = true
    }
    if (inRead) {
      returnNumber()
      return ABSENT
    }
  }
  if (isPurgeDue(shard, entrySize(meta))) {
    promote(shard)
    purge(shard)
    if (!dirtyLocked(shard)) return failure
  }
  if (!roomInDirty(shard)) return failure
  const entry = newEntry(shard, meta, valueMeta)
  if (entry == 0) return failure
  place(load64(shard + D_DIRTY), <u32>hash, tagOf(hash), entry)
  put32(shard + D_DIRTY_USED, get32(shard + D_DIRTY_USED) + 1)
  bringToLife(entry)
  settle()
  returnNumber()
  return ABSENT
}

/** Makes sure that one more entry fits into `dirty`. */
function roomInDirty(shard: u32): bool {
  const old = load64(shard + D_DIRTY)
  const bits = bitsOf(old)
  const used = get32(shard + D_DIRTY_USED)
  if (used < loadLimit(bits)) return true
  const table = bits < MAX_TABLE_BITS ? allocateTable(shard + D_HEAP, bits + 1) : 0
  if (table == 0) return used < mostEntries(bits)
  clearTable(table, bits + 1)
  const word = nextWord(old, table, bits + 1)
  copyTable(old, word)
  store64(shard + D_DIRTY, word)
  freeTable(shard + D_HEAP, addressOf(old))
  add32(shard + D_RESIZES, 1)
  return true
}

export function missLocked(shard: u32): void {
  const misses = get32(shard + D_MISSES) + 1
  put32(shard + D_MISSES, misses)
  add32(shard + D_MISSES_TOTAL, 1)
  if (misses >= get32(shard + D_DIRTY_USED)) promote(shard)
}

/** `dirty` becomes `read`: one store. Then what only the old `read` had is freed. */
export function promote(shard: u32): void {
  const old = load64(shard + D_TABLE)
  const dirty = load64(shard + D_DIRTY)
  store64(shard + D_TABLE, nextWord(old, addressOf(dirty), bitsOf(dirty)))
  put32(shard + D_USED, get32(shard + D_DIRTY_USED))
  // The version stays: it must not repeat when there is a dirty table again.
  store64(shard + D_DIRTY, dirty & HIGH_HALF)
  put32(shard + D_DIRTY_USED, 0)
  put32(shard + D_MISSES, 0)
  put32(shard + D_DIRTY_AT, 0)
  add32(shard + D_PROMOTIONS, 1)
  if (get32(shard + D_EXPUNGED) != 0) freeExpunged(shard, old)
  put32(shard + D_EXPUNGED, 0)
  freeIndex(shard, old)
}

export function freeIndex(shard: u32, table: u64): void {
  if (addressOf(table) != H_EMPTY_TABLE) freeTable(shard + D_HEAP, addressOf(table))
}

function freeExpunged(shard: u32, table: u64): void {
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) {
    const entry = <u32>slotContent
    if (<u32>valueWord(entry) == EXPUNGED) free(shard + D_HEAP, entry)
  }
}

/** Makes `dirty` of the live entries of `read`, for the first new key after a promotion. Takes O(n). */
function dirtyLocked(shard: u32): bool {
  const read = load64(shard + D_TABLE)
  const end = addressOf(read) + (BUCKET << bitsOf(read))
  // Expunged first, so that it is known how many are left: what is expunged cannot come back without the mutex.
  let expunged: u32 = 0
  let slot = addressOf(read)
  while ((slot = nextSlot(read, slot)) != 0) {
    if (tryExpungeLocked(<u32>slotContent)) expunged++
  }
  const copied = get32(shard + D_USED) - expunged
  const bits = max(bitsFor(copied + 1), load<u32>(H_INITIAL_BITS))
  const table = allocateTable(shard + D_HEAP, bits)
  if (table == 0) {
    unexpungeAll(read)
    return false
  }
  clearTable(table, bits)
  const dirty = nextWord(load64(shard + D_DIRTY), table, bits)
  for (let bucket = addressOf(read); bucket < end; bucket += BUCKET) {
    let tags = load64(bucket)
    for (let slot = bucket + 8; slot < bucket + BUCKET; slot += 8) {
      const content = load64(slot)
      if ((tags & IN_USE) != 0 && <u32>valueWord(<u32>content) != EXPUNGED) {
        place(dirty, <u32>(content >> 32), tags & TAG, <u32>content)
      }
      tags >>= 8
    }
  }
  put32(shard + D_EXPUNGED, expunged)
  put32(shard + D_DIRTY_USED, copied)
  add32(shard + D_COPIED, copied)
  store64(shard + D_DIRTY, dirty)
  // The allocation may have raised the version: count on from the word as it is now.
  store64(shard + D_TABLE, nextWord(load64(shard + D_TABLE), addressOf(read), bitsOf(read)) | TABLE_AMENDED)
  return true
}

/** Makes sure that `read` has all entries, as Go's Range does first. */
export function promoteAll(): i32 {
  const shard = shardAt(0)
  if (!isAmended(load64(shard + D_TABLE))) return PRESENT
  const locked = lockMap(shard)
  if (locked < 0) return locked
  if (isAmended(load64(shard + D_TABLE))) promote(shard)
  unlock(shard + D_LOCK)
  return PRESENT
}
