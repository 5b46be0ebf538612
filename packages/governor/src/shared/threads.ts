/**
 * The places of threads. A place has a row of operations in flight, which only its thread writes, and the keys that the thread publishes. When a
 * thread dies, whoever hears of it first makes the place free: each step of that can be taken twice, and a thread that dies in the middle leaves
 * the place to the next one.
 */
import { ThreadLimitError } from 'threadmap'
import { Published } from '../keys/published.js'
import { MAPS, type SharedMemory, THREADS } from './layout.js'

export class Threads {
  readonly #memory: SharedMemory

  constructor(memory: SharedMemory) {
    this.#memory = memory
  }

  /** Takes a place for a thread (its number plus one). Returns the index of the place. */
  enter(thread: number): number {
    const { words, layout } = this.#memory
    for (let slot = 0; slot < THREADS; slot++) {
      if (Atomics.compareExchange(words, layout.slots + slot, 0, thread) === 0) return slot
    }
    throw new ThreadLimitError(
      `all ${THREADS} places for threads are taken in this governor; dispose() it in threads that no longer use it`,
    )
  }

  /** This place's operations in flight, by shard. */
  inFlight(slot: number): Int32Array {
    const { buffer, layout } = this.#memory
    return new Int32Array(buffer, (layout.inFlight + slot * rowOf(layout.shards)) * 4, layout.shards)
  }

  /** How many operations of a shard are under way in all threads. `taken`: their places. */
  inFlightOf(shard: number, taken: readonly number[] = this.taken()): number {
    const { words, layout } = this.#memory
    return taken.reduce((sum, slot) => sum + words[layout.inFlight + slot * rowOf(layout.shards) + shard], 0)
  }

  /** The places that are taken. */
  taken(): number[] {
    const { words, layout } = this.#memory
    const slots: number[] = []
    for (let slot = 0; slot < THREADS; slot++) if (Atomics.load(words, layout.slots + slot) > 0) slots.push(slot)
    return slots
  }

  /** How many threads have a place. */
  get count(): number {
    const { words, layout } = this.#memory
    return new Set(this.taken().map(slot => words[layout.slots + slot])).size
  }

  /** Makes a place free whose thread has ended or gives it up. `thread` is the number plus one of the thread that had it. */
  leave(slot: number, thread: number, self: number): void {
    const { words, layout } = this.#memory
    const at = layout.slots + slot
    // The place is marked with the thread that clears it: if that one dies meanwhile, the next one clears it again.
    if (Atomics.compareExchange(words, at, thread, -self) !== thread) return
    this.#clear(slot)
    Atomics.compareExchange(words, at, -self, 0)
  }

  /** Makes every place free that a dead thread had, or was just clearing. Returns those places. */
  bury(dead: number, self: number): number[] {
    const { words, layout } = this.#memory
    const slots: number[] = []
    for (let slot = 0; slot < THREADS; slot++) {
      const at = layout.slots + slot
      const seen = Atomics.load(words, at)
      if (seen !== dead && seen !== -dead) continue
      if (Atomics.compareExchange(words, at, seen, -self) !== seen) continue
      slots.push(slot)
      this.#clear(slot)
      Atomics.compareExchange(words, at, -self, 0)
    }
    return slots
  }

  #clear(slot: number): void {
    const { words, layout } = this.#memory
    const row = layout.inFlight + slot * rowOf(layout.shards)
    words.fill(0, row, row + layout.shards)
    for (let area = 0; area <= MAPS; area++) new Published(this.#memory, area).clear(slot)
  }
}

/** Rows begin at multiples of 128 bytes. */
function rowOf(shards: number): number {
  return Math.ceil(shards / 32) * 32
}
