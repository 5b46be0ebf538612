/** What is run: the store, the load, the faults and their times. */

export const SHARDS = 64
/** Different keys; the index of a key is its rank, so key 0 is the most frequent one. */
export const KEYS = 20_000
/** Requests per second that arrive at each server. */
export const RATE = 125
/** Share of the requests that write, as in the workload B of YCSB. */
export const WRITES = 0.05
/** Exponents of the keys' Zipf distribution: always, and where the distribution is what changes. */
export const ZIPF = 0.99
export const STEEP_ZIPF = 1.2
/** Share of the requests that go to one key, where a hot key is planted. */
export const HOT_KEY_SHARE = 0.6

/**
 * The mean time of an operation in its shard, in ms. Times are uniform between half and one and a half of the mean: bounded, so that
 * the P99 without a fault is the store's own and not a matter of chance, and long against what a busy machine adds.
 */
export const SERVICE_MS = 80
/** Operations that a shard works on at once: others wait in the shard, and hold their connection meanwhile. That couples the shards. */
export const AT_ONCE = 2
/** Connections of the pool that all threads share. Without a fault about 10 are in use. */
export const CONNECTIONS = 24
/** How long a request waits for a connection, in ms, before it fails. */
export const ACQUIRE_MS = 1000
/** How long an operation may wait in its shard, in ms, before it fails and gives its connection back: the time-out of a statement. */
export const STATEMENT_MS = 4000
/** How many times as long the operations of the slow shard take. */
export const SLOW = 20
/** Share of the operations that fail in the failing shard. */
export const FAILING = 0.3
/** How many times as long an operation takes that fails: a peer that is gone is noticed by a time-out. */
export const FAILING_SLOW = 10

/** A client gives up this long after the intended time of its request, in ms. */
export const CLIENT_MS = 8000

/** The P99 that the service promises, in ms: about three times the P99 without a fault. */
export const OBJECTIVE_MS = 400

/** A copy or a last good value that is older is not an answer, in ms. */
export const MAX_AGE_MS = 10_000

/** The goal: everyone else's P99 is at most this many times the P99 before the fault. */
export const HEALTHY = 1.5
/** And of everyone else's requests at most this share more than before is not answered. */
export const UNSERVED = 0.01
/**
 * Where the load generator sends later than this, in ms at the 99th percentile, other programs have the processors, and latencies are theirs: such a window
 * says nothing about the health of a server.
 */
export const LATE_MS = 50
/** The goal: everyone else is healthy this long after the level that cures takes hold, in ms. */
export const CURE_MS = 5000
/** The goal: all is as before this long after the fault, in ms. */
export const BACK_MS = 60_000

export type FaultName = 'hot key' | 'slow shard' | 'steeper zipf' | 'failing shard'

export const FAULTS: Readonly<Record<FaultName, string>> = {
  'hot key': `one key gets ${100 * HOT_KEY_SHARE}% of the requests`,
  'slow shard': `one shard takes ${SLOW} times as long`,
  'steeper zipf': `the keys' Zipf exponent goes from ${ZIPF} to ${STEEP_ZIPF}`,
  'failing shard': `${100 * FAILING}% of the operations of one shard fail, after ${FAILING_SLOW} times the time`,
}

export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[]

/** The times of a run in ms, from its first request. */
export interface Plan {
  /** Requests before this time count nowhere: connections are made. */
  readonly warmUp: number
  readonly faultFrom: number
  readonly faultUntil: number
  readonly until: number
  /** The figures over time are those of windows of this length, which begin every `step`. */
  readonly window: number
  readonly step: number
  /** All times of the governor are this many times as long as by default, and those of cockatiel. */
  readonly scale: number
}

/** The time at which everyone else is healthy is known to a step: a quarter of a window was a quarter of the goal of 5 s. */
const STEPS = 10

function plan(warmUp: number, before: number, fault: number, after: number, window: number, scale: number): Plan {
  const faultFrom = warmUp + before
  const faultUntil = faultFrom + fault
  return { warmUp, faultFrom, faultUntil, until: faultUntil + after, window, step: window / STEPS, scale }
}

/**
 * The full run has the times of the guide: 30 s to detect, and more than 60 s until the second level. The quick one shortens them
 * by 15: a window would otherwise be shorter than the operations of an overloaded shard.
 */
export const PLANS = {
  quick: plan(1000, 3000, 11_500, 10_500, 1500, 1 / 15),
  full: plan(5000, 30_000, 150_000, 75_000, 5000, 1),
} as const satisfies Record<string, Plan>

/** A run before all others, which counts nowhere: threads compile their code. */
export const WARM_UP = plan(0, 3000, 0, 0, 1000, 1)

/** The shard of a key: a multiplicative hash (Fibonacci hashing), which spreads neighbouring ranks. */
export function shardOf(key: number): number {
  return Math.imul(key + 7, 0x9e3779b1) >>> 26
}

/** The most frequent key, and its shard: all faults are planted there. */
export const HOT_KEY = 0
export const HOT_SHARD = shardOf(HOT_KEY)
