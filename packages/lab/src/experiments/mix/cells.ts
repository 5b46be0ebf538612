import { NUMBER_BYTES, random, type Workload } from '@threadmap/workbench/workload'

/** One workload of the matrix. */
export interface Cell {
  readonly workload: Workload
  /** A held-out cell judges the advice; it has no part in the fit. */
  readonly heldOut: boolean
}

/** Each factor's levels. The numbers of keys: a handful of counters, a map that fits the L2 cache, one that does not. */
const LEVELS = {
  reads: [99, 90, 50, 10],
  keys: [256, 4096, 65_536],
  zipf: [0, 0.99],
  valueBytes: [NUMBER_BYTES, 64, 512],
  churn: [0, 50],
}

/** One cell in this many is held out. */
const HELD_OUT = 4

/**
 * `count` workloads out of the 288 of the whole matrix. Each level of a factor occurs equally often, and levels are combined at
 * random (a Latin hypercube), so that few cells tell much about every factor.
 */
export function mixCells(count: number, workers: number, seed: number): Cell[] {
  const next = random(seed)
  const column = <T>(levels: readonly T[]): T[] =>
    shuffled(
      Array.from({ length: count }, (_, i) => levels[i % levels.length]),
      next,
    )
  const reads = column(LEVELS.reads)
  const keys = column(LEVELS.keys)
  const zipf = column(LEVELS.zipf)
  const valueBytes = column(LEVELS.valueBytes)
  const churn = column(LEVELS.churn)
  // One thread is a third of the matrix: there a shared map need not pay.
  const threads = column([workers, 1, workers])
  const cells = reads.map((_, i) => ({
    workload: {
      reads: reads[i],
      keys: keys[i],
      zipf: zipf[i],
      valueBytes: valueBytes[i],
      churn: churn[i],
      threads: threads[i],
    },
    heldOut: i % HELD_OUT === HELD_OUT - 1,
  }))
  const seen = new Set<string>()
  return cells.filter(({ workload }) => {
    const name = JSON.stringify(workload)
    return !seen.has(name) && seen.add(name)
  })
}

function shuffled<T>(list: T[], next: () => number): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    const swapped = list[i]
    list[i] = list[j]
    list[j] = swapped
  }
  return list
}
