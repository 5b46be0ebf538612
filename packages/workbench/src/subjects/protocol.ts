import type { MessagePort } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import type { HistogramHandle } from 'threadmap/histogram'
import type { Workload } from '../workload.js'

/** How a thread gets at what is under test; structured-cloneable (the port is transferred). */
export type StoreHandle =
  | { readonly type: 'shared'; readonly handle: MapHandle<string, number> | MapHandle<string, string> }
  | { readonly type: 'private' }
  | { readonly type: 'messages'; readonly port: MessagePort; readonly bell: Int32Array }
  | { readonly type: 'sharedmap'; readonly clone: object }
  | { readonly type: 'lmdb'; readonly path: string }

/** A thread of a team gets its task with each new workload, so that one team serves a whole matrix of them. */
export interface PrepareCommand {
  readonly do: 'prepare'
  readonly workload: Workload
  readonly store: StoreHandle
  /** `index * 4 + Operation`; in shared memory, the same for every subject. */
  readonly operations: Uint32Array
}

export interface RoundCommand {
  readonly do: 'round'
  readonly ms: number
  /** How long to run before counting begins. */
  readonly warmUpMs: number
  /** Whether one operation in `SAMPLE` is timed. */
  readonly latency: boolean
  /** Whether what this thread's collector does is to be watched. */
  readonly collector: boolean
}

/** Every thread of the team may run on these processors from now on. */
export interface PinCommand {
  readonly do: 'pin'
  readonly processors: readonly number[]
}

export interface CloseCommand {
  readonly do: 'close'
}

export type SubjectCommand = PrepareCommand | RoundCommand | PinCommand | CloseCommand

/** What one thread did while the clock ran. */
export interface RoundReply {
  readonly operations: number
  readonly ms: number
  /** Operations with those of the warm-up. */
  readonly all: number
  /** Reads that found nothing, those of the warm-up included. */
  readonly missed: number
  /** Of single operations in nanoseconds, where latency was asked for. */
  readonly latency?: HistogramHandle
  readonly collector?: CollectorFigures
}

/** What the collector of one thread, or of several together, did. */
export interface CollectorFigures {
  readonly young: number
  readonly old: number
  /** Pauses in milliseconds, each collection's. */
  readonly pauses: readonly number[]
  readonly allocatedBytes: number
}

export type SubjectReply = RoundReply | undefined

/** One operation in this many is timed: a look at the clock costs as much as an operation. */
export const SAMPLE = 32
