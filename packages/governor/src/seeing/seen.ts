/** What everything that shows a governor needs of it. A `Governor` is one; so is whatever gives the same figures, such as a test. */
import type { GovernorSnapshot, LatencyHistogram } from '../snapshot.js'

export interface Seen {
  snapshot(): GovernorSnapshot
  /** The latencies of a shard since the governor was made. All shards have the same buckets. */
  latency(shard: number): LatencyHistogram
}

/** The latencies of all shards together. */
export function latencyOfAll(governor: Seen, shards: number): LatencyHistogram {
  const [first, ...others] = Array.from({ length: shards }, (_, shard) => governor.latency(shard))
  const buckets = first.buckets.map(({ le, count }) => ({ le, count }))
  let { sum, count } = first
  for (const other of others) {
    for (const [at, bucket] of other.buckets.entries()) buckets[at].count += bucket.count
    sum += other.sum
    count += other.count
  }
  return { buckets, sum, count }
}
