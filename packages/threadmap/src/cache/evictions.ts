/**
 * Tells listeners which keys this thread has evicted. The kernel calls under a shard's mutex: there only the key is copied. Listeners are called in
 * a microtask, so none of them runs inside an operation, and each may use the cache.
 */
import * as L from '../bridge/layout.generated.js'
import type { Session } from '../bridge/session.js'
import type { KeyCodec } from '../codec/codec.js'

/** Why an entry went: `max` or `maxWeight` was reached, or the memory (`maxBytes`), or its time was over. */
export type EvictionReason = 'max' | 'maxBytes' | 'expired'

/** What a cache calls for each entry that this thread evicted. */
export type EvictionListener<K> = (key: K, reason: EvictionReason) => void

/** A cache with a listener. */
interface Listening {
  readonly listener: EvictionListener<never> | undefined
  readonly disposed: boolean
}

const REASONS: Readonly<Record<number, EvictionReason>> = {
  [L.Q_EVICTED]: 'max',
  [L.Q_EVICTED_FOR_MEMORY]: 'maxBytes',
  [L.Q_EXPIRED]: 'expired',
}

const evictions = new WeakMap<Session, Evictions>()

/** From now on `cache` hears of what this thread evicts in the session's memory, until it is disposed or collected. */
export function hearEvictions(session: Session, key: KeyCodec<unknown>, cache: Listening): void {
  let known = evictions.get(session)
  if (known === undefined) {
    known = new Evictions(session, key)
    evictions.set(session, known)
  }
  known.add(cache)
}

/** The evictions of one thread in one memory. All its caches there have one key codec. */
class Evictions {
  readonly #session: Session
  readonly #key: KeyCodec<unknown>
  /** A listener mostly references its cache, which must be collected all the same. */
  readonly #caches = new Set<WeakRef<Listening>>()
  #keys: unknown[] = []
  #reasons: EvictionReason[] = []

  constructor(session: Session, key: KeyCodec<unknown>) {
    this.#session = session
    this.#key = key
  }

  add(cache: Listening): void {
    this.#caches.add(new WeakRef(cache))
    this.#session.evicted = (at, meta, reason) => this.#hear(at, meta, reason)
    this.#session.kernel.listen(1)
  }

  #hear(at: number, meta: number, reason: number): void {
    const { scratch } = this.#session
    // The memory may have grown in this very operation.
    if (at + (meta & L.META_LENGTH) > scratch.u8.length) scratch.refresh()
    if (this.#keys.length === 0) queueMicrotask(() => this.#deliver())
    this.#keys.push(this.#key.read(scratch, at, meta))
    this.#reasons.push(REASONS[reason]!)
  }

  #deliver(): void {
    const keys = this.#keys
    const reasons = this.#reasons
    this.#keys = []
    this.#reasons = []
    for (const reference of this.#caches) {
      const cache = reference.deref()
      if (cache === undefined || cache.disposed) {
        this.#caches.delete(reference)
        continue
      }
      for (let i = 0; i < keys.length && !cache.disposed; i++) call(cache.listener!, keys[i], reasons[i]!)
    }
    if (this.#caches.size > 0 || this.#session.closed) return
    this.#session.evicted = undefined
    this.#session.kernel.listen(0)
  }
}

/** An error of the listener is nobody's who called the cache: it becomes an uncaught one, and the other calls come all the same. */
function call(listener: EvictionListener<never>, key: unknown, reason: EvictionReason): void {
  try {
    listener(key as never, reason)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
