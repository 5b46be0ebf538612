/**
 * Memory in 4 KiB pages. The page table says of each page what it is, and is the only truth about that: everything else
 * can be rebuilt from it and from what the tables reference.
 *
 * A heap hands out blocks of size classes from its slabs (pages of one class), chains of pages for larger values, and runs of
 * pages (spans) for tables and for entries with long keys. Each shard has its heap, guarded by the shard's lock; SyncMap has one more per thread.
 *
 * A block of an entry or a value starts with its header {meta 32 | generation 32}. The generation is even while the
 * block is in use and odd while it is free; it grows by one at each change and never repeats at an address: a page that goes
 * back remembers its highest generation in H_GENERATION, and a page that is formatted starts above it.
 *
 * Before a page of a shard's heap serves anything else, the version in the shard's table word is raised. So a reader that
 * finds the table word unchanged knows that what it took for a block's header was one.
 */
import { get32, load32, load64, put32, reach, store32, store64 } from '../atomics'
import {
  BLOCK_SPAN,
  BUCKET,
  CHAIN_BYTES,
  CHAIN_HEAD,
  CHAIN_NEXT,
  CHAIN_TAIL,
  D_HEAP,
  D_TABLE,
  E_FULL,
  E_SPARSE,
  E_TIMEOUT,
  FREE_LINK,
  FREE_PAGE,
  G_CLASS,
  G_FREE,
  G_FRESH,
  G_GENERATION,
  G_LISTED,
  G_LIVE,
  G_NEXT,
  G_PREVIOUS,
  G_SIZE,
  G_VICTIM,
  H_FREE_HINT,
  H_GENERATION,
  H_HEAP_LOCK,
  H_HEAP_START,
  H_MAX_PAGES,
  H_PAGE_TABLE,
  H_PAGES_SEEN,
  H_PAGES_USED,
  H_POLICY,
  H_RESERVE,
  H_SHARD_BITS,
  H_SHARDS,
  H_THREAD_HEAPS,
  HEAP_STRIDE,
  KIND_MASK,
  META_LENGTH,
  P_COMPACT_AT,
  P_EMPTY,
  P_EMPTY_COUNT,
  P_FREE_BYTES,
  P_HEAP,
  P_ID,
  P_PAGES,
  P_PARTIAL,
  PAGE,
  POLICY_SYNC,
  RAW_SLAB,
  SCRATCH_SPAN,
  SHARD_SIZE,
  SLAB,
  SLAB_HEADER,
  SPAN_TAIL,
  TABLE_SPAN,
  WASM_PAGE,
} from '../layout'
import { BROKEN, lock, unlock } from '../threads/lock'
import { checkWalk, damaged } from './damage'

/** Classes of blocks: steps of an eighth to a quarter, so that at most a fifth of a block is lost. */
export const BLOCK_CLASSES: u32 = 24
/** Classes of tables with 1 to 16 buckets. Tables have no header, so they never share a class with blocks. */
const TABLE_CLASSES: u32 = 5
export const CLASSES: u32 = BLOCK_CLASSES + TABLE_CLASSES
export const LARGEST_BLOCK: u32 = 2016
/**
 * A heap gives its empty pages back when they are more than this share of what it holds. Small heaps keep none: while a small
 * map of many shards grows, each shard's tables leave two behind.
 */
const KEPT_SHARE: u32 = 8
/** The memory grows by a sixteenth of its size at a time, at least by this many 64 KiB pages. */
const GROWTH_STEP: u32 = 1
const PAGES_PER_WASM_PAGE: u32 = WASM_PAGE / PAGE

/** A heap is sparse when this share of it, and this many bytes, lie in free blocks. */
const SPARSE_SHARE: u32 = 4
const SPARSE_BYTES: u32 = 32 * PAGE

/** Why the last allocation failed: E_FULL, E_TIMEOUT or E_SPARSE. */
export let failure: i32 = 0
/** Says why there is no block, where something else than this heap is the reason. */
export function failWith(code: i32): void {
  failure = code
}

