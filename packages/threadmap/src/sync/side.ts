/** How a thread takes a lock and gives it up: as a whole (mutex, writer), or a share of it (reader). */

import type { KernelExports } from '../bridge/exports.js'
import * as L from '../bridge/layout.generated.js'
import { LockUsageError } from '../errors/classes.js'
import type { LockGuard } from './guard.js'
import { checkTimeout, DEFAULT_TIMEOUT, type OwnerDied, type Place } from './lock-memory.js'
import { checkAsyncOptions, type LockAsyncOptions, type Waiting } from './request.js'
import { asyncLocks, refuseAsync, requestsFor } from './requests.js'

/** What runs while a lock is held. It is told who died with the lock, if anybody did. */
export type Locked<T> = (ownerDied: OwnerDied | undefined) => T

/** Their bodies, or the rest of them, run after the call has returned, when the lock is given up already. */
const LATE = /^\[object (Async|Generator|AsyncGenerator)Function\]$/

abstract class Side {
  readonly place: Place
  // Of the place: a lock is taken and given up in some 15 ns, of which each look at another object is a part.
  protected readonly kernel: KernelExports
  protected readonly address: number
  protected readonly generation: number

  constructor(place: Place) {
    this.place = place
    this.kernel = place.session.kernel
    // Words for the kernel, as small as they come.
    this.address = place.address | 0
    this.generation = place.generation | 0
  }

  /** `tells`: who gets the lock is told of a death, so that others need not be. */
  abstract lock(timeout?: number, tells?: boolean): OwnerDied | undefined
  abstract unlock(): void
  protected abstract request(waiting: Waiting): Promise<LockGuard>

  /** What a code of the kernel says that is not plain success. */
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
    // Whatever comes of it, the error below is what its caller hears of.
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

// Each side calls its own functions of the kernel, so that the optimiser knows which: locking takes some 15 ns in all.

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

  /** False: another thread, or this one, has the lock. */
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

/** Who has a share cannot repair what the lock guards: a death stays news for the next writer. */
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
