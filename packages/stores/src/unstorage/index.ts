/** `@threadmap/stores/unstorage`: a driver for unstorage. Needs `unstorage`. */
import { string } from 'threadmap'
import { type CacheHandle, SharedCache } from 'threadmap/cache'
import { openCache, type StoreOptions, type StoreSource } from '../memory/open.js'
import { pack, unpack } from '../memory/text.js'
import { checkPeer } from '../peer.js'

/** The options of the driver: those of `SharedCache`, and the `ttl` that unstorage's drivers have. */
export interface SharedCacheDriverOptions extends Omit<StoreOptions<string>, 'ttl'> {
  /** How long items are kept that are set without a time, in seconds, as in unstorage's other drivers. Default: for ever. */
  ttl?: number
}

/** What unstorage's methods take beside key and value. */
export interface SharedCacheTransactionOptions {
  /** How long the item is kept, in seconds. */
  ttl?: number
}

const NAME = 'shared-cache'
const SECOND = 1000

/** The driver: see `sharedCacheDriver`. */
export interface SharedCacheDriver {
  name: string
  flags: { maxDepth: boolean; ttl: boolean }
  options: SharedCacheDriverOptions
  /** The cache with the items. */
  getInstance(): SharedCache<string, string>
  /** Send the handle to another thread, which calls `sharedCacheDriver(handle)`. */
  readonly handle: CacheHandle<string, string>
  hasItem(key: string): boolean
  getItem(key: string): string | null
  getItems(items: { key: string }[]): { key: string; value: string | null }[]
  // biome-ignore lint/suspicious/noExplicitAny: raw values are whatever was set.
  getItemRaw(key: string): any
  setItem(key: string, value: string, options?: SharedCacheTransactionOptions): void
  setItemRaw(key: string, value: unknown, options?: SharedCacheTransactionOptions): void
  removeItem(key: string): void
  getMeta(key: string): { ttl?: number } | null
  getKeys(base?: string, options?: { maxDepth?: number }): string[]
  clear(base?: string): void
  dispose(): void
}

/**
 * A driver for unstorage whose items are in a `SharedCache`: every thread with a driver over that cache sees the same items. Like unstorage's `lru-cache` driver it
 * may lose any item at any time.
 *
 * ```ts
 * const driver = sharedCacheDriver({ max: 100_000, ttl: 3600 })
 * const storage = createStorage({ driver })
 * new Worker(url, { workerData: driver.handle }) // in the worker: createStorage({ driver: sharedCacheDriver(workerData) })
 * ```
 *
 * Raw values are copied as by `structuredClone`. `clear` and `getKeys` take O(entries) and are weakly consistent. `watch` is not there: unstorage calls the watchers of the thread that
 * changes an item. `PeerVersionError` for another unstorage than 1.17.
 */
export function sharedCacheDriver(
  source: SharedCacheDriverOptions | SharedCache<string, string> | CacheHandle<string, string>,
): SharedCacheDriver {
  checkPeer('unstorage')
  const isOptions =
    typeof source === 'object' && source !== null && !(source instanceof SharedCache) && !('memory' in source)
  const { ttl, ...rest } = isOptions ? source : {}
  const given: StoreSource<string> = isOptions ? { ...rest, ...(ttl ? { ttl: ttl * SECOND } : {}) } : source
  const cache = openCache('sharedCacheDriver()', given, string)
  const time = (options?: SharedCacheTransactionOptions) => (options?.ttl ? { ttl: options.ttl * SECOND } : undefined)
  const get = (key: string) => {
    const text = cache.get(key)
    return text === undefined ? null : unpack(text)
  }
  const keys = (base = '') => [...cache.keys()].filter(key => key.startsWith(base))
  return {
    name: NAME,
    flags: { maxDepth: true, ttl: true },
    options: isOptions ? source : {},
    getInstance: () => cache,
    get handle() {
      return cache.handle
    },
    hasItem: key => cache.has(key),
    getItem: key => get(key) as string | null,
    getItems: items => items.map(({ key }) => ({ key, value: get(key) as string | null })),
    getItemRaw: get,
    setItem: (key, value, options) => void cache.set(key, pack(value), time(options)),
    setItemRaw: (key, value, options) => void cache.set(key, pack(value), time(options)),
    removeItem: key => void cache.delete(key),
    getMeta(key) {
      const left = cache.getRemainingTTL(key)
      if (left === 0) return null
      return left === Number.POSITIVE_INFINITY ? {} : { ttl: Math.ceil(left / SECOND) }
    },
    getKeys: (base, { maxDepth } = {}) =>
      keys(base).filter(key => maxDepth === undefined || key.split(':').length - 1 <= maxDepth),
    clear(base) {
      if (base) for (const key of keys(base)) cache.delete(key)
      else cache.clear()
    },
    // The cache may have other users, so its items stay.
    dispose() {},
  }
}

export default sharedCacheDriver
