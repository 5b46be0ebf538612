/**
 * Slabs that are being emptied into others, called victims: how they are chosen, and what becomes of them. They are in no list
 * meanwhile, and chained through G_VICTIM. table/compact.ts moves their blocks, and maps/sync-values.ts SyncMap's values.
 */
import { get32, put32, store32 } from '../atomics'
import {
  FREE_LINK,
  G_CLASS,
  G_FREE,
  G_FRESH,
  G_LISTED,
  G_LIVE,
  G_SIZE,
  G_VICTIM,
  H_HEAP_START,
  KIND_MASK,
  LAST_VICTIM,
  P_COMPACT_AT,
  P_FREE_BYTES,
  P_ID,
  P_PARTIAL,
  PAGE,
  PAGE_BITS,
  SLAB,
  SLAB_HEADER,
} from '../layout'
import { allowReserve } from './allocation'
import { isFree } from './blocks'
import { BLOCK_CLASSES } from './classes'
import { checkWalk, heapIdOf, pageOf, pagesNow, wordOfPage } from './pages'
import { addSlabBelow, list, nextSlab, perSlab, setEmpty, slabSize, unlist } from './slabs'

/** No compaction of this heap before a quarter more of it is free. */
export function postponeCompaction(heap: u32): void {
  const free = get32(heap + P_FREE_BYTES)
  put32(heap + P_COMPACT_AT, free + (free >> 2))
}

/**
 * Takes slabs out of the lists whose live blocks fit into the others, of which each class keeps `least` at least: `most` slabs in all. Returns
 * the first victim, or 0.
 */
export function chooseVictims(heap: u32, least: u32, most: u32): u32 {
  let chain: u32 = 0
  let left = most
  for (let cls: u32 = 0; cls < BLOCK_CLASSES; cls++) {
    let live: u32 = 0
    let each: u32 = 0
    let walked: u32 = 0
    let page = get32(heap + P_PARTIAL + cls * 4)
    while (page != 0) {
      checkWalk(++walked)
      live += get32(page + G_LIVE)
      each = perSlab(get32(page + G_SIZE))
      page = nextSlab(page)
    }
    if (each == 0) continue
    let kept = max((live + each - 1) / each, least)
    page = get32(heap + P_PARTIAL + cls * 4)
    while (page != 0) {
      const next = nextSlab(page)
      if (kept > 0) {
        kept--
      } else if (left > 0) {
        left--
        unlist(heap, page)
        put32(page + G_VICTIM, chain == 0 ? LAST_VICTIM : chain)
        chain = page
      }
      page = next
    }
  }
  return chain
}

/**
 * Makes the highest slabs of a heap victims as long as there are free pages below them, which become slabs of the same
 * classes: so there is room for all that lives in the victims.
 */
export function chooseHighest(heap: u32): u32 {
  const id = get32(heap + P_ID)
  let chain: u32 = 0
  allowReserve(true)
  for (let at = pagesNow() - 1; at > load<u32>(H_HEAP_START) >> PAGE_BITS; at--) {
    const page = at << PAGE_BITS
    const word = wordOfPage(page)
    if ((word & KIND_MASK) != SLAB || heapIdOf(word) != id) continue
    const cls = get32(page + G_CLASS)
    if (cls >= BLOCK_CLASSES || get32(page + G_LIVE) == 0) continue
    if (!addSlabBelow(heap, cls, page)) break
    if (get32(page + G_LISTED) != 0) unlist(heap, page)
    put32(page + G_VICTIM, chain == 0 ? LAST_VICTIM : chain)
    chain = page
  }
  allowReserve(false)
  return chain
}

export function isVictim(block: u32): bool {
  return (block & (PAGE - 1)) != 0 && get32(pageOf(block) + G_VICTIM) != 0
}

/** Frees all blocks of a slab that was emptied. */
export function wipe(heap: u32, page: u32): void {
  const size = slabSize(page)
  const end = page + get32(page + G_FRESH)
  for (let block = page + SLAB_HEADER; block < end; block += size) {
    const generation = load<u32>(block)
    if (!isFree(generation)) store32(block, generation + 1)
  }
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) + get32(page + G_LIVE) * size)
  put32(page + G_FREE, 0)
  put32(page + G_LIVE, 0)
  put32(page + G_VICTIM, 0)
  setEmpty(heap, page)
}

/** `free`, for a block of a slab that is in no list. */
export function freeInVictim(heap: u32, block: u32): void {
  const page = pageOf(block)
  store32(block, get32(block) + 1)
  store32(block + FREE_LINK, get32(page + G_FREE))
  put32(page + G_FREE, block)
  put32(page + G_LIVE, get32(page + G_LIVE) - 1)
  put32(heap + P_FREE_BYTES, get32(heap + P_FREE_BYTES) + get32(page + G_SIZE))
}

/** Ends the emptying of victims. A block that another thread has pending, or has swapped out and not yet freed, keeps its slab. */
export function releaseVictims(heap: u32, victims: u32): void {
  let kept = false
  let page = victims
  while (page != 0) {
    const next = get32(page + G_VICTIM)
    put32(page + G_VICTIM, 0)
    if (get32(page + G_LIVE) == 0) {
      setEmpty(heap, page)
    } else {
      list(heap, page)
      kept = true
    }
    page = next == LAST_VICTIM ? 0 : next
  }
  if (kept) postponeCompaction(heap)
  else put32(heap + P_COMPACT_AT, 0)
}
