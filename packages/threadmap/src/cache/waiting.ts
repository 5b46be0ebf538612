/**
 * Waits for loads of other threads without blocking this one. All that wait for one word wait together, in slices: a death, or a
 * thread that could not wake anybody, is noticed after a slice. A referenced timer keeps the event loop alive meanwhile: a pending
 * `Atomics.waitAsync` does not, and a program that awaits nothing else would end.
 */
import { waitForWord } from '../sync/word.js'

const FIRST_SLICE_MS = 10
const LAST_SLICE_MS = 100
/** Any time that is not short: the timer does nothing when it fires. */
const KEEP_ALIVE_MS = 60_000

interface Watched {
  readonly waiting: Set<() => void>
  readonly slice: number
}

/** What waits in this thread for words of one memory. */
export class WaitingRoom {
  readonly #words: () => Int32Array
  readonly #beforeLooking: () => void
  readonly #watched = new Map<number, Watched>()
  /** The length of slices that begin now. */
  #slice = FIRST_SLICE_MS
  #timer: unknown

  /** `beforeLooking` runs before those that wait look again, once for all of them. */
  constructor(words: () => Int32Array, beforeLooking: () => void) {
    this.#words = words
    this.#beforeLooking = beforeLooking
  }

  /** Calls `again` once: when the word has no longer the value `epoch`, or a slice is over. */
  wait(index: number, epoch: number, again: () => void): void {
    this.#timer ??= setInterval(() => {}, KEEP_ALIVE_MS)
    const known = this.#watched.get(index)
    if (known !== undefined) {
      known.waiting.add(again)
      // The others wait for an older value, and so does this one, until their slice is over. If the word has changed, they are about to wake.
      return
    }
    this.#watch(index, epoch, { waiting: new Set([again]), slice: this.#slice })
  }

  leave(index: number, again: () => void): void {
    this.#watched.get(index)?.waiting.delete(again)
    this.#rest()
  }

  #watch(index: number, epoch: number, watched: Watched): void {
    this.#watched.set(index, watched)
    const end = performance.now() + watched.slice
    const look = () => {
      const changed = Atomics.load(this.#words(), index) !== epoch
      const left = end - performance.now()
      // Without waitAsync this is called every few milliseconds. Looking takes the lock of a shard: not that often.
      if (!changed && left > 1) waitForWord(this.#words(), index, epoch, left, look)
      else this.#wake(index, watched, changed)
    }
    waitForWord(this.#words(), index, epoch, watched.slice, look)
  }

  #wake(index: number, watched: Watched, changed: boolean): void {
    this.#watched.delete(index)
    const waiting = [...watched.waiting]
    if (waiting.length > 0) this.#beforeLooking()
    // Those that go on waiting begin a longer slice, if nothing has happened.
    this.#slice = changed ? FIRST_SLICE_MS : Math.min(watched.slice * 2, LAST_SLICE_MS)
    for (const again of waiting) again()
    this.#slice = FIRST_SLICE_MS
    this.#rest()
  }

  #rest(): void {
    for (const { waiting } of this.#watched.values()) if (waiting.size > 0) return
    clearInterval(this.#timer as number)
    this.#timer = undefined
  }
}
