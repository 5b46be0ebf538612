/** Shards: which one a key belongs to, and where each is. */
import { H_SHARD_BITS, H_SHARDS, SHARD_SIZE } from '../layout'

/** The address of the first shard of this thread's memory, and how the highest bits of a hash become an offset from it. */
let shards: u32 = 0
let offsets: u32 = 0
let offsetShift: u64 = 0

export function setShards(): void {
  const bits = load<u32>(H_SHARD_BITS)
  shards = load<u32>(H_SHARDS)
  offsets = (((<u32>1) << bits) - 1) * SHARD_SIZE
  offsetShift = 64 - ctz<u32>(SHARD_SIZE) - bits
}

export function shardOf(hash: u64): u32 {
  return shards + (<u32>(hash >> offsetShift) & offsets)
}

export function shardAt(index: u32): u32 {
  return load<u32>(H_SHARDS) + index * SHARD_SIZE
}

export function indexOf(shard: u32): u32 {
  return (shard - load<u32>(H_SHARDS)) / SHARD_SIZE
}
