import { checkTimeout, DEFAULT_TIMEOUT, type LockHandle, type OwnerDied, Place } from './lock-memory.js'
import type { Locker } from './mutex.js'

/** What RWMutex and CompatRWMutex have in common. */
abstract class SharedLock {
  /** @internal */
  readonly place: Place

  /** @internal */
  constructor(place: Place) {
    this.place = place
  }

  protected lockWriting(timeout: number): OwnerDied | undefined {
    const { session, address } = this.place
    return this.place.result(session.kernel.lockWriter(address, checkTimeout(timeout)), timeout)
  }

  protected unlockWriting(): void {
    this.place.result(this.place.session.kernel.unlockWriter(this.place.address), 0)
  }

  protected lockReading(timeout: number): OwnerDied | undefined {
    const { session, address } = this.place
    let died: OwnerDied | undefined
    while (true) {
      const result = this.place.result(session.kernel.lockReader(address, checkTimeout(timeout)), timeout)
      if (result === undefined) return died
      // The writer died. Only who holds the whole lock may take it over from the dead.
      died = result
      this.lockWriting(timeout)
      this.unlockWriting()
    }
  }

  protected unlockReading(): void {
    this.place.result(this.place.session.kernel.unlockReader(this.place.address), 0)
  }

  /** Frees the lock's memory: for its creator, when nobody uses it any more. */
  [Symbol.dispose](): void {
    this.place.free()
  }
}

/**
 * A lock that many threads hold for reading, or one for writing. Writers have precedence: while one waits, new readers
 * wait behind it. What a dead thread held, for reading or for writing, is given back.
 *
 * A thread may hold up to 16 locks for reading, and the same one several times. Who holds it for reading cannot lock it
 * for writing (`LockUsageError`): two that tried would wait for each other.
 */
export class RWMutex extends SharedLock implements Locker {
  constructor()
  /** @internal */
  constructor(place?: Place)
  constructor(place: Place = Place.create('RWMutex')) {
    super(place)
  }

  /** The lock of a handle that another thread sent. `AttachError` if it is none. */
  static attach(handle: LockHandle<'RWMutex'>): RWMutex {
    return new RWMutex(Place.attach('RWMutex', handle))
  }

  /** Takes the whole lock. As `Mutex.lock`. */
  lock(timeout = DEFAULT_TIMEOUT): OwnerDied | undefined {
    return this.lockWriting(timeout)
  }

  unlock(): void {
    this.unlockWriting()
  }

  /** Takes a share. Waits at most `timeout` milliseconds, then throws `LockTimeoutError`. */
  rlock(timeout = DEFAULT_TIMEOUT): OwnerDied | undefined {
    return this.lockReading(timeout)
  }

  /** Gives a share back. `LockUsageError` if this thread has none. */
  runlock(): void {
    this.unlockReading()
  }

  get handle(): LockHandle<'RWMutex'> {
    return this.place.handle as LockHandle<'RWMutex'>
  }
}

/**
 * A readers-writer lock behind a mutex's interface. Code written against a mutex uses `lock` and `unlock` unchanged and
 * excludes everybody; code that only reads is handed `reader` in place of the mutex, whose `lock` and `unlock` share.
 * (Go: `RWMutex.RLocker`.)
 */
export class CompatRWMutex extends SharedLock implements Locker {
  /** The same lock for those who only read: its `lock()` takes a share. */
  readonly reader: Locker

  constructor()
  /** @internal */
  constructor(place?: Place)
  constructor(place: Place = Place.create('CompatRWMutex')) {
    super(place)
    this.reader = {
      lock: (timeout = DEFAULT_TIMEOUT) => this.lockReading(timeout),
      unlock: () => this.unlockReading(),
    }
  }

  /** The lock of a handle that another thread sent. `AttachError` if it is none. */
  static attach(handle: LockHandle<'CompatRWMutex'>): CompatRWMutex {
    return new CompatRWMutex(Place.attach('CompatRWMutex', handle))
  }

  /** Takes the whole lock. As `Mutex.lock`. */
  lock(timeout = DEFAULT_TIMEOUT): OwnerDied | undefined {
    return this.lockWriting(timeout)
  }

  unlock(): void {
    this.unlockWriting()
  }

  get handle(): LockHandle<'CompatRWMutex'> {
    return this.place.handle as LockHandle<'CompatRWMutex'>
  }
}
