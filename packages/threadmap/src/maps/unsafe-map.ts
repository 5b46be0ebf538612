import { BaseMap } from './base-map.js'
import type { AttachOptions, MapHandle } from './handle.js'
import { type Attached, attachMap, constructAttached } from './open.js'
import type { UnsafeOptions } from './options.js'

/**
 * Go's built-in map: no locks, and misuse is detected. A thread that finds another one inside gets a
 * `ConcurrentMapError` with Go's words: "concurrent map writes", "concurrent map read and map write", "concurrent map
 * iteration and map write". One thread at a time may use it, from any thread; the memory stays whole in any case.
 *
 * Source: Go's runtime map (hashWriting).
 */
export class UnsafeMap<K, V> extends BaseMap<K, V> {
  /**
   * Creates an empty map in shared memory of its own. `OptionError` for an option that is unknown or out of range, `CodecError`
   * for a codec that does not fit, `UnsupportedError` where threads cannot share memory.
   */
  constructor(options: UnsafeOptions<K, V>) {
    super('UnsafeMap', options)
  }

  /**
   * The map of a handle that another thread sent. Called on a subclass, it returns one of that class, whose constructor must
   * hand its argument to `super`. `AttachError` if the handle is none of an UnsafeMap.
   */
  static attach<K = unknown, V = unknown, C = typeof UnsafeMap>(
    this: C,
    handle: MapHandle<K, V>,
    options: AttachOptions<V> = {},
  ): Attached<C, typeof UnsafeMap, UnsafeMap<K, V>> {
    return constructAttached(this, UnsafeMap, attachMap('UnsafeMap', handle, options))
  }
}
