/** What Next.js passes to its cache handlers, as far as these look at it. The types of Next.js's own declarations, so that these need no `next`. */

/** How long an entry is fresh, and how long it may be served, in seconds. */
export interface CacheControl {
  revalidate: number | false
  expire: number | undefined
}

/** What the handler looks at in a cached value. */
export interface CachedValue {
  kind: string
  headers?: Record<string, number | string | string[] | undefined> | undefined
  tags?: string[]
}

/** What Next.js makes a handler with, once per request. */
export interface HandlerContext {
  serverDistDir?: string
  revalidatedTags?: string[]
}

/** What Next.js looks for. */
export interface GetContext {
  kind: string
  tags?: string[]
  softTags?: string[]
}

/** What a stored entry is. */
export interface StoredEntry<V> {
  lastModified: number
  value: V | null
  cacheControl?: CacheControl
}

/** An entry of `use cache`. Times in seconds, but for `timestamp`, which is a date in milliseconds. */
export interface UseCacheEntry {
  value: ReadableStream<Uint8Array>
  tags: string[]
  stale: number
  timestamp: number
  expire: number
  revalidate: number
}
