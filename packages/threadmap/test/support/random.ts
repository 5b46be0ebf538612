import { randomInt } from 'node:crypto'

/** One seed for the whole process: `THREADMAP_SEED=n` repeats a run. It stands in every failure (see `naming`). */
export const seed =
  process.env.THREADMAP_SEED === undefined ? randomInt(2 ** 32) : Number(process.env.THREADMAP_SEED) >>> 0

/**
 * A small seeded generator (mulberry32). `label` gives each test its own sequence, so that a test run alone repeats
 * what it did among the others.
 */
export class Random {
  #state: number

  constructor(label = '', from = seed) {
    let state = from
    for (let i = 0; i < label.length; i++) state = Math.imul(state ^ label.charCodeAt(i), 0x01000193)
    this.#state = state >>> 0
  }

  /** The next 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let bits = this.#state
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return (bits ^ (bits >>> 14)) >>> 0
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit
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

/** Runs `body`; its failure says where it happened and with which seed. */
export async function naming(place: string, body: () => void | Promise<void>): Promise<void> {
  try {
    await body()
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    throw new Error(`[${place}, THREADMAP_SEED=${seed}] ${message}`, { cause: error })
  }
}
