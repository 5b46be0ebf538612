/**
 * The limiter of level 1, for all threads together: a token bucket kept as one time per shard, at which the bucket would be full again. One
 * compare-exchange takes a token; a thread that dies before it leaves the bucket as it was.
 *
 * Source: the generic cell rate algorithm of ITU-T I.371, which is a token bucket without a timer.
 */
import type { SharedMemory } from './layout.js'

/** The bucket holds what the rate gives in this time, and one token at least. */
const BURST_MS = 100
/** Times are whole nanoseconds: a rate of a million has intervals of 1,000. */
const NS_PER_MS = 1e6

export class Admission {
  readonly #times: BigInt64Array
  readonly #started: number

  constructor(memory: SharedMemory, started: number) {
    this.#times = new BigInt64Array(memory.buffer, memory.layout.arrival * 4, memory.layout.shards)
    this.#started = started
  }

  /**
   * Takes a token of a shard that gets `rate` operations per second. Returns the milliseconds to wait before the operation begins, at most `wait`;
   * or, if there is no token by then, minus the milliseconds until there is one.
   */
  take(shard: number, rate: number, wait: number, now: number): number {
    const interval = 1000 / rate
    const burst = Math.max(0, BURST_MS - interval)
    const time = now - this.#started
    while (true) {
      const seen = Atomics.load(this.#times, shard)
      const full = Number(seen) / NS_PER_MS
      const delay = Math.max(0, full - burst - time)
      if (delay > wait) return -delay
      const next = BigInt(Math.round((Math.max(full, time) + interval) * NS_PER_MS))
      if (Atomics.compareExchange(this.#times, shard, seen, next) === seen) return delay
    }
  }

  /** Begins anew: a full bucket. */
  reset(shard: number): void {
    Atomics.store(this.#times, shard, 0n)
  }
}
