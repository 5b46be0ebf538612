/** One thread of a team that reads and writes known keys of a cache or a map, for as long as a round lasts. */
import { performance } from 'node:perf_hooks'
import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import { Operation, userKeys } from '@threadmap/workbench/workload'
import { LRUCache } from 'lru-cache'
import type { MapHandle } from 'threadmap'
import { type CacheHandle, SharedCache } from 'threadmap/cache'

/** Operations between two looks at the clock. */
const BATCH = 512

export interface CachingSetup {
  readonly keys: number
  readonly operations: Uint32Array
  readonly max: number
  /** Without it the thread has an lru-cache of its own. */
  readonly handle?: CacheHandle<string, number> | MapHandle<string, number>
}

export interface CachingRound {
  readonly ms: number
  readonly warmUpMs: number
}

export interface Cached {
  readonly operations: number
  readonly ms: number
}

interface AnyCache {
  get(key: string): number | undefined
  set(key: string, value: number): unknown
}

function attached(handle: CacheHandle<string, number> | MapHandle<string, number>): AnyCache {
  return handle.kind === 'SharedCache'
    ? SharedCache.attach(handle as CacheHandle<string, number>)
    : attachMap(handle as MapHandle<string, number>)
}

await serve<CachingSetup, CachingRound, Cached>(({ keys, operations, max, handle }, { meet }) => {
  const names = userKeys(keys)
  const cache: AnyCache = handle === undefined ? new LRUCache<string, number>({ max }) : attached(handle)
  if (handle === undefined) for (const [i, name] of names.entries()) cache.set(name, i + 0.5)
  let at = 0
  const batch = (): void => {
    for (let i = 0; i < BATCH; i++) {
      const operation = operations[at]
      at = at + 1 === operations.length ? 0 : at + 1
      const name = names[operation >>> 2]
      if ((operation & 3) === Operation.get) {
        if (cache.get(name) === undefined) throw new Error(`the cache has lost ${name}, although it is not full`)
      } else cache.set(name, i + 0.5)
    }
  }
  const runFor = (ms: number): Cached => {
    const began = performance.now()
    let done = 0
    let elapsed = 0
    do {
      batch()
      done += BATCH
      elapsed = performance.now() - began
    } while (elapsed < ms)
    return { operations: done, ms: elapsed }
  }
  return ({ ms, warmUpMs }) => {
    meet()
    runFor(warmUpMs)
    return runFor(ms)
  }
})
