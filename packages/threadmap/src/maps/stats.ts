/** The counters of a map. */

/** Counters of one map, read without stopping anybody: exact only while nobody writes. */
export interface MapStats {
  /** Entries in the map. */
  size: number
  /** Shards of the map; each has a table and a lock of its own. */
  shards: number
  /** Slots of all tables, free or not. */
  slots: number
  /** Bytes of shared memory the map has (all of it: header, registry, tables, entries, free blocks, unused pages). */
  bytes: number
  /** Bytes in pages that are in use: `bytes` less the pages that are free for anything. */
  usedBytes: number
  /** Bytes of free blocks inside pages in use: they serve the next entries of their size. */
  freeBytes: number
  /** Times a validated read had to start again because a writer came between. */
  retries: number
  /** Times a thread did not get a lock at once. */
  lockWaits: number
  /** Of those, times it went to sleep. */
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

/** Counters of one shard of a map, as they are while others go on. */
export interface ShardStats {
  /** Entries in the shard. */
  entries: number
  /** Times a thread did not get the shard's lock at once, since the map began (modulo 2^32). */
  lockWaits: number
  /** How long they waited, all together, in milliseconds. Short spins are counted by their nominal length. */
  lockWaitMs: number
}

/** The counters of Go's `sync.Map`, besides. */
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
