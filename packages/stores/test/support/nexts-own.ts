/** Next.js's own handler of `use cache`, where tools/next is installed. */
import { createRequire } from 'node:module'
import type { useCacheHandler } from '@threadmap/stores/next'

type Handler = Pick<typeof useCacheHandler, 'get' | 'set'>

/** What makes such a handler with so many bytes; undefined where Next.js is not installed. */
export function nextsOwnHandler(): ((bytes: number) => Handler) | undefined {
  try {
    const require = createRequire(new URL('../../../../../tools/next/package.json', import.meta.url))
    return require('next/dist/server/lib/cache-handlers/default').createDefaultCacheHandler
  } catch {
    return undefined
  }
}
