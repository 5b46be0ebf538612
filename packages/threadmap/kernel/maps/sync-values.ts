/**
 * The value blocks of a SyncMap. Each thread has a heap of them, so that a store to a known key takes no lock that others
 * want: a heap's lock only meets threads that free. Where Go's collector frees, the thread that swapped a value out does.
 *
 * Values that are scattered after many deletes move together by the compare-exchange that writers use too, so nobody waits for
 * that: a writer or reader that comes between finds another word, and looks again.
 */
import { cas64, get32, load64, reach, store64 } from '../atomics'
import {
  CHAIN_HEAD,
  D_DIRTY,
  D_LOCK,
  D_TABLE,
  E_SPARSE,
  E_TIMEOUT,
  ENTRY_VALUE,
  H_THREAD_HEAPS,
  HEAP_STRIDE,
  KIND_MASK,
  P_HEAP,
  P_ID,
  P_LOCK,
  P_PAGES,
  S_PENDING,
  SLAB,
  SLOT_COUNT,
} from '../layout'
import { allowCompaction, allowReserve, failure, failWith } from '../memory/allocation'
import { free, isSpan } from '../memory/blocks'
import { heapById, shardCount } from '../memory/heaps'
import { canTakePages, heapIdOf, wordOfPage } from '../memory/pages'
import { emptySlabs, giveEmpty, reserve } from '../memory/slabs'
import {
  chooseHighest,
  chooseVictims,
  freeInVictim,
  isVictim,
  postponeCompaction,
  releaseVictims,
} from '../memory/victims'
import { markInUse, sweepHeap } from '../repair/sweep'
import { copyValue } from '../table/compact'
import { headGeneration, valueWord } from '../table/entry'
import { shardAt } from '../table/shard'
import { addressOf, nextSlot, slotContent } from '../table/table'
import { blockSize, newValueBlock, wordOfBlock } from '../table/value'
import { BROKEN, lock, ownerOf, passOn, tryLock, unlock } from '../threads/lock'
import { me, mySlot } from '../threads/thread'
import { isAmended, isValue } from './sync-state'

export function heapOf(owner: u32): u32 {
  return load<u32>(H_THREAD_HEAPS) + (owner - 1) * HEAP_STRIDE + P_HEAP
}

export function lockOf(heap: u32): u32 {
  return heap - P_HEAP + P_LOCK
}

export function lockHeap(heap: u32): bool {
  const code = lock(lockOf(heap))
  if (code != BROKEN) return code >= 0
  if (canTakePages()) {
    // The block that its owner had pending is swept up later.
    markInUse(heap)
    sweepHeap(heap, 0, 0)
    return true
  }
  passOn(lockOf(heap))
  return false
}

/**
 * A block with the value area's content, named as this thread's pending one; or 0 (see `failure`). `isMore`: for a new
 * key. Then a second block of its size must be left, so that this thread can still replace values when memory is full.
 */
export function newValue(meta: u32, isMore: bool): u64 {
  allowReserve(mayUseReserve && !isMore)
  const word = newValueCompacting(meta, isMore)
  allowReserve(false)
  return word
}

/** Whether a value that replaces another may take the pages that H_RESERVE keeps for that. Set under the mutex. */
let mayUseReserve: bool = false

export function useReserve(may: bool): void {
  mayUseReserve = may
}

function newValueCompacting(meta: u32, isMore: bool): u64 {
  allowCompaction(true)
  let word = tryNewValue(meta, isMore)
  allowCompaction(false)
  if (word == 0 && failure == E_SPARSE) {
    compactOwnValues()
    word = tryNewValue(meta, isMore)
  }
  return word
}

function tryNewValue(meta: u32, isMore: bool): u64 {
  const heap = heapOf(me)
  if (!lockHeap(heap)) {
    failWith(E_TIMEOUT)
    return 0
  }
  let block = newValueBlock(heap, meta)
  let word: u64 = 0
  if (block != 0 && isMore && !reserve(heap, blockSize(meta))) {
    free(heap, block)
    block = 0
  }
  if (block != 0) {
    word = wordOfBlock(block)
    store64(mySlot + S_PENDING, word)
  }
  unlock(lockOf(heap))
  return word
}

