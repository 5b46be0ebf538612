import type { ThreadTime } from '@threadmap/workbench/threads/time'
import type { MapHandle } from 'threadmap'
import type { HistogramHandle } from 'threadmap/histogram'
import type { LockHandle } from 'threadmap/sync'
import type { Entry } from './orders.js'

/** A resource that is made scarce on purpose, so that the cause that the analysis names can be checked against the known cause. */
export type Planted =
  | { readonly what: 'pool'; readonly size: number; readonly ms: number }
  /** `hot`: the share of the requests that go to one shard. */
  | { readonly what: 'lock'; readonly locks: number; readonly ms: number; readonly hot?: number }
  | { readonly what: 'loop'; readonly ms: number }

export interface ServerSetup {
  readonly handle: MapHandle<string, Entry>
  readonly planted?: Planted | undefined
  /** One lock for each shard, where locks are planted. */
  readonly locks: readonly LockHandle<'Mutex'>[]
  /** The port of the server behind, where a pool is planted. */
  readonly backend?: number | undefined
}

export type ServerCommand = 'address' | 'watch' | 'figures'

export interface ServerReply {
  readonly port: number
  /** Requests since `watch`. */
  readonly figures?: ServerFigures
}

/** The figures of one worker of the server since `watch`. */
export interface ServerFigures {
  readonly ms: number
  readonly requests: number
  readonly time: ThreadTime
  /** For each lock, how long this worker held it and waited for it. */
  readonly heldMs: readonly number[]
  readonly waitedMs: readonly number[]
  /** For each lock, a histogram of waiting and holding together, request by request. */
  readonly lockLatencies: readonly HistogramHandle[]
  /** Connections of the pool in use, and requests that wait for one, each multiplied by the milliseconds. */
  readonly poolInUseMs: number
  readonly poolWaitingMs: number
}
