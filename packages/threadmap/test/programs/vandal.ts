/**
 * A child process of robustness/alone/damage: makes maps, flips bytes in their memory, and uses them. It prints the outcome of each
 * trial; the test checks that every trial ends. Usage: node vandal.js SEED TRIALS
 */

import { ThreadmapError } from 'threadmap'
import { type AnyMap, trialMap } from '../support/damage.js'
import { Random } from '../support/random.js'

const [seed, trials] = process.argv.slice(2).map(Number)

for (let trial = 0; trial < trials; trial++) {
  const random = Random.of(`damage ${trial}`, seed)
  const { map, name, attach, words, parts } = trialMap(random, trial)
  console.log(JSON.stringify({ trial, name, begun: true }))
  const bytes = new Uint8Array(words.buffer)
  const flips = 1 + random.below(8)
  // One part of the memory in each trial: header and threads, shards, the page table, the pages in use, all of it.
  const [from, to] = random.pick(parts)
  for (let i = 0; i < flips; i++) {
    bytes[from + random.below(to - from)] ^= random.pick([1, 0x80, 0xff, 1 << random.below(8)])
  }
  const outcomes: Record<string, number> = {}
  const note = (what: string): void => {
    outcomes[what] = (outcomes[what] ?? 0) + 1
  }
  const attempt = (operation: () => unknown): void => {
    try {
      operation()
      note('ok')
    } catch (error) {
      if (!(error instanceof ThreadmapError)) {
        console.log(JSON.stringify({ trial, name, bare: (error as Error).stack ?? String(error) }))
      }
      note((error as Error).name)
    }
  }
  const use = (used: AnyMap): void => {
    for (let i = 0; i < 40; i++) attempt(() => used.get(`key ${i * 5}`))
    attempt(() => [...used])
    attempt(() => used.size)
    for (let i = 0; i < 60; i++) attempt(() => used.set(`new ${i}`, { i, text: 'x'.repeat(i * 20) }))
    for (let i = 0; i < 40; i++) attempt(() => used.delete(`key ${i * 3}`))
    for (let i = 0; i < 10; i++) attempt(() => used.getOrInsertComputed(`made ${i}`, () => ({ i })))
    attempt(() => used.stats())
    attempt(() => used.audit())
    attempt(() => used.clear())
    for (let i = 0; i < 20; i++) attempt(() => used.set(`later ${i}`, { i }))
    attempt(() => [...used.values()])
  }
  let other: AnyMap | undefined
  attempt(() => {
    other = attach()
  })
  if (other !== undefined) use(other)
  // The first thread goes on only if the configuration that it relies on is unchanged.
  if (other !== undefined) use(map)
  attempt(() => other?.[Symbol.dispose]())
  attempt(() => map[Symbol.dispose]())
  console.log(JSON.stringify({ trial, name, outcomes }))
}
