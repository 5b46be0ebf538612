import { BaseMap } from './base-map.js'
import type { AttachOptions, MapHandle } from './handle.js'
import { type Attached, attachMap, constructAttached } from './open.js'
import type { ShardedOptions } from './options.js'

/**
 * The fastest map: reads take no lock and write no shared memory, so they scale with the threads and never wait for a writer,
 * not even for one that died. A writer takes the mutex of one shard.
 *
 * Consistency: every operation on one key is linearizable. `clear` is atomic per shard; `size` is a sum of exact shard
 * counts. Memory: about 55 bytes for a 16-character key and a number.
 *
 * Sources: CLHT and xsync (buckets of a cache line, lock-free reads), F14 (overflow counts), FASTER (versioned words).
 */
export class FastMap<K, V> extends BaseMap<K, V> {
  /**
   * Creates an empty map in shared memory of its own. `OptionError` for an option that is unknown or out of range, `CodecError`
   * for a codec that does not fit, `UnsupportedError` where threads cannot share memory.
   */
  constructor(options: ShardedOptions<K, V>) {
    super('FastMap', options)
  }

  /**
   * The map of a handle that another thread sent. Called on a subclass, it returns one of that class, whose constructor must
   * hand its argument to `super`. `AttachError` if the handle is none of a FastMap.
   */
  static attach<K = unknown, V = unknown, C = typeof FastMap>(
    this: C,
    handle: MapHandle<K, V>,
    options: AttachOptions<V> = {},
  ): Attached<C, typeof FastMap, FastMap<K, V>> {
    return constructAttached(this, FastMap, attachMap('FastMap', handle, options))
  }
}
