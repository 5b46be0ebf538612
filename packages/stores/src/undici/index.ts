/** `@threadmap/stores/undici`: a store for undici's cache interceptor (`interceptors.cache`), versions 7.11 and later, and 8. Needs `undici`. */
import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import { OptionError, ValueTooLargeError } from 'threadmap'
import { type CacheHandle, SharedCache } from 'threadmap/cache'
import { openCache, type StoreOptions, type StoreSource } from '../memory/open.js'
import { checkPeer } from '../peer.js'
import { records, responseOf, type VariantIndex } from './record.js'
import type { CacheKey, CacheResult, CacheValue } from './types.js'

export type { VariantIndex } from './record.js'
export type { CacheKey, CacheResult, CacheValue } from './types.js'

/** What the cache has for a URL and method. */
export type CacheRecord = VariantIndex | CacheResult

/** The options of undici's `MemoryCacheStore`, and those of `SharedCache` but for its bounds. */
export interface SharedCacheStoreOptions
  extends Omit<StoreOptions<CacheRecord>, 'max' | 'maxBytes' | 'maxWeight' | 'weigh' | 'ttl'> {
  /** The most responses. Default 1024. */
  maxCount?: number
  /** The most bytes: here of the shared memory, with heads, keys and tables. From 1 MiB to 4 GiB; default 100 MiB. */
  maxSize?: number
  /** The most bytes of one body; longer ones are not cached. Default 5 MiB. A response also has no more than an eighth of `maxSize`. */
  maxEntrySize?: number
}

const MAX_COUNT = 1024
const MAX_SIZE = 100 * 1024 * 1024
const MAX_ENTRY_SIZE = 5 * 1024 * 1024
/** The bounds of `SharedCache`, which have undici's names here. */
const BOUNDS = ['max', 'maxBytes', 'maxWeight', 'weigh', 'ttl']
/** The methods whose responses undici stores. */
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE']

/**
 * A store for undici's cache interceptor whose responses are in a `SharedCache`: what one thread has fetched, all threads have.
 *
 * ```ts
 * const store = new SharedCacheStore()
 * setGlobalDispatcher(getGlobalDispatcher().compose(interceptors.cache({ store })))
 * new Worker(url, { workerData: store.handle }) // in the worker: new SharedCacheStore(workerData)
 * ```
 *
 * A response is found by one lookup, and by two if it has a `Vary` header. Thread-safety: storing, finding and deleting a response are each as one step for the other
 * threads. Errors: a response that is too large is not stored; `PeerVersionError` for another undici.
 */
export class SharedCacheStore {
  /** The cache with the responses. */
  readonly cache: SharedCache<string, CacheRecord>
  readonly #maxEntrySize: number

  /** `limits`: beside a cache or a handle, how long a body may be that this thread stores. */
  constructor(
    source: SharedCacheStoreOptions | SharedCache<string, CacheRecord> | CacheHandle<string, CacheRecord> = {},
    limits: Pick<SharedCacheStoreOptions, 'maxEntrySize'> = {},
  ) {
    checkPeer('undici')
    const isOptions = typeof source === 'object' && !(source instanceof SharedCache) && !('memory' in source)
    const given: SharedCacheStoreOptions = isOptions ? source : limits
    const bound = BOUNDS.find(name => name in given)
    if (bound !== undefined)
      throw new OptionError(`new SharedCacheStore() takes maxCount and maxSize, and got ${bound}`)
    const { maxCount = MAX_COUNT, maxSize = MAX_SIZE, maxEntrySize, ...rest } = given
    this.#maxEntrySize = entrySize(maxEntrySize ?? MAX_ENTRY_SIZE)
    const options: StoreSource<CacheRecord> = isOptions ? { ...rest, max: maxCount, maxBytes: maxSize } : source
    this.cache = openCache('new SharedCacheStore()', options, records)
  }

  /** Send the handle to another thread, which calls `new SharedCacheStore(handle)`. */
  get handle(): CacheHandle<string, CacheRecord> {
    return this.cache.handle
  }

