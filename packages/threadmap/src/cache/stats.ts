/** The counters of a cache. */
import * as L from '../bridge/layout.generated.js'
import type { Session } from '../bridge/session.js'
import type { MapStats } from '../maps/stats.js'

/** Counters of one cache since it was created, all threads together. Read without stopping other threads. */
export interface CacheStats extends MapStats {
  /** Reads by `get` that found a fresh value. */
  hits: number
  /** Reads by `get` with `allowStale` that found a value whose time was over. */
  stale: number
  /** Reads that found nothing. */
  misses: number
  /** Entries that went because of `max` or `maxWeight`. */
  evicted: number
  /** Entries that went because memory was short. */
  evictedForMemory: number
  /** Entries that were removed after their time. */
  expired: number
  /** Loads of `fetch` that ended with a value, with nothing or with an error. */
  loads: number
  /** Loads that ended with an error. */
  loadsFailed: number
  /** How long these loads took together, in milliseconds. */
  loadTime: number
}

export function cacheStatsOf({ kernel }: Session): Omit<CacheStats, keyof MapStats> {
  return {
    hits: kernel.threadTotalLong(L.S_HITS),
    stale: kernel.threadTotalLong(L.S_STALE),
    misses: kernel.threadTotalLong(L.S_MISSES),
    evicted: kernel.cacheTotal(L.Q_EVICTED),
    evictedForMemory: kernel.cacheTotal(L.Q_EVICTED_FOR_MEMORY),
    expired: kernel.cacheTotal(L.Q_EXPIRED),
    loads: kernel.cacheTotal(L.Q_LOADS),
    loadsFailed: kernel.cacheTotal(L.Q_LOADS_FAILED),
    loadTime: kernel.loadTime(),
  }
}
