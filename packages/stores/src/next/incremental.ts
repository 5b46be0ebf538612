/** The handler for `cacheHandler` of next.config: pages, route handlers and fetches. */
import { checkPeer } from '../peer.js'
import { type NextMemory, nextMemory, now } from './memory.js'
import { prerendered } from './prerendered.js'
import type { CacheControl, CachedValue, GetContext, HandlerContext, StoredEntry } from './types.js'

const TAGS_HEADER = 'x-next-cache-tags'
const FETCH = 'FETCH'
/** The time after which a page is made anew that a tag has made stale, in seconds: the shortest that Next.js has. */
const AT_ONCE = 1

/**
 * Next.js's incremental cache in shared memory: all threads that serve a program have the same pages, and `revalidatePath` and `revalidateTag` hold for all at once. See
 * `shareNextCache`.
 *
 * A full cache evicts entries, which are rendered again when they are asked for. Entries cross threads as by `structuredClone`. `PeerVersionError` for another Next.js than 16.
 */
export class SharedCacheHandler {
  readonly #memory: NextMemory
  readonly #context: HandlerContext

  // biome-ignore lint/suspicious/noExplicitAny: Next.js's own types are checked in its tests; here are those parts that are used.
  constructor(context: any) {
    checkPeer('next', context?.serverDistDir)
    this.#memory = nextMemory()
    this.#context = context ?? {}
  }

  /** The entry, or null if there is none or one of its tags has expired. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  async get(key: string, asked: any): Promise<any> {
    const { kind } = asked as GetContext
    const entry = this.#memory.get<StoredEntry<CachedValue>>(keyOf(kind, key)) ?? (await this.#fromBuild(key, asked))
    if (entry === undefined) return null
    const tags = tagsOf(entry, asked)
    const { lastModified } = entry
    if (this.#memory.areExpired(tags, lastModified)) return null
    if (tags.some(tag => this.#context.revalidatedTags?.includes(tag))) return null
    if (this.#memory.areStale(tags, lastModified)) return kind === FETCH ? { ...entry, lastModified: 0 } : stale(entry)
    return entry
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  async set(key: string, value: any, context: any): Promise<void> {
    const kind = context?.fetchCache === true ? FETCH : (value?.kind ?? '')
    const cacheControl = context?.cacheControl as CacheControl | undefined
    const stored = kind === FETCH && value ? { ...value, tags: context.tags ?? value.tags ?? [] } : value
    const entry: StoredEntry<CachedValue> = { lastModified: now(), value: stored }
    if (cacheControl !== undefined) entry.cacheControl = cacheControl
    this.#memory.set(keyOf(kind, key), entry)
  }

  /** Revalidates tags for all threads: `revalidateTag`, `revalidatePath` and `updateTag` of Next.js call this. */
  async revalidateTag(tags: string | string[], durations?: { expire?: number | undefined }): Promise<void> {
    this.#memory.revalidate(typeof tags === 'string' ? [tags] : tags, durations)
  }

  /** Does nothing: there is no cache for one request. */
  resetRequestCache(): void {}

  async #fromBuild(key: string, asked: GetContext): Promise<StoredEntry<CachedValue> | undefined> {
    if (asked.kind === FETCH) return undefined
    const entry = await prerendered(this.#context, key, asked)
    return entry === null || entry.value === null ? undefined : (entry as StoredEntry<CachedValue>)
  }
}

/** Pages without a kind are those that were not found. */
function keyOf(kind: string, key: string): string {
  return `${kind === FETCH ? 'fetch' : 'page'} ${key}`
}

function tagsOf({ value }: StoredEntry<CachedValue>, { kind, tags = [], softTags = [] }: GetContext): string[] {
  if (kind === FETCH) return [...tags, ...softTags, ...(value?.tags ?? [])]
  const header = value?.headers?.[TAGS_HEADER]
  return typeof header === 'string' ? header.split(',') : []
}

/** The entry as Next.js serves it once more while it makes it anew: one whose time is over. */
function stale(entry: StoredEntry<CachedValue>): StoredEntry<CachedValue> {
  const lastModified = Math.min(entry.lastModified, now() - (AT_ONCE + 1) * 1000)
  return { ...entry, lastModified, cacheControl: { revalidate: AT_ONCE, expire: entry.cacheControl?.expire } }
}
