/**
 * Blocks of a heap, whatever their size: in a slab, or in pages of their own. The caller holds the lock that guards the heap.
 *
 * A block of an entry or a value begins with its header {meta 32 | generation 32}. The generation is even while the
 * block is in use and odd while it is free; it grows by one at each change and never repeats at an address: a page that goes
 * back remembers its highest generation in H_GENERATION, and a page that is formatted starts above it.
 */
import { get32, load32, put32, store32, store64 } from '../atomics'
import {
  BLOCK_SPAN,
  BUCKET,
  CHAIN_HEAD,
  G_CLASS,
  G_FRESH,
  G_SIZE,
  H_GENERATION,
  H_HEAP_START,
  H_PAGE_TABLE,
  HEAP_SHIFT,
  KIND_MASK,
  P_ID,
  P_PAGES,
  PAGE,
  PAGE_BITS,
  SLAB,
  SLAB_HEADER,
  SPAN_TAIL,
  TABLE_SPAN,
} from '../layout'
import { giveChain } from './chains'
import { BLOCK_CLASSES, classOf, LARGEST_BLOCK, TABLE_CLASSES } from './classes'
import { raiseVersion } from './heaps'
import { givePages, heapIdOf, pageOf, pagesNow, recordGeneration, takePages, wordOfPage } from './pages'
import { give, take } from './slabs'

export function isFree(generation: u32): bool {
  return (generation & 1) != 0
}

/** A block of at least `size` bytes, or 0 (see `failure`). Its generation is odd still: nobody takes it for live. */
export function allocate(heap: u32, size: u32): u32 {
  if (size <= LARGEST_BLOCK) return take(heap, classOf(size))
  const count = spanPages(size)
  const block = takePages(count, BLOCK_SPAN | (get32(heap + P_ID) << HEAP_SHIFT))
  if (block == 0) return 0
  put32(heap + P_PAGES, get32(heap + P_PAGES) + count)
  store64(block, (load32(H_GENERATION) + 2) | 1)
  return block
}

/** Frees a block: its generation becomes odd, then it can be handed out again. */
export function free(heap: u32, block: u32): void {
  const generation = load<u32>(block)
  if (!isFree(generation)) store32(block, generation + 1)
  if (isSpan(block)) {
    recordGeneration(generation + 1)
    raiseVersion(heap)
    if ((wordOfPage(block) & KIND_MASK) == CHAIN_HEAD) giveChain(heap, block)
    else freeSpan(heap, block)
  } else {
    give(heap, block)
  }
}

/** Whether a block is larger than those of slabs: a chain or a span. */
export function isSpan(block: u32): bool {
  return (block & (PAGE - 1)) == 0
}

/** Whether `block` is the start of a block of this heap. */
export function isBlockOf(heap: u32, block: u32): bool {
  if (block < load<u32>(H_HEAP_START) || block >= <u32>(<u64>pagesNow() * PAGE - 1) || (block & 7) != 0) return false
  const word = wordOfPage(block)
  if (heapIdOf(word) != get32(heap + P_ID)) return false
  const kind = word & KIND_MASK
  if (kind == BLOCK_SPAN || kind == CHAIN_HEAD) return (block & (PAGE - 1)) == 0
  if (kind != SLAB) return false
  const offset = block & (PAGE - 1)
  const page = pageOf(block)
  if (get32(page + G_CLASS) >= BLOCK_CLASSES || offset < SLAB_HEADER || offset >= get32(page + G_FRESH)) return false
  return (offset - SLAB_HEADER) % get32(page + G_SIZE) == 0
}

function spanPages(size: u32): u32 {
  return (size + PAGE - 1) >> PAGE_BITS
}

function freeSpan(heap: u32, block: u32): void {
  const before = spanLength(block)
  if (givePages(block)) put32(heap + P_PAGES, get32(heap + P_PAGES) - before)
}

export function spanLength(page: u32): u32 {
  const end = pagesNow()
  let at = (page >> PAGE_BITS) + 1
  while (at < end && (load<u32>(load<u32>(H_PAGE_TABLE) + at * 4) & KIND_MASK) == SPAN_TAIL) at++
  return at - (page >> PAGE_BITS)
}

/** Memory for a table of 2^bits buckets, or 0. The caller fills it. */
export function allocateTable(heap: u32, bits: u32): u32 {
  if (bits < TABLE_CLASSES) return take(heap, BLOCK_CLASSES + bits)
  return allocateTableSpan(heap, bits)
}

/** `allocateTable` in pages of its own, even for a small table: repairs use it while the slabs can't be trusted. */
export function allocateTableSpan(heap: u32, bits: u32): u32 {
  const count = spanPages(BUCKET << bits)
  const table = takePages(count, TABLE_SPAN | (get32(heap + P_ID) << HEAP_SHIFT))
  if (table != 0) put32(heap + P_PAGES, get32(heap + P_PAGES) + count)
  return table
}

/** Frees a table that no table word names any more. */
export function freeTable(heap: u32, table: u32): void {
  if (isSpan(table)) freeSpan(heap, table)
  else give(heap, table)
}
