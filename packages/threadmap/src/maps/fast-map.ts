import type { MapHandle, ShardedOptions } from '../types.js'
import { type AttachOptions, attachMap, BaseMap } from './base-map.js'

/**
 * The fast one: reads take no lock and write no shared memory, so they scale with the threads and never wait for a writer,
 * not even for one that died. A writer takes the mutex of one shard.
 *
 * Consistency: every operation on one key is linearizable. `clear` is atomic per shard; `size` is a sum of exact shard
 * counts. Memory: about 55 bytes for a 16-character key and a number.
 *
 * Sources: CLHT and xsync (buckets of a cache line, lock-free reads), F14 (overflow counts), FASTER (versioned words).
 */
export class FastMap<K, V> extends BaseMap<K, V> {
  constructor(options: ShardedOptions<K, V>) {
    super('FastMap', options)
  }

  /** The map of a handle that another thread sent. `AttachError` if the handle is none of a FastMap. */
  static attach<K = unknown, V = unknown>(handle: MapHandle<K, V>, options: AttachOptions<V> = {}): FastMap<K, V> {
    return new FastMap<K, V>(attachMap('FastMap', handle, options))
  }
}
