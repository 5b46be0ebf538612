import { LockUsageError } from '../errors/classes.js'
import type { OwnerDied, Place } from './lock-memory.js'

/**
 * A lock that `lockAsync` took. Only the guard gives it up: several calls of one thread may hold or want the lock, and the thread
 * alone does not say which one is meant. `using guard = await mutex.lockAsync()` gives the lock up at the end of the block.
 */
export interface LockGuard extends Disposable {
  /** The thread that died while it held the lock: the data that the lock guards may be half-changed. */
  readonly ownerDied: OwnerDied | undefined
  /** Gives the lock up. `LockUsageError` if that was done already. */
  unlock(): void
}

export class Guard implements LockGuard {
  readonly ownerDied: OwnerDied | undefined
  readonly #place: Place
  #release: (() => void) | undefined

  constructor(place: Place, ownerDied: OwnerDied | undefined, release: () => void) {
    this.#place = place
    this.ownerDied = ownerDied
    this.#release = release
  }

  unlock(): void {
    if (this.#release === undefined)
      throw new LockUsageError(`this guard has given the ${this.#place.kind} up already; call lockAsync() again`)
    const wasDisposed = this.#place.isVoid
    this[Symbol.dispose]()
    if (wasDisposed) throw this.#place.disposed()
  }

  /** Gives the lock up, unless that was done already. */
  [Symbol.dispose](): void {
    const release = this.#release
    this.#release = undefined
    release?.()
  }
}
