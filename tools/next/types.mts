// The handlers are of the types that Next.js declares: next.test.mjs compiles this file.
import { SharedCacheHandler, useCacheHandler } from '@threadmap/stores/next'
import type { CacheHandler as UseCacheHandler } from 'next/dist/server/lib/cache-handlers/types.js'
import type { CacheHandler } from 'next/dist/server/lib/incremental-cache/index.js'

SharedCacheHandler satisfies typeof CacheHandler
useCacheHandler satisfies UseCacheHandler
