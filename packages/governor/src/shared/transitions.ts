/**
 * The last transitions of levels, which outlive the threads that made them. A thread reserves an entry by one add, writes it, and publishes it by
 * its number; if the thread dies in between, readers skip the entry.
 */
import type { Reason } from '../policy/decide.js'
import type { Level } from '../snapshot.js'
import { H_TRANSITIONS, type SharedMemory, TRANSITION_WORDS, TRANSITIONS } from './layout.js'

/** The number of the oldest transition that can be kept, where there were `count`. */
export function oldestOf(count: number): number {
  return Math.max(0, count - TRANSITIONS)
}

/** A transition as it is kept. `at` is a time of the shared clock. */
export interface Kept {
  readonly at: number
  readonly shard: number
  readonly from: Level
  readonly to: Level
  readonly reason: Reason
  readonly p99: number
  readonly others: number
  readonly rate: number
  readonly errorShare: number
}

export class Transitions {
  readonly #memory: SharedMemory

  constructor(memory: SharedMemory) {
    this.#memory = memory
  }

  /** How many transitions there ever were. */
  get count(): number {
    return Atomics.load(this.#memory.words, H_TRANSITIONS)
  }

  add(kept: Kept): void {
    const { words, floats, layout } = this.#memory
    const number = Atomics.add(words, H_TRANSITIONS, 1)
    const at = layout.transitions + (number % TRANSITIONS) * TRANSITION_WORDS
    // Nobody may read the rest of the entry as that of an older transition.
    Atomics.store(words, at, 0)
    words[at + 1] = kept.shard
    words[at + 2] = kept.from | (kept.to << 2) | (kept.reason << 4)
    const float = at / 2 + 2
    floats[float] = kept.at
    floats[float + 1] = kept.p99
    floats[float + 2] = kept.others
    floats[float + 3] = kept.rate
    floats[float + 4] = kept.errorShare
    Atomics.store(words, at, number + 1)
  }

  /** The transitions from number `from` on that are still kept, the oldest first. */
  since(from: number): Kept[] {
    const count = this.count
    const found: Kept[] = []
    for (let number = Math.max(from, oldestOf(count)); number < count; number++) {
      const kept = this.read(number)
      if (kept !== undefined) found.push(kept)
    }
    return found
  }

  /** A transition by its number; undefined if it is no longer kept, or not written yet. */
  read(number: number): Kept | undefined {
    const { words, floats, layout } = this.#memory
    const at = layout.transitions + (number % TRANSITIONS) * TRANSITION_WORDS
    if (Atomics.load(words, at) !== number + 1) return undefined
    const word = words[at + 2]
    const float = at / 2 + 2
    const kept = {
      at: floats[float],
      shard: words[at + 1],
      from: (word & 3) as Level,
      to: ((word >>> 2) & 3) as Level,
      reason: (word >>> 4) as Reason,
      p99: floats[float + 1],
      others: floats[float + 2],
      rate: floats[float + 3],
      errorShare: floats[float + 4],
    }
    // Another thread may have begun to write the entry anew meanwhile.
    return Atomics.load(words, at) === number + 1 ? kept : undefined
  }
}
