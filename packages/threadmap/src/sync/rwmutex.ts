import { refuseCloning } from '../errors/cloning.js'
import type { LockGuard } from './guard.js'
import { type LockHandle, type OwnerDied, Place } from './lock-memory.js'
import type { AsyncLocker } from './mutex.js'
import type { LockAsyncOptions } from './request.js'
import { endRequests } from './requests.js'
import { type Locked, ReaderSide, WriterSide } from './side.js'

/** The methods of RWMutex and CompatRWMutex for the whole lock. */
abstract class SharedLock implements AsyncLocker {
  readonly #place: Place
  readonly #writer: WriterSide

  /** @internal */
  constructor(place: Place) {
    this.#place = place
    this.#writer = new WriterSide(place)
    refuseCloning(this, place.kind)
  }

  /** @internal */
  get place(): Place {
    return this.#place
  }

  /**
   * Takes the whole lock. As `Mutex.lock`. `LockUsageError` if this thread holds the lock already, as a whole or for reading: two
   * readers that both waited for the whole lock would wait for each other.
   */
  lock(timeout?: number): OwnerDied | undefined {
    return this.#writer.lock(timeout)
  }

  /** Gives the whole lock up. As `Mutex.unlock`. */
  unlock(): void {
    this.#writer.unlock()
  }

  /** Runs `action` with the whole lock held. As `Mutex.withLock`. */
  withLock<T>(action: Locked<T>): T {
    return this.#writer.withLock(action)
  }

  /** Takes the whole lock without blocking the thread. As `Mutex.lockAsync`. */
  lockAsync(options?: LockAsyncOptions): Promise<LockGuard> {
    return this.#writer.lockAsync(options)
  }

  /** Runs `action` with the whole lock held, until the result of `action` is settled. As `Mutex.withLockAsync`. */
  withLockAsync<T>(action: Locked<T | PromiseLike<T>>, options?: LockAsyncOptions): Promise<T> {
    return this.#writer.withLockAsync(action, options)
  }

  /**
   * Frees the lock's memory, for all threads. Call it once, in the thread that created the lock, when no thread uses it any more. If a
   * thread still holds the lock, that thread's `unlock` throws `DisposedError`, and the 256 bytes stay taken.
   */
  [Symbol.dispose](): void {
    this.place.free()
    endRequests(this.place)
  }
}

/**
 * A lock that many threads hold for reading, or one for writing. Writers have precedence: while a writer waits, new readers
 * wait behind it; but readers that have waited for 1 ms get the lock before the next writer. The locks and shares that a dead thread held
 * are given back.
 *
 * A thread may hold up to 16 locks for reading, and one lock several times: it gets another share at once, also while a writer waits. A
 * thread that holds the lock for reading cannot lock it for writing (`LockUsageError`): two such threads would wait for each other.
 *
 * If a thread dies while it holds the whole lock, every reader is told until a writer is told: only a writer can repair the data that
 * the lock guards. Nobody is told of a writer that dies while it waits.
 *
 * After its disposal, in whichever thread, every method throws `DisposedError`.
 */
export class RWMutex extends SharedLock {
  readonly #reader: ReaderSide

  constructor()
  /** @internal */
  constructor(place?: Place)
  constructor(place: Place = Place.create('RWMutex')) {
    super(place)
    this.#reader = new ReaderSide(place)
  }

  /** The lock of a handle that another thread sent. `AttachError` if the handle is not that of an RWMutex, or the lock was disposed. */
  static attach(handle: LockHandle<'RWMutex'>): RWMutex {
    return new RWMutex(Place.attach('RWMutex', handle))
  }

  /** Takes a share. Waits at most `timeout` milliseconds (default 5000), then throws `LockTimeoutError`. */
  rlock(timeout?: number): OwnerDied | undefined {
    return this.#reader.lock(timeout)
  }

  /** Gives a share back. `LockUsageError` if this thread has none. */
  runlock(): void {
    this.#reader.unlock()
  }

  /** Runs `action` with a share. As `Mutex.withLock`. */
  withRLock<T>(action: Locked<T>): T {
    return this.#reader.withLock(action)
  }

  /**
   * Takes a share without blocking the thread. As `Mutex.lockAsync`, but the requests of one thread are served together. While
   * a writer waits, a thread that has a share gets further ones only after 50 ms. The wait gives the writer a chance, and it ends because
   * the code that has the share may be the code that asks.
   */
  rlockAsync(options?: LockAsyncOptions): Promise<LockGuard> {
    return this.#reader.lockAsync(options)
  }

  /** Runs `action` with a share, until the result of `action` is settled. As `Mutex.withLockAsync`. */
  withRLockAsync<T>(action: Locked<T | PromiseLike<T>>, options?: LockAsyncOptions): Promise<T> {
    return this.#reader.withLockAsync(action, options)
  }

  /** Send the handle to another thread, which calls `RWMutex.attach` with it. `DisposedError` after the lock's disposal. */
  get handle(): LockHandle<'RWMutex'> {
    return this.place.handle as LockHandle<'RWMutex'>
  }
}

/**
 * A readers-writer lock behind a mutex's interface. Code that was written for a mutex uses `lock` and `unlock` unchanged, and excludes
 * all other threads. Code that only reads gets `reader` in place of the mutex: its `lock` and `unlock` take and give back a share.
 * Otherwise like `RWMutex`. (Go: `RWMutex.RLocker`.)
 */
export class CompatRWMutex extends SharedLock {
  /** This lock for code that only reads: `lock()` of `reader` takes a share. */
  readonly reader: AsyncLocker

  constructor()
  /** @internal */
  constructor(place?: Place)
  constructor(place: Place = Place.create('CompatRWMutex')) {
    super(place)
    const side = new ReaderSide(place)
    this.reader = {
      lock: timeout => side.lock(timeout),
      unlock: () => side.unlock(),
      withLock: action => side.withLock(action),
      lockAsync: options => side.lockAsync(options),
      withLockAsync: (action, options) => side.withLockAsync(action, options),
    }
  }

  /** The lock of a handle that another thread sent. `AttachError` if the handle is not that of a CompatRWMutex, or the lock was disposed. */
  static attach(handle: LockHandle<'CompatRWMutex'>): CompatRWMutex {
    return new CompatRWMutex(Place.attach('CompatRWMutex', handle))
  }

  /** Send the handle to another thread, which calls `CompatRWMutex.attach` with it. `DisposedError` after the lock's disposal. */
  get handle(): LockHandle<'CompatRWMutex'> {
    return this.place.handle as LockHandle<'CompatRWMutex'>
  }
}
