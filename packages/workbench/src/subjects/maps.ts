import {
  type ConcurrentMap,
  FastMap,
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

/** What any of the five maps takes; those that have no shards or no detection never see these options. */
export type AnyMapOptions<K, V> = MapOptions<K, V> & Partial<ShardedOptions<K, V> & UnsafeOptions<K, V>>

/** The kinds, from the one with the simplest lock to the one with the finest. */
export const MAP_KINDS: readonly MapKind[] = ['UnsafeMap', 'RWMutexMap', 'SyncMap', 'ShardedMap', 'FastMap']

/** Those that several threads may use at once. */
export const SAFE_KINDS = MAP_KINDS.filter(kind => kind !== 'UnsafeMap')

/** Those whose shards can be chosen. */
export const SHARDED_KINDS: readonly MapKind[] = ['ShardedMap', 'FastMap']

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
