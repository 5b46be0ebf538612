/** `@threadmap/stores/express-session`: a store for express-session. Needs `express-session`. */
import session from 'express-session'
import type { CacheHandle, SharedCache } from 'threadmap/cache'
import { checkPeer } from '../peer.js'
import { answer, type SessionSource, Sessions } from '../sessions/sessions.js'

export type { SessionSource, SessionStoreOptions } from '../sessions/sessions.js'

type Data = session.SessionData

/**
 * A store for express-session whose sessions are in a `SharedCache`: every thread with a store over that cache has the same sessions.
 *
 * ```ts
 * const store = new SharedSessionStore({ max: 100_000 })
 * app.use(session({ store, secret, resave: false, saveUninitialized: false }))
 * new Worker(url, { workerData: store.handle }) // in the worker: new SharedSessionStore(workerData)
 * ```
 *
 * A cache that is full evicts sessions: give it room for all of them. `touch` changes the cookie and the time of a session in one step and leaves its data. `PeerVersionError` for
 * another express-session than 1.17 and later.
 */
export class SharedSessionStore extends session.Store {
  readonly #sessions: Sessions

  constructor(source: SessionSource) {
    super()
    checkPeer('express-session')
    this.#sessions = new Sessions('new SharedSessionStore()', source)
  }

  /** The cache with the sessions, as JSON by their ids. */
  get cache(): SharedCache<string, string> {
    return this.#sessions.cache
  }

  /** Send the handle to another thread, which calls `new SharedSessionStore(handle)`. */
  get handle(): CacheHandle<string, string> {
    return this.cache.handle
  }

  get(id: string, callback: (error: unknown, session?: Data | null) => void): void {
    answer(callback, () => this.#sessions.get(id) as Data | null)
  }

  set(id: string, data: Data, callback?: (error?: unknown) => void): void {
    answer(callback, () => this.#sessions.set(id, data))
  }

  destroy(id: string, callback?: (error?: unknown) => void): void {
    answer(callback, () => void this.cache.delete(id))
  }

  override touch(id: string, data: Data, callback?: () => void): void {
    answer(callback, () => this.#sessions.touch(id, data))
  }

  override all(callback: (error: unknown, sessions?: { [id: string]: Data } | null) => void): void {
    answer(callback, () => this.#sessions.all() as { [id: string]: Data })
  }

  override length(callback: (error: unknown, length?: number) => void): void {
    answer(callback, () => Object.keys(this.#sessions.all()).length)
  }

  override clear(callback?: (error?: unknown) => void): void {
    answer(callback, () => this.cache.clear())
  }
}
