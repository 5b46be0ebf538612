import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Control } from './control.js'
import type { Assignment, Crew, Jobs, Report } from './crew.js'
import { PATIENCE, until } from './patience.js'

export type TaskOf<J, N extends keyof J> = J[N] extends (task: infer T, crew: Crew) => unknown ? T : never
export type ReportOf<J, N extends keyof J> = J[N] extends (task: never, crew: Crew) => infer R ? Awaited<R> : never

export interface TeamOptions {
  /** How long the team may take, in milliseconds, before it counts as hung. Default: PATIENCE. */
  deadline?: number
  /** Environment variables of the workers. */
  env?: Record<string, string | undefined>
}

/**
 * Workers that run one job of a program in test/programs. Every wait of the main thread is asynchronous: a main thread
 * that blocks could not notice that a worker died.
 */
export class Team<R> {
  readonly control: Control
  /** The jobs' results, awaited for as long as they take; rejects with the first error of a worker. */
  readonly finished: Promise<R[]>
  readonly workers: readonly Worker[]
  /** Workers that have not ended. */
  living: number
  readonly #ready: Promise<unknown>
  readonly #deadline: number
  readonly name: string

  constructor(program: string, job: string, tasks: readonly unknown[], options: TeamOptions = {}) {
    this.#deadline = options.deadline ?? PATIENCE
    this.name = `${program}/${job}`
    this.control = Control.forWorkers(tasks.length)
    const url = new URL(`../programs/${program}.js`, import.meta.url)
    const ready: Promise<void>[] = []
    const reports: Promise<R>[] = []
    this.living = tasks.length
    this.workers = tasks.map((task, index) => {
      const workerData: Assignment = { job, task, index, control: this.control.buffer }
      const worker = new Worker(url, { workerData, env: { ...process.env, ...options.env } })
      worker.once('exit', () => this.living--)
      let isReady = () => {}
      ready.push(
        new Promise((resolve, reject) => {
          isReady = resolve
          worker.once('error', reject)
        }),
      )
      reports.push(
        new Promise((resolve, reject) => {
          worker.on('message', (message: Report) => {
            if ('ready' in message) isReady()
            else resolve(message.report as R)
          })
          worker.once('error', reject)
          worker.once('exit', code => reject(new Error(`worker ${index} of ${this.name} ended early (code ${code})`)))
        }),
      )
      return worker
    })
    this.#ready = Promise.all(ready)
    this.finished = Promise.all(reports)
    // Both promises are awaited later, or never where the workers are meant to die.
    this.#ready.catch(() => {})
    this.finished.catch(() => {})
  }

  /** Resolves when every worker has come to `crew.start()`. */
  async ready(): Promise<this> {
    await this.#within(this.#ready)
    return this
  }

  open(): void {
    this.control.open()
  }

  /** The jobs' results. Rejects with the first error of a worker, or when the team is not done in time. */
  async reports(): Promise<R[]> {
    return await this.#within(this.finished)
  }

  async terminate(): Promise<void> {
    await Promise.all(this.workers.map(worker => worker.terminate()))
  }

  async #within<T>(promise: Promise<T>): Promise<T> {
    const timer = new AbortController()
    const late = sleep(this.#deadline, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`${this.name} hangs: not done after ${this.#deadline} ms`)
    })
    late.catch(() => {})
    try {
      return await Promise.race([promise, late])
    } finally {
      timer.abort()
    }
  }
}

/** Starts a team of a program, typed by its jobs: `crewOf<SumsJobs>('sums')('bank', tasks)`. */
export function crewOf<J extends Jobs>(program: string) {
  return <N extends keyof J & string>(job: N, tasks: readonly TaskOf<J, N>[], options?: TeamOptions) =>
    new Team<ReportOf<J, N>>(program, job, tasks, options)
}

/**
 * Runs a team from gate to report. With `milliseconds`, it is asked to stop after that time, but not before `enough()` is true: on a
 * busy machine a worker may not have begun by then, and a test in which nothing happened shows nothing.
 */
export async function run<R>(team: Team<R>, milliseconds?: number, enough = () => true): Promise<R[]> {
  try {
    await team.ready()
    team.open()
    if (milliseconds !== undefined) {
      const timer = new AbortController()
      const { signal } = timer
      const ending = sleep(milliseconds, undefined, { signal })
        .then(() => until(enough, `what ${team.name} is about`, { signal }))
        .catch(error => {
          if (!signal.aborted) throw error
        })
      try {
        // A worker that fails or ends early ends the wait as well.
        await Promise.race([ending, team.finished])
      } finally {
        timer.abort()
        team.control.stop()
      }
    }
    return await team.reports()
  } finally {
    await team.terminate()
  }
}

/** Runs two teams at once, like `run`, and ends both when one fails. */
export async function together<A, B>(
  one: Team<A>,
  other: Team<B>,
  milliseconds: number,
  enough?: () => boolean,
): Promise<[A[], B[]]> {
  try {
    await Promise.all([one.ready(), other.ready()])
    return await Promise.all([run(one, milliseconds, enough), run(other, milliseconds, enough)])
  } finally {
    await Promise.all([one.terminate(), other.terminate()])
  }
}
