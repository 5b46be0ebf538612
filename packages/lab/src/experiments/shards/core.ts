/** One of two threads that pass a word to and fro, to measure how long a write takes to reach another core. */
import { pin } from '@threadmap/workbench/threads/affinity'
import { serve } from '@threadmap/workbench/threads/serve'

export interface CoreSetup {
  readonly word: Int32Array
}

export interface CoreCommand {
  readonly turns: number
  /** The processor to run on; undefined: any. */
  readonly cpu: number | undefined
}

export interface CoreReply {
  readonly ns: number
  readonly pinned: boolean
}

/** Milliseconds to wait for the other thread, which may have no processor; then the pair gives up, and the round does not count. */
const GIVE_UP_MS = 500

await serve<CoreSetup, CoreCommand, CoreReply>(({ word }, { index, meet }) => ({ turns, cpu }) => {
  const pinned = cpu !== undefined && pin([cpu])
  if (index === 0) Atomics.store(word, 0, 0)
  meet()
  const began = performance.now()
  let done = 0
  let lost = false
  for (let turn = index; turn < turns * 2 && !lost; turn += 2) {
    for (let spins = 1; Atomics.load(word, 0) !== turn; spins++) {
      if (spins % 4096 === 0 && performance.now() - began > GIVE_UP_MS) {
        lost = true
        break
      }
    }
    if (!lost) Atomics.store(word, 0, turn + 1)
    done++
  }
  meet()
  return { ns: lost ? Number.NaN : ((performance.now() - began) * 1e6) / (done * 2), pinned }
})
