/** Plays traces to the simulated policies, and gives hit ratios. */
import { keysOf, optimum } from './policies/belady.js'
import { Lru } from './policies/lru.js'
import type { Policy, PolicyMaker } from './policies/policy.js'
import { ADAPTIVE, S3Fifo } from './policies/s3-fifo.js'
import { Sieve } from './policies/sieve.js'
import { TinyLfu } from './policies/tiny-lfu.js'

/** The policies by the names that tables have, without the optimum. */
export const POLICY_MAKERS: Readonly<Record<string, PolicyMaker>> = {
  LRU: (capacity, keys) => new Lru(capacity, keys),
  SIEVE: (capacity, keys) => new Sieve(capacity, keys),
  'S3-FIFO': (capacity, keys) => new S3Fifo(capacity, keys),
  'adaptive S3-FIFO': (capacity, keys) => new S3Fifo(capacity, keys, { adaptive: ADAPTIVE }),
  'W-TinyLFU': (capacity, keys) => new TinyLfu(capacity, keys),
}

/** The share of requests that a policy answers from a cache of `capacity` entries, in %. */
export function hitRatio(trace: Uint32Array, capacity: number, make: PolicyMaker): number {
  const policy = make(capacity, keysOf(trace))
  let hits = 0
  for (const key of trace) if (policy.access(key)) hits++
  return (100 * hits) / trace.length
}

/** The share of requests that any policy can answer at most, in %. */
export function bestRatio(trace: Uint32Array, capacity: number): number {
  return (100 * optimum(trace, capacity)) / trace.length
}

/** The number of different keys. */
export function distinctKeys(trace: Uint32Array): number {
  const seen = new Uint8Array(keysOf(trace))
  let distinct = 0
  for (const key of trace) {
    if (seen[key] === 0) distinct++
    seen[key] = 1
  }
  return distinct
}

/**
 * A cache that is cut into shards, each with a part of the capacity and the keys of its hash. `make` gets the capacity of a shard and the
 * number of shards.
 */
export function sharded(shards: number, make: (capacity: number, keys: number, shards: number) => Policy): PolicyMaker {
  return (capacity, keys) => {
    const parts = Array.from({ length: shards }, (_, shard) =>
      make(Math.floor(((shard + 1) * capacity) / shards) - Math.floor((shard * capacity) / shards), keys, shards),
    )
    return {
      access: key => parts[shardOf(key, shards)].access(key),
      get size() {
        return parts.reduce((sum, part) => sum + part.size, 0)
      },
    }
  }
}

function shardOf(key: number, shards: number): number {
  let mixed = Math.imul(key + 1, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return ((mixed ^ (mixed >>> 15)) >>> 0) % shards
}
