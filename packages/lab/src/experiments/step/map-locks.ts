import type { ConcurrentMap, ShardStats } from 'threadmap'
import type { MapLocks } from './series.js'

/** Watches how threads wait for the locks of a map, shard by shard, as the map itself counts it. */
export class MapLockWatch {
  readonly #map: ConcurrentMap<never, never>
  readonly #before: readonly ShardStats[]

  constructor(map: ConcurrentMap<never, never>) {
    this.#map = map
    this.#before = map.shardStats()
  }

  /** Since the watch began, `ms` ago, in which there were so many requests. */
  stop(ms: number, requests: number): MapLocks {
    const after = this.#map.shardStats()
    return {
      waits: after.map(({ lockWaits }, shard) => (lockWaits - this.#before[shard].lockWaits) / Math.max(1, requests)),
      waiting: after.map(({ lockWaitMs }, shard) => (lockWaitMs - this.#before[shard].lockWaitMs) / ms),
    }
  }
}
