/** Threads of one process that the probe can watch; more are not seen. */
export const THREADS = 256
/** Bytes for the name of a thread's program. */
export const NAME_BYTES = 96

/**
 * The figures of one thread. Times are in ms since the thread began, so that the reader takes differences; `lag` and `longest` count
 * since the last `watch`.
 */
export const ROW = [
  'threadId',
  /** 1 once the thread has ended. */
  'ended',
  /** The kernel's number of the thread; 0 where the system does not tell. */
  'tid',
  'active',
  'idle',
  'collector',
  /** The 99th percentile and the maximum of the delay of the event loop. */
  'lag',
  'longest',
  /** HTTP requests that began, and those that are not answered yet, added up tick by tick. */
  'requests',
  'insideSum',
  'ticks',
  'sockets',
  /** The number in the header of the last request that the lab marked. */
  'mark',
  /** Waiting for locks of maps that this thread made: all shards together, times and ms, and the shard with most of it. */
  'lockWaits',
  'lockWaitMs',
  'hotShard',
  'hotShardMs',
  'shards',
] as const

/** The header of a request that the lab marks, to find the processes that serve it. Node gives names of headers in lower case. */
export const MARK_HEADER = 'x-threadmap-probe'

/** The channel between the probe's thread and those that it watches. */
export const CHANNEL = 'threadmap-probe'
/** The environment data by which new threads get the memory. */
export const MEMORY_KEY = 'threadmap-probe-memory'

/** What the probe's thread asks of the threads. */
export type Order =
  | { readonly to: 'threads'; readonly do: 'watch' }
  | { readonly to: 'threads'; readonly do: 'profile'; readonly threadId: number; readonly ms: number }

/** Where a thread spends its time. */
export interface HotCode {
  /** `parse`, or `(anonymous)`. */
  readonly name: string
  /** `server.js:12`; empty for code of the runtime. */
  readonly place: string
  /** Share of the samples in which the thread was busy. */
  readonly share: number
}

export interface Profiled {
  readonly to: 'probe'
  readonly threadId: number
  readonly hot: readonly HotCode[]
}

/** One line of JSON each way, over loopback. */
export type Ask = { readonly token: string } & (
  | { readonly do: 'watch' }
  | { readonly do: 'figures' }
  | { readonly do: 'marked'; readonly mark: number }
  | { readonly do: 'profile'; readonly threadId: number; readonly ms: number }
)

export interface ProbeThread {
  readonly name: string
  readonly threadId: number
  readonly tid: number
  /** Shares of the time since `watch`. */
  readonly active: number
  readonly collector: number
  readonly lag: number
  readonly longest: number
  readonly requests: number
  readonly inside: number
  readonly sockets: number
  readonly lockWaits: number
  /** Threads that waited for locks of this thread's maps, on average. */
  readonly lockWaiting: number
  readonly hotShard: number
  readonly hotShardWaiting: number
  readonly shards: number
}

export interface PoolFigures {
  readonly size: number
  /** A job that takes no time was given to the pool again and again: how often, how long it took on average, and how often it had to queue. */
  readonly jobs: number
  readonly meanMs: number
  readonly queued: number
}

export interface ProbeFigures {
  readonly pid: number
  readonly threads: readonly ProbeThread[]
  readonly pool: PoolFigures
}

/** The file that tells where a probe listens; only its owner can read it. */
export interface ProbeFile {
  readonly pid: number
  readonly port: number
  readonly token: string
}

export const PROBE_FILE = /^threadmap-probe-\d+\.json$/
export const probeFileName = (pid: number) => `threadmap-probe-${pid}.json`
