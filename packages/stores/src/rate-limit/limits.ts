/** Points in fixed windows, for packages that bring their own idea of a limit: express-rate-limit, @fastify/rate-limit, rate-limiter-flexible. */
import { OptionError } from 'threadmap'
import { checkHandle, refuseUnknown } from './options.js'
import { type Kind, TABLE_OPTIONS, Table, type TableHandle, type TableOptions } from './table.js'
import { EMPTY, endOf, FOREVER, MOST_POINTS, packWindow, pointsOf } from './words.js'

/** The options of `Limits`. */
export interface LimitsOptions extends TableOptions {}

/** The way to limits for another thread. Structured-cloneable. */
export interface LimitsHandle {
  readonly kind: 'Limits'
  readonly table: TableHandle
}

/** What a key has counted. */
export interface Counted {
  readonly points: number
  /** Milliseconds until the window ends; Infinity if it has no end. */
  readonly endsIn: number
  /** Whether this call began the window, or moved its end. */
  readonly first: boolean
}

/** Says, by the points after an addition, when the window shall end instead: milliseconds from now; undefined leaves it. */
export type Extend = (points: number) => number | undefined

const WINDOWS: Kind = {
  isOver: (word, now) => endOf(word) <= now,
  used: word => pointsOf(word),
}

/**
 * The points of any number of keys, each in a window that begins with its first point, for all threads together. Every operation on a key is one
 * compare-and-swap: exact whatever the other threads do, and whenever a thread dies. The clock is monotonic: setting the wall clock moves no window.
 *
 * Points are whole numbers up to 8,388,607; a window counts no more than that. Cost: expected O(1), no lock is held across two keys.
 */
export class Limits {
  readonly #table: Table

  /** `OptionError` for an option that is unknown or out of range. */
  constructor(options: LimitsOptions = {}) {
    if (options instanceof Table) this.#table = options
    else {
      refuseUnknown('new Limits()', options, TABLE_OPTIONS)
      this.#table = new Table(WINDOWS, options)
    }
  }

  /** The limits of a handle that another thread sent. `AttachError` for another value. */
  static attach(handle: LimitsHandle): Limits {
    checkHandle('Limits', handle)
    return new Limits(new Table(WINDOWS, handle.table) as never)
  }

  /** @internal Limits by another clock. */
  static on(clock: () => number, options: LimitsOptions = {}): Limits {
    return new Limits(new Table(WINDOWS, options, clock) as never)
  }

  /** Send the handle to another thread, which calls `Limits.attach` with it. */
  get handle(): LimitsHandle {
    return { kind: 'Limits', table: this.#table.handle }
  }

  /** How many keys there are, with those whose windows are over and which were not removed yet. O(shards). */
  get size(): number {
    return this.#table.size
  }

  /**
   * Adds `points` (below 0: takes some back) and returns what the key has then. A key without a window gets one of `window` milliseconds; Infinity: without
   * end. `LimitsFullError` for a new key where the table is full and `whenFull` is 'refuse'.
   */
  add(key: string, points: number, window: number, extend?: Extend): Counted {
    if (!Number.isInteger(points) || points > MOST_POINTS || points < -MOST_POINTS) {
      throw new OptionError(`points must be a whole number up to ${MOST_POINTS}, and are ${String(points)}`)
    }
    if (!(window >= 0)) throw new OptionError(`a window has milliseconds from 0, and is ${String(window)}`)
    const table = this.#table
    while (true) {
      const now = this.#now()
      const seen = table.word(key)
      let end = endOf(seen)
      const first = end <= now
      const sum = first ? points : pointsOf(seen) + points
      if (first) end = now + window
      const instead = extend?.(sum)
      if (instead !== undefined) end = now + instead
      const next = packWindow(end, sum)
      if (next === seen || table.replace(key, seen, next)) return counted(next, now, first || instead !== undefined)
    }
  }

  /** What a key has counted; undefined without a window. Changes nothing. */
  get(key: string): Counted | undefined {
    const now = this.#now()
    const word = this.#table.word(key)
    return endOf(word) <= now ? undefined : counted(word, now, false)
  }

  /** Begins a new window of `window` milliseconds with `points`. */
  set(key: string, points: number, window: number): Counted {
    const table = this.#table
    while (true) {
      const now = this.#now()
      const seen = table.word(key)
      const next = packWindow(now + window, points)
      if (next === seen || table.replace(key, seen, next)) return counted(next, now, true)
    }
  }

  /** Takes up to `points` back from the window that a key has, down to 0. */
  takeBack(key: string, points: number): void {
    const table = this.#table
    while (true) {
      const seen = table.word(key)
      if (endOf(seen) <= this.#now() || pointsOf(seen) <= 0) return
      if (table.replace(key, seen, packWindow(endOf(seen), Math.max(0, pointsOf(seen) - points)))) return
    }
  }

  /** Forgets a key. Returns whether it had a window. */
  delete(key: string): boolean {
    const had = this.get(key) !== undefined
    return this.#table.delete(key) && had
  }

  /** Forgets all keys that begin with `prefix`; all keys without it. O(keys). */
  clear(prefix = ''): void {
    this.#table.clear(prefix)
  }

  /** Gives up this thread's place. The other threads go on. */
  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]()
  }

  /** Whole milliseconds, as those of `Date.now()`, in which the packages reckon. */
  #now(): number {
    return Math.floor(this.#table.now())
  }
}

function counted(word: number, now: number, first: boolean): Counted {
  if (word === EMPTY) return { points: 0, endsIn: 0, first }
  const end = endOf(word)
  return { points: pointsOf(word), endsIn: end === FOREVER ? Number.POSITIVE_INFINITY : Math.max(0, end - now), first }
}
