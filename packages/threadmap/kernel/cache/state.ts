/**
 * What makes a memory a cache's, as the rest of the kernel sees it: where content begins in blocks and chains, how long an entry's trailer
 * is, where a shard's queues and an entry's mark are. In maps there is neither record nor trailer.
 */
import {
  BLOCK_CONTENT,
  CACHE_STRIDE,
  CHAIN_CONTENT,
  H_CACHES,
  H_MARKS,
  H_SHARDS,
  H_VALUE_TYPE,
  MARK_SHIFT,
  NUMBER_TRAILER_BYTES,
  PAGE,
  RECORD_BYTES,
  SHARD_SIZE,
  TRAILER_BYTES,
  TYPE_BYTES,
} from '../layout'

/** Whether this thread's memory is a cache's. */
export let isCache: bool = false
/** Whether it is a cache of numbers, which can be inside their entries (inside.ts). */
export let holdsNumbers: bool = false
/** Where the content begins in a value's block. */
export let blockContent: u32 = BLOCK_CONTENT
/** Where the content begins in a page of a chain, how many bytes it has there, and of how many bytes its two pieces are. */
export let chainContent: u32 = CHAIN_CONTENT
export let chainBytes: u32 = PAGE - CHAIN_CONTENT
export let piece: u32 = (PAGE - CHAIN_CONTENT) >> 1
/** The bytes of an entry behind its key. */
export let trailerBytes: u32 = 0

let caches: u32 = 0
let marks: u32 = 0
let shards: u32 = 0

export function readCacheState(): void {
  caches = load<u32>(H_CACHES)
  marks = load<u32>(H_MARKS)
  shards = load<u32>(H_SHARDS)
  isCache = caches != 0
  holdsNumbers = isCache && load<u32>(H_VALUE_TYPE) != TYPE_BYTES
  const record: u32 = isCache ? RECORD_BYTES : 0
  blockContent = BLOCK_CONTENT + record
  chainContent = CHAIN_CONTENT + record
  chainBytes = PAGE - chainContent
  piece = chainBytes >> 1
  trailerBytes = holdsNumbers ? NUMBER_TRAILER_BYTES : isCache ? TRAILER_BYTES : 0
}

/** The queues and counters of a shard. */
// @inline
export function queuesOf(shard: u32): u32 {
  return caches + ((shard - shards) / SHARD_SIZE) * CACHE_STRIDE
}

/** The byte that says how often an entry was hit, see marks.ts. */
// @inline
export function markOf(entry: u32): u32 {
  return marks + (entry >> MARK_SHIFT)
}
