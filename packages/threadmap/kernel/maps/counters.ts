/** The counters of `stats()` and `shardStats()`. The figures are sums of words that other threads may be changing. */
import { load32, load64 } from '../atomics'
import { isCache, queuesOf } from '../cache/state'
import {
  D_DIRTY,
  D_HEAP,
  D_LOCK_WAITED,
  D_TABLE,
  H_HEAP_START,
  H_MAX_PAGES,
  H_PAGES_SEEN,
  H_PAGES_USED,
  H_POLICY,
  H_RECOVERIES,
  H_THREAD_HEAPS,
  HEAP_STRIDE,
  MARK_SHIFT,
  P_FREE_BYTES,
  P_HEAP,
  PAGE,
  PAGE_BITS,
  POLICY_SYNC,
  Q_LOAD_TIME,
  REGISTRY,
  S_INCARNATION,
  S_STATE,
  SLOT_COUNT,
  SLOT_SIZE,
} from '../layout'
import { shardCount } from '../memory/heaps'
import { shardAt } from '../table/shard'
import { bitsOf, slotCount } from '../table/table'
import { isAlive, slotOf } from '../threads/thread'
import { isAmended } from './sync-state'

/** A counter of one shard, by its offset in the shard. */
export function shardCounter(index: u32, field: u32): f64 {
  const counter = shardAt(index) + field
  return field == D_LOCK_WAITED ? <f64>load64(counter) : <f64>load32(counter)
}

/** The sum of a counter over the shards, by its offset in a shard; of free bytes, also over the heaps of threads. */
export function shardTotal(field: u32): f64 {
  const shards = shardCount()
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) total += shardCounter(i, field)
  if (field == D_HEAP + P_FREE_BYTES && load<u32>(H_POLICY) == POLICY_SYNC) {
    const heaps = load<u32>(H_THREAD_HEAPS) + P_HEAP
    for (let i: u32 = 0; i < SLOT_COUNT; i++) total += <f64>load32(heaps + i * HEAP_STRIDE + P_FREE_BYTES)
  }
  return total
}

/** How many slots the tables have: of a SyncMap `dirty`, where there is one. */
export function totalSlots(): f64 {
  const shards = shardCount()
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    const word = load64(shard + D_TABLE)
    total += <f64>slotCount(bitsOf(isAmended(word) ? load64(shard + D_DIRTY) : word))
  }
  return total
}

/** The sum of a counter over the registry slots, by its offset in a slot. */
export function threadTotal(field: u32): f64 {
  let total: f64 = 0
  for (let i: u32 = 0; i < SLOT_COUNT; i++) total += <f64>load32(REGISTRY + i * SLOT_SIZE + field)
  return total
}

/** `threadTotal` for a counter that is a float. */
export function threadTotalLong(field: u32): f64 {
  let total: f64 = 0
  for (let i: u32 = 0; i < SLOT_COUNT; i++) total += reinterpret<f64>(load64(REGISTRY + i * SLOT_SIZE + field))
  return total
}

/** The sum of a counter over a cache's shards, by its offset in a cache shard. */
export function cacheTotal(field: u32): f64 {
  const shards = shardCount()
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) total += <f64>load32(queuesOf(shardAt(i)) + field)
  return total
}

/** The sum of the time of all loads of a cache, in milliseconds. */
export function loadTime(): f64 {
  const shards = shardCount()
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) total += reinterpret<f64>(load64(queuesOf(shardAt(i)) + Q_LOAD_TIME))
  return total
}

export function livingThreads(): u32 {
  let living: u32 = 0
  for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) if (isAlive(owner)) living++
  return living
}

/**
 * The bytes in use that were ever written: the system gives a page of memory when it is touched. So registry slots that were never
 * taken, and the page table of memory that the map does not have yet, do not count.
 */
export function usedBytes(): f64 {
  const tables = load32(H_HEAP_START) - load<u32>(H_MAX_PAGES) * 4
  const marks = untouchedMarks()
  const perThread = load<u32>(H_THREAD_HEAPS) == 0 ? SLOT_SIZE : SLOT_SIZE + HEAP_STRIDE
  const unused = <f64>((SLOT_COUNT - slotsSeen()) * perThread)
  return <f64>tables - <f64>marks - unused + <f64>load32(H_PAGES_SEEN) * 4 + <f64>load32(H_PAGES_USED) * PAGE
}

/** Of the marks of a cache, the bytes of pages that the memory does not have yet. Nothing has touched them, so the system has not given them. */
export function untouchedMarks(): u32 {
  if (!isCache) return 0
  const pages = load32(H_PAGES_SEEN) - (load32(H_HEAP_START) >> PAGE_BITS)
  return (load<u32>(H_MAX_PAGES) - pages) << (PAGE_BITS - MARK_SHIFT)
}

/** How many registry slots were ever taken: a thread takes the lowest free one. */
function slotsSeen(): u32 {
  let seen = SLOT_COUNT
  while (seen > 0 && load32(slotOf(seen) + S_INCARNATION) == 0 && load32(slotOf(seen) + S_STATE) == 0) seen--
  return seen
}

export function recoveries(): u32 {
  return load32(H_RECOVERIES)
}
