/**
 * Slabs: pages that are cut into blocks of one size class. A heap lists those that have free blocks, by class, and keeps some pages
 * without live blocks. The caller holds the lock that guards the heap.
 */
import { get32, load32, put32, store32, store64 } from '../atomics'
import {
  CLASS_SHIFT,
  E_SPARSE,
  FREE_LINK,
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
  H_GENERATION,
  HEAP_SHIFT,
  P_COMPACT_AT,
  P_EMPTY,
  P_EMPTY_COUNT,
  P_FREE_BYTES,
  P_ID,
  P_PAGES,
  P_PARTIAL,
  PAGE,
  PAGE_BITS,
  RAW_SLAB,
  SLAB,
  SLAB_HEADER,
} from '../layout'
import { failWith, mayCompact } from './allocation'
import { BLOCK_CLASSES, CLASSES, classOf, LARGEST_BLOCK, sizeOf } from './classes'
import { damaged } from './damage'
import { isTypeStable, raiseVersion } from './heaps'
import { checkWalk, givePages, pageOf, pageWord, recordGeneration, takePages } from './pages'

/**
 * A heap gives its empty pages back when they are more than this share of what it holds. Small heaps keep none: while a small
 * map of many shards grows, each shard's tables leave two behind.
 */
const KEPT_SHARE: u32 = 8

/** A heap is sparse when this share of it, and this many bytes, are in free blocks. */
const SPARSE_SHARE: u32 = 4
const SPARSE_BYTES: u32 = 32 * PAGE

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
  put32(pageWord(page), RAW_SLAB | (get32(heap + P_ID) << HEAP_SHIFT))
  put32(page + G_FREE, 0)
  put32(page + G_FRESH, SLAB_HEADER)
  put32(page + G_LIVE, 0)
  put32(page + G_SIZE, size)
  put32(page + G_CLASS, cls)
  put32(page + G_GENERATION, (load32(H_GENERATION) + 2) | 1)
  put32(page + G_VICTIM, 0)
  put32(pageWord(page), SLAB | (cls << CLASS_SHIFT) | (get32(heap + P_ID) << HEAP_SHIFT))
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) + perSlab(size) * size)
  list(heap, page)
}

/** The size of a slab's blocks, checked: for walks from block to block. */
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

/** Whether so much of a heap is free in slabs of other classes that some should be emptied before it takes new pages. */
function isSparse(heap: u32): bool {
  const free = get32(heap + P_FREE_BYTES)
  return (
    free > max((get32(heap + P_PAGES) << PAGE_BITS) / SPARSE_SHARE, SPARSE_BYTES) && free > get32(heap + P_COMPACT_AT)
  )
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
    failWith(E_SPARSE)
    return 0
  }
  const page = takePages(1, RAW_SLAB | (get32(heap + P_ID) << HEAP_SHIFT))
  if (page == 0) return 0
  put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
  format(heap, page, cls)
  return page
}

/** A new slab of class `cls` in a page below `page`; false if there is none. */
export function addSlabBelow(heap: u32, cls: u32, page: u32): bool {
  const taken = takePages(1, RAW_SLAB | (get32(heap + P_ID) << HEAP_SHIFT))
  if (taken == 0) return false
  if (taken > page) {
    givePages(taken)
    return false
  }
  put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
  format(heap, taken, cls)
  return true
}

/** Makes sure that the next block of this size takes no new page, if slabs have blocks of this size. Returns false if there is none. */
export function reserve(heap: u32, size: u32): bool {
  return size > LARGEST_BLOCK || !needsPage(heap, size) || newSlab(heap, classOf(size)) != 0
}

export function take(heap: u32, cls: u32): u32 {
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

export function give(heap: u32, block: u32): void {
  const page = pageOf(block)
  const wasFull = get32(page + G_LISTED) == 0
  // Atomic: the link must not be seen before the store that told readers that this block is going.
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

/** For the sweep: puts a slab into the list where it belongs, by its new G_FREE and G_LIVE. */
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

/** For the sweep: empties all lists and counts. */
export function resetHeap(heap: u32): void {
  for (let cls: u32 = 0; cls < CLASSES; cls++) put32(heap + P_PARTIAL + cls * 4, 0)
  put32(heap + P_EMPTY, 0)
  put32(heap + P_EMPTY_COUNT, 0)
  put32(heap + P_PAGES, 0)
  put32(heap + P_FREE_BYTES, 0)
}
