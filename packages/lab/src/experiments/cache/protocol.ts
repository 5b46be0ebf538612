/** What the threads of a cache's replay are told, and what they answer. */
import type { MessagePort } from 'node:worker_threads'
import type { CacheHandle } from 'threadmap/cache'
import type { HistogramHandle } from 'threadmap/histogram'

/** A thread's way to the cache of its subject. */
export type CacheStore =
  | { readonly type: 'shared'; readonly handle: CacheHandle<string, string> }
  | { readonly type: 'private'; readonly max: number }
  | { readonly type: 'messages'; readonly port: MessagePort; readonly bell: Int32Array }

export interface ReplayCommand {
  readonly store: CacheStore
  /** The whole trace, in shared memory. */
  readonly requests: Uint32Array
  /** One word: the position of the next request. Threads take requests in turn, as clients that reach any of the threads. */
  readonly position: Int32Array
  readonly valueBytes: number
}

export interface ReplayReply {
  readonly requests: number
  readonly hits: number
  readonly ms: number
  readonly latency: HistogramHandle
  /** Bytes that this thread's heap has gained; 0 for a cache that is elsewhere. */
  readonly heapBytes: number
}

/** A request to the thread that has the cache: a read has no value. */
export type CacheRequest = readonly [key: string, value?: string]

export interface OwnerCommand {
  readonly max: number
  readonly ports: readonly MessagePort[]
  readonly bells: readonly Int32Array[]
}
