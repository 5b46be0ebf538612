/** `@threadmap/stores/next/cache-handlers`: the module for the entries of `cacheHandlers` of next.config. */
export { useCacheHandler as default } from './use-cache.js'
