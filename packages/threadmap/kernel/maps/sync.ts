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
import { add32, cas64, exchange64, get32, load32, load64, put32, reach, store32, store64 } from '../atomics'
import {
  ABSENT,
  ADD,
  AGAIN,
  BLOCK_CONTENT,
  BUCKET,
  COMPARE_AND_DELETE,
  COMPARE_AND_SWAP,
  D_COPIED,
  D_DIRTY,
  D_DIRTY_USED,
  D_EXPUNGED,
  D_HEAP,
  D_LOCK,
  D_MISSES,
  D_MISSES_TOTAL,
  D_MOVING,
  D_PROMOTIONS,
  D_RESIZES,
  D_TABLE,
  D_USED,
  DELETE,
  DELETE_SAME,
  DIFFERENT,
  E_FULL,
  ENTRY_VALUE,
  GET_AND_DELETE,
  H_EMPTY_TABLE,
  H_INITIAL_BITS,
  INSERT,
  MAX_TABLE_BITS,
  PRESENT,
  R_BYTES,
  R_ENTRY,
  R_GENERATION,
  R_SHARD,
  R_VERSION,
  REPLACE_SAME,
  S_RETRIES,
  SET,
  SLOW,
  SWAP,
  TABLE_AMENDED,
} from '../layout'
import { damaged, MOST_TRIES } from '../memory/damage'
import {
  allocateTable,
  emptySlabs,
  failure,
  free,
  freeTable,
  giveEmpty,
  isFree,
  isReserveShort,
  isSpan,
  wantsRun,
} from '../memory/slabs'
import { lockMap } from '../repair/sync-repair'
import { shardAt, tokenEntry, tokenGeneration, tokenWord } from '../table/change'
import { compact, slide } from '../table/compact'
import {
  addressOf,
  bitsFor,
  bitsOf,
  bringToLife,
  clearTable,
  copyTable,
  displace,
  entrySize,
  find,
  foundEntry,
  foundHead,
  headGeneration,
  kill,
  loadLimit,
  nextWord,
  place,
  STALE,
  sameHead,
  slotCount,
  tagOf,
  valueWord,
} from '../table/table'
import { blockEqualsExpected, copyOut, copyOutValidated, resultAt, sum, valueAt } from '../table/value'
import { tryLock, unlock } from '../threads/lock'
import { busy, count, othersRest, rest } from '../threads/thread'
import { insertIntoRead, isPurgeDue, newEntry, purge } from './sync-in-place'
import { EXPUNGED, isAmended, isValue, NIL, tryExpungeLocked, unexpungeAll, withState } from './sync-state'
import {
  compactAllValues,
  dropPending,
  freeValue,
  giveEmptyValues,
  newValue,
  settle,
  settlePublished,
  useReserve,
} from './sync-values'

function inserts(op: u32): bool {
  return op == SET || op == INSERT || op == SWAP || op == ADD
}

// --- Entries -------------------------------------------------------------------------------------------------------------

/** `p` of an entry that was found with this header; GONE, which is no value word, if it has gone. */
const GONE: u64 = 0xffffffff00000002

function loadP(entry: u32, head: u64): u64 {
  const word = valueWord(entry)
  return sameHead(entry, head) ? word : GONE
}

/**
 * Go's trySwap, tryLoadOrStore, delete and tryCompareAndSwap in one: `op` on an entry of `read`, by compare-exchange.
 * SLOW: the entry is expunged, and `op` would insert. AGAIN: it is no entry of this key any more.
 */
function changeEntry(entry: u32, head: u64, op: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const delta = load<u64>(valueAt)
  let fresh: u64 = 0
  let code: i32
  let tries: u32 = 0
  while (true) {
    if (++tries == MOST_TRIES) damaged()
    const word = loadP(entry, head)
    if (word == GONE) {
      code = AGAIN
      break
    }
    let next: u64 = 0
    if (isValue(word)) {
      reach(<u32>word)
      code = checkPresent(entry, head, word, op, expectedMeta)
      if (code == AGAIN) continue
      if (code != PRESENT || op == INSERT) break
    } else {
      code = ABSENT
      if (!inserts(op)) break
      if (<u32>word == EXPUNGED) {
        code = SLOW
        break
      }
    }
    if (isRemoval(op)) {
      next = withState(head, NIL)
    } else {
      if (op == ADD) store<u64>(valueAt, isValue(word) ? sum(load64(<u32>word + BLOCK_CONTENT), delta) : delta)
      if (fresh == 0) {
        fresh = newValue(valueMeta, !isValue(word))
        if (fresh == 0) {
          code = failure
          break
        }
      } else if (op == ADD) {
        store64(<u32>fresh + BLOCK_CONTENT, load<u64>(valueAt))
      }
      next = fresh
    }
    if (cas64(entry + ENTRY_VALUE, word, next) == word) {
      if (op == ADD) store<u64>(resultAt + R_BYTES, load<u64>(valueAt))
      if (isValue(word)) freeValue(word)
      if (fresh != 0) settlePublished(entry, fresh)
      return code
    }
    count(S_RETRIES, 1)
  }
  if (op == ADD) store<u64>(valueAt, delta)
  if (fresh != 0) dropPending(fresh)
  return code
}

