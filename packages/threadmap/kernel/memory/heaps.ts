/**
 * A heap hands out blocks of size classes from its slabs (pages of one class, slabs.ts), chains of pages for larger values (chains.ts),
 * and runs of pages, called spans, for tables and for entries with long keys (blocks.ts). Each shard has its heap, guarded by the shard's
 * lock; SyncMap has one more per thread.
 *
 * Before a page of a shard's heap serves anything else, the version in the shard's table word is raised. So a reader that
 * finds the table word unchanged knows that what it took for a block's header was one.
 */
import { get32, load64, store64 } from '../atomics'
import {
  D_HEAP,
  D_TABLE,
  G_CLASS,
  H_POLICY,
  H_SHARD_BITS,
  H_SHARDS,
  H_THREAD_HEAPS,
  HEAP_STRIDE,
  P_HEAP,
  P_ID,
  POLICY_SYNC,
  SHARD_SIZE,
} from '../layout'
import { BLOCK_CLASSES } from './classes'

/** Raises the version of a table word by one. */
const VERSION_ONE: u64 = 0x100000000

export function shardCount(): u32 {
  return (<u32>1) << load<u32>(H_SHARD_BITS)
}

/** The heap with this number: shards first, then threads. */
export function heapById(id: u32): u32 {
  const shards = shardCount()
  if (id < shards) return load<u32>(H_SHARDS) + id * SHARD_SIZE + D_HEAP
  return load<u32>(H_THREAD_HEAPS) + (id - shards) * HEAP_STRIDE + P_HEAP
}

/** Whether this is a shard's heap: then the shard starts D_HEAP before it. */
function isShardHeap(heap: u32): bool {
  return get32(heap + P_ID) < shardCount()
}

/**
 * SyncMap changes values without a lock, by compare-exchange in an entry that it found a moment ago. So a page that once held entries
 * goes on holding entries of the same size: the exchange always meets a value word. This ends when all other threads have been seen at
 * rest: then no thread is about to change an entry of the page (`emptySlabs`).
 */
export function isTypeStable(heap: u32, page: u32): bool {
  return load<u32>(H_POLICY) == POLICY_SYNC && isShardHeap(heap) && get32(page + G_CLASS) < BLOCK_CLASSES
}

/** Raises the version in the table word of the heap's shard: readers that looked into pages which are about to change try again. */
export function raiseVersion(heap: u32): void {
  if (!isShardHeap(heap)) return
  const table = heap - D_HEAP + D_TABLE
  store64(table, load64(table) + VERSION_ONE)
}
