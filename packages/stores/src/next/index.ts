/** `@threadmap/stores/next`: Next.js's caches in shared memory. Needs `next` 16. */
export { SharedCacheHandler } from './incremental.js'
export { type NextCacheHandle, type NextCacheOptions, shareNextCache } from './memory.js'
export { useCacheHandler } from './use-cache.js'
