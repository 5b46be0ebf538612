import { checkTimeout, DEFAULT_TIMEOUT, type LockHandle, type OwnerDied, Place } from './lock-memory.js'

/** What code that only locks and unlocks needs. Go calls it Locker. */
export interface Locker {
  lock(timeout?: number): OwnerDied | undefined
  unlock(): void
}

/**
 * A lock that one thread at a time holds. It stands in shared memory: send its `handle` to other threads. A thread that
 * ends while it holds the lock does not stop the others: the next one gets it, and is told.
 *
 * Cost: about 15 ns to lock and unlock when nobody else wants it. A waiting thread spins briefly, then sleeps; the main
 * thread of a page, which may not sleep, spins.
 */
export class Mutex implements Locker {
  readonly #place: Place

  constructor()
  /** @internal */
  constructor(place?: Place)
  constructor(place: Place = Place.create('Mutex')) {
    this.#place = place
  }

  /** The mutex of a handle that another thread sent. `AttachError` if it is none. */
  static attach(handle: LockHandle<'Mutex'>): Mutex {
    return new Mutex(Place.attach('Mutex', handle))
  }

  /**
   * Takes the lock; waits at most `timeout` milliseconds (default 5000), then throws `LockTimeoutError` that names the
   * owner. Returns undefined, or who died while holding it. `LockUsageError` if this thread holds it already.
   */
  lock(timeout = DEFAULT_TIMEOUT): OwnerDied | undefined {
    return this.#place.result(this.#place.session.kernel.lockMutex(this.#place.address, checkTimeout(timeout)), timeout)
  }

  /** Takes the lock if it is free (or its owner is dead) and returns whether. Never waits. */
  tryLock(): boolean {
    if (this.#place.session.kernel.tryLockMutex(this.#place.address) === 0) return false
    return true
  }

  /** Gives the lock up. `LockUsageError` if this thread does not hold it. */
  unlock(): void {
    this.#place.result(this.#place.session.kernel.unlockMutex(this.#place.address), 0)
  }

  /** Runs `action` with the lock held, and gives it up whatever happens. */
  withLock<T>(action: () => T): T {
    this.lock()
    try {
      return action()
    } finally {
      this.unlock()
    }
  }

  get handle(): LockHandle<'Mutex'> {
    return this.#place.handle as LockHandle<'Mutex'>
  }

  /** Frees the lock's memory: for its creator, when nobody uses it any more. */
  [Symbol.dispose](): void {
    this.#place.free()
  }
}
