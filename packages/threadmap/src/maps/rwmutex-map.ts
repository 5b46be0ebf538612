import type { MapHandle, MapOptions } from '../types.js'
import { type AttachOptions, attachMap, BaseMap } from './base-map.js'

/**
 * One readers-writer lock around one table: Go's `sync.RWMutex` and a map.
 *
 * Consistency: every operation is linearizable, `size` and `clear` included. Readers share the lock, and yet each writes
 * the lock's word: two threads that only read are slower than one.
 *
 * Source: Go's sync.RWMutex, 0x9ef/go-maps.
 */
export class RWMutexMap<K, V> extends BaseMap<K, V> {
  constructor(options: MapOptions<K, V>) {
    super('RWMutexMap', options)
  }

  /** The map of a handle that another thread sent. `AttachError` if the handle is none of a RWMutexMap. */
  static attach<K = unknown, V = unknown>(handle: MapHandle<K, V>, options: AttachOptions<V> = {}): RWMutexMap<K, V> {
    return new RWMutexMap<K, V>(attachMap('RWMutexMap', handle, options))
  }
}
