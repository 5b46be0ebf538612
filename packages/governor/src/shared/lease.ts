/**
 * Who leads: one thread at a time looks at the shards and sets their levels. The leader renews a lease of 3 s. A leader that is blocked for longer
 * loses the lease to another thread, and finds that out when it runs again; until then two threads may believe that they lead. That is
 * harmless: each look has a number that only one thread gets, and levels change by compare-exchange.
 */
import { H_BEAT, H_LEADER, H_LOOK, type SharedMemory } from './layout.js'

export const LEASE_MS = 3000
/** Times are kept modulo this many milliseconds, as they must fit into a word. */
const WRAP = 2 ** 31

export class Lease {
  readonly #words: Int32Array
  readonly #own: number

  /** `slot`: the place of this thread. */
  constructor(memory: SharedMemory, slot: number) {
    this.#words = memory.words
    this.#own = slot + 1
  }

  /** Takes or renews the lease. Returns whether this thread leads. */
  hold(now: number): boolean {
    const words = this.#words
    const time = Math.floor(now) % WRAP
    const leader = Atomics.load(words, H_LEADER)
    if (leader === this.#own) {
      Atomics.store(words, H_BEAT, time)
      // Another thread may have taken the lease between the two accesses; its next renewal repairs the time.
      return Atomics.load(words, H_LEADER) === this.#own
    }
    if (leader !== 0 && (time - Atomics.load(words, H_BEAT) + WRAP) % WRAP <= LEASE_MS) return false
    if (Atomics.compareExchange(words, H_LEADER, leader, this.#own) !== leader) return false
    Atomics.store(words, H_BEAT, time)
    return true
  }

  /** Whether this thread leads. */
  get held(): boolean {
    return Atomics.load(this.#words, H_LEADER) === this.#own
  }

  /** Gives the lease up, so that another thread leads at its next turn. */
  leave(): void {
    Atomics.compareExchange(this.#words, H_LEADER, this.#own, 0)
  }

  /** Ends the lease of a dead thread that had one of these places. */
  bury(slots: readonly number[]): void {
    for (const slot of slots) Atomics.compareExchange(this.#words, H_LEADER, slot + 1, 0)
  }

  /** Whether this thread may take the look `number`; no other thread gets the same. */
  begin(number: number): boolean {
    const last = Atomics.load(this.#words, H_LOOK)
    return number > last && Atomics.compareExchange(this.#words, H_LOOK, last, number) === last
  }
}
