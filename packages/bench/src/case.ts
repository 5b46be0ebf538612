/** The cases of the benchmark: which subjects take turns, and what is compared. */
import type { GoMap } from '@threadmap/workbench/go/program'
import type { Job } from './jobs.js'

/** The numbers of keys: 4,096 entries fit the L2 cache, 100,000 do not. */
export const SIZES = [4096, 100_000]

/** One of Go's maps, in the Go program of the workbench. */
export interface GoJob {
  program: 'go'
  map: GoMap
  /** Whether the program has the `sync.Map` of Go before 1.24. */
  old?: boolean
  threads: number
  keys: number
  reads: number
  seed: number
}

export type Unit = 'ns' | 'us' | 'ms' | 'M/s' | 'B' | '%'

export interface SubjectSpec {
  label: string
  job: Job | GoJob
  /** Node's arguments of its process. */
  execArgv?: string[]
  /** Not needed for the targets: `--quick` leaves it out. */
  extra?: boolean
}

export interface Target {
  atMost?: number
  atLeast?: number
}

/** One line of the table: a subject's ratio to another subject, or (without `against`) its own figure. */
export interface Comparison {
  what: string
  of: string
  against?: string
  target?: Target
}

/** Subjects whose rounds alternate, and the lines that compare them. */
export interface Case {
  name: string
  unit: Unit
  subjects: SubjectSpec[]
  comparisons: Comparison[]
  /** The case has no target: `--quick` leaves it out. */
  extra?: boolean
  /** One round is enough, since the figure does not depend on time. */
  once?: boolean
  /**
   * Each round has new processes: how V8 compiles a loop, and where the memory lies, then differs from round to round as it does
   * between runs, and the quartiles show it.
   */
  fresh?: boolean
}

export const thousands = (n: number): string => n.toLocaleString('en-US')
