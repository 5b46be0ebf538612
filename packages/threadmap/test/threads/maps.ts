import type { ConcurrentMap, MapHandle, MapKind, ShardedOptions } from 'threadmap'
import { FastMap, RWMutexMap, ShardedMap, SyncMap, UnsafeMap } from 'threadmap'

/** The maps that any number of threads may use at once. */
export const SAFE_KINDS = ['RWMutexMap', 'SyncMap', 'ShardedMap', 'FastMap'] as const satisfies readonly MapKind[]

export const ALL_KINDS = ['UnsafeMap', ...SAFE_KINDS] as const satisfies readonly MapKind[]

/** `audit` belongs to the classes, not to the interface: it walks the whole memory and names what is broken. */
export type AuditedMap<K, V> = ConcurrentMap<K, V> & { audit(): readonly string[] }

/** A new map of the kind named; `shards` goes only to the two classes that take it. */
export function createMap<K, V>(kind: MapKind, options: ShardedOptions<K, V>): AuditedMap<K, V> {
  const { shards, ...plain } = options
  const sharded = shards === undefined ? plain : { ...plain, shards }
  switch (kind) {
    case 'UnsafeMap':
      return new UnsafeMap<K, V>(plain)
    case 'RWMutexMap':
      return new RWMutexMap<K, V>(plain)
    case 'SyncMap':
      return new SyncMap<K, V>(plain)
    case 'ShardedMap':
      return new ShardedMap<K, V>(sharded)
    case 'FastMap':
      return new FastMap<K, V>(sharded)
  }
}

/** Attaches to a handle with the class that made it. */
export function attachMap<K, V>(handle: MapHandle<K, V>, options: { cache?: number } = {}): AuditedMap<K, V> {
  switch (handle.kind) {
    case 'UnsafeMap':
      return UnsafeMap.attach(handle as MapHandle<K, V, 'UnsafeMap'>, options)
    case 'RWMutexMap':
      return RWMutexMap.attach(handle as MapHandle<K, V, 'RWMutexMap'>, options)
    case 'SyncMap':
      return SyncMap.attach(handle as MapHandle<K, V, 'SyncMap'>, options)
    case 'ShardedMap':
      return ShardedMap.attach(handle as MapHandle<K, V, 'ShardedMap'>, options)
    case 'FastMap':
      return FastMap.attach(handle as MapHandle<K, V, 'FastMap'>, options)
  }
}
