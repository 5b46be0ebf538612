/** `@threadmap/stores/keyv`: a storage adapter for Keyv 5 and 6, and for what takes a Keyv: cacheable, cache-manager, Apollo. Needs `keyv`. */
import { EventEmitter } from 'node:events'
import { string } from 'threadmap'
import type { CacheHandle, SharedCache } from 'threadmap/cache'
import { openCache, type StoreOptions } from '../memory/open.js'
import { pack, unpack } from '../memory/text.js'
import { checkPeer } from '../peer.js'

/** The options of the adapter's cache: those of `SharedCache`. `ttl` is the time of values that Keyv sets without one. */
export type KeyvSharedCacheOptions = StoreOptions<string>

/** An entry of `setMany`: Keyv 5 gives a `ttl`, Keyv 6 an absolute `expires`, both in milliseconds. */
export interface KeyvSharedCacheEntry {
  key: string
  value: unknown
  ttl?: number
  expires?: number
}

/** From this number on an expiry of Keyv 6 is a date (September 2001), and below it a time to live. */
const LEAST_DATE = 1e12

/** All methods of Keyv 6's storage adapters. */
const METHODS = [
  'get',
  'getMany',
  'has',
  'hasMany',
  'set',
  'setMany',
  'delete',
  'deleteMany',
  'clear',
  'disconnect',
  'iterator',
] as const

/** How Keyv 6 asks what an adapter can do. */
export interface KeyvSharedCacheCapabilities {
  compatible: boolean
  store: 'keyvStorage'
  methods: Record<(typeof METHODS)[number], { exists: boolean; methodType: 'async' | 'none' }>
  expires: boolean
}

const CAPABILITIES: KeyvSharedCacheCapabilities = {
  compatible: true,
  store: 'keyvStorage',
  methods: Object.fromEntries(
    METHODS.map(name => [name, { exists: true, methodType: 'async' }]),
  ) as KeyvSharedCacheCapabilities['methods'],
  expires: true,
}

/**
 * A storage adapter for Keyv whose entries are in a `SharedCache`: every thread with an adapter over that cache sees the same entries.
 *
 * ```ts
 * const store = new KeyvSharedCache({ max: 100_000 })
 * const users = new Keyv({ store, namespace: 'users' })
 * new Worker(url, { workerData: { store: store.handle } }) // in the worker: new Keyv({ store: new KeyvSharedCache(workerData.store) })
 * ```
 *
 * Thread-safety: each method on one key is one atomic operation of the cache. `clear` of a namespace and `iterator` are as the iterators of maps: weakly
 * consistent. Errors: those of `SharedCache`, which Keyv emits as `error`; `PeerVersionError` for another Keyv than 5.5 or 6.
 */
export class KeyvSharedCache extends EventEmitter {
  /** The cache with the entries. Its keys are `namespace:key`. */
  readonly cache: SharedCache<string, string>
  /** Keyv sets its namespace here. */
  namespace: string | undefined
  /**
   * What Keyv 5 looks at. It lets only adapters whose dialect it knows iterate; this one keeps namespaces as prefixes of keys, as those of Redis do.
   */
  readonly opts: Record<string, unknown> & { dialect: string; url: string } = { dialect: 'redis', url: 'threadmap:' }
  /** Whether Keyv 6 uses the adapter: keys come without the namespace, and times as dates. */
  #isSix = false

  constructor(source: KeyvSharedCacheOptions | SharedCache<string, string> | CacheHandle<string, string>) {
    super()
    checkPeer('keyv')
    this.cache = openCache('new KeyvSharedCache()', source, string)
  }

  /** Send the handle to another thread, which calls `new KeyvSharedCache(handle)`. */
  get handle(): CacheHandle<string, string> {
    return this.cache.handle
  }

  /** Keyv 6 reads what the adapter can do; Keyv 5 does not. So a Keyv that reads this property speaks as Keyv 6 does. */
  get capabilities(): KeyvSharedCacheCapabilities {
    this.#isSix = true
    return CAPABILITIES
  }

  // biome-ignore lint/suspicious/noExplicitAny: Keyv 5 and 6 declare different results.
  async get(key: string): Promise<any> {
    const text = this.cache.get(this.#key(key))
    return text === undefined ? undefined : unpack(text)
  }

  // biome-ignore lint/suspicious/noExplicitAny: Keyv 5 and 6 declare different results.
  async getMany(keys: string[]): Promise<any[]> {
    return Promise.all(keys.map(key => this.get(key)))
  }

  /** Sets `key`. `time`: from Keyv 5 a time to live, from Keyv 6 the date on which the value expires, in milliseconds. */
  async set(key: string, value: unknown, time?: number): Promise<boolean> {
    const ttl = this.#isSix && time !== undefined && time >= LEAST_DATE ? time - Date.now() : time
    const own = this.#key(key)
    // A value whose time is over takes the place of an older one, which must not be found any more.
    if (ttl !== undefined && ttl <= 0) this.cache.delete(own)
    else this.cache.set(own, pack(value), ttl === undefined ? undefined : { ttl })
    return true
  }

  // biome-ignore lint/suspicious/noExplicitAny: Keyv 5 declares nothing as the result, and uses an array, as Keyv 6 does.
  async setMany(entries: KeyvSharedCacheEntry[]): Promise<any> {
    return Promise.all(entries.map(({ key, value, ttl, expires }) => this.set(key, value, expires ?? ttl)))
  }

  async delete(key: string): Promise<boolean> {
    return this.cache.delete(this.#key(key))
  }

  // biome-ignore lint/suspicious/noExplicitAny: Keyv 5 wants to know whether all keys were deleted, Keyv 6 which.
  async deleteMany(keys: string[]): Promise<any> {
    const deleted = keys.map(key => this.cache.delete(this.#key(key)))
    return this.#isSix ? deleted : deleted.every(Boolean)
  }

  async has(key: string): Promise<boolean> {
    return this.cache.has(this.#key(key))
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return keys.map(key => this.cache.has(this.#key(key)))
  }

  /** Removes the keys of the namespace, or all if there is none. O(entries of the cache) for a namespace. */
  async clear(): Promise<void> {
    const { cache, namespace } = this
    if (namespace === undefined) return cache.clear()
    const prefix = `${namespace}:`
    for (const key of cache.keys()) if (key.startsWith(prefix)) cache.delete(key)
  }

  /** The keys and values of a namespace: the argument of Keyv 5, or the adapter's own. Keys are as this Keyv passes them to `get`. */
  // biome-ignore lint/suspicious/noExplicitAny: Keyv 5 and 6 declare different results.
  async *iterator(namespace = this.namespace): AsyncGenerator<[string, any], void> {
    const prefix = namespace === undefined ? '' : `${namespace}:`
    const cut = this.#isSix ? prefix.length : 0
    for (const [key, text] of this.cache.entries()) {
      if (key.startsWith(prefix)) yield [key.slice(cut), unpack(text)]
    }
  }

  /** Does nothing: the cache may have other users. `store.cache[Symbol.dispose]()` gives up this thread's place in it. */
  async disconnect(): Promise<void> {}

  /** Keyv 5 puts its namespace in front of the keys itself. */
  #key(key: string): string {
    return this.#isSix && this.namespace !== undefined ? `${this.namespace}:${key}` : key
  }
}
