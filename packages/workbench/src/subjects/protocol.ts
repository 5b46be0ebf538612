import type { MessagePort } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import type { HistogramHandle } from 'threadmap/histogram'
import type { Workload } from '../workload.js'

/** The handle by which a thread opens a store; structured-cloneable (the port is transferred). */
export type StoreHandle =
  | { readonly type: 'shared'; readonly handle: MapHandle<string, number> | MapHandle<string, string> }
  | { readonly type: 'private' }
  | { readonly type: 'messages'; readonly port: MessagePort; readonly bell: Int32Array }
  | { readonly type: 'sharedmap'; readonly clone: object }
  | { readonly type: 'lmdb'; readonly path: string }

/** The task of a thread. It comes with each new workload, so that one team serves a whole matrix of workloads. */
export interface PrepareCommand {
  readonly do: 'prepare'
  readonly workload: Workload
  readonly store: StoreHandle
  /** The operations, each `index * 4 + Operation`, in shared memory, which all subjects use. */
  readonly operations: Uint32Array
}

export interface RoundCommand {
  readonly do: 'round'
  readonly ms: number
  /** Milliseconds to run before counting begins. */
  readonly warmUpMs: number
  /** Whether one operation in `SAMPLE` is timed. */
  readonly latency: boolean
  /** Whether this thread's collector is watched. */
  readonly collector: boolean
}

/** Binds every thread of the team to these processors from now on. */
export interface PinCommand {
  readonly do: 'pin'
  readonly processors: readonly number[]
}

export interface CloseCommand {
  readonly do: 'close'
}

export type SubjectCommand = PrepareCommand | RoundCommand | PinCommand | CloseCommand

/** The figures of one thread while the clock ran. */
export interface RoundReply {
  readonly operations: number
  readonly ms: number
  /** Operations, the warm-up included. */
  readonly all: number
  /** Reads that found nothing, the warm-up included. */
  readonly missed: number
  /** A histogram of single operations in nanoseconds, if latency was asked for. */
  readonly latency?: HistogramHandle
  readonly collector?: CollectorFigures
}

/** The work of the collector of one thread, or of several threads together. */
export interface CollectorFigures {
  readonly young: number
  readonly old: number
  /** The pause of each collection, in milliseconds. */
  readonly pauses: readonly number[]
  readonly allocatedBytes: number
}

export type SubjectReply = RoundReply | undefined

/** One operation in this many is timed: a look at the clock costs as much as an operation. */
export const SAMPLE = 32
