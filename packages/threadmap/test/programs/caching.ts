import { type CacheHandle, SharedCache } from 'threadmap/cache'
import { type Crew, serve } from '../support/crew.js'
import { Random } from '../support/random.js'

export interface CachingTask {
  readonly cache: CacheHandle<string, string>
  readonly workers: number
  /** Keys of each worker. */
  readonly keys: number
  readonly seed: number
  /** The bound that the worker watches; 0: it watches none. */
  readonly max: number
  /** The lengths of values go up to this. */
  readonly longest: number
}

export interface CachingReport {
  readonly hits: number
  readonly misses: number
  readonly sets: number
}

/** A value says whose it is, and which one: nothing else can be in its place. */
export function textOf(key: string, version: number, longest: number): string {
  const text = `${key}=${version};`
  return text + 'x'.repeat((version * 7919) % longest)
}

const jobs = {
  /**
   * Each worker sets its own keys, with versions that rise, and reads those of all. A value that is read must be whole and the key's own, and its
   * version must not be below one that this worker has seen: then it would have been superseded.
   */
  race(task: CachingTask, crew: Crew): CachingReport {
    const cache = SharedCache.attach(task.cache, { weigh: value => value.length })
    const random = new Random(task.seed)
    const versions = new Map<string, number>()
    let [hits, misses, sets, operations] = [0, 0, 0, 0]
    crew.start()
    while (crew.running()) {
      crew.worked(++operations)
      const owner = random.oneIn(2) ? crew.index : random.below(task.workers)
      // The square favours some keys, so that some are hit and others evicted.
      const key = `${owner}:${Math.floor(random.below(task.keys) ** 2 / task.keys)}`
      const seen = versions.get(key) ?? 0
      const choice = random.below(10)
      if (owner === crew.index && choice < 3) {
        versions.set(key, seen + 1)
        cache.set(key, textOf(key, seen + 1, task.longest))
        sets++
      } else if (owner === crew.index && choice === 3) {
        cache.delete(key)
        if (cache.get(key) !== undefined) throw new Error(`${key} was deleted, and only its owner sets it`)
      } else {
        const value = cache.get(key)
        if (value === undefined) {
          misses++
        } else {
          hits++
          const version = Number(/=(\d+);/.exec(value)?.[1])
          if (value !== textOf(key, version, task.longest)) throw new Error(`${key} has ${value.slice(0, 40)}`)
          if (version < seen) throw new Error(`${key} has version ${version}, and had ${seen} before`)
          if (owner === crew.index && version !== seen)
            throw new Error(`${key} has version ${version} before it is set`)
          versions.set(key, version)
        }
      }
      if (task.max > 0) {
        const size = cache.size
        if (size > task.max) throw new Error(`${size} entries, and max is ${task.max}`)
      }
    }
    return { hits, misses, sets }
  },

  /** Sets keys of its own, and says which keys its listener heard of, and what was thrown. */
  async evicting({ cache: handle, keys, throws }: EvictingTask, crew: Crew) {
    const told: string[] = []
    const uncaught: string[] = []
    process.on('uncaughtException', error => uncaught.push(error.message))
    const cache = SharedCache.attach(handle, {
      onEvict: key => {
        told.push(key)
        if (throws && told.length === 1) throw new Error('of the listener')
      },
    })
    crew.start()
    for (let i = 0; i < keys; i++) {
      cache.set(`${crew.index}:${i}`, 'value')
      if (i % 100 === 0) await new Promise<void>(resolve => setImmediate(resolve))
    }
    await new Promise<void>(resolve => setImmediate(resolve))
    return { told, uncaught }
  },

  /** Adds to one key, in turn with the others. */
  adding({ cache, times }: { cache: CacheHandle<string, number>; times: number }, crew: Crew): number {
    const counts = SharedCache.attach(cache)
    crew.start()
    crew.control.meet(1)
    let last = 0
    for (let i = 0; i < times; i++) {
      const sum = counts.add('key', 1)
      if (sum <= last) throw new Error(`the sum was ${last}, and then ${sum}`)
      last = sum
    }
    return last
  },

  /** How long the value of a key is fresh still, by the clock of this thread. */
  remaining({ cache, key }: { cache: CacheHandle<string, string>; key: string }, crew: Crew): number {
    crew.start()
    return SharedCache.attach(cache).getRemainingTTL(key)
  },
}

export interface EvictingTask {
  readonly cache: CacheHandle<string, string>
  /** How many keys this worker sets. */
  readonly keys: number
  /** The listener throws at its first key. */
  readonly throws: boolean
}

export type CachingJobs = typeof jobs

serve(jobs)
