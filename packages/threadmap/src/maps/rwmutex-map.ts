import { BaseMap } from './base-map.js'
import type { AttachOptions, MapHandle } from './handle.js'
import { type Attached, attachMap, constructAttached } from './open.js'
import type { MapOptions } from './options.js'

/**
 * One readers-writer lock around one table: Go's `sync.RWMutex` and a map.
 *
 * Consistency: every operation is linearizable, `size` and `clear` included. Readers share the lock, but each writes
 * the lock's word: two threads that only read are slower than one.
 *
 * Source: Go's sync.RWMutex, 0x9ef/go-maps.
 */
export class RWMutexMap<K, V> extends BaseMap<K, V> {
  /**
   * Creates an empty map in shared memory of its own. `OptionError` for an option that is unknown or out of range, `CodecError`
   * for a codec that does not fit, `UnsupportedError` where threads cannot share memory.
   */
  constructor(options: MapOptions<K, V>) {
    super('RWMutexMap', options)
  }

  /**
   * The map of a handle that another thread sent. Called on a subclass, it returns one of that class, whose constructor must
   * hand its argument to `super`. `AttachError` if the handle is none of an RWMutexMap.
   */
  static attach<K = unknown, V = unknown, C = typeof RWMutexMap>(
    this: C,
    handle: MapHandle<K, V>,
    options: AttachOptions<V> = {},
  ): Attached<C, typeof RWMutexMap, RWMutexMap<K, V>> {
    return constructAttached(this, RWMutexMap, attachMap('RWMutexMap', handle, options))
  }
}
