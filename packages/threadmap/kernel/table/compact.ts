/**
 * Emptying sparse slabs. After many deletes the live blocks of a class lie scattered; here they move into as few slabs as
 * they need, and the others can serve any size again. The caller holds the shard.
 *
 * Where free pages are needed side by side (for a table), the highest slabs move into the lowest free pages, full or not: then
 * what is free stands together at the end.
 *
 * Readers go on: an entry's copy is alive and in the slot before the version in the table word is raised, and only after
 * that the page of the original goes. Who still reads the original finds the same key and value there, or that the
 * version has changed. Nothing here can fail half-way: the slabs that are kept have room for all that moves.
 */
import { add32, get32, load64, put32, store32, store64 } from '../atomics'
import {
  BLOCK_CONTENT,
  BUCKET,
  D_COMPACTIONS,
  D_HEAP,
  D_TABLE,
  ENTRY_VALUE,
  G_CLASS,
  G_FREE,
  G_FRESH,
  G_LISTED,
  G_LIVE,
  G_SIZE,
  G_VICTIM,
  H_HEAP_START,
  H_POLICY,
  KIND_MASK,
  META_LENGTH,
  P_COMPACT_AT,
  P_FREE_BYTES,
  P_ID,
  P_PARTIAL,
  PAGE,
  POLICY_SYNC,
  SLAB,
  SLAB_HEADER,
} from '../layout'
import { checkWalk } from '../memory/damage'
import {
  addSlabBelow,
  allocate,
  allowReserve,
  BLOCK_CLASSES,
  giveEmpty,
  isFree,
  nextSlab,
  pageOf,
  pagesNow,
  pageWord,
  perSlab,
  raiseVersion,
  setEmpty,
  slabSize,
  unlist,
} from '../memory/slabs'
import { addressOf, bitsOf, bringToLife, copyWords, entrySize } from './table'
import { isInline, wordOfBlock } from './value'

export function compact(shard: u32): void {
  const heap = shard + D_HEAP
  const victims = chooseVictims(heap, 0)
  if (victims == 0) postponeCompaction(heap)
  else emptyVictims(shard, victims)
}

/** Moves what stands in a shard's highest slabs into lower pages. */
export function slide(shard: u32): void {
  const victims = chooseHighest(shard + D_HEAP)
  if (victims != 0) emptyVictims(shard, victims)
}

function emptyVictims(shard: u32, victims: u32): void {
  const heap = shard + D_HEAP
  moveBlocks(shard)
  raiseVersion(heap)
  // What moved left copies behind that nobody can reach now.
  let page = victims
  while (page != 0) {
    const next = get32(page + G_VICTIM)
    wipe(heap, page)
    page = next == 1 ? 0 : next
  }
  put32(heap + P_COMPACT_AT, 0)
  giveEmpty(heap)
  add32(shard + D_COMPACTIONS, 1)
}

/** Not again before a quarter more lies free. */
export function postponeCompaction(heap: u32): void {
  const free = get32(heap + P_FREE_BYTES)
  put32(heap + P_COMPACT_AT, free + (free >> 2))
}

/**
 * Takes slabs out of the lists whose live blocks fit into the rest, which are `least` of each class at least. They are chained through G_VICTIM (1: the last).
 * Returns the first, or 0.
 */
export function chooseVictims(heap: u32, least: u32): u32 {
  let chain: u32 = 0
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
      } else {
        unlist(heap, page)
        put32(page + G_VICTIM, chain == 0 ? 1 : chain)
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
  for (let at = pagesNow() - 1; at > load<u32>(H_HEAP_START) >> 12; at--) {
    const page = at << 12
    const word = load<u32>(pageWord(page))
    if ((word & KIND_MASK) != SLAB || word >> 16 != id) continue
    const cls = get32(page + G_CLASS)
    if (cls >= BLOCK_CLASSES || get32(page + G_LIVE) == 0) continue
    if (!addSlabBelow(heap, cls, page)) break
    if (get32(page + G_LISTED) != 0) unlist(heap, page)
    put32(page + G_VICTIM, chain == 0 ? 1 : chain)
    chain = page
  }
  allowReserve(false)
  return chain
}

export function isVictim(block: u32): bool {
  return (block & (PAGE - 1)) != 0 && get32(pageOf(block) + G_VICTIM) != 0
}

function moveBlocks(shard: u32): void {
  const heap = shard + D_HEAP
  // SyncMap's values are not in this heap.
  const isSync = load<u32>(H_POLICY) == POLICY_SYNC
  const word = load64(shard + D_TABLE)
  const end = addressOf(word) + (BUCKET << bitsOf(word))
  for (let slot = addressOf(word); slot < end; slot += 8) {
    if ((slot & (BUCKET - 1)) == 0) continue
    const content = load64(slot)
    let entry = <u32>content
    if (entry == 0) continue
    if (!isInline && !isSync) moveValue(heap, entry)
    if (isVictim(entry)) {
      entry = moveEntry(heap, entry)
      store64(slot, (content & 0xffffffff00000000) | <u64>entry)
    }
  }
}

function moveEntry(heap: u32, entry: u32): u32 {
  const meta = get32(entry + 4)
  const size = entrySize(meta)
  const copy = allocate(heap, size)
  store32(copy + 4, meta)
  copyWords(copy + 8, entry + 8, size - 8)
  bringToLife(copy)
  return copy
}

function moveValue(heap: u32, entry: u32): void {
  const block = <u32>load64(entry + ENTRY_VALUE)
  if (isVictim(block)) store64(entry + ENTRY_VALUE, wordOfBlock(copyValue(heap, block)))
}

/** A block of the same heap with the same content. There is room: see `chooseVictims`. */
export function copyValue(heap: u32, block: u32): u32 {
  const meta = get32(block + 4)
  const length = max(meta & META_LENGTH, 8)
  const copy = allocate(heap, BLOCK_CONTENT + length)
  store32(copy + 4, meta)
  copyWords(copy + BLOCK_CONTENT, block + BLOCK_CONTENT, length)
  bringToLife(copy)
  return copy
}

/** Frees whatever is in a slab that was emptied. */
function wipe(heap: u32, page: u32): void {
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
