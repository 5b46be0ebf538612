/**
 * Seeded randomness (Marsaglia's xorshift128, seeded through splitmix32): a run is repeated by its seed. What the
 * operating system does with the threads is not repeated, so a seed makes a failure likelier again, not certain.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    let state = seed | 0
    const split = () => {
      state = (state + 0x9e3779b9) | 0
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      return mixed ^ (mixed >>> 15)
    }
    this.#a = split()
    this.#b = split()
    this.#c = split()
    this.#d = split() | 1
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const t = this.#a ^ (this.#a << 11)
    this.#a = this.#b
    this.#b = this.#c
    this.#c = this.#d
    this.#d = this.#d ^ (this.#d >>> 19) ^ t ^ (t >>> 8)
    return this.#d >>> 0
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return this.next() % limit
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.next() % n === 0
  }
}

/** A 32-bit mix of a number: the same input gives the same output in every thread. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
