/** One of the two threads: adds to its word until the round ends. */
import { serve } from '@threadmap/workbench/threads/serve'

export interface SharingSetup {
  readonly memory: WebAssembly.Memory
}

export interface SharingCommand {
  /** The address of this thread's word, in bytes; undefined: this thread rests. */
  readonly at: number | undefined
  readonly ms: number
}

export interface SharingReply {
  readonly additions: number
  readonly ms: number
}

/** Additions between two looks at the clock: some 100 us (Node 20, two cores). */
const BATCH = 10_000
const WARM_UP_MS = 10

await serve<SharingSetup, SharingCommand, SharingReply>(({ memory }, { meet }) => {
  const words = new Int32Array(memory.buffer)
  const addFor = (word: number, ms: number): SharingReply => {
    const began = performance.now()
    let additions = 0
    let now = began
    do {
      for (let i = 0; i < BATCH; i++) Atomics.add(words, word, 1)
      additions += BATCH
      now = performance.now()
    } while (now - began < ms)
    return { additions, ms: now - began }
  }
  return ({ at, ms }) => {
    meet()
    if (at === undefined) return { additions: 0, ms }
    addFor(at >> 2, WARM_UP_MS)
    return addFor(at >> 2, ms)
  }
})
