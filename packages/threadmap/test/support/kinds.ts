/** The kinds of maps that the tests run over. A new one is named here; workers and pages of every runtime import this file. */
import type { MapKind } from 'threadmap'

/** The kinds that any number of threads may use at once. */
export const SAFE_KINDS = ['RWMutexMap', 'SyncMap', 'ShardedMap', 'FastMap'] as const satisfies readonly MapKind[]

export type SafeKind = (typeof SAFE_KINDS)[number]

export const ALL_KINDS = ['UnsafeMap', ...SAFE_KINDS] as const satisfies readonly MapKind[]

/** What is explored and killed at every step: the maps, and the cache, which has nearly all of their operations. */
export type ExploredKind = MapKind | 'SharedCache'

/** The maps in which a read takes a lock that keeps writers out. */
export const READ_LOCK_KINDS: readonly MapKind[] = ['RWMutexMap', 'ShardedMap']

/** The kinds with the option `shards`. */
export const SHARDED_KINDS: readonly MapKind[] = ['ShardedMap', 'FastMap']
