import { refuseCloning } from '../errors/cloning.js'
import type { LockGuard } from './guard.js'
import { type LockHandle, type OwnerDied, Place } from './lock-memory.js'
import type { LockAsyncOptions } from './request.js'
import { endRequests } from './requests.js'
import { type Locked, MutexSide } from './side.js'

/** What code that only locks and unlocks needs. Go calls it Locker. */
export interface Locker {
  /** Takes the lock, or a share of it. See `Mutex.lock`. */
  lock(timeout?: number): OwnerDied | undefined
  /** Gives up what `lock` took. See `Mutex.unlock`. */
  unlock(): void
}

/** A `Locker` that also runs functions with the lock held, and can be waited for without blocking the thread. */
export interface AsyncLocker extends Locker {
  /** Runs `action` with the lock held, and gives it up whatever happens. See `Mutex.withLock`. */
  withLock<T>(action: Locked<T>): T
  /** See `Mutex.lockAsync`. */
  lockAsync(options?: LockAsyncOptions): Promise<LockGuard>
  /** See `Mutex.withLockAsync`. */
  withLockAsync<T>(action: Locked<T | PromiseLike<T>>, options?: LockAsyncOptions): Promise<T>
}

/**
 * A lock that one thread at a time holds. It stands in shared memory: send its `handle` to other threads. A thread that
 * ends while it holds the lock does not stop the others: the next one gets it, and is told.
 *
 * Cost: about 15 ns to lock and unlock when nobody else wants it. A waiting thread spins briefly, then sleeps; the main
 * thread of a page, which may not sleep, spins: use `lockAsync` there. A free lock goes to whoever comes first, but who has
 * waited for 1 ms is handed it (Go's sync.Mutex does the same), so that nobody starves.
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

  /** The mutex of a handle that another thread sent. `AttachError` if it is none, or was disposed. */
  static attach(handle: LockHandle<'Mutex'>): Mutex {
    return new Mutex(Place.attach('Mutex', handle))
  }

  /**
   * Takes the lock; waits at most `timeout` milliseconds (default 5000), then throws `LockTimeoutError` that names the
   * owner. Returns undefined, or who died while holding it: what the lock guards may be half-changed. A death is told once: to
   * the first that calls `lock`, `tryLock` or `lockAsync`, or whose `withLock` function takes an argument. `LockUsageError`
   * if this thread holds the lock already.
   */
  lock(timeout?: number): OwnerDied | undefined {
    return this.#side.lock(timeout)
  }

  /**
   * Takes the lock if it is free, or its owner is dead. False if not; else true, or, which is true as well, who died while
   * holding it. Never waits.
   */
  tryLock(): OwnerDied | boolean {
    return this.#side.tryLock()
  }

  /**
   * Gives the lock up. `LockUsageError` if this thread does not hold it, or holds it by `lockAsync`: then the guard that this
   * returned gives it up.
   */
  unlock(): void {
    this.#side.unlock()
  }

  /**
   * Runs `action` with the lock held, and gives it up whatever happens. Returns what `action` returns. `action` is told who died
   * while holding the lock; if it takes no argument, whoever locks next is told instead.
   *
   * `LockUsageError` if `action` is async or a generator (before it is called), or returns a promise (after the lock is given
   * up): what it does later would be done without the lock. Use `withLockAsync`.
   */
  withLock<T>(action: Locked<T>): T {
    return this.#side.withLock(action)
  }

  /**
   * Takes the lock without blocking the thread: for code that has an event loop to serve. Resolves to a guard, whose `unlock`
   * (or `using`) gives the lock up. Several calls of one thread get the lock one after the other, in the order of the calls.
   *
   * Rejects with `LockTimeoutError` after `options.timeout` milliseconds (default 5000), with the reason of `options.signal`,
   * or with `DisposedError`. While it waits it keeps the thread's event loop alive. A thread that holds the lock by
   * `lockAsync` cannot `lock()` it: `LockUsageError`, since it would wait for itself.
   *
   * Waits by `Atomics.waitAsync`; where that is missing it looks every 4 ms.
   */
  lockAsync(options?: LockAsyncOptions): Promise<LockGuard> {
    return this.#side.lockAsync(options)
  }

  /**
   * Runs `action` with the lock held, and gives it up when what `action` returns is settled. Otherwise like `withLock` and
   * `lockAsync`. An `action` that takes the same lock waits for itself, and gets a `LockTimeoutError`.
   */
  withLockAsync<T>(action: Locked<T | PromiseLike<T>>, options?: LockAsyncOptions): Promise<T> {
    return this.#side.withLockAsync(action, options)
  }

  /** What to send to another thread, which calls `Mutex.attach` with it. `DisposedError` after the lock's disposal. */
  get handle(): LockHandle<'Mutex'> {
    return this.#side.place.handle as LockHandle<'Mutex'>
  }

  /**
   * Frees the lock's memory, once: for its creator, when nobody uses it any more. If a thread holds it still, that thread's
   * `unlock` throws `DisposedError`, and the 256 bytes stay taken.
   */
  [Symbol.dispose](): void {
    this.#side.place.free()
    endRequests(this.#side.place)
  }
}