function isRemoval(op: u32): bool {
  return op == DELETE || op == GET_AND_DELETE || op == COMPARE_AND_DELETE || op == DELETE_SAME
}

/** What `op` makes of a value: PRESENT to go on, AGAIN if the value changed while it was looked at, else its result. */
function checkPresent(entry: u32, head: u64, word: u64, op: u32, expectedMeta: u32): i32 {
  if (op == INSERT || op == SWAP || op == GET_AND_DELETE) {
    const code = copyOutValidated(word)
    return code == 0 || valueWord(entry) != word ? AGAIN : code
  }
  if (op == COMPARE_AND_SWAP || op == COMPARE_AND_DELETE) {
    if (headGeneration(<u32>word) != <u32>(word >> 32)) return AGAIN
    const equal = blockEqualsExpected(<u32>word, expectedMeta)
    if (headGeneration(<u32>word) != <u32>(word >> 32) || valueWord(entry) != word) return AGAIN
    return equal ? PRESENT : DIFFERENT
  }
  if (op == REPLACE_SAME || op == DELETE_SAME) {
    return entry == tokenEntry && <u32>head == tokenGeneration && word == tokenWord ? PRESENT : DIFFERENT
  }
  return PRESENT
}

// --- The map ---------------------------------------------------------------------------------------------------------

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
    // While the entry still holds it, the block was this value's from beginning to end.
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
  // An entry of pages of its own is not type-stable (see heap.ts): it is changed under the mutex, which frees it.
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
    if (code == E_FULL) {
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

/** An expunged entry that gets a value again has to be in `dirty` first. */
function unexpungeLocked(shard: u32, entry: u32, head: u64, hash: u64): bool {
  if (<u32>valueWord(entry) != EXPUNGED) return true
  if (!roomInDirty(shard)) return false
  place(load64(shard + D_DIRTY), <u32>hash, tagOf(hash), entry)
  put32(shard + D_DIRTY_USED, get32(shard + D_DIRTY_USED) + 1)
  put32(shard + D_EXPUNGED, get32(shard + D_EXPUNGED) - 1)
  store64(entry + ENTRY_VALUE, withState(head, NIL))
  return true
}

/** `op` on an entry that only `dirty` has: nobody without the mutex knows it. */
function changeDirty(shard: u32, slot: u32, op: u32, valueMeta: u32, expectedMeta: u32): i32 {
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

function insertLocked(shard: u32, hash: u64, meta: u32, valueMeta: u32): i32 {
  const wasAmended = isAmended(load64(shard + D_TABLE))
  if (!wasAmended && !dirtyLocked(shard)) {
    const cause = failure
    if (!insertIntoRead(shard, hash, meta, valueMeta)) return cause
    store<u64>(resultAt + R_BYTES, load<u64>(valueAt))
    return ABSENT
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
  store<u64>(resultAt + R_BYTES, load<u64>(valueAt))
  return ABSENT
}

/** Makes sure that one more entry fits into `dirty`. */
function roomInDirty(shard: u32): bool {
  const old = load64(shard + D_DIRTY)
  const bits = bitsOf(old)
  const used = get32(shard + D_DIRTY_USED)
  if (used < loadLimit(bits)) return true
  const table = bits < MAX_TABLE_BITS ? allocateTable(shard + D_HEAP, bits + 1) : 0
  if (table == 0) return used < slotCount(bits)
  clearTable(table, bits + 1)
  const word = nextWord(old, table, bits + 1)
  copyTable(old, word)
  store64(shard + D_DIRTY, word)
  freeTable(shard + D_HEAP, addressOf(old))
  add32(shard + D_RESIZES, 1)
  return true
}

function missLocked(shard: u32): void {
  const misses = get32(shard + D_MISSES) + 1
  put32(shard + D_MISSES, misses)
  add32(shard + D_MISSES_TOTAL, 1)
  if (misses >= get32(shard + D_DIRTY_USED)) promote(shard)
}

/** `dirty` becomes `read`: one store. Then what only the old `read` had is freed. */
function promote(shard: u32): void {
  const old = load64(shard + D_TABLE)
  const dirty = load64(shard + D_DIRTY)
  store64(shard + D_TABLE, nextWord(old, addressOf(dirty), bitsOf(dirty)))
  put32(shard + D_USED, get32(shard + D_DIRTY_USED))
  // The version stays: it must not repeat when there is a dirty table again.
  store64(shard + D_DIRTY, dirty & 0xffffffff00000000)
  put32(shard + D_DIRTY_USED, 0)
  put32(shard + D_MISSES, 0)
  add32(shard + D_PROMOTIONS, 1)
  if (get32(shard + D_EXPUNGED) != 0) freeExpunged(shard, old)
  put32(shard + D_EXPUNGED, 0)
  freeIndex(shard, old)
}

function freeIndex(shard: u32, table: u64): void {
  if (addressOf(table) != H_EMPTY_TABLE) freeTable(shard + D_HEAP, addressOf(table))
}

/** Memory is at its limit: whatever deleted entries and scattered values hold is made free. */
function makeRoom(shard: u32): void {
  // Moving things takes and gives pages, and so asks anew.
  const sideBySide = wantsRun
  if (isAmended(load64(shard + D_TABLE))) promote(shard)
  purge(shard)
  compactAllValues(shard, sideBySide)
  moveEntries(shard, sideBySide)
  giveEmptyValues()
  releaseEntryPages(shard + D_HEAP)
}

/**
 * Moves entries together, if no other thread may be about to change one without the mutex: who begins now sees that it has
 * to take it, and who has begun is seen here, since both write before they read. There is no `dirty`.
 */
function moveEntries(shard: u32, sideBySide: bool): void {
  store32(shard + D_MOVING, 1)
  if (othersRest()) {
    compact(shard)
    if (sideBySide) slide(shard)
  }
  store32(shard + D_MOVING, 0)
}

/** Pages of entries without entries serve anything again, if no other thread may hold one of those for an entry. */
function releaseEntryPages(heap: u32): void {
  if (!othersRest()) return
  emptySlabs(heap)
  giveEmpty(heap)
}

function freeExpunged(shard: u32, table: u64): void {
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  for (let slot = addressOf(table); slot < end; slot += 8) {
    if ((slot & (BUCKET - 1)) == 0) continue
    const entry = <u32>load64(slot)
    if (entry == 0 || <u32>valueWord(entry) != EXPUNGED) continue
    free(shard + D_HEAP, entry)
  }
}

/** The first new key after a promotion: `dirty` is made of what lives in `read`. This is what takes long. */
function dirtyLocked(shard: u32): bool {
  const read = load64(shard + D_TABLE)
  const end = addressOf(read) + (BUCKET << bitsOf(read))
  // Expunged first, so that it is known how many are left: what is expunged cannot come back without the mutex.
  let expunged: u32 = 0
  for (let slot = addressOf(read); slot < end; slot += 8) {
    const entry = <u32>load64(slot)
    if ((slot & (BUCKET - 1)) != 0 && entry != 0 && tryExpungeLocked(entry)) expunged++
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
      if ((tags & 0x80) != 0 && <u32>valueWord(<u32>content) != EXPUNGED) {
        place(dirty, <u32>(content >> 32), tags & 0xff, <u32>content)
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

/** Go's Range starts with this: everything into `read`. */
export function promoteAll(): i32 {
  const shard = shardAt(0)
  if (!isAmended(load64(shard + D_TABLE))) return PRESENT
  const locked = lockMap(shard)
  if (locked < 0) return locked
  if (isAmended(load64(shard + D_TABLE))) promote(shard)
  unlock(shard + D_LOCK)
  return PRESENT
}

export function syncClear(): i32 {
  const shard = shardAt(0)
  const locked = lockMap(shard)
  if (locked < 0) return locked
  const read = load64(shard + D_TABLE)
  const dirty = load64(shard + D_DIRTY)
  store64(shard + D_TABLE, nextWord(read, H_EMPTY_TABLE, 0))
  store64(shard + D_DIRTY, dirty & 0xffffffff00000000)
  put32(shard + D_USED, 0)
  put32(shard + D_DIRTY_USED, 0)
  put32(shard + D_MISSES, 0)
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

/** For a thread that attaches: gives back what can be had, if nobody holds the mutex. */
export function syncReclaim(): void {
  const shard = shardAt(0)
  if (!tryLock(shard + D_LOCK)) return
  makeRoom(shard)
  unlock(shard + D_LOCK)
}

/** Takes the value out of each entry of a table that is gone, so that no late exchange succeeds, and frees both. */
function freeEntries(shard: u32, table: u64): void {
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  for (let slot = addressOf(table); slot < end; slot += 8) {
    if ((slot & (BUCKET - 1)) == 0) continue
    const entry = <u32>load64(slot)
    if (entry == 0 || isFree(headGeneration(entry))) continue
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
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  let size: i32 = 0
  for (let slot = addressOf(table); slot < end; slot += 8) {
    if ((slot & (BUCKET - 1)) == 0) continue
    const entry = <u32>load64(slot)
    if (entry != 0 && isValue(valueWord(entry))) size++
  }
  unlock(shard + D_LOCK)
  return size
}
