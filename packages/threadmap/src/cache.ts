/// <reference lib="esnext.disposable" preserve="true" />
/** threadmap/cache: one bounded cache for all threads. */

export type { EvictionListener, EvictionReason } from './cache/evictions.js'
export type { FetchDefaults, FetchOptions, FetchStatus, LoadContext, Loader } from './cache/fetch-options.js'
export type { CacheAttachOptions, CacheHandle, CacheOptions, GetOptions, SetOptions } from './cache/options.js'
export { SharedCache } from './cache/shared-cache.js'
export type { CacheStats } from './cache/stats.js'