/** Whether the caller can compact its heap when an allocation fails with E_SPARSE. */
let mayCompact: bool = false
/** Whether the pages that H_RESERVE keeps may be taken. */
let mayUseReserve: bool = false
/** Whether the last allocation failed only because no free pages stand side by side. */
export let wantsRun: bool = false

export function allowCompaction(allowed: bool): void {
  mayCompact = allowed
}

export function allowReserve(allowed: bool): void {
  mayUseReserve = allowed
}

export function isFree(generation: u32): bool {
  return (generation & 1) != 0
}

function classOf(size: u32): u32 {
  if (size <= 64) return size <= 16 ? 0 : ((size + 7) >> 3) - 2
  if (size <= 128) return 7 + ((size - 65) >> 4)
  if (size <= 256) return 11 + ((size - 129) >> 5)
  if (size <= 512) return 15 + ((size - 257) >> 6)
  if (size <= 640) return 19
  if (size <= 768) return 20
  if (size <= 1008) return 21
  if (size <= 1344) return 22
  return 23
}

function sizeOf(cls: u32): u32 {
  if (cls >= BLOCK_CLASSES) return BUCKET << (cls - BLOCK_CLASSES)
  if (cls < 7) return (cls + 2) << 3
  if (cls < 11) return 64 + ((cls - 6) << 4)
  if (cls < 15) return 128 + ((cls - 10) << 5)
  if (cls < 19) return 256 + ((cls - 14) << 6)
  if (cls == 19) return 640
  if (cls == 20) return 768
  if (cls == 21) return 1008
  if (cls == 22) return 1344
  return LARGEST_BLOCK
}

export function pageWord(page: u32): u32 {
  return load<u32>(H_PAGE_TABLE) + (page >> 12) * 4
}

export function pageOf(block: u32): u32 {
  return block & ~(PAGE - 1)
}

/**
 * The number of 4 KiB pages the memory has now. `memory.size` must not be asked: in V8 it lags behind what another
 * thread has grown, and two shards would be given the same pages.
 */
export function pagesNow(): u32 {
  return load32(H_PAGES_SEEN)
}

/** The heap with this number: shards first, then threads. */
export function heapById(id: u32): u32 {
  const shards = (<u32>1) << load<u32>(H_SHARD_BITS)
  if (id < shards) return load<u32>(H_SHARDS) + id * SHARD_SIZE + D_HEAP
  return load<u32>(H_THREAD_HEAPS) + (id - shards) * HEAP_STRIDE + P_HEAP
}

/** Whether this is a shard's heap: then the shard starts D_HEAP before it. */
function isShardHeap(heap: u32): bool {
  return get32(heap + P_ID) < (<u32>1) << load<u32>(H_SHARD_BITS)
}

/**
 * SyncMap changes values without a lock by compare-exchange in an entry that it found a moment ago. A page that once held
 * entries therefore holds entries of the same size: whatever is there when the exchange comes is a value word. Until all
 * other threads have been seen at rest: then nobody holds such an entry any more (`emptySlabs`).
 */
export function isTypeStable(heap: u32, page: u32): bool {
  return load<u32>(H_POLICY) == POLICY_SYNC && isShardHeap(heap) && get32(page + G_CLASS) < BLOCK_CLASSES
}

/** Readers of this shard that looked into pages which are about to change will find out. */
export function raiseVersion(heap: u32): void {
  if (!isShardHeap(heap)) return
  const table = heap - D_HEAP + D_TABLE
  store64(table, load64(table) + 0x100000000)
}

// --- Pages -----------------------------------------------------------------------------------------------------------

export function lockPages(): bool {
  const code = lock(H_HEAP_LOCK)
  if (code == BROKEN) recountPages()
  return code >= 0
}

/**
 * Whether pages can be given back now. A repair asks first: it could not be done without, and whoever holds the lock may have
 * died as well, and nobody have heard of it.
 */
export function canTakePages(): bool {
  if (!lockPages()) return false
  unlock(H_HEAP_LOCK)
  return true
}

/** After a death: the page table is true, the two words about it may not be. */
function recountPages(): void {
  let used: u32 = 0
  const first = load<u32>(H_HEAP_START) >> 12
  const end = pagesNow()
  for (let i = first; i < end; i++) if (load<u32>(load<u32>(H_PAGE_TABLE) + i * 4) != FREE_PAGE) used++
  put32(H_FREE_HINT, first)
  put32(H_PAGES_USED, used)
}

