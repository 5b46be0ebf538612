import type { MessagePort } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import type { Way } from './subjects.js'

/** The `workerData` of a thread of a trial. */
export interface Assignment {
  readonly role: 'worker' | 'owner'
  /** The index of the worker; -1 for the owner. */
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
  /** One of `Phase`; a change notifies the threads that wait for the next phase. */
  phase: APART,
  /** How many batches of this worker the owner has counted. */
  absorbed: (worker: number) => (2 + worker) * APART,
  length: (workers: number) => (2 + workers) * APART,
} as const

/** All threads of a trial go through these phases in step; the main thread sets them. */
export const Phase = {
  /** Threads start, warm up and report `ready`. */
  prepare: 0,
  /** The clock runs. Threads do the work and report `ended`. */
  work: 1,
  /** The work is over: threads collect garbage, measure their heaps and report `weighed`. */
  weigh: 2,
} as const

/** A worker's messages to the owner: its whole `Map`, or batches of words and undefined after the last batch. */
export type ToOwner = Counts | readonly string[] | undefined

export type Counts = Map<string, number>

/** A thread's reports to the main thread. `endedAt` is in nanoseconds of the clock that all threads share. */
export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'ended'; readonly endedAt: bigint; readonly words: number }
  | { readonly type: 'weighed'; readonly heapBytes: number; readonly counts?: ReadonlyMap<string, number> }
