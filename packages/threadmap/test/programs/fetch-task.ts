/** A task of a pool: fetches a key of a cache. */
import { type CacheHandle, SharedCache } from 'threadmap/cache'

export interface FetchTask {
  readonly cache: CacheHandle<string, string>
  readonly key: string
  /** Whether the loader never ends. */
  readonly hangs: boolean
}

let made = 0

export default function task({ cache, key, hangs }: FetchTask): Promise<string> {
  const attached = SharedCache.attach<string, string>(cache)
  return attached.fetch(key, async () => {
    if (hangs) {
      attached.set(`${key} begun`, 'yes')
      await new Promise(() => {})
    }
    await new Promise(resolve => setTimeout(resolve, 30))
    return `value ${++made}`
  })
}
