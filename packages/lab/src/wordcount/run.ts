import { setTimeout as sleep } from 'node:timers/promises'
import { duration, type Progress } from '@threadmap/workbench/progress'
import type { MapKind } from 'threadmap'
import { type Corpus, countReference, type Reference } from './corpus.js'
import { type Subject, subjectsFor } from './subjects.js'
import { runTrial, type Trial } from './trial.js'

/** A subject with its trials, one per round. */
export interface Measured {
  readonly subject: Subject
  readonly trials: readonly Trial[]
}

export interface Wordcount {
  readonly corpus: Corpus
  readonly words: number
  readonly distinctWords: number
  readonly workers: number
  /** The number of rounds that were asked for; `measured` has fewer trials if the time ran out. */
  readonly roundsWanted: number
  readonly rounds: number
  readonly measured: readonly Measured[]
}

export interface WordcountOptions {
  readonly corpus: Corpus
  readonly workers: number
  readonly kinds: readonly MapKind[]
  /** The number of trials per subject. */
  readonly rounds: number
  /** No round begins that would end later than this, judged by the rounds before. The first always runs. */
  readonly maxSeconds: number
  readonly progress?: Progress | undefined
  readonly signal?: AbortSignal | undefined
}

/** Time after which a trial counts as hung: far more than any subject needs, since all trials together take about a minute. */
const TRIAL_LIMIT_SECONDS = 60

/** Pause between trials, in which the system takes back the threads and the memory of the trial before. */
const PAUSE_MS = 20

/**
 * Counts the corpus with every subject, round by round; each round begins with another subject, so that no subject always
 * runs after the same neighbour. Throws `SubjectError` at the first count that differs from the reference count.
 */
export async function runWordcount(options: WordcountOptions): Promise<Wordcount> {
  const { corpus, workers, kinds, rounds, signal } = options
  const progress = options.progress ?? { live() {}, step() {}, clear() {} }
  const subjects = subjectsFor(kinds, workers)
  const trials = subjects.map((): Trial[] => [])
  const stopwatch = new Stopwatch(subjects.length, rounds, options.maxSeconds)
  let reference: Reference
  let round = 0
  try {
    progress.live('counting on one thread, for the comparison')
    reference = await countReference(corpus, signal)
    stopwatch.begin()
    for (; round < rounds && stopwatch.allowsAnotherRound(round); round++) {
      for (let turn = 0; turn < subjects.length; turn++) {
        const at = (turn + round) % subjects.length
        const onProgress = (share: number) =>
          progress.live(
            [
              `round ${round + 1} of ${rounds}`,
              `${subjects[at].name} (${threads(subjects[at].workers)}) ${percent(share)}`,
              stopwatch.remaining(round * subjects.length + turn + share),
            ].join('   '),
          )
        onProgress(0)
        trials[at].push(
          await runTrial(subjects[at], corpus, reference, { signal, onProgress, limitSeconds: TRIAL_LIMIT_SECONDS }),
        )
        await sleep(PAUSE_MS)
      }
      const remaining = stopwatch.remaining((round + 1) * subjects.length)
      progress.step([`round ${round + 1} of ${rounds} done, all counts right`, remaining].filter(Boolean).join(', '))
    }
  } finally {
    progress.clear()
  }
  return {
    corpus,
    words: reference.words,
    distinctWords: reference.counts.size,
    workers,
    roundsWanted: rounds,
    rounds: round,
    measured: subjects.map((subject, at) => ({ subject, trials: trials[at] })),
  }
}

export function threads(workers: number): string {
  return workers === 1 ? '1 worker' : `${workers} workers`
}

function percent(share: number): string {
  return `${String(Math.round(share * 100)).padStart(3)}%`
}

/** Forecasts the remaining time from the trials that have ended. */
class Stopwatch {
  readonly #trialsPerRound: number
  readonly #trials: number
  readonly #maxSeconds: number
  readonly #createdAt = performance.now()
  #begunAt = this.#createdAt

  constructor(trialsPerRound: number, rounds: number, maxSeconds: number) {
    this.#trialsPerRound = trialsPerRound
    this.#trials = trialsPerRound * rounds
    this.#maxSeconds = maxSeconds
  }

  /** Starts the clock of the forecast: the trials begin now. */
  begin(): void {
    this.#begunAt = performance.now()
  }

  allowsAnotherRound(roundsDone: number): boolean {
    if (roundsDone === 0) return true
    return (
      this.#secondsSince(this.#createdAt) +
        this.#secondsPerTrial(roundsDone * this.#trialsPerRound) * this.#trialsPerRound <=
      this.#maxSeconds
    )
  }

  /** `about 20 s left` after `trialsDone` (with fractions), or nothing when that cannot be told or nothing is left. */
  remaining(trialsDone: number): string {
    if (trialsDone < 1 || trialsDone >= this.#trials) return ''
    const byTrials = this.#secondsPerTrial(trialsDone) * (this.#trials - trialsDone)
    const byLimit = this.#maxSeconds - this.#secondsSince(this.#createdAt)
    return `about ${duration(Math.min(byTrials, byLimit))} left`
  }

  #secondsPerTrial(trialsDone: number): number {
    return this.#secondsSince(this.#begunAt) / trialsDone
  }

  #secondsSince(at: number): number {
    return (performance.now() - at) / 1000
  }
}
