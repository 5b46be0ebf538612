/** A rate limit for all threads, by one of three algorithms. */
import { OptionError } from 'threadmap'
import { type Algorithm, type AlgorithmName, algorithm } from './algorithms.js'
import { checkHandle, refuseUnknown } from './options.js'
import { type Kind, TABLE_OPTIONS, Table, type TableHandle, type TableOptions } from './table.js'
import { EMPTY } from './words.js'

/** The options of `RateLimit`. `limit` and `window` are required. */
export interface RateLimitOptions extends TableOptions {
  /** How many points a key has in a window, a whole number from 1: up to 8,388,607 (`'sliding-window'`: 1,048,575, and 65,535 if the window is shorter than 4 s). */
  limit: number
  /** Milliseconds. */
  window: number
  /** Default `'fixed-window'`. */
  algorithm?: AlgorithmName
}

/** The way to a rate limit for another thread. Structured-cloneable. */
export interface RateLimitHandle {
  readonly kind: 'RateLimit'
  readonly table: TableHandle
  readonly limit: number
  readonly window: number
  readonly algorithm: AlgorithmName
}

/** What a check found. */
export interface Verdict {
  readonly allowed: boolean
  /** The points that the key has still: a whole number. */
  readonly remaining: number
  /** Milliseconds until a check of the same cost can be allowed: 0 if this one was, Infinity if it costs more than the limit. */
  readonly retryAfter: number
  /** Milliseconds until the key has all its points again. */
  readonly resetAfter: number
}

const MOST_LIMIT = 2 ** 23 - 1
const OPTIONS = [...TABLE_OPTIONS, 'limit', 'window', 'algorithm']

/**
 * A limit of points per key and window, for all threads together. A check is one compare-and-swap in shared memory: of any number of threads exactly `limit`
 * points pass, whenever threads die. A check that is refused changes nothing. The clock is monotonic: setting the wall clock changes no limit.
 *
 * Cost: expected O(1). Thread-safety: every operation on one key is linearizable.
 */
export class RateLimit {
  readonly limit: number
  readonly window: number
  readonly algorithm: AlgorithmName
  readonly #table: Table
  readonly #rules: Algorithm

