/** What undici's cache interceptor passes to a store, and gets from it. The types of undici's own declarations, so that these need no undici. */

/** A request, as the interceptor asks for its response. Names of headers are in lower case. */
export interface CacheKey {
  origin: string
  method: string
  path: string
  headers?: Record<string, string | string[]>
}

/** A response without its body. Times are dates in milliseconds. */
export interface CacheValue {
  statusCode: number
  statusMessage: string
  headers: Record<string, string | string[]>
  vary?: Record<string, string | string[] | null>
  etag?: string
  // biome-ignore lint/suspicious/noExplicitAny: undici's own type has a property for each directive; the store does not look at them.
  cacheControlDirectives?: any
  cachedAt: number
  staleAt: number
  deleteAt: number
}

/** A response that the store has. */
export interface CacheResult extends CacheValue {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  cacheControlDirectives: any
  body: Buffer[]
}
