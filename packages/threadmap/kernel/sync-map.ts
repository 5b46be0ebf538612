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
import { add32, cas64, exchange64, get32, load64, put32, store64 } from './atomics'
import {
  allocate,
  allocateTable,
  allocateTableSpan,
  BLOCK_SPAN,
  failure,
  free,
  freeTable,
  G_FRESH,
  G_SIZE,
  heapById,
  isFree,
  KIND_MASK,
  pagesNow,
  pageWord,
  SLAB,
  SLAB_HEADER,
} from './heap'
import {
  ABSENT,
  ADD,
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
  D_PROMOTIONS,
  D_RESIZES,
  D_TABLE,
  D_USED,
  DELETE,
  DELETE_SAME,
  DIFFERENT,
  E_FULL,
  GET_AND_DELETE,
  H_HEAP_START,
  H_INITIAL_BITS,
  H_THREAD_HEAPS,
  HEAP_STRIDE,
  INSERT,
  P_HEAP,
  P_ID,
  P_LOCK,
  PRESENT,
  R_BYTES,
  R_ENTRY,
  R_GENERATION,
  R_SHARD,
  R_VERSION,
  REPLACE_SAME,
  S_PENDING,
  S_RETRIES,
  SET,
  SLOT_COUNT,
  SWAP,
} from './layout'
import { BROKEN, lock, unlock } from './lock'
import { isGood, mark, repairInPlace, sweepHeap } from './repair'
import { shardAt, tokenEntry, tokenGeneration, tokenWord } from './shard'
import {
  AMENDED,
  addressOf,
  BUCKET,
  bitsFor,
  bitsOf,
  bringToLife,
  clearTable,
  copyTable,
  displace,
  ENTRY_VALUE,
  entrySize,
  find,
  foundEntry,
  foundHead,
  hashEntry,
  headGeneration,
  homeOf,
  kill,
  loadLimit,
  MAX_BITS,
  nextWord,
  place,
  STALE,
  sameHead,
  slotCount,
  tagOf,
  valueWord,
  writeEntry,
} from './table'
import { count, isAlive, me, mySlot, slotOf } from './thread'
import {
  BLOCK_CONTENT,
  blockEqualsExpected,
  copyOut,
  copyOutValidated,
  newValueBlock,
  resultAt,
  sum,
  valueAt,
  wordOfBlock,
} from './value'

const NIL: u32 = 0
const EXPUNGED: u32 = 1
/** The entry is expunged, or has gone: the caller looks under the mutex, or again. */
const SLOW: i32 = 100
const AGAIN: i32 = 101

export function isValue(word: u64): bool {
  return <u32>word > EXPUNGED
}

function withState(head: u64, state: u32): u64 {
  return (head << 32) | <u64>state
}

function inserts(op: u32): bool {
  return op == SET || op == INSERT || op == SWAP || op == ADD
}

export function isAmended(word: u64): bool {
  return (word & AMENDED) != 0
}

// --- Value blocks: each thread's heap, with a lock that only meets whoever frees ---------------------------------------

function lockHeap(heap: u32): bool {
  const code = lock(heap - P_HEAP + P_LOCK)
  if (code == BROKEN) rebuildByParity(heap)
  return code >= 0
}

function unlockHeap(heap: u32): void {
  unlock(heap - P_HEAP + P_LOCK)
}

/** A block with the value area's content, named as this thread's pending one; or 0 (see `failure`). */
function newValue(meta: u32): u64 {
  const heap = load<u32>(H_THREAD_HEAPS) + (me - 1) * HEAP_STRIDE + P_HEAP
  if (!lockHeap(heap)) return 0
  const block = newValueBlock(heap, meta)
  let word: u64 = 0
  if (block != 0) {
    word = wordOfBlock(block)
    store64(mySlot + S_PENDING, word)
  }
  unlockHeap(heap)
  return word
}

/** Frees a block that this thread swapped out, unless a sweep has done so already. */
function freeValue(word: u64): void {
  const block = <u32>word
  const heap = heapById(load<u32>(pageWord(block)) >> 16)
  if (!lockHeap(heap)) return
  if (get32(block) == <u32>(word >> 32)) free(heap, block)
  unlockHeap(heap)
}