/**
 * Frees a block that this thread swapped out, unless a sweep has freed it: then its page may have any kind by now, and change it between
 * two loads.
 */
export function freeValue(word: u64): void {
  const block = <u32>word
  const kind = wordOfPage(block)
  // Was the block one of a slab, and is its page a chain now, or the other way round, then a sweep has freed it.
  if (!holdsValues(kind) || isSpan(block) != ((kind & KIND_MASK) == CHAIN_HEAD)) return
  const heap = heapById(heapIdOf(kind))
  if (!lockHeap(heap)) return
  if (wordOfPage(block) == kind && get32(block) == <u32>(word >> 32)) free(heap, block)
  unlock(lockOf(heap))
}

/** Whether a page of this word belongs to a thread's heap. */
function holdsValues(page: u32): bool {
  const kind = page & KIND_MASK
  const shards = shardCount()
  return (kind == SLAB || kind == CHAIN_HEAD) && heapIdOf(page) >= shards && heapIdOf(page) < shards + SLOT_COUNT
}

/** The pending block is published, or was not needed. */
export function settle(): void {
  store64(mySlot + S_PENDING, 0)
}

/**
 * The pending block was published in `entry`. Another thread may have swapped it out since and died before it freed it, and a sweep
 * have kept it because it was pending: what is no longer the entry's value is freed, by whoever comes first.
 */
// @inline
export function settlePublished(entry: u32, word: u64): void {
  settle()
  if (valueWord(entry) != word && headGeneration(<u32>word) == <u32>(word >> 32)) freeValue(word)
}

export function dropPending(word: u64): void {
  freeValue(word)
  settle()
}

/** Moves this thread's values together, if nobody holds the mutex: a store to a known key does not wait for it. */
function compactOwnValues(): void {
  const shard = shardAt(0)
  const isMine = ownerOf(shard + D_LOCK) == me
  if (!isMine && !tryLock(shard + D_LOCK)) return
  compactValues(shard, heapOf(me), false)
  if (!isMine) unlock(shard + D_LOCK)
}

/** Moves every thread's values together, under the mutex. */
export function compactAllValues(shard: u32, sideBySide: bool): void {
  for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) {
    if (get32(heapOf(owner) + P_PAGES) == 0) continue
    compactValues(shard, heapOf(owner), false)
    if (sideBySide) compactValues(shard, heapOf(owner), true)
  }
}

/** Gives back the pages of thread heaps that hold no values. A thread whose heap is locked keeps its pages. */
export function giveEmptyValues(): void {
  for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) {
    const heap = heapOf(owner)
    if (get32(heap + P_PAGES) == 0 || !tryLock(lockOf(heap))) continue
    emptySlabs(heap)
    giveEmpty(heap)
    unlock(lockOf(heap))
  }
}

/** Under the mutex, which keeps both tables as they are. */
function compactValues(shard: u32, heap: u32, sideBySide: bool): void {
  if (!tryLock(lockOf(heap))) return
  const victims = sideBySide ? chooseHighest(heap) : chooseVictims(heap, 1, u32.MAX_VALUE)
  if (victims == 0) {
    postponeCompaction(heap)
  } else {
    const read = load64(shard + D_TABLE)
    moveValues(heap, read)
    if (isAmended(read)) moveValues(heap, load64(shard + D_DIRTY))
    releaseVictims(heap, victims)
  }
  giveEmpty(heap)
  unlock(lockOf(heap))
}

function moveValues(heap: u32, table: u64): void {
  const id = get32(heap + P_ID)
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) {
    const entry = <u32>slotContent
    const word = valueWord(entry)
    const block = <u32>word
    // A block of this heap can't be freed meanwhile, since that takes the lock. A block of another heap may be gone by now.
    if (!isValue(word) || heapIdOf(wordOfPage(block)) != id || !isVictim(block)) continue
    reach(block)
    if (get32(block) != <u32>(word >> 32)) continue
    const copy = copyValue(heap, block)
    if (cas64(entry + ENTRY_VALUE, word, wordOfBlock(copy)) == word) freeInVictim(heap, block)
    else free(heap, copy)
  }
}
