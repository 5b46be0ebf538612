/** `@threadmap/stores/fastify-session`: a store for @fastify/session. Needs `@fastify/session`. */
import type { CacheHandle, SharedCache } from 'threadmap/cache'
import { checkPeer } from '../peer.js'
import { answer, type SessionSource, Sessions } from '../sessions/sessions.js'

export type { SessionSource, SessionStoreOptions } from '../sessions/sessions.js'

/**
 * A store for @fastify/session whose sessions are in a `SharedCache`: every thread with a store over that cache has the same sessions.
 *
 * ```ts
 * const store = new SharedSessionStore({ max: 100_000 })
 * await app.register(fastifySession, { store, secret })
 * new Worker(url, { workerData: store.handle }) // in the worker: new SharedSessionStore(workerData)
 * ```
 *
 * A cache that is full evicts sessions: give it room for all of them. Sessions are stored as JSON: unlike the plugin's own store, this one gives each request a copy.
 * `PeerVersionError` for another @fastify/session than 11.
 */
export class SharedSessionStore {
  readonly #sessions: Sessions

  constructor(source: SessionSource) {
    checkPeer('@fastify/session')
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

  // biome-ignore lint/suspicious/noExplicitAny: the plugin's type of sessions, which programs extend.
  get(id: string, callback: (error: any, session?: any) => void): void {
    answer(callback, () => this.#sessions.get(id))
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  set(id: string, session: any, callback: (error?: any) => void): void {
    answer(callback, () => this.#sessions.set(id, session))
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  destroy(id: string, callback: (error?: any) => void): void {
    answer(callback, () => void this.cache.delete(id))
  }
}
