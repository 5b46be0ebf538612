/** Takes a lock and gives it up: as a whole (mutex, writer), or a share of it (reader). */

import type { KernelExports } from '../bridge/exports.js'
import * as L from '../bridge/layout.generated.js'
import { LockUsageError } from '../errors/classes.js'
import type { LockGuard } from './guard.js'
import { checkTimeout, DEFAULT_TIMEOUT, type OwnerDied, type Place } from './lock-memory.js'
import { checkAsyncOptions, type LockAsyncOptions, type Waiting } from './request.js'
import { asyncLocks, refuseAsync, requestsFor } from './requests.js'

/** A function that runs while a lock is held. Its argument is the thread that died while it held the lock, if any. */
export type Locked<T> = (ownerDied: OwnerDied | undefined) => T

/** The tags of functions whose bodies, or the rest of them, run after the call has returned and the lock is given up. */
const LATE = /^\[object (Async|Generator|AsyncGenerator)Function\]$/

abstract class Side {
  readonly place: Place
  // Copies of the place's fields: locking and unlocking takes some 15 ns, and each load from another object adds to that.
  protected readonly kernel: KernelExports
  protected readonly address: number
  protected readonly generation: number

  constructor(place: Place) {
    this.place = place
    this.kernel = place.session.kernel
    // Signed, so that V8 keeps them as small integers.
    this.address = place.address | 0
    this.generation = place.generation | 0
  }

  /** `tells`: the caller is told of a death, so that later callers need not be. */
  abstract lock(timeout?: number, tells?: boolean): OwnerDied | undefined
  abstract unlock(): void
  protected abstract request(waiting: Waiting): Promise<LockGuard>

  /** Handles a code of the kernel other than 0: throws, or returns the thread that died. `repairs`: no later caller is told. */
  protected taken(code: number, timeout: number, repairs: boolean): OwnerDied | undefined {
    const { place } = this
    if (code < 0) throw place.failure(code, timeout)
    const { died } = place
    if (repairs) place.session.kernel.acknowledge(place.address)
    return died
  }

  withLock<T>(action: Locked<T>): T {
    if (LATE.test(Object.prototype.toString.call(action))) throw this.#late()
    const died = this.lock(DEFAULT_TIMEOUT, action.length > 0)
    let result: T
    try {
      result = action(died)
    } finally {
      this.unlock()
    }
    const then = (result as { then?: unknown } | null | undefined)?.then
    if (typeof then !== 'function') return result
    // The caller gets the error below, so a rejection of this promise is ignored.
    Promise.resolve(result).catch(() => {})
    throw this.#late()
  }

  #late(): Error {
    return new LockUsageError(
      `withLock() gives the ${this.place.kind} up when its function returns, and this one goes on after that (async, a promise, or a generator); use withLockAsync()`,
    )
  }

  async lockAsync(options: LockAsyncOptions = {}, tells = true): Promise<LockGuard> {
    const { timeout, signal } = checkAsyncOptions(options)
    signal?.throwIfAborted()
    this.place.check()
    return await this.request({ timeout, signal, tells })
  }

  async withLockAsync<T>(action: Locked<T | PromiseLike<T>>, options: LockAsyncOptions = {}): Promise<T> {
    const guard = await this.lockAsync(options, action.length > 0)
    try {
      return await action(guard.ownerDied)
    } finally {
      guard.unlock()
    }
  }
}

// Each side has its own calls of the kernel, so that V8 sees one target per call: locking takes some 15 ns in all.

export class MutexSide extends Side {
  lock(timeout: number = DEFAULT_TIMEOUT, tells = true): OwnerDied | undefined {
    const code = this.kernel.lockMutex(this.address, this.generation, checkTimeout(timeout))
    return code === 0 ? undefined : this.taken(code, timeout, tells)
  }

  unlock(): void {
    if (asyncLocks !== 0) refuseAsync(this.place, true)
    const code = this.kernel.unlockMutex(this.address, this.generation)
    if (code < 0) throw this.place.failure(code, 0)
  }

  /** False if another thread, or this one, has the lock. */
  tryLock(): OwnerDied | boolean {
    const code = this.kernel.tryLockMutex(this.address, this.generation)
    if (code === 0) return true
    return code === L.E_BUSY ? false : this.taken(code, 0, true)!
  }

  protected request(waiting: Waiting): Promise<LockGuard> {
    return requestsFor(this.place).lockWhole(waiting)
  }
}

export class WriterSide extends Side {
  lock(timeout: number = DEFAULT_TIMEOUT, tells = true): OwnerDied | undefined {
    const code = this.kernel.lockWriter(this.address, this.generation, checkTimeout(timeout))
    return code === 0 ? undefined : this.taken(code, timeout, tells)
  }

  unlock(): void {
    if (asyncLocks !== 0) refuseAsync(this.place, true)
    const code = this.kernel.unlockWriter(this.address, this.generation)
    if (code < 0) throw this.place.failure(code, 0)
  }

  protected request(waiting: Waiting): Promise<LockGuard> {
    return requestsFor(this.place).lockWhole(waiting)
  }
}

/** A reader cannot repair the data that the lock guards, so the next writer is told of a death, too. */
export class ReaderSide extends Side {
  lock(timeout: number = DEFAULT_TIMEOUT): OwnerDied | undefined {
    const code = this.kernel.lockReader(this.address, this.generation, checkTimeout(timeout))
    return code === 0 ? undefined : this.taken(code, timeout, false)
  }

  unlock(): void {
    if (asyncLocks !== 0) refuseAsync(this.place, false)
    const code = this.kernel.unlockReader(this.address, this.generation)
    if (code < 0) throw this.place.failure(code, 0)
  }

  protected request(waiting: Waiting): Promise<LockGuard> {
    return requestsFor(this.place).lockShare(waiting)
  }
}
