import type { ConcurrentMap, MapHandle, MapKind, ShardedOptions, SyncMapStats } from 'threadmap'
import * as threadmap from 'threadmap'
import { ALL_KINDS, SHARDED_KINDS } from './kinds.js'

/** A map of whatever codecs a test chose. */
export type AnyMap = ConcurrentMap<unknown, unknown>

/** Options as a careless caller might give them: the tests of typed errors need every mistake to compile. */
export interface AnyOptions {
  key?: unknown
  value?: unknown
  capacity?: unknown
  maxBytes?: unknown
  cache?: unknown
  hash?: unknown
  seed?: unknown
  lockTimeout?: unknown
  backoff?: unknown
  shards?: unknown
  detect?: unknown
}

/** A map class without its type parameters: the suites loop over all five. */
export interface MapClass {
  readonly name: string
  readonly prototype: AnyMap
  new (options: AnyOptions): AnyMap
  attach(handle: unknown, options?: { key?: unknown; value?: unknown; cache?: unknown }): AnyMap
}

/** `THREADMAP_MAP=FastMap` runs the suites for one class only. */
export const mapClasses: readonly MapClass[] = ALL_KINDS.filter(
  kind => (process.env.THREADMAP_MAP ?? kind).split(',').includes(kind), // an absent variable names every class
).map(mapClass)

/** The maps that several threads may use at once. */
export const concurrentClasses: readonly MapClass[] = mapClasses.filter(({ name }) => name !== 'UnsafeMap')

export function mapClass(kind: string): MapClass {
  const known = ALL_KINDS.find(name => name === kind)
  if (known === undefined) throw new Error(`no map class is called ${kind}`)
  return Reflect.get(threadmap, known) as MapClass
}

/** A new map of this kind; `shards` goes only to the classes that have the option. */
export function createMap<K, V>(kind: MapKind, options: ShardedOptions<K, V>): ConcurrentMap<K, V> {
  const { shards, ...plain } = options
  const Class = mapClass(kind)
  return new Class(shards !== undefined && SHARDED_KINDS.includes(kind) ? options : plain) as ConcurrentMap<K, V>
}

/** Attaches to a handle with the class that made it. */
export function attachMap<K, V>(handle: MapHandle<K, V>, options: { cache?: number } = {}): ConcurrentMap<K, V> {
  return mapClass(handle.kind).attach(handle, options) as ConcurrentMap<K, V>
}

/** Memory of each map under test: far more than a test needs, far less than the default reserves. */
export const TEST_BYTES = 64 * 2 ** 20

export function syncStats(map: AnyMap): SyncMapStats {
  return map.stats() as SyncMapStats
}
