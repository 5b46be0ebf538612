/**
 * The shared table of limits: a word for each key (`words.ts`). A check is one compare-and-swap of the key's word, so it is one step for all threads: a thread
 * that dies has counted or has not, and holds nothing. Words that lost the race are computed anew from what won.
 *
 * Memory is bounded by `max`. Each new key looks at some old ones and removes those that are over, so no timer is needed.
 */
import { FastMap, f64, MapFullError, type MapHandle, OptionError, string } from 'threadmap'
import { sharedNow } from '../clock.js'
import { LimitsFullError } from './errors.js'
import { EMPTY } from './words.js'

/** What becomes of a new key when there are `max` limits that are not over. */
export type WhenFull = 'forget' | 'refuse'

/** The options of every kind of limits. */
export interface TableOptions {
  /** The most keys that are remembered at once (a thread more or less). Default 100,000, which take 6 MB where keys are IP addresses. */
  max?: number
  /**
   * What happens to a new key when `max` keys have limits that are not over. Default `'forget'`: of 32 limits the one that has counted least is forgotten, so that
   * many new keys push out each other and not the limits that are reached. `'refuse'`: `LimitsFullError`; then the package that asks decides.
   */
  whenFull?: WhenFull
}

export const TABLE_OPTIONS = ['max', 'whenFull']

/** What the table has to know about words. */
export interface Kind {
  /** Whether there is nothing left to remember. */
  isOver(word: number, now: number): boolean
  /** What a limit has counted: those with less are forgotten first. */
  used(word: number, now: number): number
}

/** The way to a table for another thread. Structured-cloneable. */
export interface TableHandle {
  readonly map: MapHandle<string, number>
  readonly started: number
  readonly max: number
  readonly whenFull: WhenFull
}

const DEFAULT_MAX = 100_000
const MOST_KEYS = 2 ** 24
/** A new key looks at so many old ones, as long as a round through the table is under way. */
const LOOKS = 4
/** Between two rounds come new keys for this share of those that the last round left: so limits that are over never outnumber the others by much. */
const REST = 0.5
/** When the table is full, a new key looks at so many. */
const LOOKS_WHEN_FULL = 32
/** Room for keys of some 100 bytes beside the words. */
const BYTES_PER_KEY = 512
const LEAST_BYTES = 16 * 1024 ** 2
const MOST_BYTES = 4 * 1024 ** 3
/** The entries of 32 limits make room for one with a long key, or the key is refused. */
const MOST_FORGOTTEN = 32

export class Table {
  readonly max: number
  readonly whenFull: WhenFull
  readonly #map: FastMap<string, number>
  readonly #kind: Kind
  readonly #started: number
  readonly #clock: () => number
  #round: Iterator<[string, number]> | undefined
  /** How many keys the round has left so far. */
  #left = 0
  /** How many new keys come before the next round begins. */
  #rest = 0

  /** `clock`: milliseconds that all threads read alike. */
  constructor(kind: Kind, from: TableOptions | TableHandle, clock: () => number = sharedNow) {
    this.#kind = kind
    this.#clock = clock
    if ('map' in from) {
      this.#map = FastMap.attach(from.map)
      this.#started = from.started
    } else {
      checkTableOptions(from)
      this.#map = new FastMap({ key: string, value: f64, maxBytes: bytesFor(from.max ?? DEFAULT_MAX) })
      this.#started = clock()
    }
    this.max = from.max ?? DEFAULT_MAX
    this.whenFull = from.whenFull ?? 'forget'
  }

  get handle(): TableHandle {
    return { map: this.#map.handle, started: this.#started, max: this.max, whenFull: this.whenFull }
  }

  /** How many keys there are, with those whose limits are over and which were not removed yet. */
  get size(): number {
    return this.#map.size
  }

  /** Milliseconds since the table was made. */
  now(): number {
    return Math.max(0, this.#clock() - this.#started)
  }

  /** The word of a key; `EMPTY` if there is none. */
  word(key: string): number {
    return this.#map.get(key) ?? EMPTY
  }

  /** Replaces the word `seen` if it is still there. A word that is not there counts as `EMPTY`. */
  replace(key: string, seen: number, next: number): boolean {
    // A key that is new gets an empty word first: the swap that follows is the one that counts.
    if (seen === EMPTY) this.#insert(key)
    return this.#map.compareAndSwap(key, seen, next)
  }

  delete(key: string): boolean {
    return this.#map.delete(key)
  }

  clear(prefix: string): void {
    if (prefix === '') this.#map.clear()
    else for (const key of this.#map.keys()) if (key.startsWith(prefix)) this.#map.delete(key)
  }

  [Symbol.dispose](): void {
    this.#map[Symbol.dispose]()
  }

  #insert(key: string): void {
    if (this.#rest > 0) this.#rest--
    else this.#sweep(LOOKS)
    if (this.#map.size >= this.max) this.#makeRoom()
    for (let tries = MOST_FORGOTTEN; ; tries--) {
      try {
        this.#map.getOrInsert(key, EMPTY)
        return
      } catch (error) {
        if (!(error instanceof MapFullError)) throw error
        if (tries === 0) throw new LimitsFullError(this.max)
        this.#makeRoom()
      }
    }
  }

  /** Removes at least one key, or throws. */
  #makeRoom(): void {
    while (true) {
      const { removed, least, word } = this.#sweep(LOOKS_WHEN_FULL)
      if (removed > 0 || least === undefined) return
      if (this.whenFull === 'refuse') throw new LimitsFullError(this.max)
      if (this.#map.compareAndDelete(least, word)) return
    }
  }

  /** Goes on looking at old keys where this thread was, removes those that are over, and returns the one that has counted least. */
  #sweep(looks: number): { removed: number; least: string | undefined; word: number } {
    const now = this.now()
    let removed = 0
    let least: string | undefined
    let word = EMPTY
    let fewest = Number.POSITIVE_INFINITY
    for (let i = 0; i < looks; i++) {
      this.#round ??= this.#map.entries()
      const { value: entry } = this.#round.next()
      if (entry === undefined) {
        this.#round = undefined
        this.#rest = Math.floor(this.#left * REST)
        this.#left = 0
        continue
      }
      const [key, seen] = entry as [string, number]
      if (this.#kind.isOver(seen, now)) {
        if (this.#map.compareAndDelete(key, seen)) removed++
        continue
      }
      this.#left++
      const used = this.#kind.used(seen, now)
      if (used >= fewest) continue
      fewest = used
      least = key
      word = seen
    }
    return { removed, least, word }
  }
}

function checkTableOptions({ max, whenFull }: TableOptions): void {
  if (max !== undefined && !(Number.isInteger(max) && max >= 1 && max <= MOST_KEYS)) {
    throw new OptionError(`max must be a whole number from 1 to ${MOST_KEYS}, and is ${String(max)}`)
  }
  if (whenFull !== undefined && whenFull !== 'forget' && whenFull !== 'refuse') {
    throw new OptionError(`whenFull must be 'forget' or 'refuse', and is ${String(whenFull)}`)
  }
}

function bytesFor(max: number): number {
  return Math.min(Math.max(max * BYTES_PER_KEY, LEAST_BYTES), MOST_BYTES)
}
