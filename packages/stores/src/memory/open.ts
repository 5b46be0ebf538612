/** The cache of a store: one that the program made, one of the store's own, or that of a handle. */
import { OptionError, string, type ValueCodec } from 'threadmap'
import { type CacheHandle, type CacheOptions, SharedCache } from 'threadmap/cache'

/** The options of a store's cache: those of `SharedCache`, one bound (`max`, `maxWeight` or `maxBytes`) at least. */
export type StoreOptions<V> = Omit<CacheOptions<string, V>, 'key' | 'value'>

/** What a store is made of: options, a cache that the program has, or the handle of one in another thread. */
export type StoreSource<V> = StoreOptions<V> | SharedCache<string, V> | CacheHandle<string, V>

/** The cache for `source`. `name` is how errors call the store. */
export function openCache<V>(name: string, source: StoreSource<V>, value: ValueCodec<V>): SharedCache<string, V> {
  if (source instanceof SharedCache) return source
  if (typeof source !== 'object' || source === null) {
    throw new OptionError(
      `${name} takes the options of a SharedCache (as { max: 10_000 }), a SharedCache, or the handle of one, and got ${String(source)}`,
    )
  }
  if ('memory' in source) return SharedCache.attach<string, V>(source, { value })
  return new SharedCache<string, V>({ ...source, key: string, value })
}
