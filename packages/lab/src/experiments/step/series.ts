import type { Resources as Common, Step as StepOf } from '@threadmap/workbench/load/step'
import { total } from '@threadmap/workbench/statistics'

/** One step of the step load, as it is kept in the run document. */
export type Step = StepOf<Resources>

/** What was in use meanwhile, where the lab's own server or maps are under load. */
export interface Resources extends Common {
  readonly locks?: LockTimes | undefined
  readonly pool?: PoolTime | undefined
  readonly mapLocks?: MapLocks | undefined
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
