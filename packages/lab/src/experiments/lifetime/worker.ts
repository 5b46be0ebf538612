/** A server without its network: requests make short-lived objects, results are cached for a while, configuration stays. */

import { attachMap } from '@threadmap/workbench/subjects/maps'
import type { CollectorFigures } from '@threadmap/workbench/subjects/protocol'
import { CollectorWatch } from '@threadmap/workbench/threads/collector'
import { serve } from '@threadmap/workbench/threads/serve'
import { indexPicker, random } from '@threadmap/workbench/workload'
import type { ConcurrentMap, MapHandle } from 'threadmap'
import { Histogram, type HistogramHandle } from 'threadmap/histogram'

export interface LifetimeSetup {
  /** The shared map that results are cached in; undefined: a plain Map. */
  readonly handle: MapHandle<string, CachedResult> | undefined
  readonly seed: number
}

export interface CachedResult {
  readonly id: number
  readonly name: string
  readonly tags: readonly string[]
  readonly expires: number
}

export interface LifetimeCommand {
  readonly ms: number
  /** The shortest and the longest validity of results, in ms. */
  readonly validMs: readonly [number, number]
}

export interface LifetimeReply {
  readonly requests: number
  readonly ms: number
  readonly collector: CollectorFigures
  /** How long objects were in use, in nanoseconds. */
  readonly used: Readonly<Record<LifetimeClass, HistogramHandle>>
  /** The ages of sampled objects at their collection. */
  readonly collected: HistogramHandle
  readonly heapBytes: number
}

export type LifetimeClass = 'request' | 'result' | 'configuration'

const RESULTS = 20_000
const SETTINGS = 2000
/** Requests between two looks at the clock and the event loop, which finalisation needs. */
const BATCH = 200
/** One request in this many replaces a setting. */
const SETTING_CHANGES = 500
/** The objects of one request in this many are followed until their collection. */
const FOLLOWED = 64

interface ResultCache {
  get(key: string): CachedResult | undefined
  set(key: string, result: CachedResult): unknown
}

interface Made {
  readonly madeAt: number
}

await serve<LifetimeSetup, LifetimeCommand, LifetimeReply>(({ handle, seed }, { index }) => {
  const shared: ConcurrentMap<string, CachedResult> | undefined = handle === undefined ? undefined : attachMap(handle)
  const next = random(seed + index)
  const pick = indexPicker(RESULTS, 0.9, next)
  return async ({ ms, validMs: [shortest, longest] }) => {
    const own = new Map<string, CachedResult>()
    const cache: ResultCache = shared ?? own
    const madeAt = new Map<string, number>()
    const settings = Array.from({ length: SETTINGS }, (_, i) => ({ ...body(i), madeAt: performance.now() }))
    const used = { request: new Histogram(), result: new Histogram(), configuration: new Histogram() }
    const collected = new Histogram()
    const registry = new FinalizationRegistry<number>(made => collected.record((performance.now() - made) * 1e6))
    let requests = 0
    const follow = (object: object) => {
      if (requests % FOLLOWED === 0) registry.register(object, performance.now())
    }
    const serveOne = (now: number) => {
      const request: Made & { readonly body: unknown } = {
        madeAt: performance.now(),
        body: JSON.parse(JSON.stringify(body(requests))),
      }
      follow(request)
      const key = `result:${pick()}`
      const cached = cache.get(key)
      if (cached === undefined || cached.expires < now) {
        const result = { ...body(requests), expires: now + shortest * (longest / shortest) ** next() }
        follow(result)
        const before = madeAt.get(key)
        if (before !== undefined) used.result.record((now - before) * 1e6)
        madeAt.set(key, now)
        cache.set(key, result)
      }
      if (requests % SETTING_CHANGES === 0) {
        const at = Math.floor(next() * SETTINGS)
        used.configuration.record((now - settings[at].madeAt) * 1e6)
        settings[at] = { ...body(requests), madeAt: now }
      }
      used.request.record((performance.now() - request.madeAt) * 1e6)
      requests++
    }
    const watch = new CollectorWatch()
    const began = performance.now()
    let now = began
    while (now - began < ms) {
      for (let i = 0; i < BATCH; i++) serveOne(now)
      await new Promise(setImmediate)
      now = performance.now()
    }
    // Objects that are still in use count with their age now, which is a lower bound.
    for (const made of madeAt.values()) used.result.record((now - made) * 1e6)
    for (const setting of settings) used.configuration.record((now - setting.madeAt) * 1e6)
    return {
      requests,
      ms: now - began,
      collector: watch.stop(),
      used: { request: used.request.handle, result: used.result.handle, configuration: used.configuration.handle },
      collected: collected.handle,
      heapBytes: process.memoryUsage().heapUsed,
    }
  }
})

function body(i: number): { id: number; name: string; tags: string[] } {
  return { id: i, name: `name ${i}`, tags: [`tag ${i % 10}`, `tag ${i % 7}`] }
}
