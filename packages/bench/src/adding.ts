/** One thread of a team that adds 1 to the same key of one map, for as long as a round lasts. */
import { performance } from 'node:perf_hooks'
import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import type { MapHandle } from 'threadmap'

/** Operations between two looks at the clock. */
const BATCH = 512

export interface AddSetup {
  readonly handle: MapHandle<string, number>
  readonly key: string
}

export interface AddRound {
  readonly ms: number
  readonly warmUpMs: number
}

export interface Added {
  /** Additions while the clock ran, and the milliseconds that it ran. */
  readonly operations: number
  readonly ms: number
  /** Additions, the warm-up included. */
  readonly all: number
}

await serve<AddSetup, AddRound, Added>(({ handle, key }, { meet }) => {
  const map = attachMap(handle)
  const runFor = (ms: number): { operations: number; ms: number } => {
    const began = performance.now()
    let operations = 0
    let elapsed = 0
    do {
      for (let i = 0; i < BATCH; i++) map.add(key, 1)
      operations += BATCH
      elapsed = performance.now() - began
    } while (elapsed < ms)
    return { operations, ms: elapsed }
  }
  return ({ ms, warmUpMs }) => {
    meet()
    const before = runFor(warmUpMs)
    const counted = runFor(ms)
    return { ...counted, all: before.operations + counted.operations }
  }
})
