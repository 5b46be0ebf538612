/** The store for @fastify/rate-limit: one count for all threads. */
import type { FastifyRateLimitOptions, FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import { checkPeer } from '../peer.js'
import { checkAlike, countOf, type GivenLimits, opened } from './given.js'
import { Limits } from './limits.js'
import { refuseUnknown } from './options.js'

export type { GivenLimits } from './given.js'

/** The options of `sharedStore`. */
export interface SharedStoreOptions {
  /** The limits of all threads, or their handle. A `RateLimit` needs `max` and `timeWindow` of the plugin equal to its own. */
  limits: GivenLimits
  /** Is put before each key, as with Redis. Servers that share `limits` need one each. Default ''. */
  nameSpace?: string
}

type Callback = (error: Error | null, result?: { current: number; ttl: number }) => void

/** What the plugin hands to a store, of its own options and those of a route. */
interface Passed {
  continueExceeding?: boolean
  exponentialBackoff?: boolean
  routeInfo?: { method?: string | string[]; url?: string }
}

/**
 * The class that @fastify/rate-limit takes as `store`: `fastify.register(rateLimit, { max, timeWindow, store: sharedStore({ limits }) })`. `OptionError` for options
 * that are unknown, `PeerVersionError` for another @fastify/rate-limit than this store was built for.
 */
export function sharedStore(options: SharedStoreOptions): FastifyRateLimitStoreCtor {
  checkPeer('@fastify/rate-limit')
  refuseUnknown('sharedStore()', options, ['limits', 'nameSpace'])
  const limits = opened('sharedStore()', options.limits)
  const nameSpace = options.nameSpace ?? ''
  return class extends SharedStore {
    constructor(passed: FastifyRateLimitOptions) {
      super(limits, nameSpace, passed)
    }
  }
}

class SharedStore implements FastifyRateLimitStore {
  readonly #limits: ReturnType<typeof opened>
  readonly #prefix: string
  readonly #passed: Passed

  constructor(limits: ReturnType<typeof opened>, prefix: string, passed: Passed) {
    this.#limits = limits
    this.#prefix = prefix
    this.#passed = passed
  }

  incr(key: string, callback: Callback, timeWindow: number, max: number): void {
    answer(callback, () => {
      const limits = this.#limits
      if (limits instanceof Limits) {
        const { points, endsIn } = limits.add(this.#prefix + key, 1, timeWindow, this.#extend(timeWindow, max))
        return { current: points, ttl: endsIn }
      }
      checkAlike(limits, max, timeWindow, ['max', 'timeWindow'])
      const verdict = limits.check(this.#prefix + key)
      return {
        current: countOf(verdict, limits.limit),
        ttl: verdict.allowed ? verdict.resetAfter : verdict.retryAfter,
      }
    })
  }

  /** What `incr` would find, for `{ increment: false }`. */
  read(key: string, callback: Callback): void {
    answer(callback, () => {
      const limits = this.#limits
      if (limits instanceof Limits) {
        const found = limits.get(this.#prefix + key)
        return { current: found?.points ?? 0, ttl: found?.endsIn ?? 0 }
      }
      const { remaining, resetAfter } = limits.peek(this.#prefix + key)
      return { current: limits.limit - remaining, ttl: resetAfter }
    })
  }

  /** The store of a route with options of its own: its counts are its own as well. */
  child(route: object): FastifyRateLimitStore {
    const { method = '', url = '' } = (route as Passed).routeInfo ?? {}
    return new SharedStore(this.#limits, `${this.#prefix}${method}${url}-`, route)
  }

  /** The plugin's options that move the end of a window once the limit is exceeded. */
  #extend(timeWindow: number, max: number): ((points: number) => number | undefined) | undefined {
    const { continueExceeding, exponentialBackoff } = this.#passed
    if (continueExceeding) return points => (points > max ? timeWindow : undefined)
    if (exponentialBackoff) return points => (points > max ? timeWindow * 2 ** (points - max - 1) : undefined)
    return undefined
  }
}

function answer(callback: Callback, result: () => { current: number; ttl: number }): void {
  let found: { current: number; ttl: number }
  try {
    found = result()
  } catch (error) {
    callback(error as Error)
    return
  }
  callback(null, found)
}
