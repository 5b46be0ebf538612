/** The handler for `cacheHandlers` of next.config: what functions and components with `use cache` return. */
import { nextMemory, now } from './memory.js'
import type { UseCacheEntry } from './types.js'

/** An entry as it is stored: its stream has been read. */
type Stored = Omit<UseCacheEntry, 'value'> & { value: Uint8Array }

/** The entries that this thread is making: a read of one of them waits. Another thread does not wait, and makes its own. */
const pending = new Map<string, Promise<void>>()

/** Next.js's `use cache` in shared memory: all threads that serve a program have the same entries and tags. See `shareNextCache`. */
export const useCacheHandler = {
  async get(key: string, _softTags: string[]): Promise<UseCacheEntry | undefined> {
    const making = pending.get(key)
    if (making !== undefined) await making
    const memory = nextMemory()
    const entry = memory.get<Stored>(own(key))
    if (entry === undefined || memory.areExpired(entry.tags, entry.timestamp)) return undefined
    // An entry past `revalidate` is served once more, and Next.js makes it anew in the background.
    const revalidate = memory.areStale(entry.tags, entry.timestamp) ? -1 : entry.revalidate
    return { ...entry, revalidate, value: streamOf(entry.value) }
  },

  async set(key: string, pendingEntry: Promise<UseCacheEntry>): Promise<void> {
    const storing = store(key, pendingEntry)
    pending.set(key, storing)
    try {
      await storing
    } finally {
      if (pending.get(key) === storing) pending.delete(key)
    }
  },

  /** Does nothing: the tags of all threads are one map in shared memory. */
  async refreshTags(): Promise<void> {},

  /** When one of the tags last expired: a date in milliseconds, 0 if none ever did. */
  async getExpiration(tags: string[]): Promise<number> {
    const memory = nextMemory()
    return Math.max(0, ...tags.map(tag => memory.tags.get(tag)?.expired ?? 0))
  },

  /** Revalidates tags for all threads. */
  async updateTags(tags: string[], durations?: { expire?: number | undefined }): Promise<void> {
    nextMemory().revalidate(tags, durations)
  },
}

async function store(key: string, pendingEntry: Promise<UseCacheEntry>): Promise<void> {
  try {
    const { value, ...rest } = await pendingEntry
    const ttl = rest.timestamp + rest.expire * 1000 - now()
    if (!(ttl > 0)) return
    const chunks: Uint8Array[] = []
    for await (const chunk of value) chunks.push(chunk)
    nextMemory().set(own(key), { ...rest, value: Buffer.concat(chunks) }, ttl)
  } catch {
    // An entry whose making failed, or whose stream broke off, is not stored. Next.js has told the program.
  }
}

function own(key: string): string {
  return `use-cache ${key}`
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes)
      controller.close()
    },
  })
}
