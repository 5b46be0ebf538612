/**
 * Repair after a death. Whatever a thread was doing when it died, the table's slots and the entries' generations say what is in
 * the map; everything else follows from them: the table is built anew from the live entries, and the heap's lists from
 * what those reference. A block that nothing references is free.
 */
import { load64, put32, store64 } from '../atomics'
import { isInside } from '../cache/inside'
import { rebuildQueues } from '../cache/queues'
import { isCache } from '../cache/state'
import { BUCKET, BUCKET_SLOTS, D_HEAP, D_TABLE, D_USED, ENTRY_VALUE, H_POLICY, POLICY_SYNC } from '../layout'
import { allocateTableSpan, isBlockOf, isFree } from '../memory/blocks'
import { canTakePages } from '../memory/pages'
import { hashEntry } from '../table/entry'
import {
  addressOf,
  bitsOf,
  clearTable,
  homeOf,
  lastBucket,
  nextSlot,
  nextWord,
  place,
  STICKY,
  slotContent,
  tagOf,
} from '../table/table'
import { isInline } from '../table/value'
import { sweep } from './sweep'

/** Makes a shard whole whose lock was taken over from a dead thread. The caller has the lock, and passes it on if this returns false. */
export function repair(shard: u32): bool {
  if (!canTakePages()) return false
  repairTable(shard)
  sweep(shard)
  if (isCache) rebuildQueues(shard)
  return true
}

function repairTable(shard: u32): void {
  const old = load64(shard + D_TABLE)
  const heap = shard + D_HEAP
  const bits = bitsOf(old)
  const table = allocateTableSpan(heap, bits)
  if (table == 0) {
    put32(shard + D_USED, repairInPlace(heap, old))
    return
  }
  clearTable(table, bits)
  const word = nextWord(old, table, bits)
  let used: u32 = 0
  let slot = addressOf(old)
  while ((slot = nextSlot(old, slot)) != 0) {
    const content = slotContent
    if (!isGood(heap, <u32>content, <u32>(content >> 32), old, slot)) continue
    place(word, <u32>(content >> 32), tagOf(hashEntry(<u32>content)), <u32>content)
    used++
  }
  store64(shard + D_TABLE, word)
  put32(shard + D_USED, used)
}

/** Whether a slot references a live entry that belongs there. */
export function isGood(heap: u32, entry: u32, hash32: u32, word: u64, slot: u32): bool {
  if (!isBlockOf(heap, entry) || isFree(load<u32>(entry))) return false
  if (<u32>hashEntry(entry) != hash32 || !isReachable(word, slot, hash32)) return false
  if (isInline || load<u32>(H_POLICY) == POLICY_SYNC) return true
  const value = load64(entry + ENTRY_VALUE)
  if (isCache && isInside(value)) return true
  return isBlockOf(heap, <u32>value) && load<u32>(<u32>value) == <u32>(value >> 32)
}

/** Whether no earlier slot on the way holds the same reference (a slot that was written twice counts once). */
function isReachable(word: u64, slot: u32, hash32: u32): bool {
  const bits = bitsOf(word)
  const mask = lastBucket(word)
  const table = addressOf(word)
  const content = load64(slot)
  let at = homeOf(hash32, bits) * BUCKET
  while (true) {
    for (let other = table + at + 8; other < table + at + BUCKET; other += 8) {
      if (other == slot) return true
      if (load64(other) == content) return false
    }
    at = (at + BUCKET) & mask
    if (at == homeOf(hash32, bits) * BUCKET) return false
  }
  return false
}

/**
 * `repairTable` without memory for a second table: clears dead slots, and makes every search go through the whole table. Returns the
 * number of entries.
 */
export function repairInPlace(heap: u32, word: u64): u32 {
  const end = addressOf(word) + (BUCKET << bitsOf(word))
  let used: u32 = 0
  for (let bucket = addressOf(word); bucket < end; bucket += BUCKET) {
    let tags = STICKY
    for (let i: u32 = BUCKET_SLOTS; i > 0; i--) {
      const slot = bucket + i * 8
      const content = load64(slot)
      tags <<= 8
      if (isGood(heap, <u32>content, <u32>(content >> 32), word, slot)) {
        tags |= tagOf(hashEntry(<u32>content))
        used++
      } else {
        store64(slot, 0)
      }
    }
    store64(bucket, tags)
  }
  return used
}
