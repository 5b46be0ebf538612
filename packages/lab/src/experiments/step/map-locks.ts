import type { ConcurrentMap, ShardStats } from 'threadmap'
import type { MapLocks } from './series.js'

/** Watches how threads wait for the locks of a map, shard by shard, by the map's own counters. */
export class MapLockWatch {
  readonly #map: Pick<ConcurrentMap<unknown, unknown>, 'shardStats'>
  readonly #before: readonly ShardStats[]
  readonly #began = performance.now()

  constructor(map: Pick<ConcurrentMap<unknown, unknown>, 'shardStats'>) {
    this.#map = map
    this.#before = map.shardStats()
  }

  /** The waiting since the watch began, for this number of requests. */
  stop(requests: number): MapLocks {
    const ms = performance.now() - this.#began
    const after = this.#map.shardStats()
    return {
      waits: after.map(({ lockWaits }, shard) => (lockWaits - this.#before[shard].lockWaits) / Math.max(1, requests)),
      waiting: after.map(({ lockWaitMs }, shard) => (lockWaitMs - this.#before[shard].lockWaitMs) / ms),
    }
  }
}