/** The first of `count` free pages side by side at or after `from`, or `end`. */
function findPages(from: u32, end: u32, count: u32): u32 {
  const table = load<u32>(H_PAGE_TABLE)
  let run: u32 = 0
  for (let i = from; i < end; i++) {
    if (load<u32>(table + i * 4) == FREE_PAGE) {
      if (++run == count) return i + 1 - count
    } else {
      run = 0
    }
  }
  return end
}

/** Whether this many pages may be had, side by side or not. Under the lock. */
function hasPages(count: u32): bool {
  const kept: u32 = mayUseReserve ? 0 : load<u32>(H_RESERVE)
  const left = load<u32>(H_MAX_PAGES) - (load<u32>(H_HEAP_START) >> 12) - get32(H_PAGES_USED)
  return count <= left && kept <= left - count
}

/** Whether some of what is kept for threads that attach and values that replace others has been taken. */
export function isReserveShort(): bool {
  const left = load<u32>(H_MAX_PAGES) - (load<u32>(H_HEAP_START) >> 12) - load32(H_PAGES_USED)
  return left < load<u32>(H_RESERVE)
}

/** Makes `count` pages, side by side, `word` (and SPAN_TAIL). Returns the address of the first, or 0 (see `failure`). */
export function takePages(count: u32, word: u32): u32 {
  if (!lockPages()) {
    failure = E_TIMEOUT
    return 0
  }
  if (!hasPages(count)) {
    unlock(H_HEAP_LOCK)
    failure = E_FULL
    wantsRun = false
    return 0
  }
  const table = load<u32>(H_PAGE_TABLE)
  let end = pagesNow()
  const hint = get32(H_FREE_HINT)
  let first = findPages(hint, end, count)
  if (first == end) {
    // Free pages at the very end can be part of the run.
    let start = end
    while (start > hint && load<u32>(table + (start - 1) * 4) == FREE_PAGE) start--
    if (!growMemory(count - (end - start), end)) {
      unlock(H_HEAP_LOCK)
      failure = E_FULL
      wantsRun = true
      return 0
    }
    first = start
    end = pagesNow()
  }
  // A scratch area belongs to a thread and to no heap.
  const tail = SPAN_TAIL | ((word & KIND_MASK) == SCRATCH_SPAN ? 0xffff0000 : word & 0xffff0000)
  // The head first: if this thread dies between, the head names what is there, and no tail is left that belongs to nothing.
  put32(table + first * 4, word)
  for (let i: u32 = 1; i < count; i++) put32(table + (first + i) * 4, tail)
  if (count == 1 || first == hint) put32(H_FREE_HINT, first + count)
  put32(H_PAGES_USED, get32(H_PAGES_USED) + count)
  unlock(H_HEAP_LOCK)
  return first << 12
}

function growMemory(missing: u32, now: u32): bool {
  const limit = load<u32>(H_MAX_PAGES)
  if (missing > limit || now > limit - missing) return false
  const need = (missing + PAGES_PER_WASM_PAGE - 1) / PAGES_PER_WASM_PAGE
  const most = (limit - now) / PAGES_PER_WASM_PAGE
  if (need > most) return false
  const step = min(max(need, max(GROWTH_STEP, now / PAGES_PER_WASM_PAGE / 16)), most)
  let grown = step
  let before = memory.grow(step)
  if (before < 0 && step > need) {
    grown = need
    before = memory.grow(need)
  }
  if (before < 0) return false
  store32(H_PAGES_SEEN, (<u32>before + grown) * PAGES_PER_WASM_PAGE)
  return true
}

/**
 * A chain of `count` pages, wherever they are: all of them or none. Returns the address of its head, whose generation is odd
 * still, or 0 (see `failure`).
 */
