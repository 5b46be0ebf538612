import type { MessagePort } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import type { Way } from './subjects.js'

/** What a thread of a trial is given as `workerData`. */
export interface Assignment {
  readonly role: 'worker' | 'owner'
  /** Which of the workers; -1 for the owner. */
  readonly index: number
  readonly way: Way
  readonly text: SharedArrayBuffer
  readonly cuts: Uint32Array
  readonly control: Int32Array
  /** The shared map, where there is one. */
  readonly handle?: MapHandle<string, number>
  /** For a worker of a trial with an owner: one port, to the owner. For the owner: one port per worker, in order. */
  readonly ports: readonly MessagePort[]
}

/** Words between two words of `Assignment.control` that different threads write: 128 bytes, so that no line is shared. */
const APART = 32

/** Indices into `Assignment.control`. */
export const Control = {
  /** The next chunk that nobody has taken. */
  next: 0,
  /** One of `Phase`; whoever waits for the next is notified. */
  phase: APART,
  /** How many batches of this worker the owner has counted. */
  absorbed: (worker: number) => (2 + worker) * APART,
  length: (workers: number) => (2 + workers) * APART,
} as const

/** A trial goes through these in step; the main thread sets them. */
export const Phase = {
  /** Threads start, warm up and report `ready`. */
  prepare: 0,
  /** The clock runs. Threads do the work and report `ended`. */
  work: 1,
  /** Nobody works any more: threads collect garbage, weigh what is left and report `weighed`. */
  weigh: 2,
} as const

/** What a worker posts to the owner: its whole `Map`, or batches of words and then undefined for "that was all". */
export type ToOwner = Counts | readonly string[] | undefined

export type Counts = Map<string, number>

/** What a thread reports to the main thread. `endedAt` is in nanoseconds of the clock that all threads share. */
export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'ended'; readonly endedAt: bigint; readonly words: number }
  | { readonly type: 'weighed'; readonly heapBytes: number; readonly counts?: ReadonlyMap<string, number> }
