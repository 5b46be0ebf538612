import type { Resources as Common, Step as StepOf } from '@threadmap/workbench/load/step'
import { total } from '@threadmap/workbench/statistics'

/** One step of the step load, as the run document keeps it. */
export type Step = StepOf<Resources>

/** The resources in use during a step, where the lab's own server or maps are under load. */
export interface Resources extends Common {
  readonly locks?: LockTimes | undefined
  readonly pool?: PoolTime | undefined
  readonly mapLocks?: MapLocks | undefined
  /** What is known of a server of another program. */
  readonly inner?: Inner | undefined
}

/** A server of another program, seen by its probe, or by what Linux tells of its processes. */
export interface Inner {
  readonly seenBy: 'probe' | 'system' | 'nothing'
  readonly threads: readonly ForeignThread[]
  /** libuv's thread pool: a job that takes no time, given to it again and again. */
  readonly pool?: { readonly size: number; readonly meanMs: number; readonly queued: number } | undefined
  /** HTTP requests that the program has begun and not yet answered, on average. */
  readonly inside?: number | undefined
  readonly sockets?: number | undefined
  /** Connections that the program has not accepted yet. */
  readonly backlog?: number | undefined
}

/** One thread of such a server; shares of the step. */
export interface ForeignThread {
  readonly pid: number
  readonly tid: number
  readonly name: string
  /** Whether it has an event loop that the probe sees. */
  readonly isLoop: boolean
  readonly threadId?: number | undefined
  readonly active?: number | undefined
  readonly cpu?: number | undefined
  readonly runDelay?: number | undefined
  readonly collector?: number | undefined
  /** The 99th percentile of the delay of its event loop, in ms. */
  readonly lag?: number | undefined
}

/** The locks of the map itself, by shard. */
export interface MapLocks {
  /** Times per request that a thread did not get the lock at once. */
  readonly waits: readonly number[]
  /** Threads that waited for it, on average over time. */
  readonly waiting: readonly number[]
}

/** Planted locks by shard, as shares of the step. */
export interface LockTimes {
  /** Share of the step for which a worker held the lock. */
  readonly held: readonly number[]
  /** Threads that waited for it, on average over time. */
  readonly waiting: readonly number[]
  /** P99 of waiting and holding together, in ms; null for a shard without requests. */
  readonly p99: readonly (number | null)[]
  /** P99 of waiting and holding for all other shards. */
  readonly p99OfRest: readonly (number | null)[]
  /** P99 of waiting and holding for all shards. */
  readonly p99OfAll: number | null
}

export interface PoolTime {
  readonly size: number
  /** Connections in use, on average over time. */
  readonly inUse: number
  /** Requests waiting for a connection, on average over time. */
  readonly waiting: number
}

/** Processor time of the lab and of the server under load, in cores. */
export function ownCores({ cores, inner }: Resources): number {
  return cores + total((inner?.threads ?? []).map(({ cpu }) => cpu ?? 0))
}

/** Share of the workers' time that went into waiting for locks, planted ones and the map's own; undefined: it was not watched. */
export function lockWait({ workers, mapLocks }: Resources): number | undefined {
  const planted = workers.map(worker => worker.lockWait).filter(share => share !== undefined)
  if (mapLocks === undefined && planted.length === 0) return undefined
  return total(planted) / workers.length + mapLockWait({ workers, mapLocks })
}

/** The part of `lockWait` that went into waiting for the map's own locks. */
export function mapLockWait({ workers, mapLocks }: Pick<Resources, 'workers' | 'mapLocks'>): number {
  return total(mapLocks?.waiting ?? []) / workers.length
}
