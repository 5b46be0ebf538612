/**
 * Repair of a SyncMap whose mutex was taken over. `read` is whole, since one store published it, unless a change in its place was cut
 * short. If its table word says "amended", `dirty` is made anew from both; else there is no `dirty`: a table that is in its place has no
 * key of its own.
 */
import { get32, load64, put32, reach, store32, store64 } from '../atomics'
import {
  BUCKET,
  D_DIRTY,
  D_DIRTY_USED,
  D_EXPUNGED,
  D_HEAP,
  D_MISSES,
  D_MOVING,
  D_REWRITING,
  D_TABLE,
  D_USED,
  EXPUNGED,
  S_PENDING,
  SLOT_COUNT,
  TABLE_AMENDED,
} from '../layout'
import { isAmended, isValue, unexpungeAll } from '../maps/sync-state'
import { heapOf, lockHeap, lockOf } from '../maps/sync-values'
import { allocateTableSpan } from '../memory/blocks'
import { canTakePages } from '../memory/pages'
import { hashEntry, headGeneration, valueWord } from '../table/entry'
import {
  addressOf,
  bitsFor,
  bitsOf,
  clearTable,
  HIGH_HALF,
  homeOf,
  lastBucket,
  nextSlot,
  nextWord,
  passedOf,
  place,
  slotContent,
  tagOf,
} from '../table/table'
import { unlock } from '../threads/lock'
import { isAlive, slotOf } from '../threads/thread'
import { isGood, repairInPlace } from './repair'
import { mark, sweepHeap } from './sweep'

export function repairSyncMap(shard: u32): void {
  const heap = shard + D_HEAP
  const read = load64(shard + D_TABLE)
  store32(shard + D_MOVING, 0)
  if (get32(shard + D_REWRITING) != 0) {
    repairInPlace(heap, read)
    put32(shard + D_REWRITING, 0)
  }
  if (isAmended(read)) repairBoth(shard, read)
  else repairRead(shard, read)
}

function repairRead(shard: u32, read: u64): void {
  store64(shard + D_DIRTY, load64(shard + D_DIRTY) & HIGH_HALF)
  put32(shard + D_DIRTY_USED, 0)
  put32(shard + D_EXPUNGED, 0)
  put32(shard + D_MISSES, 0)
  unexpungeAll(read)
  put32(shard + D_USED, countSlots(read))
  store64(shard + D_TABLE, nextWord(read, addressOf(read), bitsOf(read)))
  markEntries(read)
  sweepHeap(shard + D_HEAP, addressOf(read), 0)
}

function repairBoth(shard: u32, read: u64): void {
  const heap = shard + D_HEAP
  const dirty = load64(shard + D_DIRTY)
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
  store64(shard + D_TABLE, nextWord(read, addressOf(read), bitsOf(read)) | TABLE_AMENDED)
  markEntries(read)
  markEntries(word)
  sweepHeap(heap, addressOf(read), addressOf(word))
}

function copyGood(heap: u32, from: u64, to: u64): void {
  let slot = addressOf(from)
  while ((slot = nextSlot(from, slot)) != 0) {
    const content = slotContent
    if (!isGood(heap, <u32>content, <u32>(content >> 32), from, slot)) continue
    place(to, <u32>(content >> 32), tagOf(hashEntry(<u32>content)), <u32>content)
  }
}

/** Makes the states of entries right: none in `dirty` is expunged, and those of `read` that are not expunged are in `dirty`. */
function settleDirty(read: u64, dirty: u64): void {
  unexpungeAll(dirty)
  let slot = addressOf(read)
  while ((slot = nextSlot(read, slot)) != 0) {
    const content = slotContent
    const entry = <u32>content
    if (contains(dirty, content) || <u32>valueWord(entry) == EXPUNGED) continue
    place(dirty, <u32>(content >> 32), tagOf(hashEntry(entry)), entry)
  }
}

function contains(word: u64, content: u64): bool {
  const bits = bitsOf(word)
  const mask = lastBucket(word)
  const home = homeOf(<u32>(content >> 32), bits) * BUCKET
  let at = home
  do {
    const bucket = addressOf(word) + at
    for (let slot = bucket + 8; slot < bucket + BUCKET; slot += 8) if (load64(slot) == content) return true
    if (passedOf(load64(bucket)) == 0) return false
    at = (at + BUCKET) & mask
  } while (at != home)
  return false
}

function countSlots(table: u64): u32 {
  let used: u32 = 0
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) used++
  return used
}

function countExpunged(table: u64): u32 {
  let expunged: u32 = 0
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) {
    if (<u32>valueWord(<u32>slotContent) == EXPUNGED) expunged++
  }
  return expunged
}

function markEntries(table: u64): void {
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) mark(<u32>slotContent)
}

/**
 * Frees the value blocks that nothing references. The caller has the mutex; this takes every thread's heap, so nobody
 * allocates or frees meanwhile; exchanges go on. The block that a living thread has pending stays: S_PENDING is read first, because a
 * block that is published later is found in the tables then. A block that a living thread has swapped out and not yet freed
 * is freed here; its generation tells that thread so. Returns false if a heap could not be had.
 */
export function sweepValues(shard: u32): bool {
  if (!canTakePages()) return false
  let held: u32 = 0
  while (held < SLOT_COUNT) {
    if (!lockHeap(heapOf(held + 1))) break
    held++
  }
  if (held == SLOT_COUNT) {
    for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) {
      if (isAlive(owner)) markValue(load64(slotOf(owner) + S_PENDING))
    }
    const read = load64(shard + D_TABLE)
    markValues(read)
    if (isAmended(read)) markValues(load64(shard + D_DIRTY))
    // Every heap is swept: pages that were taken and not yet counted have their heap's number too.
    for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) sweepHeap(heapOf(owner), 0, 0)
  }
  for (let i: u32 = 0; i < held; i++) unlock(lockOf(heapOf(i + 1)))
  return held == SLOT_COUNT
}

function markValue(word: u64): void {
  if (isValue(word)) reach(<u32>word)
  if (isValue(word) && headGeneration(<u32>word) == <u32>(word >> 32)) mark(<u32>word)
}

function markValues(table: u64): void {
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) markValue(valueWord(<u32>slotContent))
}
