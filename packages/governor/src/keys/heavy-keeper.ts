/**
 * Finds the most frequent keys of a stream in little memory: counts that decay when other keys fall into the same bucket, so that frequent keys
 * stay and rare ones are worn away, and a list of the k keys with the largest counts.
 *
 * Source: HeavyKeeper (Gong and others, USENIX ATC 2018), with 2 rows. Counts are floats here, because `decay` multiplies them all: what has gone
 * cold is forgotten with a half-life.
 */
export interface Frequent {
  readonly key: string
  readonly hash: number
  readonly shard: number
  /** Samples, with decay. An estimate from below, for the most part. */
  count: number
}

const ROWS = 2
const WIDTH = 1024
/** The paper's base: a count of 30 is worn away with a chance of 10%, one of 100 with 0.05%. */
const BASE = 1.08
/** Chances for counts from here on are too small to matter. */
const CHANCES = 256
/** A count below this is none. */
const LEAST = 0.5

const chances = Float64Array.from({ length: CHANCES }, (_, count) => BASE ** -count)

export class HeavyKeeper {
  readonly #prints = new Uint32Array(ROWS * WIDTH)
  readonly #counts = new Float32Array(ROWS * WIDTH)
  readonly #size: number
  readonly #top = new Map<string, Frequent>()
  /** The smallest count of the list, once the list is full. */
  #least = 0
  #random: number
  #samples = 0

  /** `size`: how many keys the list has. `seed`: of the chances, for tests. */
  constructor(size: number, seed = 1 + Math.floor(Math.random() * 0x7ffffffe)) {
    this.#size = size
    this.#random = seed
  }

  /** Samples so far, with decay. */
  get samples(): number {
    return this.#samples
  }

  /** Counts one sample of a key with this hash and shard. O(1), but O(size) where the list changes. */
  add(key: string, hash: number, shard: number): void {
    this.#samples++
    const count = this.#count(hash)
    const listed = this.#top.get(key)
    if (listed !== undefined) {
      const wasLeast = listed.count <= this.#least
      // The estimate may lie below: another key has taken the buckets. Then what the list knows is better.
      listed.count = Math.max(listed.count + 1, count)
      if (wasLeast) this.#findLeast()
    } else if (this.#top.size < this.#size) {
      this.#top.set(key, { key, hash, shard, count })
      this.#findLeast()
    } else if (count > this.#least) this.#replaceLeast({ key, hash, shard, count })
  }

  /** The most frequent keys, the most frequent first. */
  top(): readonly Frequent[] {
    return [...this.#top.values()].sort((a, b) => b.count - a.count)
  }

  /** Multiplies all counts. */
  scale(factor: number): void {
    const counts = this.#counts
    for (let i = 0; i < counts.length; i++) counts[i] = counts[i] * factor < LEAST ? 0 : counts[i] * factor
    for (const [key, frequent] of this.#top) {
      frequent.count *= factor
      if (frequent.count < LEAST) this.#top.delete(key)
    }
    this.#samples *= factor
    this.#findLeast()
  }

  /** Counts in both rows, and returns the larger count. */
  #count(hash: number): number {
    const prints = this.#prints
    const counts = this.#counts
    let largest = 0
    for (let row = 0; row < ROWS; row++) {
      // The rows take different bits of the hash.
      const at = row * WIDTH + ((row === 0 ? hash : hash >>> 12) & (WIDTH - 1))
      const count = counts[at]
      if (count < LEAST) {
        prints[at] = hash
        counts[at] = 1
      } else if (prints[at] === hash) counts[at] = count + 1
      else if (this.#chance() < chances[Math.min(CHANCES - 1, Math.floor(count))]) {
        if (count > 1) counts[at] = count - 1
        else {
          prints[at] = hash
          counts[at] = 1
        }
      }
      if (prints[at] === hash && counts[at] > largest) largest = counts[at]
    }
    return largest
  }

  #replaceLeast(frequent: Frequent): void {
    for (const [key, { count }] of this.#top) {
      if (count > this.#least) continue
      this.#top.delete(key)
      break
    }
    this.#top.set(frequent.key, frequent)
    this.#findLeast()
  }

  #findLeast(): void {
    this.#least = 0
    if (this.#top.size < this.#size) return
    this.#least = Number.POSITIVE_INFINITY
    for (const { count } of this.#top.values()) if (count < this.#least) this.#least = count
  }

  /** Marsaglia's xorshift: 2 ns. */
  #chance(): number {
    let x = this.#random
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#random = x
    return (x >>> 0) / 2 ** 32
  }
}
