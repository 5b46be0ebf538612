import { parentPort, workerData } from 'node:worker_threads'
import { Control } from './control.js'

/** A worker program's view of its team. */
export interface Crew {
  /** This worker's number in the team, from 0. */
  readonly index: number
  readonly control: Control
  /** Says that this worker is ready, and waits until the main thread opens the gate. */
  start(): void
  /** Says that this worker has seen what its test is about; `run` in team.ts waits for it. Cheap enough for a hot loop. */
  seen(): void
  /** Calls `seen` when this worker has done enough that a test which expects no failure has tested something. */
  worked(operations: number): void
  /** False once the main thread asks the team to stop. */
  running(): boolean
}

/** Operations of one worker, of any kind: about a millisecond's work. */
const ENOUGH = 500

/** What `Team` passes to a worker. */
export interface Assignment {
  readonly job: string
  readonly task: unknown
  readonly index: number
  readonly control: SharedArrayBuffer
}

export type Jobs = Record<string, (task: never, crew: Crew) => unknown>

/** What a worker sends to the main thread. */
export type Report = { readonly ready: true } | { readonly report: unknown }

/**
 * Makes this module a worker program: it runs the job that the main thread asked for and reports what the job
 * returns. An error is left uncaught: it reaches the main thread as the worker's 'error' event.
 */
export function serve(jobs: Jobs): void {
  const assignment = workerData as Assignment | null
  const port = parentPort
  if (!assignment || !port) return
  const control = new Control(assignment.control)
  const job = jobs[assignment.job] as ((task: unknown, crew: Crew) => unknown) | undefined
  if (!job) throw new Error(`no job ${assignment.job} in this worker program`)
  let hasSeen = false
  const crew: Crew = {
    index: assignment.index,
    control,
    start() {
      port.postMessage({ ready: true } satisfies Report)
      control.waitUntilOpen()
    },
    seen() {
      if (hasSeen) return
      hasSeen = true
      control.markSeen(assignment.index)
    },
    worked(operations) {
      if (operations >= ENOUGH) crew.seen()
    },
    running: () => !control.stopped,
  }
  const report = (value: unknown) => port.postMessage({ report: value } satisfies Report)
  const returned = job(assignment.task, crew)
  if (returned instanceof Promise) void returned.then(report)
  else report(returned)
}
