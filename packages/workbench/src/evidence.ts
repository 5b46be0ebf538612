import { availableParallelism, cpus, totalmem } from 'node:os'
import { type Spread, spread } from './statistics.js'

/** One figure that an experiment found. Experiments, advice and report exchange figures in this form. */
export interface Evidence {
  readonly experiment: string
  readonly subject: string
  /** Threads that do the work. */
  readonly workers: number
  /** The workload in words. */
  readonly workload: string
  readonly metric: string
  readonly value: number
  readonly unit: string
  readonly spread: Spread
  /** The origin of the figure: `measured` in this run, `published` elsewhere, or `supplied` by the user. */
  readonly known: 'measured' | 'published' | 'supplied'
}

/** The machine and the runtime, on which the figures of a run depend. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly platform: string
  readonly node: string
  readonly v8: string
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    v8: process.versions.v8,
  }
}

/** A measured row; `values` are one per round. */
export function measured(
  row: Pick<Evidence, 'experiment' | 'subject' | 'workers' | 'workload' | 'metric' | 'unit'>,
  values: readonly number[],
): Evidence {
  const about = spread(values)
  return { ...row, value: about.median, spread: about, known: 'measured' }
}
