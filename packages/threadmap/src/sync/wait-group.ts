import { platform } from '#platform'
import * as L from '../bridge/layout.generated.js'
import { LockTimeoutError, LockUsageError, OptionError } from '../errors/classes.js'
import { refuseCloning } from '../errors/cloning.js'
import { checkTimeout, DEFAULT_TIMEOUT, type LockHandle, Place } from './lock-memory.js'

/** The largest count that the word can hold. */
const MOST_TASKS = 2 ** 31 - 1
/** After this time at the latest `wait` notices that the group was disposed. */
const SLICE_MS = 100

/**
 * Waits for a number of tasks in other threads. Call `add(n)` before the tasks start, `done()` at the end of each, and `wait()` to wait
 * for all. A group has no owner, so it cannot know of a task that died: `wait` gives up after its time-out.
 *
 * Source: Go's sync.WaitGroup.
 */
export class WaitGroup {
  readonly #place: Place

  constructor()
  /** @internal */
  constructor(place?: Place)
  constructor(place: Place = Place.create('WaitGroup')) {
    this.#place = place
    refuseCloning(this, 'WaitGroup')
  }

  /** The group of a handle that another thread sent. `AttachError` if the handle is not that of a WaitGroup. */
  static attach(handle: LockHandle<'WaitGroup'>): WaitGroup {
    return new WaitGroup(Place.attach('WaitGroup', handle))
  }

  /** How many tasks are not done. */
  get count(): number {
    this.#place.check()
    return Atomics.load(this.#words, this.#index)
  }

  /**
   * Adds `tasks`, which may be negative, to the count. `LockUsageError` if the count would be below 0 or above 2^31 - 1; then the
   * count is not changed.
   */
  add(tasks: number): void {
    if (!Number.isInteger(tasks) || Math.abs(tasks) > 2 ** 30) {
      throw new OptionError(`add() takes a whole number of tasks up to 2^30, and got ${String(tasks)}`)
    }
    this.#place.check()
    const words = this.#words
    let seen = Atomics.load(words, this.#index)
    while (true) {
      const next = seen + tasks
      if (next < 0)
        throw new LockUsageError(`a WaitGroup of ${seen} tasks cannot lose ${-tasks}: done() was called too often`)
      if (next > MOST_TASKS)
        throw new LockUsageError(
          `a WaitGroup of ${seen} tasks cannot have ${tasks} more: it counts up to ${MOST_TASKS}`,
        )
      const was = Atomics.compareExchange(words, this.#index, seen, next)
      if (was === seen) {
        if (next === 0) Atomics.notify(words, this.#index)
        return
      }
      seen = was
    }
  }

  /** One task is done. */
  done(): void {
    this.add(-1)
  }

  /** Waits until no task is left, at most `timeout` milliseconds (default 5000), then throws `LockTimeoutError`. */
  wait(timeout = DEFAULT_TIMEOUT): void {
    const words = this.#words
    const deadline = performance.now() + checkTimeout(timeout)
    const sleeps = platform.maySleep()
    while (true) {
      this.#place.check()
      const count = Atomics.load(words, this.#index)
      if (count === 0) return
      const left = deadline - performance.now()
      if (left <= 0)
        throw new LockTimeoutError(`${count} tasks of a WaitGroup were not done within ${timeout} ms`, 0, -1)
      if (sleeps) Atomics.wait(words, this.#index, count, Math.min(left, SLICE_MS))
    }
  }

  /** Send the handle to another thread, which calls `WaitGroup.attach` with it. `DisposedError` after the group's disposal. */
  get handle(): LockHandle<'WaitGroup'> {
    return this.#place.handle as LockHandle<'WaitGroup'>
  }

  /** Frees the group's memory, for all threads. Call it once, in the thread that created the group. Waiting threads get `DisposedError`. */
  [Symbol.dispose](): void {
    this.#place.free()
  }

  get #words(): Int32Array {
    return this.#place.session.scratch.i32
  }

  get #index(): number {
    return (this.#place.address + L.K_COUNTER) >>> 2
  }
}
