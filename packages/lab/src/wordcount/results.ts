import type { Evidence } from '@threadmap/workbench/evidence'
import { type Spread, spread } from '@threadmap/workbench/statistics'
import type { MapStats } from 'threadmap'
import type { Measured, Wordcount } from './run.js'
import type { Subject } from './subjects.js'

/** The results of one subject over all rounds. */
export interface Result {
  readonly subject: Subject
  /** Words per second. */
  readonly speed: Spread
  /** Speed relative to one thread with a plain `Map`, compared round by round. */
  readonly relative: Spread
  /**
   * The share of the time that went into counting (and posting, for `messages` and `merge`) rather than into making the words: the
   * time beyond that of the same number of threads that only made the words.
   */
  readonly countingShare: Spread
  /** Absent for `none`, which counts nothing. */
  readonly memory?: Spread
  readonly cpu: Spread
  /** Per trial. Absent without a shared map. */
  readonly retries?: Spread
  readonly lockWaits?: Spread
  readonly lockSleeps?: Spread
}

/** All results, and those that the ranking and the table look for by their role. */
export interface Results {
  readonly all: readonly Result[]
  readonly plain: Result
  readonly merge: Result
  readonly messages: Result
  readonly shared: readonly Result[]
}

export function resultsOf(run: Wordcount): Results {
  const plain = run.measured.find(({ subject }) => subject.way === 'own') as Measured
  const all = run.measured.map(measured => {
    const { subject, trials } = measured
    const words = run.measured.find(other => other.subject.way === 'none' && other.subject.workers === subject.workers)
    const counter = (name: keyof MapStats) => spread(trials.map(({ stats }) => stats?.[name] ?? Number.NaN))
    return {
      subject,
      speed: spread(trials.map(({ seconds }) => run.words / seconds)),
      relative: spread(trials.map(({ seconds }, round) => plain.trials[round].seconds / seconds)),
      countingShare: spread(
        trials.map(({ seconds }, round) => 1 - (words as Measured).trials[round].seconds / seconds),
      ),
      cpu: spread(trials.map(({ cpuSeconds }) => cpuSeconds)),
      ...(subject.way === 'none' ? {} : { memory: spread(trials.map(({ memoryBytes }) => memoryBytes)) }),
      ...(subject.way === 'shared'
        ? { retries: counter('retries'), lockWaits: counter('lockWaits'), lockSleeps: counter('lockSleeps') }
        : {}),
    }
  })
  const way = (wanted: Subject['way']) => all.find(({ subject }) => subject.way === wanted) as Result
  return {
    all,
    plain: way('own'),
    merge: way('merge'),
    messages: way('messages'),
    shared: all.filter(({ subject }) => subject.way === 'shared'),
  }
}

/**
 * The share of the processor time that this run got of what it asked for, measured on the subject that shares nothing and waits for
 * nothing: `workers` threads that only make words. Well below 1, other programs were using the machine.
 */
export function processorShare(run: Wordcount, cores: number): number {
  const lone = run.measured.filter(({ subject }) => subject.way === 'none')
  const { subject, trials } = lone[lone.length - 1]
  const got = trials.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const asked = trials.reduce((sum, { seconds }) => sum + seconds * Math.min(subject.workers, cores), 0)
  return got / asked
}

/** The results as rows of evidence. */
export function evidenceOf(run: Wordcount, results: Results): Evidence[] {
  const workload = `count ${run.words} words, ${run.distinctWords} distinct`
  return results.all.flatMap(result => {
    const { subject } = result
    const figures: [string, string, Spread | undefined][] = [
      ['speed', 'words/s', result.speed],
      ['relative speed', 'x plain Map, one thread', result.relative],
      ['share of counting', 'of the time', result.countingShare],
      ['processor time', 's', result.cpu],
      ['memory', 'bytes', result.memory],
      ['retries', 'per run', result.retries],
      ['lock waits', 'per run', result.lockWaits],
      ['lock sleeps', 'per run', result.lockSleeps],
    ]
    return figures.flatMap(([metric, unit, values]): Evidence[] =>
      values === undefined
        ? []
        : [
            {
              experiment: 'wordcount',
              subject: subject.name,
              workers: subject.workers,
              workload,
              metric,
              value: values.median,
              unit,
              spread: values,
              known: 'measured',
            },
          ],
    )
  })
}
