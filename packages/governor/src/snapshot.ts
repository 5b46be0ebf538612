/** What the governor says about itself: plain objects that JSON keeps, from which everything that shows a governor is made. */

/** 0: no limit. 1: fewer operations per second. 2: isolated. 3: degraded. */
export type Level = 0 | 1 | 2 | 3

/** Why a shard is hot: one of its keys gets most of the load, the shard is slow by itself, or its operations fail. */
export type Cause = 'hot key' | 'slow shard' | 'failing shard'

/** A governor at one moment. Times are in milliseconds, rates per second, shares from 0 to 1. */
export interface GovernorSnapshot {
  /** The time, as `Date.now()`. */
  readonly at: number
  /** Milliseconds since the governor was made. */
  readonly uptime: number
  /** Threads that are attached. */
  readonly threads: number
  /** The objective that the governor was made with. */
  readonly objective: { readonly p99: number }
  /** False while the governor is switched off: it watches, and limits nothing. */
  readonly enabled: boolean
  /** All shards together. */
  readonly all: ShardFigures
  /** Every shard, by number. */
  readonly shards: readonly ShardSnapshot[]
  /** The most frequent keys of all shards, at most 20, the most frequent first. */
  readonly topKeys: readonly HotKey[]
  /** The last transitions, at most 256, the newest last. */
  readonly transitions: readonly Transition[]
  /** Transitions since the governor was made. */
  readonly transitionCount: number
  /** Whether most shards are slow at once. Then none of them is hot for its latency. */
  readonly backendSlow: boolean
  /** The maps that the governor watches. */
  readonly maps: readonly MapSnapshot[]
}

/** The figures of one shard, or of all together. Latencies are in milliseconds, NaN-free: 0 where there was no operation. */
export interface ShardFigures {
  /** Operations that ended since the governor was made, failed ones included. */
  readonly operations: number
  /** How many of them failed. */
  readonly errors: number
  /** Operations that the governor refused, since it was made. */
  readonly refused: number
  /** Operations that waited for a limit, since it was made. */
  readonly queued: number
  /** Operations that went to the caller's `reroute`. */
  readonly rerouted: number
  /** Reads that were answered from a shared copy. */
  readonly copies: number
  /** Reads that got the result of an identical read that was under way. */
  readonly joined: number
  /** Reads that were answered with the last good value or the fallback. */
  readonly degraded: number
  /** Operations that are under way now. */
  readonly inFlight: number
  /** Operations per second in the last 10 s. */
  readonly rate: number
  /** The share of them that failed. */
  readonly errorShare: number
  /** Of the last 60 s, as the three after it. */
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
  /** Of the last 10 s. */
  readonly p99Short: number
  /** Of the last 5 minutes. */
  readonly p99Long: number
}

export interface ShardSnapshot extends ShardFigures {
  readonly shard: number
  /** The level that holds now. */
  readonly level: Level
  /** Whether the level was set by hand (`pin`). */
  readonly pinned: boolean
  readonly hot: boolean
  /** Since when the shard is hot, as `Date.now()`. */
  readonly hotSince?: number
  readonly cause?: Cause
  /** At level 1: operations per second that are admitted. */
  readonly limit?: number
  /** At level 2 and 3: operations that may be under way at once. */
  readonly concurrency?: number
  /** The shard's keys among the most frequent ones. */
  readonly hotKeys: readonly HotKey[]
}

export interface HotKey {
  readonly key: string
  readonly shard: number
  /** Estimated operations; a count halves every minute. */
  readonly count: number
  /** The share of all operations. */
  readonly share: number
  /** The share of the operations of its shard. */
  readonly shareOfShard: number
}

/** A change of a shard's level. */
export interface Transition {
  /** As `Date.now()`. */
  readonly at: number
  readonly shard: number
  readonly from: Level
  readonly to: Level
  /** One sentence. */
  readonly reason: string
  /** Of the last 10 s: the shard's P99 and that of the others in milliseconds, operations per second, the share that failed. */
  readonly figures: {
    readonly p99: number
    readonly others: number
    readonly rate: number
    readonly errorShare: number
  }
}

/** A map that the governor watches. */
export interface MapSnapshot {
  /** The name that `watch` was given, or the map's class and a number. */
  readonly name: string
  readonly entries: number
  /** Estimated reads per second, by sampling. */
  readonly reads: number
  readonly shards: readonly { readonly entries: number; readonly lockWaits: number; readonly lockWaitMs: number }[]
  /** The most frequently read keys. `shard` is -1, since the governor does not know the map's hash. */
  readonly topKeys: readonly HotKey[]
}

/** The latencies of a shard since the governor was made, for Prometheus. */
export interface LatencyHistogram {
  /** Cumulative counts: how many operations took at most `le` seconds. The last `le` is Infinity. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
  /** The sum of all latencies in seconds, from the middles of the buckets. */
  readonly sum: number
  readonly count: number
}
