/** Sessions as text in a `SharedCache`: what the stores of express-session and @fastify/session have in common. */
import { OptionError, string } from 'threadmap'
import { type CacheHandle, SharedCache } from 'threadmap/cache'
import { openCache, type StoreOptions } from '../memory/open.js'

/** The options of a session store: those of `SharedCache`. */
export interface SessionStoreOptions extends StoreOptions<string> {
  /** How long a session lives whose cookie has no `expires` and no `maxAge`, in milliseconds. Default: a day. */
  ttl?: number
}

/** What a session store is made of. */
export type SessionSource = SessionStoreOptions | SharedCache<string, string> | CacheHandle<string, string>

/** What the store looks at in a session. */
interface SessionLike {
  cookie?: { expires?: Date | string | number | boolean | null | undefined } | undefined
}

const DAY = 24 * 60 * 60 * 1000

export class Sessions {
  readonly cache: SharedCache<string, string>
  readonly #ttl: number

  constructor(name: string, source: SessionSource) {
    const isOptions =
      typeof source === 'object' && source !== null && !(source instanceof SharedCache) && !('memory' in source)
    this.#ttl = (isOptions ? source.ttl : undefined) ?? DAY
    if (!(this.#ttl > 0))
      throw new OptionError(`${name}: ttl must be milliseconds above 0, and is ${String(this.#ttl)}`)
    this.cache = openCache(name, isOptions ? { ...source, ttl: this.#ttl } : source, string)
  }

  /** The session, or null. */
  get(id: string): unknown {
    const text = this.cache.get(id)
    return text === undefined ? null : JSON.parse(text)
  }

  /** Stores a session until its cookie expires. One whose time is over is removed. */
  set(id: string, session: object): void {
    const ttl = this.#timeOf(session)
    if (ttl === undefined || ttl > 0)
      this.cache.set(id, JSON.stringify(session), ttl === undefined ? undefined : { ttl })
    else this.cache.delete(id)
  }

  /**
   * Gives a session the cookie of `session`, and its time. Everything else of the session stays as the store has it, in one step: a request that only looked at the session
   * undoes no change of another one.
   */
  touch(id: string, session: SessionLike): void {
    const ttl = this.#timeOf(session)
    if (ttl !== undefined && ttl <= 0) {
      this.cache.delete(id)
      return
    }
    const touched = (text: string | undefined) =>
      text === undefined ? undefined : JSON.stringify({ ...JSON.parse(text), cookie: session.cookie })
    this.cache.update(id, touched, ttl === undefined ? undefined : { ttl })
  }

  all(): Record<string, unknown> {
    const sessions: Record<string, unknown> = Object.create(null)
    for (const [id, text] of this.cache.entries()) sessions[id] = JSON.parse(text)
    return sessions
  }

  /** How long the session has, in milliseconds; undefined: as long as the cache's `ttl` says. */
  #timeOf({ cookie }: SessionLike): number | undefined {
    const expires = cookie?.expires
    if (expires === undefined || expires === null || typeof expires === 'boolean') return undefined
    const left = new Date(expires).getTime() - Date.now()
    return Number.isNaN(left) ? undefined : left
  }
}

type Callback<T> = ((error: unknown, result?: T) => void) | undefined

/** Does `work`, and calls back with its result or its error when the caller's own code has run, as stores that ask a server do. */
export function answer<T>(callback: Callback<T>, work: () => T): void {
  let error: unknown = null
  let result: T | undefined
  try {
    result = work()
  } catch (thrown) {
    error = thrown
  }
  if (callback !== undefined) setImmediate(callback, error, result)
}
