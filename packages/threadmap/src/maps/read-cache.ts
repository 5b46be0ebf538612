/**
 * A thread's private read cache: key -> where its entry stands, and for values that are not plain words what the codec keeps
 * of the value (`Cached` in codec/codec.ts: nobody who reads it can change what the next one gets). Each read checks the entry in shared memory, so it is as linearizable as a read without it.
 *
 * The words are kept in one array, not in an object per key: the fewer cache lines a read touches, the better.
 */

/** Words per key: the entry, its generation, shard, version, and the two halves of the value word. */
export const GENERATION = 1
export const SHARD = 2
export const VERSION = 3
export const LOW = 4
export const HIGH = 5
export const WORDS = 6

const FIRST_SIZE = 64

/** At most `limit` keys; the one that came first goes first. */
export class ReadCache {
  readonly #limit: number
  readonly #places = new Map<unknown, number>()
  /** The key of each place, so that it can be forgotten when another takes the place. */
  #keys: unknown[] = []
  #next = 0
  words = new Int32Array(FIRST_SIZE * WORDS)
  values: unknown[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The place of a key in `values`, and times WORDS in `words`. */
  find(key: unknown): number | undefined {
    return this.#places.get(key)
  }

  /** A place for a key: its own, a new one, or that of the oldest. */
  take(key: unknown): number {
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const place = this.#next
    this.#next = (this.#next + 1) % this.#limit
    if (place < this.#keys.length) this.#places.delete(this.#keys[place])
    else if ((place + 1) * WORDS > this.words.length) this.#grow()
    this.#keys[place] = key
    this.#places.set(key, place)
    return place
  }

  #grow(): void {
    const words = new Int32Array(this.words.length * 2)
    words.set(this.words)
    this.words = words
  }

  clear(): void {
    this.#places.clear()
    this.#keys = []
    this.values = []
    this.#next = 0
  }
}
