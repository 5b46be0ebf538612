/** One clock for all threads, in milliseconds, which only goes forward: changes of the wall clock do not move it. */
import { platform } from '#platform'

/**
 * A clock that may lag behind is read again after so many uses, at the latest: a thread that runs without end gets no timer, and its time would
 * stand still.
 */
const MOST_USES = 64

export class Clock {
  #read = 0
  /** How often the time that was read may be used still. */
  #uses = 0
  #isTimed = false
  /** How old the time may be that `now` returns, in milliseconds; 0: exact. */
  resolution = 0

  now(): number {
    if (this.resolution === 0) return platform.clock()
    return this.#uses-- > 0 ? this.#read : this.#readAgain()
  }

  #readAgain(): number {
    this.#read = platform.clock()
    this.#uses = MOST_USES - 1
    if (!this.#isTimed) {
      this.#isTimed = true
      platform.unref(
        setTimeout(() => {
          this.#uses = 0
          this.#isTimed = false
        }, this.resolution),
      )
    }
    return this.#read
  }
}
