import { randomInt } from 'node:crypto'

/** One seed for the whole process: `THREADMAP_SEED=n` repeats a run. Every failure of a test with random numbers quotes it. */
export const SEED =
  process.env.THREADMAP_SEED === undefined ? randomInt(2 ** 32) : Number(process.env.THREADMAP_SEED) >>> 0

/**
 * Seeded randomness (Marsaglia's xorshift128, seeded through splitmix32). A seed repeats what each thread does, not when the
 * operating system lets it run: a failure becomes likelier again, not certain.
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

  /** Random numbers of a test, by its name: a test that is run alone repeats what it did among the others. */
  static of(label: string, seed = SEED): Random {
    let hash = seed
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    return new Random(hash)
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

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return this.next() % limit
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.next() % n === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  bytes(length: number): Uint8Array {
    const made = new Uint8Array(length)
    for (let i = 0; i < length; i++) made[i] = this.next()
    return made
  }

  /** `items` in a random order (a new array). */
  shuffle<T>(items: readonly T[]): T[] {
    const made = [...items]
    for (let i = made.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const item = made[i] as T
      made[i] = made[j] as T
      made[j] = item
    }
    return made
  }
}

/** A 32-bit mix of a number: the same input gives the same output in every thread. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Runs `body`; its failure says where it happened and with which seed. */
export async function naming(place: string, body: () => void | Promise<void>): Promise<void> {
  try {
    await body()
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    throw new Error(`[${place}, THREADMAP_SEED=${SEED}] ${message}`, { cause: error })
  }
}
