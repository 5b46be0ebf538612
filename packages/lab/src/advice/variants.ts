import { availableParallelism } from 'node:os'
import { freeBytes } from '@threadmap/workbench/memory'
import { compare, NOTABLE, spread } from '@threadmap/workbench/statistics'
import { SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { noRoom } from '@threadmap/workbench/subjects/room'
import { sharedSubject } from '@threadmap/workbench/subjects/subject'
import { NUMBER_BYTES, type Workload } from '@threadmap/workbench/workload'
import { runWorkloads } from '../experiments/mix/measure.js'

/** A workload that differs in one factor, and whether the choice is still the best there. */
export interface Variant {
  /** The difference in words: `10% reads`. */
  readonly change: string
  /** The fastest map there, if it beats the choice in every round; undefined: the choice remains. */
  readonly instead: string | undefined
  /** How many times as fast as the choice that map is. */
  readonly ratio: number
}

/** Keys of a variant at most: filling a larger map takes longer than measuring it. */
const MOST_KEYS = 2 ** 17

/** Variants of a workload: other shares of reads, sizes, numbers of threads and values. */
function variantsOf(workload: Workload): { change: string; workload: Workload }[] {
  const { reads, keys, threads, valueBytes, zipf } = workload
  const more = Math.min(2 * threads, 2 * availableParallelism())
  const list: [string, Partial<Workload>, boolean][] = [
    ['99% reads', { reads: 99 }, reads < 97],
    ['10% reads', { reads: 10 }, reads > 20],
    [
      'many inserts and deletes',
      { reads: Math.min(reads, 80), churn: 80 },
      ((100 - reads) * workload.churn) / 100 < 10,
    ],
    [`${(keys * 16).toLocaleString('en-US')} keys`, { keys: keys * 16 }, keys * 16 <= MOST_KEYS],
    [zipf === 0 ? 'some keys hot' : 'all keys used alike', { zipf: zipf === 0 ? 0.99 : 0 }, true],
    [`${more} threads`, { threads: more }, more > threads],
    [
      valueBytes < 256 ? 'values of 512 B' : 'numbers as values',
      { valueBytes: valueBytes < 256 ? 512 : NUMBER_BYTES },
      true,
    ],
  ]
  return list
    .filter(([, , applies]) => applies)
    .map(([change, part]) => ({ change, workload: { ...workload, ...part } }))
}

/** The variants that have room in `free` bytes. */
function variantsWithRoom(workload: Workload, free: number): { change: string; workload: Workload }[] {
  return variantsOf(workload).filter(variant => noRoom(SUBJECTS, variant.workload, free) === undefined)
}

const SUBJECTS = SAFE_KINDS.map(sharedSubject)

export interface VariantOptions {
  readonly blocks: number
  readonly rounds: number
  readonly ms: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly onProgress?: (share: number, doing: string) => void
}

/** Measures the safe maps on workloads that differ in one factor each, to find those on which `choice` is not the best. */
export async function tryVariants(workload: Workload, choice: string, options: VariantOptions): Promise<Variant[]> {
  const base = { ...workload, keys: Math.min(workload.keys, MOST_KEYS) }
  const variants = variantsWithRoom(base, freeBytes())
  const found: Variant[] = []
  for (const threads of new Set(variants.map(variant => variant.workload.threads))) {
    const these = variants.filter(variant => variant.workload.threads === threads)
    const measured = await runWorkloads(
      these.map(variant => variant.workload),
      {
        ...options,
        threads,
        subjects: SUBJECTS,
        onWorkload: (at, block) =>
          options.onProgress?.(
            (found.length + (block * these.length + at) / options.blocks) / variants.length,
            these[at].change,
          ),
      },
    )
    for (const [at, subjects] of measured.entries()) {
      const best = subjects.reduce((most, each) =>
        spread(each.rounds).median > spread(most.rounds).median ? each : most,
      )
      const own = subjects.find(({ name }) => name === choice)
      const rounds = own?.rounds ?? best.rounds
      // One of many variants would differ by chance, so the map must be ahead in every round.
      const isSure = best.rounds.every((rate, round) => rate > rounds[round] * (1 + NOTABLE))
      found.push({
        change: these[at].change,
        instead: isSure ? best.name : undefined,
        ratio: compare(best.rounds, rounds).ratio,
      })
    }
  }
  return found
}
