import { test } from 'node:test'
import { Random, SEED } from './random.js'

const SOAK_MINUTES = Number(process.env.THREADMAP_SOAK ?? 0)
/** How long all timed parts of the stress tests take together without THREADMAP_SOAK, in milliseconds (roughly). */
const TIMED_TOTAL = 25_000

/** Whether THREADMAP_SOAK asks for a long run. */
export const SOAKING = SOAK_MINUTES > 0

/** `milliseconds`, or its share of the THREADMAP_SOAK minutes. */
export function duration(milliseconds: number): number {
  return Math.round(milliseconds * Math.max(1, (SOAK_MINUTES * 60_000) / TIMED_TOTAL))
}

/** A test with its own random numbers; the seed is in the message of a failure. */
export function seeded(name: string, body: (random: Random) => Promise<void> | void): void {
  // The runner's own limit is a last resort: waits end after PATIENCE, and name the event.
  test(name, { timeout: 300_000 + duration(1000) * 20 }, async () => {
    try {
      await body(Random.of(name))
    } catch (error) {
      if (error instanceof Error) error.message = `${error.message}\n(repeat with THREADMAP_SEED=${SEED})`
      throw error
    }
  })
}
