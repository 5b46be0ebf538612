import { BaseMap } from './base-map.js'
import type { AttachOptions, MapHandle } from './handle.js'
import { type Attached, attachMap, constructAttached } from './open.js'
import type { MapOptions } from './options.js'
import { type SyncMapStats, syncStatsOf } from './stats.js'

/**
 * Go's `sync.Map` as it was up to Go 1.23: an immutable `read` index that is used without a lock, and `dirty` under a mutex
 * for keys that `read` lacks. A miss in `read` looks into `dirty`; after as many misses as `dirty` has entries, `dirty`
 * becomes `read`. The next new key then copies the live entries into a new `dirty`: such an operation takes O(n).
 *
 * Consistency: every operation on one key is linearizable; `clear` too. `size` counts the entries under the mutex, O(n):
 * Go's map has no length either. Iteration promotes `dirty` first, as Go's Range does. Pages of deleted entries are reused
 * for entries of the same size only.
 *
 * Source: go/src/sync/map.go, Go 1.23.
 */
export class SyncMap<K, V> extends BaseMap<K, V> {
  /**
   * Creates an empty map in shared memory of its own. `OptionError` for an option that is unknown or out of range, `CodecError`
   * for a codec that does not fit, `UnsupportedError` where threads cannot share memory.
   */
  constructor(options: MapOptions<K, V>) {
    super('SyncMap', options)
  }

  /**
   * The map of a handle that another thread sent. Called on a subclass, it returns one of that class, whose constructor must
   * hand its argument to `super`. `AttachError` if the handle is none of a SyncMap.
   */
  static attach<K = unknown, V = unknown, C = typeof SyncMap>(
    this: C,
    handle: MapHandle<K, V>,
    options: AttachOptions<V> = {},
  ): Attached<C, typeof SyncMap, SyncMap<K, V>> {
    return constructAttached(this, SyncMap, attachMap('SyncMap', handle, options))
  }

  /** The counters of every map, and those of Go's source. */
  override stats(): SyncMapStats {
    return { ...super.stats(), ...syncStatsOf(this.session) }
  }
}
