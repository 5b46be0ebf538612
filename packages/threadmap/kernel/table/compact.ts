/**
 * Emptying sparse slabs. After many deletes the live blocks of a class are scattered; here they move into as few slabs as
 * they need, and the other slabs can serve any size again. The caller holds the shard.
 *
 * Where free pages are needed side by side (for a table), the highest slabs move into the lowest free pages, full or not: then
 * the free pages are together at the end.
 *
 * Readers go on: an entry's copy is alive and in the slot before the version in the table word is raised, and only after
 * that the page of the original goes. A reader of the original finds the same key and value there, or that the
 * version has changed. Nothing here can fail half-way: the slabs that are kept have room for all that moves.
 */
import { add32, get32, load64, put32, store32, store64 } from '../atomics'
import { isInside } from '../cache/inside'
import { moved } from '../cache/queues'
import { blockContent, isCache } from '../cache/state'
import {
  BLOCK_CONTENT,
  D_COMPACTIONS,
  D_HEAP,
  D_TABLE,
  ENTRY_VALUE,
  G_VICTIM,
  H_POLICY,
  LAST_VICTIM,
  META_LENGTH,
  P_COMPACT_AT,
  POLICY_SYNC,
} from '../layout'
import { allocate } from '../memory/blocks'
import { raiseVersion } from '../memory/heaps'
import { giveEmpty } from '../memory/slabs'
import { chooseHighest, chooseVictims, isVictim, postponeCompaction, wipe } from '../memory/victims'
import { bringToLife, entrySize } from './entry'
import { addressOf, copyWords, HIGH_HALF, nextSlot, slotContent } from './table'
import { isInline, wordOfBlock } from './value'

/** A cache, in which memory is short most of the time, empties so many slabs at once: its writers stop for 0.1 ms for that. */
const MOST_VICTIMS_OF_CACHE: u32 = 32

export function compact(shard: u32): void {
  const heap = shard + D_HEAP
  const victims = chooseVictims(heap, 0, isCache ? MOST_VICTIMS_OF_CACHE : u32.MAX_VALUE)
  if (victims == 0) postponeCompaction(heap)
  else emptyVictims(shard, victims)
}

/** Moves the blocks of a shard's highest slabs into lower pages. */
export function slide(shard: u32): void {
  const victims = chooseHighest(shard + D_HEAP)
  if (victims != 0) emptyVictims(shard, victims)
}

function emptyVictims(shard: u32, victims: u32): void {
  const heap = shard + D_HEAP
  moveBlocks(shard)
  raiseVersion(heap)
  // The blocks that moved left originals behind, which nobody can reach now.
  let page = victims
  while (page != 0) {
    const next = get32(page + G_VICTIM)
    wipe(heap, page)
    page = next == LAST_VICTIM ? 0 : next
  }
  put32(heap + P_COMPACT_AT, 0)
  giveEmpty(heap)
  add32(shard + D_COMPACTIONS, 1)
}

function moveBlocks(shard: u32): void {
  const heap = shard + D_HEAP
  // SyncMap's values are not in this heap.
  const isSync = load<u32>(H_POLICY) == POLICY_SYNC
  const word = load64(shard + D_TABLE)
  let slot = addressOf(word)
  while ((slot = nextSlot(word, slot)) != 0) {
    const content = slotContent
    let entry = <u32>content
    if (!isInline && !isSync) moveValue(heap, entry)
    if (isVictim(entry)) {
      const copy = moveEntry(heap, entry)
      if (isCache) moved(shard, entry, copy)
      entry = copy
      store64(slot, (content & HIGH_HALF) | <u64>entry)
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
  const value = load64(entry + ENTRY_VALUE)
  if (isCache && isInside(value)) return
  const block = <u32>value
  if (isVictim(block)) store64(entry + ENTRY_VALUE, wordOfBlock(copyValue(heap, block)))
}

/** A block of the same heap with the same content. There is room: see `chooseVictims`. */
export function copyValue(heap: u32, block: u32): u32 {
  const meta = get32(block + 4)
  const length = max(meta & META_LENGTH, 8)
  const copy = allocate(heap, blockContent + length)
  store32(copy + 4, meta)
  copyWords(copy + BLOCK_CONTENT, block + BLOCK_CONTENT, blockContent - BLOCK_CONTENT + length)
  bringToLife(copy)
  return copy
}
