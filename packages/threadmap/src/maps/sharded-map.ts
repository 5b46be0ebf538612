import { BaseMap } from './base-map.js'
import type { AttachOptions, MapHandle } from './handle.js'
import { type Attached, attachMap, constructAttached } from './open.js'
import type { ShardedOptions } from './options.js'

/**
 * A map in shards, each with a readers-writer lock, like orcaman/concurrent-map. Shard count and hash are options.
 *
 * Consistency: every operation on one key is linearizable. `clear` is atomic per shard; `size` is a sum of exact shard
 * counts. A reader can wait for a writer of its shard, but not for one that died.
 *
 * Source: orcaman/concurrent-map, tidwall/shardmap.
 */
export class ShardedMap<K, V> extends BaseMap<K, V> {
  /**
   * Creates an empty map in shared memory of its own. `OptionError` for an option that is unknown or out of range, `CodecError`
   * for a codec that does not fit, `UnsupportedError` where threads cannot share memory.
   */
  constructor(options: ShardedOptions<K, V>) {
    super('ShardedMap', options)
  }

  /**
   * The map of a handle that another thread sent. Called on a subclass, it returns one of that class, whose constructor must
   * hand its argument to `super`. `AttachError` if the handle is none of a ShardedMap.
   */
  static attach<K = unknown, V = unknown, C = typeof ShardedMap>(
    this: C,
    handle: MapHandle<K, V>,
    options: AttachOptions<V> = {},
  ): Attached<C, typeof ShardedMap, ShardedMap<K, V>> {
    return constructAttached(this, ShardedMap, attachMap('ShardedMap', handle, options))
  }
}
