/**
 * How long the sets of a full cache stop the thread that makes them, one by one, on a machine that has other things to do. The same sets run in the same order, on
 * a cache of the same seed: so each set does the same work in each run, and its least time of all runs is its own and not that of other programs.
 */
import { flat } from '@threadmap/workbench/workload'
import { string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import type { StopsJob, Subject } from './jobs.js'

const RUNS = 5
const MAX_BYTES = 512 * 2 ** 20
const SEED = 7n
/** Of 2^(n + 1) mixed values one has the nth of these lengths, and the rest the last. */
const MIXED = [50, 200, 800, 3200, 12_800, 51_200]
/** How many sets fill the cache more than once, and how many are measured then. */
const SIZES = {
  small: { lengths: [100], fill: 2_400_000, measured: 2_000_000 },
  mixed: { lengths: MIXED, fill: 230_000, measured: 400_000 },
} as const

export function stops({ values }: StopsJob): Subject {
  const { lengths, fill, measured } = SIZES[values]
  const texts = lengths.map(bytes => flat('v'.repeat(bytes)))
  const keys = Array.from({ length: fill + measured }, (_, i) => flat(`user:${String(i).padStart(11, '0')}`))
  const order = Uint8Array.from(keys, (_, i) => {
    const drawn = Math.imul(i + 1, 0x9e3779b1) >>> 8
    return Math.min(31 - Math.clz32(drawn & -drawn), texts.length - 1)
  })
  return () => {
    const least = new Float64Array(measured).fill(Number.POSITIVE_INFINITY)
    for (let run = 0; run < RUNS; run++) {
      const cache = new SharedCache<string, string>({ key: string, value: string, maxBytes: MAX_BYTES, seed: SEED })
      for (let i = 0; i < fill; i++) cache.set(keys[i], texts[order[i]])
      for (let i = 0; i < measured; i++) {
        const key = keys[fill + i]
        const value = texts[order[fill + i]]
        const began = performance.now()
        cache.set(key, value)
        const time = performance.now() - began
        if (time < least[i]) least[i] = time
      }
      if (cache.stats().evictedForMemory === 0) throw new Error('the cache did not fill up')
      cache[Symbol.dispose]()
    }
    least.sort()
    const at = (share: number): string => `${(least[Math.floor(measured * share)] * 1000).toFixed(1)} us`
    const note = `${measured} sets with the clock: P50 ${at(0.5)}, P99 ${at(0.99)}, P99.99 ${at(0.9999)}`
    return { value: least[measured - 1], note }
  }
}
