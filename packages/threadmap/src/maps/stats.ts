/** The counters of a map. The kernel has them in shards and registry slots. */
import * as L from '../bridge/layout.generated.js'
import type { Session } from '../bridge/session.js'

/** Counters of one map. They are read without stopping other threads, so they are exact only while no thread writes. */
export interface MapStats {
  /** Entries in the map. */
  size: number
  /** Shards of the map; each has a table and a lock of its own. */
  shards: number
  /** Slots of all tables, free or not. */
  slots: number
  /**
   * Bytes of shared memory the map has (all of it: header, registry, tables, entries, free blocks, unused pages). Of a cache's marks, a
   * thirty-second of what it may have at most, those of memory that it does not have yet do not count: the system has not given them.
   */
  bytes: number
  /** Bytes in pages that are in use: `bytes` less the pages that are free for anything. */
  usedBytes: number
  /** Bytes of free blocks inside pages in use: they serve the next entries of their size. */
  freeBytes: number
  /** Times a validated read had to start again because a writer came between. */
  retries: number
  /** Times a thread did not get a lock at once. */
  lockWaits: number
  /** How many of these times the thread went to sleep. */
  lockSleeps: number
  /** Pauses spun while waiting for locks. */
  spins: number
  /** Locks taken over from threads that died, each followed by a repair of the shard. */
  recoveries: number
  /** Times a table was replaced by a larger (or smaller) one. */
  resizes: number
  /** Times sparse pages were emptied into others. */
  compactions: number
  /** Threads that have a place in the map now: one place each, however often they attach. */
  threads: number
}

/** Counters of one shard of a map, read while other threads go on. */
export interface ShardStats {
  /** Entries in the shard. */
  entries: number
  /** Times a thread did not get the shard's lock at once, since the map began (modulo 2^32). */
  lockWaits: number
  /** How long all threads together waited, in milliseconds. Short spins count with their nominal length. */
  lockWaitMs: number
}

/** The counters of a SyncMap: with those of Go's `sync.Map`. */
export interface SyncMapStats extends MapStats {
  /** Reads that had to look into `dirty` under the mutex, since the map began. */
  misses: number
  /** Times `dirty` became `read`. */
  promotions: number
  /** Entries copied from `read` into a new `dirty`. */
  entriesCopied: number
  /** Entries in `dirty` now (0: there is none). */
  dirtyEntries: number
}

/** All counters but the size, which the map reads itself. */
export function statsOf(session: Session): Omit<MapStats, 'size'> {
  const { kernel, memory } = session
  return {
    shards: shardCount(session),
    slots: kernel.totalSlots(),
    bytes: memory.buffer.byteLength - (kernel.untouchedMarks() >>> 0),
    usedBytes: kernel.usedBytes(),
    freeBytes: kernel.shardTotal(L.D_HEAP + L.P_FREE_BYTES),
    retries: kernel.threadTotal(L.S_RETRIES),
    lockWaits: kernel.threadTotal(L.S_LOCK_WAITS),
    lockSleeps: kernel.threadTotal(L.S_LOCK_SLEEPS),
    spins: kernel.threadTotal(L.S_SPINS),
    recoveries: kernel.recoveries() >>> 0,
    resizes: kernel.shardTotal(L.D_RESIZES),
    compactions: kernel.shardTotal(L.D_COMPACTIONS),
    threads: kernel.livingThreads(),
  }
}

/** The counters of Go's `sync.Map`. */
export function syncStatsOf({ kernel }: Session): Omit<SyncMapStats, keyof MapStats> {
  return {
    misses: kernel.shardTotal(L.D_MISSES_TOTAL),
    promotions: kernel.shardTotal(L.D_PROMOTIONS),
    entriesCopied: kernel.shardTotal(L.D_COPIED),
    dirtyEntries: kernel.shardTotal(L.D_DIRTY_USED),
  }
}

/** The counters of each shard. `size` is the map's. */
export function shardStatsOf(session: Session, size: () => number): ShardStats[] {
  const { kernel } = session
  const shards = shardCount(session)
  return Array.from({ length: shards }, (_, index) => ({
    // The shard of a SyncMap counts deleted entries, too.
    entries: shards === 1 ? size() : kernel.shardCounter(index, L.D_USED),
    lockWaits: kernel.shardCounter(index, L.D_LOCK_WAITS),
    lockWaitMs: kernel.shardCounter(index, L.D_LOCK_WAITED) / 1e6,
  }))
}

function shardCount(session: Session): number {
  return 2 ** session.header(L.H_SHARD_BITS)
}
