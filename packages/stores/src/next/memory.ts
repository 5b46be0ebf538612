/**
 * The two memories that a Next.js program's threads share: entries, which may be evicted, and the times at which tags were revalidated, which may not: without one
 * of them an entry would be served that the program has revalidated.
 */
import { deserialize, serialize } from 'node:v8'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { type Codec, FastMap, type MapHandle, string, struct, ValueTooLargeError } from 'threadmap'
import { type CacheHandle, SharedCache } from 'threadmap/cache'
import { openCache, type StoreOptions } from '../memory/open.js'

/** The options of the cache: those of `SharedCache`. Without a bound `maxBytes` is 128 MiB. An entry may have an eighth of it. */
export type NextCacheOptions = StoreOptions<object>

/** When a tag was revalidated: dates in milliseconds, or 0. */
interface TagTimes {
  /** From when on entries that are older are served once more, and made anew in the background. */
  stale: number
  /** From when on entries that are older are not served any more. */
  expired: number
}

/** Entries as the structured clone algorithm writes them. A thread with a read cache gets one entry again and again, as from Next.js's own memory. */
const entry: Codec<object> = {
  name: 'next entry',
  encode: serialize,
  decode: bytes => deserialize(bytes) as object,
  immutable: true,
}
const times = struct({ stale: 'f64', expired: 'f64' })

/** What a thread needs to take part. */
export interface NextCacheHandle {
  entries: CacheHandle<string, object>
  tags: MapHandle<string, TagTimes>
}

const KEY = '@threadmap/stores/next'
const DEFAULT_BYTES = 128 * 1024 * 1024

export class NextMemory {
  readonly entries: SharedCache<string, object>
  readonly tags: FastMap<string, TagTimes>

  constructor(options: NextCacheOptions = {}, handle?: NextCacheHandle) {
    const hasBound = options.max !== undefined || options.maxBytes !== undefined || options.maxWeight !== undefined
    const given = hasBound ? options : { ...options, maxBytes: DEFAULT_BYTES }
    this.entries = handle
      ? SharedCache.attach(handle.entries, { value: entry })
      : openCache('shareNextCache()', given, entry)
    this.tags = handle ? FastMap.attach(handle.tags) : new FastMap({ key: string, value: times })
  }

  get handle(): NextCacheHandle {
    return { entries: this.entries.handle, tags: this.tags.handle }
  }

  get<T>(key: string): T | undefined {
    return this.entries.get(key) as T | undefined
  }

  /** Stores an entry; one that is too large for the cache is not stored. */
  set(key: string, value: object, ttl?: number): void {
    try {
      this.entries.set(key, value, ttl === undefined ? undefined : { ttl })
    } catch (error) {
      if (!(error instanceof ValueTooLargeError)) throw error
      // The entry that it would have replaced is out of date.
      this.entries.delete(key)
    }
  }

  /** Marks tags as revalidated now: as expired, or, with `durations`, as stale now and as expired in `expire` seconds. */
  revalidate(tags: string[], durations?: { expire?: number | undefined }): void {
    const at = now()
    for (const tag of tags) {
      this.tags.update(tag, (before = { stale: 0, expired: 0 }) => {
        if (durations === undefined) return { ...before, expired: at }
        const expired = durations.expire === undefined ? before.expired : at + durations.expire * 1000
        return { stale: at, expired }
      })
    }
  }

  /** Whether one of the tags was revalidated since `timestamp`, so that an entry of that time must not be served. */
  areExpired(tags: readonly string[], timestamp: number): boolean {
    if (tags.length === 0) return false
    const at = now()
    return tags.some(tag => {
      const expired = this.tags.get(tag)?.expired ?? 0
      return expired > timestamp && expired <= at
    })
  }

  /** Whether an entry of `timestamp` has a tag that has become stale since then. */
  areStale(tags: readonly string[], timestamp: number): boolean {
    return tags.some(tag => (this.tags.get(tag)?.stale ?? 0) > timestamp)
  }
}

/** Next.js's clock: finer than a millisecond, so that an entry and a revalidation in one millisecond have an order. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}

let memory: NextMemory | undefined

/** The memory of this thread: that of the thread which called `shareNextCache`, or else, as in `next build`, one of its own. */
export function nextMemory(): NextMemory {
  memory ??= new NextMemory({}, getEnvironmentData(KEY) as unknown as NextCacheHandle | undefined)
  return memory
}

/**
 * Makes the memory for Next.js's cache handlers, for this thread and all workers that it and they start from now on. Call it once, before the workers are started. Returns the
 * cache with the entries.
 */
export function shareNextCache(options: NextCacheOptions = {}): SharedCache<string, object> {
  memory = new NextMemory(options)
  setEnvironmentData(KEY, memory.handle as never)
  return memory.entries
}