  /** `OptionError` for an option that is unknown or out of range. */
  constructor(options: RateLimitOptions) {
    refuseUnknown('new RateLimit()', options, OPTIONS)
    const { limit, window, algorithm: name = 'fixed-window' } = options
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LIMIT) {
      throw new OptionError(`limit must be a whole number from 1 to ${MOST_LIMIT}, and is ${String(limit)}`)
    }
    if (!(window >= 1 && Number.isFinite(window))) {
      throw new OptionError(`window must be milliseconds from 1, and is ${String(window)}`)
    }
    this.limit = limit
    this.window = window
    this.algorithm = name
    this.#rules = algorithm(name, limit, window)
    const opened = (options as { [OPENED]?: Opened })[OPENED]
    this.#table = new Table(withBlocks(this.#rules), opened?.handle ?? options, opened?.clock)
  }

  /** The limit of a handle that another thread sent. `AttachError` for another value. */
  static attach(handle: RateLimitHandle): RateLimit {
    checkHandle('RateLimit', handle)
    const { limit, window, algorithm: name } = handle
    return new RateLimit({ limit, window, algorithm: name, [OPENED]: { handle: handle.table } } as RateLimitOptions)
  }

  /** @internal A limit by another clock. */
  static on(clock: () => number, options: RateLimitOptions): RateLimit {
    return new RateLimit({ ...options, [OPENED]: { clock } } as RateLimitOptions)
  }

  /** Send the handle to another thread, which calls `RateLimit.attach` with it. */
  get handle(): RateLimitHandle {
    const { limit, window, algorithm: name } = this
    return { kind: 'RateLimit', table: this.#table.handle, limit, window, algorithm: name }
  }

  /** How many keys there are, with those whose limits are over and which were not removed yet. O(shards). */
  get size(): number {
    return this.#table.size
  }

  /**
   * Takes `cost` points of `key` if it has them, and says whether it did. `LimitsFullError` for a new key where the table is full and `whenFull` is
   * 'refuse'.
   */
  check(key: string, cost = 1): Verdict {
    if (!Number.isInteger(cost) || cost < 1)
      throw new OptionError(`cost must be a whole number from 1, and is ${String(cost)}`)
    const table = this.#table
    const rules = this.#rules
    while (true) {
      const now = table.now()
      const seen = table.word(key)
      const wait = waitOf(rules, seen, now, cost)
      if (wait > 0) return this.#verdict(seen, now, wait)
      const next = rules.add(unblocked(seen), now, cost)
      if (table.replace(key, seen, next)) return this.#verdict(next, now, 0)
    }
  }

  /** What `check` would find. Takes nothing. */
  peek(key: string, cost = 1): Verdict {
    const word = this.#table.word(key)
    const now = this.#table.now()
    return this.#verdict(word, now, waitOf(this.#rules, word, now, cost))
  }

  /** Takes points of a key whether it has them or not. */
  penalty(key: string, points = 1): Verdict {
    return this.#add(key, points)
  }

  /** Gives points back, at most as many as were taken (of a sliding window: as were taken in the current window). */
  reward(key: string, points = 1): Verdict {
    return this.#add(key, -points)
  }

  /** Refuses every check of `key` for `duration` milliseconds; Infinity: until `delete`. Then the key has all its points. */
  block(key: string, duration: number): void {
    if (!(duration > 0)) throw new OptionError(`block() takes milliseconds above 0, and got ${String(duration)}`)
    const table = this.#table
    while (true) {
      const seen = table.word(key)
      const next = -Math.min(table.now() + duration, Number.MAX_VALUE)
      if (next === seen || table.replace(key, seen, next)) return
    }
  }

  /** Forgets a key: it has all its points, and no block. Returns whether it was known. */
  delete(key: string): boolean {
    return this.#table.delete(key)
  }

  /** Forgets all keys that begin with `prefix`; all keys without it. O(keys). */
  clear(prefix = ''): void {
    this.#table.clear(prefix)
  }

  /** Gives up this thread's place. The other threads go on. */
  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]()
  }

  #add(key: string, points: number): Verdict {
    if (!Number.isInteger(points)) throw new OptionError(`points must be whole numbers, and are ${String(points)}`)
    const table = this.#table
    while (true) {
      const now = table.now()
      const seen = table.word(key)
      // A block stays as it is: whoever is blocked has no points to gain or to lose.
      const next = isBlocked(seen, now) ? seen : this.#rules.add(unblocked(seen), now, points)
      if (next === seen || table.replace(key, seen, next))
        return this.#verdict(next, now, waitOf(this.#rules, next, now, 1))
    }
  }

  #verdict(word: number, now: number, wait: number): Verdict {
    if (isBlocked(word, now)) {
      const left = leftOf(word, now)
      return { allowed: false, remaining: 0, retryAfter: left, resetAfter: left }
    }
    const own = unblocked(word)
    return {
      allowed: wait === 0,
      remaining: Math.max(0, Math.floor(this.limit - this.#rules.used(own, now) + 1e-6)),
      retryAfter: wait,
      resetAfter: this.#rules.resetAfter(own, now),
    }
  }
}

/** How `attach` and `on` reach the constructor. No program has this symbol. */
const OPENED = Symbol('opened')

interface Opened {
  readonly handle?: TableHandle
  readonly clock?: () => number
}

// A word below 0 is a block, and says until when.

function isBlocked(word: number, now: number): boolean {
  return word < 0 && -word > now
}

function leftOf(word: number, now: number): number {
  return word === -Number.MAX_VALUE ? Number.POSITIVE_INFINITY : -word - now
}

/** What a word counts when its block is over: nothing. */
function unblocked(word: number): number {
  return word < 0 ? EMPTY : word
}

function waitOf(rules: Algorithm, word: number, now: number, cost: number): number {
  return isBlocked(word, now) ? leftOf(word, now) : rules.wait(unblocked(word), now, cost)
}

/** Blocks are the last to be forgotten. */
function withBlocks(rules: Algorithm): Kind {
  return {
    isOver: (word, now) => (word < 0 ? -word <= now : rules.isOver(word, now)),
    used: (word, now) => (word < 0 ? Number.MAX_VALUE : rules.used(word, now)),
  }
}
