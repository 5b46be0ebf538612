/**
 * Repair of a SyncMap whose mutex was taken over. `read` is whole, since one store published it (but for a change in its
 * place that was cut short). If it says that `dirty` has more, `dirty` is made anew from both; else whatever `dirty` is goes: nobody has
 * put a key into it.
 */
import { get32, load64, put32, store32, store64 } from '../atomics'
import {
  BUCKET,
  D_DIRTY,
  D_DIRTY_USED,
  D_EXPUNGED,
  D_HEAP,
  D_LOCK,
  D_MISSES,
  D_MOVING,
  D_REWRITING,
  D_TABLE,
  D_USED,
  E_TIMEOUT,
  TABLE_AMENDED,
} from '../layout'
import { EXPUNGED, isAmended, unexpungeAll } from '../maps/sync-state'
import { allocateTableSpan, canTakePages } from '../memory/slabs'
import {
  addressOf,
  bitsFor,
  bitsOf,
  clearTable,
  hashEntry,
  homeOf,
  nextWord,
  place,
  tagOf,
  valueWord,
} from '../table/table'
import { BROKEN, lock, passOn } from '../threads/lock'
import { isGood, mark, repairInPlace, sweepHeap } from './repair'

/** Takes the mutex; repairs if its owner died. */
export function lockMap(shard: u32): i32 {
  const code = lock(shard + D_LOCK)
  if (code != BROKEN) return code
  if (canTakePages()) {
    repairSyncMap(shard)
    return code
  }
  passOn(shard + D_LOCK)
  return E_TIMEOUT
}

function repairSyncMap(shard: u32): void {
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
  store64(shard + D_DIRTY, load64(shard + D_DIRTY) & 0xffffffff00000000)
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

function countSlots(table: u64): u32 {
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