function takeChain(heap: u32, count: u32): u32 {
  if (!lockPages()) {
    failure = E_TIMEOUT
    return 0
  }
  const used = get32(H_PAGES_USED)
  const free = pagesNow() - (load<u32>(H_HEAP_START) >> 12) - used
  if (!hasPages(count) || (count > free && !growMemory(count - free, pagesNow()))) {
    unlock(H_HEAP_LOCK)
    failure = E_FULL
    wantsRun = false
    return 0
  }
  const table = load<u32>(H_PAGE_TABLE)
  const owner = get32(heap + P_ID) << 16
  const end = pagesNow()
  let head: u32 = 0
  let last: u32 = 0
  let left = count
  let at = get32(H_FREE_HINT)
  for (; left > 0 && at < end; at++) {
    if (load<u32>(table + at * 4) != FREE_PAGE) continue
    const page = at << 12
    put32(page + CHAIN_NEXT, 0)
    if (head == 0) {
      head = page
      store64(page, (load32(H_GENERATION) + 2) | 1)
      put32(table + at * 4, CHAIN_HEAD | owner)
    } else {
      put32(table + at * 4, CHAIN_TAIL | owner)
      put32(last + CHAIN_NEXT, page)
    }
    last = page
    left--
  }
  put32(H_FREE_HINT, at)
  put32(H_PAGES_USED, used + count)
  unlock(H_HEAP_LOCK)
  return head
}

/** The page of a chain that follows `page`, or 0. A reader whose chain has gone may find anything there: it stays in the memory. */
// @inline
export function nextInChain(page: u32): u32 {
  const next = load32(page + CHAIN_NEXT)
  if ((next & (PAGE - 1)) != 0 || next < load<u32>(H_HEAP_START) || next >> 12 >= pagesNow()) return 0
  reach(next)
  return next
}

/** The page word of a tail of the chain with this head. */
export function tailWord(head: u32): u32 {
  return (load<u32>(pageWord(head)) & 0xffff0000) | CHAIN_TAIL
}

/** How many pages a chain has that holds `length` bytes. */
export function chainPages(length: u32): u32 {
  return (length + CHAIN_BYTES - 1) / CHAIN_BYTES
}

/** Gives the pages of a chain back. Whatever is left of it after a death has a head or not: a sweep finds the tails. */
function giveChain(heap: u32, head: u32): void {
  if (!lockPages()) return
  const tail = tailWord(head)
  const most = chainPages(get32(head + 4) & META_LENGTH)
  let hint = get32(H_FREE_HINT)
  let page = head
  let count: u32 = 0
  do {
    const next = nextInChain(page)
    put32(pageWord(page), FREE_PAGE)
    hint = min(hint, page >> 12)
    count++
    page = next
  } while (page != 0 && count < most && load<u32>(pageWord(page)) == tail)
  put32(H_FREE_HINT, hint)
  put32(H_PAGES_USED, get32(H_PAGES_USED) - count)
  unlock(H_HEAP_LOCK)
  put32(heap + P_PAGES, get32(heap + P_PAGES) - count)
}

/** Gives a page, or a span with its tails, back. Its highest generation was recorded before. */
export function givePages(page: u32): bool {
  if (!lockPages()) return false
  const table = load<u32>(H_PAGE_TABLE)
  const first = page >> 12
  const end = pagesNow()
  let count: u32 = 1
  while (first + count < end && (load<u32>(table + (first + count) * 4) & KIND_MASK) == SPAN_TAIL) count++
  // Tails first: if this thread dies between, the head still names the rest.
  for (let i = count; i > 0; i--) put32(table + (first + i - 1) * 4, FREE_PAGE)
  if (first < get32(H_FREE_HINT)) put32(H_FREE_HINT, first)
  put32(H_PAGES_USED, get32(H_PAGES_USED) - count)
  unlock(H_HEAP_LOCK)
  return true
}

/** Remembers that `generation` was used in a page that is about to go. */
export function recordGeneration(generation: u32): void {
  // Serial arithmetic: generations wrap.
  let seen = load32(H_GENERATION)
  while (<i32>(generation - seen) > 0) {
    const was = atomic.cmpxchg<u32>(H_GENERATION, seen, generation)
    if (was == seen) break
    seen = was
  }
}

// --- Slabs -----------------------------------------------------------------------------------------------------------

