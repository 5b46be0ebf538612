import { BACKOFF_OPTIONS, type BackoffOptions, DEFAULT_BACKOFF } from '../bridge/backoff.js'
import { OptionError } from '../errors/classes.js'
import { refuseUnknown } from '../errors/unknown-options.js'

/** The longest pause: a thread that must wait longer should sleep. */
const LONGEST_NS = 20_000

/** One atomic load from JavaScript takes about 5 ns (Node 20), and the optimiser does not remove it. */
const NS_PER_STEP = 5
const word = new Int32Array(new SharedArrayBuffer(4))

/**
 * Bounded exponential back-off, as the maps' locks use it: each `pause()` is twice as long as the one before.
 *
 * ```ts
 * const backoff = new Backoff({ initialDelay: 100, maxRetries: 6 })
 * while (!tryIt()) if (!backoff.pause()) return giveUp()
 * ```
 */
export class Backoff {
  /** The length of the first pause in nanoseconds (approximate). */
  readonly initialDelay: number
  /** How many pauses there are until `pause` returns false. */
  readonly maxRetries: number
  #retries = 0

  /** Starts before the first pause. `OptionError` for an unknown option, and for one that is no whole number from 0 up. */
  constructor(options: BackoffOptions = {}) {
    refuseUnknown('new Backoff()', options, BACKOFF_OPTIONS)
    this.initialDelay = options.initialDelay ?? DEFAULT_BACKOFF.initialDelay
    this.maxRetries = options.maxRetries ?? DEFAULT_BACKOFF.maxRetries
    for (const [name, value] of Object.entries({ initialDelay: this.initialDelay, maxRetries: this.maxRetries })) {
      if (!Number.isInteger(value) || value < 0) {
        throw new OptionError(`the option ${name} must be a whole number from 0 up, and is ${String(value)}`)
      }
    }
  }

  /** How many pauses there were. */
  get retries(): number {
    return this.#retries
  }

  /** The length of the next pause in nanoseconds. */
  get delay(): number {
    return Math.min(this.initialDelay * 2 ** this.#retries, LONGEST_NS)
  }

  /** Spins for about `delay` nanoseconds and returns true; false, at once, when there were `maxRetries` pauses. */
  pause(): boolean {
    if (this.#retries >= this.maxRetries) return false
    for (let left = this.delay; left > 0; left -= NS_PER_STEP) Atomics.load(word, 0)
    this.#retries++
    return true
  }

  /** Begins anew. */
  reset(): void {
    this.#retries = 0
  }
}
