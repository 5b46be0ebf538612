/** What everything that shows a governor needs of it. A `Governor` is one; so is whatever gives the same figures, such as a test. */
import type { GovernorSnapshot, LatencyHistogram } from '../snapshot.js'

export interface Seen {
  snapshot(): GovernorSnapshot
  /** The latencies of a shard since the governor was made, or without a shard those of all together. All have the same buckets. */
  latency(shard?: number): LatencyHistogram
}