/** The pending block is published, or was not needed. */
function settle(): void {
  store64(mySlot + S_PENDING, 0)
}

function dropPending(word: u64): void {
  freeValue(word)
  settle()
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
  while (true) {
    const word = loadP(entry, head)
    if (word == GONE) {
      code = AGAIN
      break
    }
    let next: u64 = 0
    if (isValue(word)) {
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
        fresh = newValue(valueMeta)
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
      if (fresh != 0) settle()
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

/** Takes the mutex; repairs if its owner died. */
export function lockMap(shard: u32): i32 {
  const code = lock(shard + D_LOCK)
  if (code == BROKEN) repairSyncMap(shard)
  return code
}

export function syncGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardAt(0)
  while (true) {
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
    if (code != 1) return code == 0 ? AGAIN : code
    nameToken(shard, entry, <u32>head, word)
    // While the entry still holds it, the block was this value's from beginning to end.
    if (valueWord(entry) != p) return AGAIN
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
  while (true) {
    const word = load64(shard + D_TABLE)
    const slot = find(word, shard + D_TABLE, hash, meta)
    let code = AGAIN
    if (slot != STALE) {
      if (slot != 0) {
        code = changeEntry(foundEntry, foundHead, op, valueMeta, expectedMeta)
      } else if (!isAmended(word) && !inserts(op)) {
        code = load64(shard + D_TABLE) == word ? ABSENT : AGAIN
      } else {
        code = SLOW
      }
      // An entry that is absent in `read` was so while `read` was the current one.
      if (code == ABSENT && slot != 0 && !inserts(op) && load64(shard + D_TABLE) != word) code = AGAIN
      if (code == SLOW) code = changeSlowly(shard, op, hash, meta, valueMeta, expectedMeta)
      if (code != AGAIN) return code
    }
    count(S_RETRIES, 1)
  }
  return ABSENT
}

function changeSlowly(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const locked = lockMap(shard)
  if (locked < 0) return locked
  let code = changeLocked(shard, op, hash, meta, valueMeta, expectedMeta)
  // Expunged entries are freed when `dirty` is promoted: memory is short, so now. Deleted ones that `dirty` still has are
  // expunged by the copy that comes after, and freed by the second promotion.
  for (let i = 0; i < 2 && code == E_FULL && isAmended(load64(shard + D_TABLE)); i++) {
    promote(shard)
    code = changeLocked(shard, op, hash, meta, valueMeta, expectedMeta)
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
  if (!wasAmended && !dirtyLocked(shard)) return failure
  if (!roomInDirty(shard)) return failure
  const entry = allocate(shard + D_HEAP, entrySize(meta))
  if (entry == 0) return failure
  const value = newValue(valueMeta)
  if (value == 0) {
    free(shard + D_HEAP, entry)
    return failure
  }
  writeEntry(entry, meta)
  store64(entry + ENTRY_VALUE, value)
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
  const table = bits < MAX_BITS ? allocateTable(shard + D_HEAP, bits + 1) : 0
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
  freeTable(shard + D_HEAP, addressOf(old))
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
  const bits = bitsFor(copied + 1)
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
  store64(shard + D_TABLE, nextWord(read, addressOf(read), bitsOf(read)) | AMENDED)
  return true
}

function tryExpungeLocked(entry: u32): bool {
  while (true) {
    const word = valueWord(entry)
    if (isValue(word)) return false
    if (<u32>word == EXPUNGED) return true
    if (cas64(entry + ENTRY_VALUE, word, word | <u64>EXPUNGED) == word) return true
  }
  return false
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
  const bits = load<u32>(H_INITIAL_BITS)
  const table = allocateTable(shard + D_HEAP, bits)
  if (table == 0) {
    unlock(shard + D_LOCK)
    return failure
  }
  clearTable(table, bits)
  const read = load64(shard + D_TABLE)
  const dirty = load64(shard + D_DIRTY)
  store64(shard + D_TABLE, nextWord(read, table, bits))
  store64(shard + D_DIRTY, dirty & 0xffffffff00000000)
  put32(shard + D_USED, 0)
  put32(shard + D_DIRTY_USED, 0)
  put32(shard + D_MISSES, 0)
  put32(shard + D_EXPUNGED, 0)
  // Only dirty-only entries first: those of both tables are freed once, with `read`.
  if (addressOf(dirty) != 0) freeEntries(shard, dirty)
  freeEntries(shard, read)
  freeTable(shard + D_HEAP, addressOf(read))
  if (addressOf(dirty) != 0) freeTable(shard + D_HEAP, addressOf(dirty))
  unlock(shard + D_LOCK)
  return PRESENT
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

// --- Repair ------------------------------------------------------------------------------------------------------------

/** A heap whose lock was taken over: even generations are in use. What its owner had pending is swept up later. */
function rebuildByParity(heap: u32): void {
  const id = get32(heap + P_ID)
  const end = pagesNow()
  for (let i = load<u32>(H_HEAP_START) >> 12; i < end; i++) {
    const page = i << 12
    const word = load<u32>(pageWord(page))
    if (word >> 16 != id) continue
    if ((word & KIND_MASK) == BLOCK_SPAN) {
      if (!isFree(load<u32>(page))) mark(page)
    } else if ((word & KIND_MASK) == SLAB) {
      const last = page + get32(page + G_FRESH)
      const size = get32(page + G_SIZE)
      for (let block = page + SLAB_HEADER; block < last; block += size) if (!isFree(load<u32>(block))) mark(block)
    }
  }
  sweepHeap(heap, 0, 0)
}

/** The mutex was taken over. `read` is whole, since one store published it; `dirty` is made anew from both. */
function repairSyncMap(shard: u32): void {
  const heap = shard + D_HEAP
  const read = load64(shard + D_TABLE)
  const dirty = load64(shard + D_DIRTY)
  put32(shard + D_EXPUNGED, 0)
  if (addressOf(dirty) == 0 || addressOf(dirty) == addressOf(read)) {
    // Also when the owner died between the two stores of a promotion.
    store64(shard + D_DIRTY, dirty & 0xffffffff00000000)
    put32(shard + D_DIRTY_USED, 0)
    unexpungeAll(read)
    put32(shard + D_USED, countSlots(read))
    store64(shard + D_TABLE, nextWord(read, addressOf(read), bitsOf(read)))
    markEntries(read)
    sweepHeap(heap, addressOf(read), 0)
    return
  }
  const bits = bitsFor(countSlots(read) + countSlots(dirty) + 1)
  const table = allocateTableSpan(heap, bits)
  let word = dirty
  if (table == 0) {
    repairInPlace(heap, dirty)
  } else {
    clearTable(table, bits)
    word = nextWord(dirty, table, bits)
    copyGood(heap, dirty, word)
    store64(shard + D_DIRTY, word)
  }
  settleDirty(read, word)
  put32(shard + D_USED, countSlots(read))
  put32(shard + D_DIRTY_USED, countSlots(word))
  put32(shard + D_EXPUNGED, countExpunged(read))
  store64(shard + D_TABLE, nextWord(read, addressOf(read), bitsOf(read)) | AMENDED)
  markEntries(read)
  markEntries(word)
  sweepHeap(heap, addressOf(read), addressOf(word))
}

function copyGood(heap: u32, from: u64, to: u64): void {
  const end = addressOf(from) + (BUCKET << bitsOf(from))
  for (let slot = addressOf(from); slot < end; slot += 8) {
    if ((slot & (BUCKET - 1)) == 0) continue
    const content = load64(slot)
    if (!isGood(heap, <u32>content, <u32>(content >> 32), from, slot)) continue
    place(to, <u32>(content >> 32), tagOf(hashEntry(<u32>content)), <u32>content)
  }
}

/** Entries of `dirty` are not expunged; and entries of `read` that are not in `dirty` are. */
function settleDirty(read: u64, dirty: u64): void {
  unexpungeAll(dirty)
  const end = addressOf(read) + (BUCKET << bitsOf(read))
  for (let slot = addressOf(read); slot < end; slot += 8) {
    if ((slot & (BUCKET - 1)) == 0) continue
    const content = load64(slot)
    const entry = <u32>content
    if (entry == 0 || contains(dirty, content) || <u32>valueWord(entry) == EXPUNGED) continue
    place(dirty, <u32>(content >> 32), tagOf(hashEntry(entry)), entry)
  }
}

function contains(word: u64, content: u64): bool {
  const bits = bitsOf(word)
  const mask = (((<u32>1) << bits) - 1) * BUCKET
  const home = homeOf(<u32>(content >> 32), bits) * BUCKET
  let at = home
  do {
    const bucket = addressOf(word) + at
    for (let slot = bucket + 8; slot < bucket + BUCKET; slot += 8) if (load64(slot) == content) return true
    if (load64(bucket) >> 56 == 0) return false
    at = (at + BUCKET) & mask
  } while (at != home)
  return false
}

function unexpungeAll(table: u64): void {
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  for (let slot = addressOf(table); slot < end; slot += 8) {
    const entry = <u32>load64(slot)
    if ((slot & (BUCKET - 1)) == 0 || entry == 0) continue
    const word = valueWord(entry)
    if (<u32>word == EXPUNGED) store64(entry + ENTRY_VALUE, word & 0xffffffff00000000)
  }
}

export function countSlots(table: u64): u32 {
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  let used: u32 = 0
  for (let slot = addressOf(table); slot < end; slot += 8) {
    if ((slot & (BUCKET - 1)) != 0 && <u32>load64(slot) != 0) used++
  }
  return used
}

function countExpunged(table: u64): u32 {
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  let expunged: u32 = 0
  for (let slot = addressOf(table); slot < end; slot += 8) {
    const entry = <u32>load64(slot)
    if ((slot & (BUCKET - 1)) != 0 && entry != 0 && <u32>valueWord(entry) == EXPUNGED) expunged++
  }
  return expunged
}

function markEntries(table: u64): void {
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  for (let slot = addressOf(table); slot < end; slot += 8) {
    const entry = <u32>load64(slot)
    if ((slot & (BUCKET - 1)) != 0 && entry != 0) mark(entry)
  }
}

/**
 * After a death: frees the value blocks that nothing references. It takes the mutex and every thread's heap, so nobody
 * allocates or frees meanwhile; exchanges go on. What a living thread has pending stays: that is looked at first, because what
 * is published later is found in the tables then. A block that a living thread has swapped out and not yet freed is
 * freed here; its generation tells that thread so.
 */
export function sweepValues(): void {
  const shard = shardAt(0)
  if (lockMap(shard) < 0) return
  const heaps = load<u32>(H_THREAD_HEAPS) + P_HEAP
  let held: u32 = 0
  while (held < SLOT_COUNT) {
    // A heap that was taken over is swept below like the others.
    if (lock(heaps + held * HEAP_STRIDE - P_HEAP + P_LOCK) < 0) break
    held++
  }
  if (held == SLOT_COUNT) {
    for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) {
      if (isAlive(owner)) markValue(load64(slotOf(owner) + S_PENDING))
    }
    const read = load64(shard + D_TABLE)
    markValues(read)
    if (isAmended(read)) markValues(load64(shard + D_DIRTY))
    sweepHeaps()
  }
  for (let i: u32 = 0; i < held; i++) unlock(heaps + i * HEAP_STRIDE - P_HEAP + P_LOCK)
  unlock(shard + D_LOCK)
}

function markValue(word: u64): void {
  if (isValue(word) && headGeneration(<u32>word) == <u32>(word >> 32)) mark(<u32>word)
}

function markValues(table: u64): void {
  const end = addressOf(table) + (BUCKET << bitsOf(table))
  for (let slot = addressOf(table); slot < end; slot += 8) {
    const entry = <u32>load64(slot)
    if ((slot & (BUCKET - 1)) != 0 && entry != 0) markValue(valueWord(entry))
  }
}

function sweepHeaps(): void {
  const heaps = load<u32>(H_THREAD_HEAPS) + P_HEAP
  for (let i: u32 = 0; i < SLOT_COUNT; i++) {
    const heap = heaps + i * HEAP_STRIDE
    // Also pages that were taken and not yet counted have this heap's number.
    sweepHeap(heap, 0, 0)
  }
}