export function list(heap: u32, page: u32): void {
  const head = heap + P_PARTIAL + get32(page + G_CLASS) * 4
  const next = get32(head)
  put32(page + G_NEXT, next)
  put32(page + G_PREVIOUS, 0)
  if (next != 0) put32(next + G_PREVIOUS, page)
  put32(head, page)
  put32(page + G_LISTED, 1)
}

export function unlist(heap: u32, page: u32): void {
  const next = get32(page + G_NEXT)
  const previous = get32(page + G_PREVIOUS)
  if (next != 0) put32(next + G_PREVIOUS, previous)
  if (previous != 0) put32(previous + G_NEXT, next)
  else put32(heap + P_PARTIAL + get32(page + G_CLASS) * 4, next)
  put32(page + G_LISTED, 0)
}

export function nextSlab(page: u32): u32 {
  return get32(page + G_NEXT)
}

export function perSlab(size: u32): u32 {
  return (PAGE - SLAB_HEADER) / size
}

function format(heap: u32, page: u32, cls: u32): void {
  const size = sizeOf(cls)
  put32(pageWord(page), RAW_SLAB | (get32(heap + P_ID) << 16))
  put32(page + G_FREE, 0)
  put32(page + G_FRESH, SLAB_HEADER)
  put32(page + G_LIVE, 0)
  put32(page + G_SIZE, size)
  put32(page + G_CLASS, cls)
  put32(page + G_GENERATION, (load32(H_GENERATION) + 2) | 1)
  put32(page + G_VICTIM, 0)
  put32(pageWord(page), SLAB | (cls << 4) | (get32(heap + P_ID) << 16))
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) + perSlab(size) * size)
  list(heap, page)
}

/** The size of a slab's blocks, for who goes from block to block. */
export function slabSize(page: u32): u32 {
  const size = get32(page + G_SIZE)
  const cls = get32(page + G_CLASS)
  if (cls >= CLASSES || size != sizeOf(cls) || get32(page + G_FRESH) > PAGE) damaged()
  return size
}

/** Records the highest generation of a slab whose blocks are all dead. */
function retire(page: u32): void {
  if (get32(page + G_CLASS) >= BLOCK_CLASSES) return
  const size = slabSize(page)
  const end = page + get32(page + G_FRESH)
  let highest = get32(page + G_GENERATION)
  for (let block = page + SLAB_HEADER; block < end; block += size) {
    const generation = load<u32>(block)
    if (<i32>(generation - highest) > 0) highest = generation
  }
  recordGeneration(highest)
}

/** Whether so much of a heap lies free in slabs of other classes that emptying some comes before taking new pages. */
function isSparse(heap: u32): bool {
  const free = get32(heap + P_FREE_BYTES)
  return free > max((get32(heap + P_PAGES) << 12) / SPARSE_SHARE, SPARSE_BYTES) && free > get32(heap + P_COMPACT_AT)
}

/** Whether a block of this size would take a page that the heap does not have. */
export function needsPage(heap: u32, size: u32): bool {
  return size > LARGEST_BLOCK || (get32(heap + P_PARTIAL + classOf(size) * 4) == 0 && get32(heap + P_EMPTY) == 0)
}

/** A slab of class `cls` with free blocks, at the head of its list. */
function newSlab(heap: u32, cls: u32): u32 {
  const empty = get32(heap + P_EMPTY)
  if (empty != 0) {
    put32(heap + P_EMPTY, get32(empty + G_NEXT))
    put32(heap + P_EMPTY_COUNT, get32(heap + P_EMPTY_COUNT) - 1)
    raiseVersion(heap)
    format(heap, empty, cls)
    return empty
  }
  if (mayCompact && isSparse(heap)) {
    failure = E_SPARSE
    return 0
  }
  const page = takePages(1, RAW_SLAB | (get32(heap + P_ID) << 16))
  if (page == 0) return 0
  put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
  format(heap, page, cls)
  return page
}

/** A new slab of class `cls` in a page below `page`; false if there is none. */
export function addSlabBelow(heap: u32, cls: u32, page: u32): bool {
  const taken = takePages(1, RAW_SLAB | (get32(heap + P_ID) << 16))
  if (taken == 0) return false
  if (taken > page) {
    givePages(taken)
    return false
  }
  put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
  format(heap, taken, cls)
  return true
}

