import { refuseCloning } from '../errors/cloning.js'
import type { LockGuard } from './guard.js'
import { type LockHandle, type OwnerDied, Place } from './lock-memory.js'
import type { LockAsyncOptions } from './request.js'
import { endRequests } from './requests.js'
import { type Locked, MutexSide } from './side.js'

/** A lock for code that only locks and unlocks. Go calls it Locker. */
export interface Locker {
  /** Takes the lock, or a share of it. See `Mutex.lock`. */
  lock(timeout?: number): OwnerDied | undefined
  /** Gives up what `lock` took. See `Mutex.unlock`. */
  unlock(): void
}

/** A `Locker` that also runs functions with the lock held, and that code can wait for without blocking its thread. */
export interface AsyncLocker extends Locker {
  /** Runs `action` with the lock held, and gives it up whatever happens. See `Mutex.withLock`. */
  withLock<T>(action: Locked<T>): T
  /** See `Mutex.lockAsync`. */
  lockAsync(options?: LockAsyncOptions): Promise<LockGuard>
  /** See `Mutex.withLockAsync`. */
  withLockAsync<T>(action: Locked<T | PromiseLike<T>>, options?: LockAsyncOptions): Promise<T>
}

/**
 * A lock that one thread at a time holds. It is in shared memory: send its `handle` to other threads. A thread that ends while it holds
 * the lock does not stop the others: the next one gets the lock, and is told of the death.
 *
 * Cost: about 15 ns to lock and unlock when no other thread wants the lock. A waiting thread spins briefly, then sleeps. The main
 * thread of a page may not sleep, so it spins: use `lockAsync` there. A free lock goes to the first thread that comes. A thread that has
 * waited for 1 ms is handed the lock, as by Go's sync.Mutex, so that no thread starves.
 *
 * After its disposal, in whichever thread, every method throws `DisposedError`.
 */
export class Mutex implements AsyncLocker {
  readonly #side: MutexSide

  constructor()
  /** @internal */
  constructor(place?: Place)
  constructor(place: Place = Place.create('Mutex')) {
    this.#side = new MutexSide(place)
    refuseCloning(this, 'Mutex')
  }

  /** The mutex of a handle that another thread sent. `AttachError` if the handle is not that of a Mutex, or the mutex was disposed. */
  static attach(handle: LockHandle<'Mutex'>): Mutex {
    return new Mutex(Place.attach('Mutex', handle))
  }

  /**
   * Takes the lock; waits at most `timeout` milliseconds (default 5000), then throws `LockTimeoutError` that names the
   * owner. Returns undefined, or the thread that died while it held the lock: then the data that the lock guards may be half-changed. A
   * death is told once: to the first caller of `lock`, `tryLock` or `lockAsync`, or of `withLock` with a function that takes an
   * argument. `LockUsageError` if this thread holds the lock already.
   */
  lock(timeout?: number): OwnerDied | undefined {
    return this.#side.lock(timeout)
  }

  /**
   * Takes the lock if it is free, or its owner is dead; false if it did not. True, or the thread that died while it held the lock
   * (which is truthy, too), if it did. Never waits.
   */
  tryLock(): OwnerDied | boolean {
    return this.#side.tryLock()
  }

  /**
   * Gives the lock up. `LockUsageError` if this thread does not hold the lock, or holds it by `lockAsync`: then the guard that
   * `lockAsync` returned gives it up.
   */
  unlock(): void {
    this.#side.unlock()
  }

  /**
   * Runs `action` with the lock held, and gives the lock up whatever happens. Returns the result of `action`. The argument of `action`
   * is the thread that died while it held the lock, if any. If `action` takes no argument, the next caller is told of the death instead.
   *
   * `LockUsageError` if `action` is async or a generator (before it is called), or returns a promise (after the lock is given up):
   * its later work would run without the lock. Use `withLockAsync`.
   */
  withLock<T>(action: Locked<T>): T {
    return this.#side.withLock(action)
  }

  /**
   * Takes the lock without blocking the thread: for code that has an event loop to serve. Resolves to a guard, whose `unlock`
   * (or `using`) gives the lock up. Several calls of one thread get the lock one after the other, in the order of the calls.
   *
   * Rejects with `LockTimeoutError` after `options.timeout` milliseconds (default 5000), with the reason of `options.signal`,
   * or with `DisposedError`. A waiting call keeps the thread's event loop alive. A thread that holds the lock by
   * `lockAsync` cannot `lock()` it: `LockUsageError`, since the thread would wait for itself.
   *
   * Waits by `Atomics.waitAsync`; where that is missing, it checks the lock every 4 ms.
   */
  lockAsync(options?: LockAsyncOptions): Promise<LockGuard> {
    return this.#side.lockAsync(options)
  }

  /**
   * Runs `action` with the lock held, and gives the lock up when the result of `action` is settled. Otherwise like `withLock` and
   * `lockAsync`. An `action` that takes this lock again waits for itself, and gets a `LockTimeoutError`.
   */
  withLockAsync<T>(action: Locked<T | PromiseLike<T>>, options?: LockAsyncOptions): Promise<T> {
    return this.#side.withLockAsync(action, options)
  }

  /** Send the handle to another thread, which calls `Mutex.attach` with it. `DisposedError` after the lock's disposal. */
  get handle(): LockHandle<'Mutex'> {
    return this.#side.place.handle as LockHandle<'Mutex'>
  }

  /**
   * Frees the lock's memory, for all threads. Call it once, in the thread that created the lock, when no thread uses it any more. If a
   * thread still holds the lock, that thread's `unlock` throws `DisposedError`, and the 256 bytes stay taken.
   */
  [Symbol.dispose](): void {
    this.#side.place.free()
    endRequests(this.#side.place)
  }
}
