import { type Guard, Refused } from './guard.js'

/** Work that waits for its turn: begins it. */
type Begin = () => void

/** At most `most` calls at once, and as many that wait; others are refused. It knows of no shard. */
export class ConcurrencyLimit implements Guard {
  readonly #most: number
  readonly #waiting: Begin[] = []
  #active = 0

  constructor(most: number) {
    this.#most = most
  }

  read(_: number, load: () => Promise<number>): Promise<number> {
    return this.#run(load)
  }

  write(_: number, save: () => Promise<number>): Promise<number> {
    return this.#run(save)
  }

  async #run(call: () => Promise<number>): Promise<number> {
    if (this.#active < this.#most) this.#active++
    else if (this.#waiting.length < this.#most) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else throw new Refused('the limit is reached')
    try {
      return await call()
    } finally {
      // The next one takes over this call's place.
      const next = this.#waiting.shift()
      if (next === undefined) this.#active--
      else next()
    }
  }

  close(): void {}
}

/** Calls over which the long mean of latencies forgets, and the short one. */
const LONG = 600
const SHORT = 10
/** Latency may be this many times the long mean before the limit falls. */
const TOLERANCE = 1.5
/** The share of a new limit in the limit. */
const SMOOTHING = 0.2
const LEAST = 4
const MOST = 500

/**
 * A limit that follows latency by its gradient, as Netflix's concurrency-limits does (Gradient2Limit): the limit grows by the square root of itself while
 * latency is as usual, and falls when the short mean of latencies is far above the long one. It knows of no shard.
 */
export class GradientLimit {
  #limit: number
  #long = 0
  #short = 0
  #count = 0

  constructor(initial: number) {
    this.#limit = initial
  }

  get limit(): number {
    return this.#limit
  }

  /** A call that ended after `ms`, while `active` were in flight. */
  ended(ms: number, active: number): void {
    this.#count++
    this.#long += (ms - this.#long) / Math.min(this.#count, LONG)
    this.#short += (ms - this.#short) / Math.min(this.#count, SHORT)
    // After a long stretch of slow calls, the long mean comes down as fast as the short one.
    if (this.#long > 2 * this.#short) this.#long *= 0.95
    // A limit that is not used says nothing about a higher one.
    if (active < this.#limit / 2) return
    const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * this.#long) / this.#short))
    const next = this.#limit * gradient + Math.sqrt(this.#limit)
    this.#limit = Math.min(MOST, Math.max(LEAST, this.#limit * (1 - SMOOTHING) + next * SMOOTHING))
  }
}

/** Refuses calls above a limit that follows latency. */
export class AdaptiveLimit implements Guard {
  readonly #gradient: GradientLimit
  #active = 0

  constructor(initial: number) {
    this.#gradient = new GradientLimit(initial)
  }

  read(_: number, load: () => Promise<number>): Promise<number> {
    return this.#run(load)
  }

  write(_: number, save: () => Promise<number>): Promise<number> {
    return this.#run(save)
  }

  async #run(call: () => Promise<number>): Promise<number> {
    if (this.#active >= this.#gradient.limit) throw new Refused('the limit is reached')
    this.#active++
    const began = performance.now()
    try {
      return await call()
    } finally {
      this.#gradient.ended(performance.now() - began, this.#active)
      this.#active--
    }
  }

  close(): void {}
}
