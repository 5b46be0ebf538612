/** The store for express-rate-limit: one count for all threads. */
import type { ClientRateLimitInfo, Options, Store } from 'express-rate-limit'
import { checkPeer } from '../peer.js'
import { checkAlike, countOf, type GivenLimits, opened } from './given.js'
import { Limits } from './limits.js'
import { refuseUnknown } from './options.js'

export type { GivenLimits } from './given.js'

/** The options of `SharedStore`. */
export interface SharedStoreOptions {
  /** The limits of all threads, or their handle. A `RateLimit` needs `limit` and `windowMs` of the middleware equal to its own. */
  limits: GivenLimits
  /** Is put before each key. Middlewares that share `limits` need prefixes of their own. Default ''. */
  prefix?: string
}

/** `rateLimit({ windowMs, limit, store: new SharedStore({ limits: workerData.limits }) })`. */
export class SharedStore implements Store {
  readonly prefix: string
  readonly localKeys = false
  readonly #limits: ReturnType<typeof opened>
  /** express-rate-limit's own default, until `init` says otherwise. */
  #window = 60_000

  /** `OptionError` for options that are unknown, `PeerVersionError` for another express-rate-limit than this store was built for. */
  constructor(options: SharedStoreOptions) {
    checkPeer('express-rate-limit')
    refuseUnknown('new SharedStore()', options, ['limits', 'prefix'])
    this.#limits = opened('new SharedStore()', options.limits)
    this.prefix = options.prefix ?? ''
  }

  /** express-rate-limit calls it with the options of the middleware. */
  init(options: Options): void {
    this.#window = options.windowMs
    if (!(this.#limits instanceof Limits))
      checkAlike(this.#limits, options.limit, options.windowMs, ['limit', 'windowMs'])
  }

  get(key: string): ClientRateLimitInfo | undefined {
    const limits = this.#limits
    if (limits instanceof Limits) {
      const found = limits.get(this.prefix + key)
      return found === undefined ? undefined : info(found.points, found.endsIn)
    }
    const { remaining, resetAfter } = limits.peek(this.prefix + key)
    return resetAfter === 0 ? undefined : info(limits.limit - remaining, resetAfter)
  }

  increment(key: string): ClientRateLimitInfo {
    const limits = this.#limits
    if (limits instanceof Limits) {
      const { points, endsIn } = limits.add(this.prefix + key, 1, this.#window)
      return info(points, endsIn)
    }
    const verdict = limits.check(this.prefix + key)
    return info(countOf(verdict, limits.limit), verdict.allowed ? verdict.resetAfter : verdict.retryAfter)
  }

  decrement(key: string): void {
    const limits = this.#limits
    if (limits instanceof Limits) limits.takeBack(this.prefix + key, 1)
    else limits.reward(this.prefix + key)
  }

  resetKey(key: string): void {
    this.#limits.delete(this.prefix + key)
  }

  /** Forgets the keys of this prefix, in all threads; O(keys). */
  resetAll(): void {
    this.#limits.clear(this.prefix)
  }
}

function info(totalHits: number, resetIn: number): ClientRateLimitInfo {
  return { totalHits, resetTime: new Date(Date.now() + resetIn) }
}
