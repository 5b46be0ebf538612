/**
 * The maps: one row per policy of the kernel. Options, `attach`, the shorter ways for numbers and the words of errors read
 * this table, so a new map is a policy of the kernel, a row here and a class in src/maps.
 */
import * as L from './layout.generated.js'

/** The names of the five maps. */
export type MapKind = 'UnsafeMap' | 'RWMutexMap' | 'SyncMap' | 'ShardedMap' | 'FastMap'

/** The facts about a policy that the TypeScript side needs. */
export interface Policy {
  /** The kernel's number of the policy; the header of every memory has it. */
  readonly number: number
  /** Whether the map takes the option `shards`. A map that does not has one shard. */
  readonly isSharded: boolean
  /** Whether the map takes the option `detect`. */
  readonly detectsMisuse: boolean
  /** Whether each value, however short, is a block of the writing thread's heap. In other maps a number is a word of the entry. */
  readonly hasValueBlocks: boolean
  /** Whether `getNumberAt` of the kernel, which takes a number as key, can read the map. */
  readonly readsNumberKeys: boolean
}

export const POLICIES: Readonly<Record<MapKind, Policy>> = {
  UnsafeMap: {
    number: L.POLICY_UNSAFE,
    isSharded: false,
    detectsMisuse: true,
    hasValueBlocks: false,
    readsNumberKeys: false,
  },
  RWMutexMap: {
    number: L.POLICY_RWMUTEX,
    isSharded: false,
    detectsMisuse: false,
    hasValueBlocks: false,
    readsNumberKeys: false,
  },
  SyncMap: {
    number: L.POLICY_SYNC,
    isSharded: false,
    detectsMisuse: false,
    hasValueBlocks: true,
    readsNumberKeys: false,
  },
  ShardedMap: {
    number: L.POLICY_SHARDED,
    isSharded: true,
    detectsMisuse: false,
    hasValueBlocks: false,
    readsNumberKeys: false,
  },
  FastMap: {
    number: L.POLICY_FAST,
    isSharded: true,
    detectsMisuse: false,
    hasValueBlocks: false,
    readsNumberKeys: true,
  },
}

/** What has a memory of its own that the kernel knows by a policy: the maps, and the cache. */
export type StoreKind = MapKind | 'SharedCache'

/** The policy of `SharedCache`, which is no map: it may lose entries. */
export const CACHE_POLICY: Policy = {
  number: L.POLICY_CACHE,
  isSharded: true,
  detectsMisuse: false,
  hasValueBlocks: true,
  readsNumberKeys: false,
}

export const MAP_KINDS = Object.keys(POLICIES) as readonly MapKind[]

/** The name of the map, or cache, with this number of a policy; undefined if there is none. */
export function kindOf(policy: number): StoreKind | undefined {
  if (policy === CACHE_POLICY.number) return 'SharedCache'
  return MAP_KINDS.find(kind => POLICIES[kind].number === policy)
}
