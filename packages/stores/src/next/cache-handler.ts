/** `@threadmap/stores/next/cache-handler`: the module for `cacheHandler` of next.config. */
export { SharedCacheHandler as default } from './incremental.js'
