import {
  type ConcurrentMap,
  FastMap,
  f64,
  type MapHandle,
  type MapKind,
  type MapOptions,
  RWMutexMap,
  ShardedMap,
  type ShardedOptions,
  SyncMap,
  UnsafeMap,
  type UnsafeOptions,
} from 'threadmap'

/** The options of all five maps together; callers give the shards and the detection only to maps that have them. */
export type AnyMapOptions<K, V> = MapOptions<K, V> & Partial<ShardedOptions<K, V> & UnsafeOptions<K, V>>

/** A class of maps, as this module uses it; the caller's types replace `unknown`. */
interface MapClass {
  new (options: AnyMapOptions<unknown, unknown>): ConcurrentMap<unknown, unknown>
  attach(handle: MapHandle): ConcurrentMap<unknown, unknown>
}

interface MapSubject {
  readonly Class: unknown
  /** Whether several threads may use the map at once. */
  readonly isSafe: boolean
  /** Whether the number of shards can be chosen. */
  readonly isSharded: boolean
}

/** The maps that benchmark and lab measure, from the map with the simplest lock to the map with the finest. */
const MAPS: Readonly<Record<MapKind, MapSubject>> = {
  UnsafeMap: { Class: UnsafeMap, isSafe: false, isSharded: false },
  RWMutexMap: { Class: RWMutexMap, isSafe: true, isSharded: false },
  SyncMap: { Class: SyncMap, isSafe: true, isSharded: false },
  ShardedMap: { Class: ShardedMap, isSafe: true, isSharded: true },
  FastMap: { Class: FastMap, isSafe: true, isSharded: true },
}

export const MAP_KINDS = Object.keys(MAPS) as readonly MapKind[]

/** The kinds that several threads may use at once. */
export const SAFE_KINDS = MAP_KINDS.filter(kind => MAPS[kind].isSafe)

/** The kinds whose number of shards can be chosen. */
export const SHARDED_KINDS = MAP_KINDS.filter(kind => MAPS[kind].isSharded)

/** The shards of a map that is created without the option. Asks the library, which computes the number from the machine's threads. */
export function defaultShards(): number {
  const map = new FastMap({ key: f64, value: f64 })
  try {
    return map.stats().shards
  } finally {
    map[Symbol.dispose]()
  }
}

export function createMap<K, V>(kind: MapKind, options: AnyMapOptions<K, V>): ConcurrentMap<K, V> {
  const Class = MAPS[kind].Class as MapClass
  return new Class(options as AnyMapOptions<unknown, unknown>) as ConcurrentMap<K, V>
}

export function attachMap<K, V>(handle: MapHandle<K, V>): ConcurrentMap<K, V> {
  const Class = MAPS[handle.kind].Class as MapClass
  return Class.attach(handle) as ConcurrentMap<K, V>
}