/** Sees to it that a block of this size can be had without another page; for blocks of slabs only. */
export function reserve(heap: u32, size: u32): bool {
  return size > LARGEST_BLOCK || !needsPage(heap, size) || newSlab(heap, classOf(size)) != 0
}

function take(heap: u32, cls: u32): u32 {
  let page = get32(heap + P_PARTIAL + cls * 4)
  if (page == 0) {
    page = newSlab(heap, cls)
    if (page == 0) return 0
  }
  const size = get32(page + G_SIZE)
  if (size != sizeOf(cls) || get32(page + G_FRESH) > PAGE) damaged()
  let block = get32(page + G_FREE)
  if (block != 0) {
    if (pageOf(block) != page) damaged()
    put32(page + G_FREE, get32(block + FREE_LINK))
  } else {
    block = page + get32(page + G_FRESH)
    if (cls < BLOCK_CLASSES) store64(block, get32(page + G_GENERATION))
    put32(page + G_FRESH, get32(page + G_FRESH) + size)
  }
  put32(page + G_LIVE, get32(page + G_LIVE) + 1)
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) - size)
  if (get32(page + G_FREE) == 0 && get32(page + G_FRESH) + size > PAGE) unlist(heap, page)
  return block
}

function give(heap: u32, block: u32): void {
  const page = pageOf(block)
  const wasFull = get32(page + G_LISTED) == 0
  // Atomic: it must not be seen before the store that told readers of this block that it is going.
  store32(block + FREE_LINK, get32(page + G_FREE))
  put32(page + G_FREE, block)
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) + get32(page + G_SIZE))
  const live = get32(page + G_LIVE) - 1
  put32(page + G_LIVE, live)
  if (wasFull) list(heap, page)
  if (live != 0 || isTypeStable(heap, page)) return
  // One slab of each class of blocks stays as it is, so that a block which comes and goes does not format pages. A table
  // of one size does not come back soon.
  const isOnly = get32(page + G_NEXT) == 0 && get32(page + G_PREVIOUS) == 0
  if (!isOnly || get32(page + G_CLASS) >= BLOCK_CLASSES) setEmpty(heap, page)
}

/** Makes the slabs of blocks that have no live ones empty pages, type-stable or not. */
export function emptySlabs(heap: u32): void {
  for (let cls: u32 = 0; cls < BLOCK_CLASSES; cls++) {
    let page = get32(heap + P_PARTIAL + cls * 4)
    let walked: u32 = 0
    while (page != 0) {
      checkWalk(++walked)
      const next = get32(page + G_NEXT)
      if (get32(page + G_LIVE) == 0) setEmpty(heap, page)
      page = next
    }
  }
}

/** Moves a slab without live blocks from its class's list to the empty ones. */
export function setEmpty(heap: u32, page: u32): void {
  if (get32(page + G_LISTED) != 0) unlist(heap, page)
  retire(page)
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) - perSlab(get32(page + G_SIZE)) * get32(page + G_SIZE))
  addEmpty(heap, page)
  if (get32(heap + P_EMPTY_COUNT) > get32(heap + P_PAGES) / KEPT_SHARE) giveEmpty(heap)
}

export function addEmpty(heap: u32, page: u32): void {
  put32(page + G_NEXT, get32(heap + P_EMPTY))
  put32(heap + P_EMPTY, page)
  put32(heap + P_EMPTY_COUNT, get32(heap + P_EMPTY_COUNT) + 1)
}

/** Gives the empty pages of a heap back to everybody. */
export function giveEmpty(heap: u32): void {
  if (get32(heap + P_EMPTY) == 0) return
  raiseVersion(heap)
  let walked: u32 = 0
  while (true) {
    checkWalk(++walked)
    const page = get32(heap + P_EMPTY)
    if (page == 0) return
    const next = get32(page + G_NEXT)
    if (!givePages(page)) return
    put32(heap + P_EMPTY, next)
    put32(heap + P_EMPTY_COUNT, get32(heap + P_EMPTY_COUNT) - 1)
    put32(heap + P_PAGES, get32(heap + P_PAGES) - 1)
  }
}

