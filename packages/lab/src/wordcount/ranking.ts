import { judge } from '@threadmap/workbench/blocks'
import { count, factor, megabytes, millions } from './format.js'
import type { Result, Results } from './results.js'

/** Which map to use, and why. Every statement follows from the figures. */
export interface Ranking {
  /** The fastest map that threads can share, and the maps that cannot be told from it. Empty when no such map ran. */
  readonly use: readonly string[]
  readonly reasons: readonly string[]
}

/** The text names a counter from this many per million words on, and when it is this many times the other map's. */
const NOTABLE_PER_MILLION = 1000
const NOTABLE_TIMES = 3

/** The text names the memory of a tied map when another map takes this many times as much. */
const NOTABLE_MEMORY = 1.15

export function rank(results: Results, words: number): Ranking {
  // An UnsafeMap is for one thread at a time, so it is no answer to which map the threads should share.
  const candidates = results.shared.filter(({ subject }) => subject.kind !== 'UnsafeMap')
  if (candidates.length === 0) return { use: [], reasons: [] }
  const [best, ...others] = candidates.sort((a, b) => b.speed.median - a.speed.median)
  const tied = others.filter(other => !beyondNoise(best, other))
  const behind = others.filter(other => beyondNoise(best, other))
  return {
    use: [best, ...tied].map(nameOf),
    reasons: [
      speedOf(best, tied, results.plain),
      ...thriftiest([best, ...tied]),
      ...behind.map(other => whyBehind(other, best, words)),
      ...beside(best, results),
    ],
  }
}

function nameOf({ subject }: Result): string {
  return subject.name
}

/** Every trial has a fresh map and fresh threads, and so is a block of its own. */
function judged(a: Result, b: Result) {
  return judge({ rounds: a.speed.rounds, perBlock: 1 }, { rounds: b.speed.rounds, perBlock: 1 })
}

function beyondNoise(a: Result, b: Result): boolean {
  return judged(a, b).differs
}

function ratio(a: Result, b: Result): number {
  return judged(a, b).ratio
}

function speedOf(best: Result, tied: readonly Result[], plain: Result): string {
  const threads = `${best.subject.workers === 1 ? '1 worker' : `${best.subject.workers} workers`}`
  const speed = `${nameOf(best)} counted ${millions(best.speed.median)} M words/s with ${threads}, ${relation(best, plain)} one thread with a plain Map`
  const ties = tied.map(other => `${nameOf(other)} ${millions(other.speed.median)}`)
  return ties.length === 0 ? `${speed}.` : `${speed}; within the noise of it: ${ties.join(', ')}.`
}

function relation(a: Result, b: Result): string {
  return beyondNoise(a, b) ? factor(ratio(a, b)) : 'as fast as (within the noise)'
}

/** Among maps that are equally fast, memory decides. */
function thriftiest(results: readonly Result[]): string[] {
  if (results.length < 2) return []
  const memory = (result: Result) => result.memory?.median ?? Number.NaN
  const [least, ...others] = [...results].sort((a, b) => memory(a) - memory(b))
  const most = others[others.length - 1]
  if (memory(most) < memory(least) * NOTABLE_MEMORY) return []
  return [
    `Of these, ${nameOf(least)} takes the least memory: ${megabytes(memory(least))}, ${nameOf(most)} ${megabytes(memory(most))}.`,
  ]
}

function whyBehind(other: Result, best: Result, words: number): string {
  const perMillion = (value: number | undefined) => ((value ?? 0) / words) * 1e6
  const causes = (['lockWaits', 'retries'] as const).flatMap(counter => {
    const here = perMillion(other[counter]?.median)
    const there = perMillion(best[counter]?.median)
    if (here < NOTABLE_PER_MILLION || here < there * NOTABLE_TIMES) return []
    const what = counter === 'lockWaits' ? 'waits for a lock' : 'retries of a read'
    return [`${count(here)} ${what} per million words (${nameOf(best)} ${count(there)})`]
  })
  const speed = `${nameOf(other)} was ${factor(ratio(other, best))} as fast`
  return causes.length === 0 ? `${speed}.` : `${speed}: ${causes.join(', ')}.`
}

/** How the best shared map compares with the ways without a shared map. */
function beside(best: Result, { plain, merge, messages }: Results): string[] {
  const name = nameOf(best)
  const reasons = []
  if (best.subject.workers === 1) return []
  if (!beyondNoise(merge, best)) {
    reasons.push(
      `A plain Map for each worker, merged at the end, is as fast (within the noise); with ${name} the counts can be read at any time.`,
    )
  } else if (ratio(merge, best) > 1) {
    reasons.push(
      `A plain Map for each worker, merged at the end, is ${factor(ratio(merge, best))} as fast: take that if nobody reads a count ` +
        `before the end, and ${name} if the workers must see each other's counts as they go.`,
    )
  } else {
    reasons.push(`A plain Map for each worker, merged at the end, was ${factor(ratio(merge, best))} as fast.`)
  }
  reasons.push(`Sending the words to one owner by messages was ${factor(ratio(messages, best))} as fast.`)
  if (beyondNoise(plain, best) && ratio(plain, best) > 1) {
    reasons.push(
      `One thread with a plain Map is ${factor(ratio(plain, best))} as fast: this job does not repay sharing on this machine.`,
    )
  }
  return reasons
}
