/**
 * A thread's private read cache. For each key it has the token of an earlier read, and for values that are not plain words the form of
 * the value that the codec keeps (`Cached` in codec/codec.ts: no reader can change the value of the next one). Each read checks
 * the entry in shared memory, so a read with the cache is as linearizable as a read without it.
 *
 * The tokens are in one array, not in an object per key, so that a read touches few cache lines.
 */

import { platform } from '#platform'
import { CacheWorth } from './cache-worth.js'

/** Words per key: the entry, its generation, shard, version, and the two halves of the value word. */
export const GENERATION = 1
export const SHARD = 2
export const VERSION = 3
export const LOW = 4
export const HIGH = 5
export const WORDS = 6

const FIRST_SIZE = 64

const PRIMITIVES = ['string', 'f64', 'i64', 'u32', 'bool']
/**
 * How long a read that uses the cache may take, in reads that pass it by, so that it stays in use. Words are decoded by nobody: there the
 * cache has to save something. Where values are decoded it is used unless it costs more.
 */
const MOST_OF_WORDS = 0.97
const MOST_OF_OTHERS = 1.02

/** Whether all values of a codec are primitives, so that nobody can tell one that was kept from one that was read anew. */
export function isPrimitive({ name }: { readonly name: string }): boolean {
  return PRIMITIVES.includes(name)
}

/** Keeps at most `limit` keys. The oldest key makes room for a new one. */
export class ReadCache {
  readonly worth: CacheWorth
  /** Reads that use this cache until it is judged (AttentiveCore.judgeCache). */
  countdown: number
  readonly #limit: number
  readonly #places = new Map<unknown, number>()
  /** The key of each place, so that it is removed when another key takes the place. */
  #keys: unknown[] = []
  #next = 0
  words = new Int32Array(FIRST_SIZE * WORDS)
  values: unknown[] = []

  /** `isWord`: a value is 64 bits, which nobody decodes. */
  constructor(limit: number, isPrimitive: boolean, isWord: boolean) {
    this.#limit = limit
    // Browsers round their clock, to more than a block of reads takes.
    const isJudged = isPrimitive && platform.name !== 'browser'
    this.worth = new CacheWorth(limit, isJudged, isWord ? MOST_OF_WORDS : MOST_OF_OTHERS)
    this.countdown = this.worth.first
  }

  /** The place of a key: its index in `values`; times WORDS, its index in `words`. */
  find(key: unknown): number | undefined {
    return this.#places.get(key)
  }

  /** A place for a key: its own, a new one, or that of the oldest key. */
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
