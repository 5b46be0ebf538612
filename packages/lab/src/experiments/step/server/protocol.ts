import type { ThreadTime } from '@threadmap/workbench/threads/time'
import type { MapHandle } from 'threadmap'
import type { HistogramHandle } from 'threadmap/histogram'
import type { LockHandle } from 'threadmap/sync'
import type { Entry } from './orders.js'

/** What is made scarce on purpose, so that what the analysis names can be checked against what is known. */
export type Planted =
  | { readonly what: 'pool'; readonly size: number; readonly ms: number }
  /** `hot`: the share of the requests that go to one shard. */
  | { readonly what: 'lock'; readonly locks: number; readonly ms: number; readonly hot?: number }
  | { readonly what: 'loop'; readonly ms: number }

export interface ServerSetup {
  readonly handle: MapHandle<string, Entry>
  readonly planted?: Planted | undefined
  /** One for each shard, where a lock is planted. */
  readonly locks: readonly LockHandle<'Mutex'>[]
  /** The port of the server behind, where a pool is planted. */
  readonly backend?: number | undefined
}

export type ServerCommand = 'address' | 'watch' | 'figures'

export interface ServerReply {
  readonly port: number
  /** Since `watch`. */
  readonly figures?: ServerFigures
}

/** What one worker of the server saw since it was told to watch. */
export interface ServerFigures {
  readonly ms: number
  readonly requests: number
  readonly time: ThreadTime
  /** For each lock, how long this worker held it, and how long it waited for it. */
  readonly heldMs: readonly number[]
  readonly waitedMs: readonly number[]
  /** And a histogram of both together, request by request. */
  readonly lockLatencies: readonly HistogramHandle[]
  /** Connections of the pool in use, and requests that wait for one, each times milliseconds. */
  readonly poolInUseMs: number
  readonly poolWaitingMs: number
}
