import type { MapMemory } from '../bridge/memory.js'
import type { MapKind } from '../bridge/policies.js'
import type { ValueCodec } from '../codec/codec.js'

/**
 * The way to a map for another thread: send it by `postMessage` or `workerData`. A handle is structured-cloneable, and holds the shared
 * memory and the names of the codecs. `K` and `V` exist for the compiler only. A worker that only forwards handles to workers of its
 * own must load `threadmap/watch`, or other threads do not hear of its workers' deaths before its own end.
 */
export interface MapHandle<K = unknown, V = unknown, Kind extends MapKind = MapKind> {
  /** The version of the memory's layout; `attach` refuses a version other than its own. */
  readonly threadmap: number
  /** The class of the map. */
  readonly kind: Kind
  /** The shared memory. */
  readonly memory: MapMemory
  /** The name of the codec of the keys. */
  readonly key: string
  /** The name of the codec of the values. */
  readonly value: string
  /** How many keys the read cache of an attached thread keeps, unless `attach` is told otherwise. */
  readonly cache: number
  /** Never present at run time. */
  readonly types?: [K, V]
}

/** The options that `attach` takes beside the handle. */
export interface AttachOptions<V> {
  /** The codec of the values. Needed if it is your own, or `json(schema)`. */
  value?: ValueCodec<V>
  /** How many keys this thread's read cache may keep. Default: as the map was created with. */
  cache?: number
}
