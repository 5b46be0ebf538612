/** What one step of a step load measured: plain data, kept in the run document. */
export interface Step {
  readonly clients: number
  /** Arrivals per second that were asked for; null in a closed loop, where each client sends as soon as it is answered. */
  readonly offered: number | null
  /** The counted part of the step. */
  readonly seconds: number
  /** Requests that succeeded, per second. */
  readonly throughput: number
  /** The step cut into equal parts, so that there is a spread. */
  readonly slices: readonly Slice[]
  /** Milliseconds from the intended send time. A time-out is in it with the time after which it was given up. */
  readonly latency: Latency
  /** Requests whose intended time lay in the counted part. */
  readonly requests: number
  readonly failures: Failures
  /** Share of the requests that succeeded, 0 to 1. */
  readonly success: number
  /** Requests that were due but waited for a free client, on average over time. */
  readonly waiting: number
  /** Requests that were sent and not yet answered, on average over time. */
  readonly inProgress: number
  /** How late requests left that had a free client: the load generator's own share of the latency. */
  readonly lateness: { readonly p50: number; readonly p99: number }
  readonly resources: Resources
}

export interface Slice {
  readonly throughput: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface Latency {
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
}

/** How requests failed. None is ever sent again. */
export const FAILURE_KINDS = ['timedOut', 'refused', 'closed', 'status', 'other'] as const
export type FailureKind = (typeof FAILURE_KINDS)[number]
export type Failures = Readonly<Record<FailureKind, number>>

/** What was in use meanwhile. What cannot be seen (a foreign server's inside, a system without the counter) is left out. */
export interface Resources {
  /** Processor time of this process, in cores. */
  readonly cores: number
  /** Share of the machine's processor time that anybody used, 0 to 1. */
  readonly machine: number
  /** The threads that send the requests; none where the map is in the process. */
  readonly generators: readonly ThreadTime[]
  /** The threads that answer them; none for a foreign server. */
  readonly workers: readonly ThreadTime[]
  readonly locks?: LockTimes | undefined
  readonly pool?: PoolTime | undefined
  readonly mapLocks?: MapLocks | undefined
}

/** Where the time of one thread went, as shares of the step (0 to 1). */
export interface ThreadTime {
  /** Its event loop was not waiting for events; in a loop without events: it was inside a request. */
  readonly active: number
  /** It ran on a core. Linux only. */
  readonly cpu?: number | undefined
  /** It could have run, but no core was free. Linux only. */
  readonly runDelay?: number | undefined
  /** Its collector had stopped it. */
  readonly collector: number
  /** It waited for a lock that was planted. */
  readonly lockWait?: number | undefined
}

/** The locks of the map itself, by shard. */
export interface MapLocks {
  /** Times per request that a thread did not get it at once. */
  readonly waits: readonly number[]
  /** Threads that waited for it, on average over time. */
  readonly waiting: readonly number[]
}

/** Planted locks by shard, as shares of the step. */
export interface LockTimes {
  /** Somebody held it. */
  readonly held: readonly number[]
  /** Threads that waited for it, on average over time. */
  readonly waiting: readonly number[]
  /** P99 of waiting and holding together, in ms; null for a shard that nobody asked for. */
  readonly p99: readonly (number | null)[]
  /** The same of all shards but this one. */
  readonly p99OfRest: readonly (number | null)[]
  /** And of all shards. */
  readonly p99OfAll: number | null
}

export interface PoolTime {
  readonly size: number
  /** Connections in use, on average over time. */
  readonly inUse: number
  /** Requests waiting for one, on average over time. */
  readonly waiting: number
}

/** Share of the workers' time that went into waiting for locks, planted ones and the map's own; undefined: nobody looked. */
export function lockWait({ workers, mapLocks }: Resources): number | undefined {
  const planted = workers.map(worker => worker.lockWait).filter(share => share !== undefined)
  if (mapLocks === undefined && planted.length === 0) return undefined
  return total(planted) / workers.length + mapLockWait({ workers, mapLocks })
}

/** Of it, for the map's own locks. */
export function mapLockWait({ workers, mapLocks }: Pick<Resources, 'workers' | 'mapLocks'>): number {
  return total(mapLocks?.waiting ?? []) / workers.length
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/** The mean over `values`; 0 for none. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : total(values) / values.length
}
