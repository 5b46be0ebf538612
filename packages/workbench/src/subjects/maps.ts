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

/** All kinds, from the map with the simplest lock to the map with the finest. */
export const MAP_KINDS: readonly MapKind[] = ['UnsafeMap', 'RWMutexMap', 'SyncMap', 'ShardedMap', 'FastMap']

/** The kinds that several threads may use at once. */
export const SAFE_KINDS = MAP_KINDS.filter(kind => kind !== 'UnsafeMap')

/** The kinds whose number of shards can be chosen. */
export const SHARDED_KINDS: readonly MapKind[] = ['ShardedMap', 'FastMap']

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
  switch (kind) {
    case 'FastMap':
      return new FastMap(options)
    case 'ShardedMap':
      return new ShardedMap(options)
    case 'SyncMap':
      return new SyncMap(options)
    case 'RWMutexMap':
      return new RWMutexMap(options)
    case 'UnsafeMap':
      return new UnsafeMap(options)
  }
}

export function attachMap<K, V>(handle: MapHandle<K, V>): ConcurrentMap<K, V> {
  switch (handle.kind) {
    case 'FastMap':
      return FastMap.attach(handle as MapHandle<K, V, 'FastMap'>)
    case 'ShardedMap':
      return ShardedMap.attach(handle as MapHandle<K, V, 'ShardedMap'>)
    case 'SyncMap':
      return SyncMap.attach(handle as MapHandle<K, V, 'SyncMap'>)
    case 'RWMutexMap':
      return RWMutexMap.attach(handle as MapHandle<K, V, 'RWMutexMap'>)
    case 'UnsafeMap':
      return UnsafeMap.attach(handle as MapHandle<K, V, 'UnsafeMap'>)
  }
}