// --- Blocks ----------------------------------------------------------------------------------------------------------

function spanPages(size: u32): u32 {
  return (size + PAGE - 1) >> 12
}

/** A block of at least `size` bytes, or 0 (see `failure`). Its generation is odd still: nobody takes it for live. */
export function allocate(heap: u32, size: u32): u32 {
  if (size <= LARGEST_BLOCK) return take(heap, classOf(size))
  const count = spanPages(size)
  const block = takePages(count, BLOCK_SPAN | (get32(heap + P_ID) << 16))
  if (block == 0) return 0
  put32(heap + P_PAGES, get32(heap + P_PAGES) + count)
  store64(block, (load32(H_GENERATION) + 2) | 1)
  return block
}

/** A chain for a value of `length` bytes, or 0 (see `failure`). Its generation is odd still. */
export function allocateChain(heap: u32, length: u32): u32 {
  const count = chainPages(length)
  const head = takeChain(heap, count)
  if (head != 0) put32(heap + P_PAGES, get32(heap + P_PAGES) + count)
  return head
}

/** Frees a block: its generation becomes odd, then it can be handed out again. */
export function free(heap: u32, block: u32): void {
  const generation = load<u32>(block)
  if (!isFree(generation)) store32(block, generation + 1)
  if (isSpan(block)) {
    recordGeneration(generation + 1)
    raiseVersion(heap)
    if ((load<u32>(pageWord(block)) & KIND_MASK) == CHAIN_HEAD) giveChain(heap, block)
    else freeSpan(heap, block)
  } else {
    give(heap, block)
  }
}

/** Whether a block is larger than those of slabs: a chain or a span. */
export function isSpan(block: u32): bool {
  return (block & (PAGE - 1)) == 0
}

function freeSpan(heap: u32, block: u32): void {
  const before = spanLength(block)
  if (givePages(block)) put32(heap + P_PAGES, get32(heap + P_PAGES) - before)
}

export function spanLength(page: u32): u32 {
  const end = pagesNow()
  let at = (page >> 12) + 1
  while (at < end && (load<u32>(load<u32>(H_PAGE_TABLE) + at * 4) & KIND_MASK) == SPAN_TAIL) at++
  return at - (page >> 12)
}

/** Memory for a table of 2^bits buckets, or 0. The caller fills it. */
export function allocateTable(heap: u32, bits: u32): u32 {
  if (bits < TABLE_CLASSES) return take(heap, BLOCK_CLASSES + bits)
  return allocateTableSpan(heap, bits)
}

/** The same, but in pages of its own even if it is small: repairs use it while the slabs can't be trusted. */
export function allocateTableSpan(heap: u32, bits: u32): u32 {
  const count = spanPages(BUCKET << bits)
  const table = takePages(count, TABLE_SPAN | (get32(heap + P_ID) << 16))
  if (table != 0) put32(heap + P_PAGES, get32(heap + P_PAGES) + count)
  return table
}

/** Frees a table that no table word names any more. */
export function freeTable(heap: u32, table: u32): void {
  if (isSpan(table)) freeSpan(heap, table)
  else give(heap, table)
}
/** For the sweep: makes the lists of a slab anew, after G_FREE, G_LIVE were. */
export function relist(heap: u32, page: u32): void {
  const size = get32(page + G_SIZE)
  const live = get32(page + G_LIVE)
  put32(page + G_LISTED, 0)
  put32(page + G_VICTIM, 0)
  if (live == 0 && !isTypeStable(heap, page)) {
    retire(page)
    addEmpty(heap, page)
    return
  }
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) + (perSlab(size) - live) * size)
  if (get32(page + G_FREE) != 0 || get32(page + G_FRESH) + size <= PAGE) list(heap, page)
}

/** For the sweep: forgets all lists. */
export function resetHeap(heap: u32): void {
  for (let cls: u32 = 0; cls < CLASSES; cls++) put32(heap + P_PARTIAL + cls * 4, 0)
  put32(heap + P_EMPTY, 0)
  put32(heap + P_EMPTY_COUNT, 0)
  put32(heap + P_PAGES, 0)
  put32(heap + P_FREE_BYTES, 0)
}
