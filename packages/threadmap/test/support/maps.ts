import { type ConcurrentMap, FastMap, RWMutexMap, ShardedMap, SyncMap, type SyncMapStats, UnsafeMap } from 'threadmap'

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

const all = [UnsafeMap, RWMutexMap, SyncMap, ShardedMap, FastMap] as unknown as MapClass[]

/** `THREADMAP_MAP=FastMap` runs the suites for one class only. */
export const mapClasses: readonly MapClass[] = all.filter(
  ({ name }) => (process.env.THREADMAP_MAP ?? name).split(',').includes(name), // an absent variable names every class
)

/** The maps that several threads may use at once. */
export const concurrentClasses: readonly MapClass[] = mapClasses.filter(({ name }) => name !== 'UnsafeMap')

export function mapClass(name: string): MapClass {
  const found = all.find(candidate => candidate.name === name)
  if (found === undefined) throw new Error(`no map class is called ${name}`)
  return found
}

/** Memory of each map under test: far more than a test needs, far less than the default reserves. */
export const TEST_BYTES = 64 * 2 ** 20

export function syncStats(map: AnyMap): SyncMapStats {
  return map.stats() as SyncMapStats
}
