import { type Blocked, judge, rateOf } from '@threadmap/workbench/blocks'
import { SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { LMDB, MESSAGES, PRIVATE, SHAREDMAP } from '@threadmap/workbench/subjects/subject'
import type { Workload } from '@threadmap/workbench/workload'
import type { MixDetails } from '../experiments/mix/index.js'
import { noiseOf } from '../preference.js'

/** One measured workload: the loss of each subject there against the best. */
export interface Case {
  readonly workload: Workload
  readonly heldOut: boolean
  readonly subjects: ReadonlyMap<string, Tried>
  /** The fastest subject. */
  readonly best: string
}

/** Rounds are in millions of operations per second. */
export interface Tried extends Blocked {
  /** ln(rate of the best / rate of this one): 0 for the best. Logarithms, so that twice as slow and twice as fast weigh the same. */
  readonly loss: number
  /** Standard error of the loss: that of its interval, and no less than what the run's A/A pairs differ by. */
  readonly error: number
}

/** Whether the advice may name the subject for a workload: for several threads, only subjects that share entries; for one thread, every subject. */
export function mayServe(name: string, { threads }: Workload): boolean {
  if (SAFE_KINDS.some(kind => kind === name)) return true
  if (name === MESSAGES.name || name === SHAREDMAP.name || name === LMDB.name) return true
  return threads === 1 && (name === 'UnsafeMap' || name === PRIVATE.name)
}

/** The name of a subject in the advice: with one thread, a "plain Map per thread" is a plain `Map`. */
export function choiceName(name: string): string {
  return name === PRIVATE.name ? 'plain Map' : name
}

export function casesOf({ cells }: MixDetails): Case[] {
  const noise = noiseOf(cells.map(({ subjects }) => subjects))
  return cells.flatMap(({ workload, heldOut, subjects }) => {
    const eligible = subjects.filter(({ name, rounds }) => mayServe(name, workload) && rounds.some(rate => rate > 0))
    if (eligible.length === 0) return []
    const rates = eligible.map(rateOf)
    const most = Math.max(...rates)
    const best = eligible[rates.indexOf(most)]
    const tried = eligible.map((each, at): [string, Tried] => {
      const { name, rounds, perBlock, others } = each
      const { low, high, ratio } = judge(best, each)
      // Half of a 95% interval is about two standard errors.
      const error = Math.max(noise, Math.log(high / ratio) / 2, Math.log(ratio / low) / 2)
      return [name, { rounds, perBlock, others, loss: Math.log(most / rates[at]), error: each === best ? 0 : error }]
    })
    return [{ workload, heldOut, subjects: new Map(tried), best: best.name }]
  })
}
