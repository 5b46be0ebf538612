/** Keys by Zipf's law: rank r has a share of 1 / r^theta. */
export class Zipf {
  readonly shares: Float64Array
  readonly #sums: Float64Array
  readonly #random: () => number

  constructor(keys: number, theta: number, seed: number) {
    const weights = Float64Array.from({ length: keys }, (_, rank) => (rank + 1) ** -theta)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    this.shares = weights.map(weight => weight / total)
    let sum = 0
    this.#sums = this.shares.map(share => (sum += share))
    this.#random = generator(seed)
  }

  /** The rank of the next key, from 0. */
  next(): number {
    const wanted = this.#random()
    let low = 0
    let high = this.#sums.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sums[middle] < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Random numbers from 0 to 1, by Mulberry32. */
export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
