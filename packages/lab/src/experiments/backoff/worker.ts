/** One of the threads that contend for `getOrInsert`. */

import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import { flat } from '@threadmap/workbench/workload'
import type { ConcurrentMap, MapHandle } from 'threadmap'
import { Histogram, type HistogramHandle } from 'threadmap/histogram'

export interface BackoffSetup {
  /** One map for each setting. */
  readonly handles: readonly MapHandle<string, number>[]
}

export interface BackoffCommand {
  readonly map: number
  readonly ms: number
  /** Work without the map between two operations, in steps of a loop: the less work, the more contention. */
  readonly think: number
}

export interface BackoffReply {
  readonly operations: number
  readonly ms: number
  readonly latency: HistogramHandle
}

/** Keys that come and go. All threads use the same keys, so that their inserts meet. */
const KEYS = 64
const BATCH = 256
/** One operation in this many is timed. */
const SAMPLE = 16

await serve<BackoffSetup, BackoffCommand, BackoffReply>(({ handles }, { meet }) => {
  const maps = handles.map((handle): ConcurrentMap<string, number> => attachMap(handle))
  const keys = Array.from({ length: KEYS }, (_, i) => flat(`order:${i}`))
  const scratch = new Int32Array(1)
  return ({ map: at, ms, think }) => {
    const map = maps[at]
    const histogram = new Histogram()
    let position = 0
    const one = () => {
      const key = keys[position % KEYS]
      // Every second pass deletes the key, so that getOrInsert keeps inserting.
      if ((position >> 6) % 2 === 0) map.getOrInsert(key, position)
      else map.delete(key)
      position++
      for (let i = 0; i < think; i++) Atomics.add(scratch, 0, 1)
    }
    meet()
    const began = performance.now()
    let operations = 0
    let now = began
    do {
      for (let i = 0; i < BATCH; i++) {
        if (i % SAMPLE === 0) {
          const start = performance.now()
          one()
          histogram.record((performance.now() - start) * 1e6)
        } else {
          one()
        }
      }
      operations += BATCH
      now = performance.now()
    } while (now - began < ms)
    return { operations, ms: now - began, latency: histogram.handle }
  }
})
