/**
 * One clock for all threads, in milliseconds, which only goes forward: changes of the wall clock do not move it. Each thread reads its own
 * `performance.now()`, whose zero is the thread's start, and adds how far that is from a zero which all threads of the process share.
 */
import { platform } from '#platform'

let known: number | undefined

/** The offset of this thread, which is read when a deadline is first needed. */
function offset(): number {
  known ??= platform.clockOffset()
  return known
}

export class Clock {
  #read = 0
  #isRead = false
  /** How old the time may be that `now` returns, in milliseconds; 0: exact. */
  resolution = 0

  now(): number {
    if (this.resolution === 0) return performance.now() + offset()
    if (!this.#isRead) {
      this.#read = performance.now() + offset()
      this.#isRead = true
      // A thread that runs without end gets no timer, and the time would stand still: so the next turn reads it again at the latest.
      platform.unref(setTimeout(() => (this.#isRead = false), this.resolution))
    }
    return this.#read
  }
}
