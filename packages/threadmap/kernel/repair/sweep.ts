/**
 * The sweep: what a table references is marked, and everything else in the heap becomes free. The heap's lists and counts are made
 * anew meanwhile. The caller holds the lock that guards the heap, and has seen that pages can be given back.
 */
import { get32, load64, put32, store32 } from '../atomics'
import { isInside } from '../cache/inside'
import { isCache } from '../cache/state'
import {
  BLOCK_SPAN,
  CHAIN_HEAD,
  CHAIN_TAIL,
  D_HEAP,
  D_TABLE,
  ENTRY_VALUE,
  EXPUNGED,
  FREE_LINK,
  G_CLASS,
  G_FREE,
  G_FRESH,
  G_LIVE,
  H_LOCKS,
  HEAP_SHIFT,
  KIND_MASK,
  META_LENGTH,
  META_MARK,
  P_ID,
  P_PAGES,
  RAW_SLAB,
  SLAB,
  SLAB_HEADER,
  TABLE_SPAN,
  TAIL_MARK,
} from '../layout'
import { isFree, spanLength } from '../memory/blocks'
import { chainPages, nextInChain, tailWord } from '../memory/chains'
import { BLOCK_CLASSES } from '../memory/classes'
import { isTypeStable, raiseVersion } from '../memory/heaps'
import {
  beforePages,
  givePages,
  heapIdOf,
  nextPage,
  pagesNow,
  pageWord,
  recordGeneration,
  wordOfPage,
} from '../memory/pages'
import { addEmpty, relist, resetHeap, slabSize } from '../memory/slabs'
import { addressOf, nextSlot, slotContent } from '../table/table'
import { isInline } from '../table/value'

/** Marks what the table references, then makes everything else in the heap free. */
export function sweep(shard: u32): void {
  const heap = shard + D_HEAP
  const word = load64(shard + D_TABLE)
  let slot = addressOf(word)
  while ((slot = nextSlot(word, slot)) != 0) {
    const entry = <u32>slotContent
    mark(entry)
    if (isInline) continue
    const value = load64(entry + ENTRY_VALUE)
    if (!isCache || !isInside(value)) mark(<u32>value)
  }
  if (load<u32>(H_LOCKS) != 0) markInUse(heap)
  raiseVersion(heap)
  sweepHeap(heap, addressOf(word), 0)
}

/** Marks every block whose generation says that it is in use, where no table says which blocks are. */
export function markInUse(heap: u32): void {
  const id = get32(heap + P_ID)
  const end = pagesNow()
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    const word = wordOfPage(page)
    if (heapIdOf(word) != id) continue
    if ((word & KIND_MASK) == BLOCK_SPAN || (word & KIND_MASK) == CHAIN_HEAD) {
      if (!isFree(load<u32>(page))) mark(page)
    } else if ((word & KIND_MASK) == SLAB && get32(page + G_CLASS) < BLOCK_CLASSES) {
      const last = page + get32(page + G_FRESH)
      const size = slabSize(page)
      for (let block = page + SLAB_HEADER; block < last; block += size) if (!isFree(load<u32>(block))) mark(block)
    }
  }
}

export function mark(block: u32): void {
  store32(block + 4, get32(block + 4) | META_MARK)
}

/**
 * Rebuilds the lists of a heap: marked blocks and the named tables stay, everything else is free. SyncMap has two tables.
 */
export function sweepHeap(heap: u32, table: u32, second: u32): void {
  const id = get32(heap + P_ID)
  resetHeap(heap)
  const end = pagesNow()
  let chains = false
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    const word = wordOfPage(page)
    if (heapIdOf(word) != id) continue
    const kind = word & KIND_MASK
    if (kind == SLAB) {
      put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
      sweepSlab(heap, page, table, second)
    } else if (kind == RAW_SLAB) {
      put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
      addEmpty(heap, page)
    } else if (kind == BLOCK_SPAN || kind == TABLE_SPAN) {
      sweepSpan(heap, page, kind, table, second)
    } else if (kind == CHAIN_HEAD || kind == CHAIN_TAIL) {
      // A thread that died while it swept may have left a mark.
      if (kind == CHAIN_TAIL) put32(pageWord(page), word & ~TAIL_MARK)
      chains = true
    }
  }
  if (chains) sweepChains(heap, id)
}

/** Heads that are referenced mark their tails; then the other tails are free. */
function sweepChains(heap: u32, id: u32): void {
  const end = pagesNow()
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    if (wordOfPage(page) == (CHAIN_HEAD | (id << HEAP_SHIFT))) sweepChain(heap, page)
  }
  const tail = CHAIN_TAIL | (id << HEAP_SHIFT)
  page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    const word = wordOfPage(page)
    if (word == (tail | TAIL_MARK)) put32(pageWord(page), tail)
    else if (word != tail || givePages(page)) continue
    put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
  }
}

function sweepChain(heap: u32, head: u32): void {
  if (unmark(head)) {
    markTails(head)
  } else {
    bury(head, false)
    recordGeneration(load<u32>(head))
    if (givePages(head)) return
  }
  put32(heap + P_PAGES, get32(heap + P_PAGES) + 1)
}

/** Marks the tails that a head leads to, in their page words. Returns how many of them there are. */
export function markTails(head: u32): u32 {
  const most = chainPages(get32(head + 4) & META_LENGTH)
  const tail = tailWord(head)
  let count: u32 = 0
  for (let page = nextInChain(head); page != 0 && count + 1 < most; page = nextInChain(page)) {
    if (wordOfPage(page) != tail) break
    put32(pageWord(page), tail | TAIL_MARK)
    count++
  }
  return count
}

function sweepSlab(heap: u32, page: u32, table: u32, second: u32): void {
  const size = slabSize(page)
  const end = page + get32(page + G_FRESH)
  const holdsTables = get32(page + G_CLASS) >= BLOCK_CLASSES
  const stable = isTypeStable(heap, page)
  let free: u32 = 0
  let live: u32 = 0
  for (let block = page + SLAB_HEADER; block < end; block += size) {
    if (holdsTables ? block == table || block == second : unmark(block)) {
      live++
    } else {
      if (!holdsTables) bury(block, stable)
      put32(block + FREE_LINK, free)
      free = block
    }
  }
  put32(page + G_FREE, free)
  put32(page + G_LIVE, live)
  relist(heap, page)
}

/** Takes the mark off; returns whether there was one. */
function unmark(block: u32): bool {
  const meta = get32(block + 4)
  if ((meta & META_MARK) == 0) return false
  store32(block + 4, meta & ~META_MARK)
  return true
}

/**
 * Kills a block that nothing references. `wasEntry`: of a SyncMap, in whose entries a late compare-exchange must find EXPUNGED (see
 * FREE_LINK).
 */
function bury(block: u32, wasEntry: bool): void {
  if (wasEntry) put32(block + ENTRY_VALUE, EXPUNGED)
  const generation = load<u32>(block)
  if (!isFree(generation)) store32(block, generation + 1)
}

function sweepSpan(heap: u32, page: u32, kind: u32, table: u32, second: u32): void {
  const live = kind == TABLE_SPAN ? page == table || page == second : unmark(page)
  if (!live) {
    if (kind == BLOCK_SPAN) {
      bury(page, false)
      recordGeneration(load<u32>(page))
    }
    if (givePages(page)) return
  }
  put32(heap + P_PAGES, get32(heap + P_PAGES) + spanLength(page))
}
