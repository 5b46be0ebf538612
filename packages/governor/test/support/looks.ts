/** Looks at shards as the leader takes them, made of latencies. */

import { checkOptions } from '#governor/options.js'
import type { Look, ShardLook } from '#governor/policy/detect.js'
import { bucketOf } from '#governor/shared/latency.js'

export const SUB_BITS = 4
export const SETTINGS = checkOptions({ objective: { p99: 50 } })
const BUCKETS = 368

/** A shard whose operations took these milliseconds; `minute` operations were in the last minute. */
export function shard(
  latencies: readonly number[],
  { errors = 0, topShare = 0, minute = 6 * latencies.length, inFlight = 0 } = {},
): ShardLook {
  const counts = new Uint32Array(BUCKETS)
  for (const ms of latencies) counts[bucketOf(ms, SUB_BITS)]++
  return { latencies: counts, errors, topShare, minute, inFlight, wanted: minute / 60, governed: false }
}

/** `count` operations between `low` and `high` milliseconds, evenly. */
export function evenly(count: number, low: number, high: number): number[] {
  return Array.from({ length: count }, (_, i) => low + ((high - low) * i) / Math.max(1, count - 1))
}

export function look(at: number, shards: readonly ShardLook[]): Look {
  return { at, shards, subBits: SUB_BITS }
}