  /** The response for a request, stale ones included until their `deleteAt`; undefined if there is none. */
  get(key: CacheKey): CacheResult | undefined {
    checkKey(key)
    const own = keyOf(key)
    const found = this.cache.get(own)
    if (found === undefined) return undefined
    if (!('epoch' in found)) return fresh(found)
    for (const names of found.varies) {
      const variant = this.cache.get(variantKey(own, found.epoch, names, key.headers))
      const response = variant === undefined ? undefined : fresh(variant as CacheResult)
      if (response !== undefined) return response
    }
    return undefined
  }

  /** A stream for the body of a response. The response is stored when the stream ends, in place of an older one for the same request. */
  createWriteStream(key: CacheKey, value: CacheValue): Writable {
    checkKey(key)
    checkValue(value)
    const chunks: Buffer[] = []
    const most = this.#maxEntrySize
    const store = (): void => this.#store(key, value, chunks)
    let size = 0
    return new Writable({
      write(chunk: Buffer, _encoding, callback) {
        size += chunk.byteLength
        if (size >= most) this.destroy()
        else chunks.push(chunk)
        callback()
      },
      final(callback) {
        try {
          store()
          callback()
        } catch (error) {
          callback(error instanceof ValueTooLargeError ? null : (error as Error))
        }
      },
    })
  }

  /** Removes all responses for a URL: those of all methods and all variants. */
  delete(key: CacheKey): void {
    if (typeof key !== 'object') throw new TypeError(`expected key to be object, got ${typeof key}`)
    for (const method of METHODS) this.cache.delete(keyOf({ ...key, method }))
  }

  #store(key: CacheKey, value: CacheValue, body: Buffer[]): void {
    const own = keyOf(key)
    const ttl = value.deleteAt - Date.now()
    if (!(ttl > 0)) {
      // Its time is over before it begins; the older response that it replaces is no longer valid either.
      this.cache.delete(own)
      return
    }
    const record = responseOf(value, body)
    const names = value.vary === undefined || value.vary === null ? [] : Object.keys(value.vary).sort()
    if (names.length === 0) {
      this.cache.set(own, record, { ttl })
      return
    }
    // The variant comes after its index: one that is found through no index can only waste memory.
    const epoch = this.#indexed(own, names, ttl)
    this.cache.set(variantKey(own, epoch, names, value.vary!), record, { ttl })
  }

  /** Makes sure that there is an index of variants for `own` which has `names`, for as long as `ttl` at least, and returns its epoch. */
  #indexed(own: string, names: string[], ttl: number): string {
    const made: VariantIndex = { epoch: randomBytes(9).toString('base64'), varies: [names] }
    const remaining = this.cache.getRemainingTTL(own)
    const joined = names.join()
    const index = this.cache.update(
      own,
      found => {
        if (found === undefined || !('epoch' in found)) return made
        const others = found.varies.filter(other => other.join() !== joined)
        return { epoch: found.epoch, varies: [names, ...others] }
      },
      { ttl: Math.max(ttl, remaining) },
    )
    return (index as VariantIndex).epoch
  }
}

function entrySize(bytes: number): number {
  if (Number.isInteger(bytes) && bytes >= 0) return bytes
  throw new OptionError(`maxEntrySize must be a whole number of bytes from 0 on, and is ${String(bytes)}`)
}

function keyOf({ origin, method, path }: CacheKey): string {
  return `${method} ${origin}:${path}`
}

function variantKey(own: string, epoch: string, names: string[], headers: CacheValue['vary']): string {
  // An absent header and one that is null are the same; a list of values and a value are not.
  return `${epoch} ${own} ${JSON.stringify(names.map(name => [name, headers?.[name] ?? null]))}`
}

function fresh(response: CacheResult): CacheResult | undefined {
  return response.deleteAt > Date.now() ? response : undefined
}

function checkKey(key: CacheKey): void {
  if (typeof key !== 'object') throw new TypeError(`expected key to be object, got ${typeof key}`)
  for (const property of ['origin', 'method', 'path'] as const) {
    if (typeof key[property] === 'string') continue
    throw new TypeError(`expected key.${property} to be string, got ${typeof key[property]}`)
  }
}

function checkValue(value: CacheValue): void {
  if (typeof value !== 'object') throw new TypeError(`expected value to be object, got ${typeof value}`)
  for (const property of ['statusCode', 'cachedAt', 'staleAt', 'deleteAt'] as const) {
    if (typeof value[property] === 'number') continue
    throw new TypeError(`expected value.${property} to be number, got ${typeof value[property]}`)
  }
}
