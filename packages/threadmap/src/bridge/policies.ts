/**
 * The maps: one row per policy of the kernel. Options, `attach`, the shorter ways for numbers and the words of errors read
 * this table, so a new map is a policy of the kernel, a row here and a class in src/maps.
 */
import * as L from './layout.generated.js'

/** The names of the five maps. */
export type MapKind = 'UnsafeMap' | 'RWMutexMap' | 'SyncMap' | 'ShardedMap' | 'FastMap'

/** What the TypeScript side has to know of a policy. */
export interface Policy {
  /** The kernel's number of the policy; the header of every memory has it. */
  readonly number: number
  /** Whether the map takes the option `shards`. A map that does not has one shard. */
  readonly isSharded: boolean
  /** Whether the map takes the option `detect`. */
  readonly detectsMisuse: boolean
  /** Whether every value stands in a block of its own, which a heap of the writing thread hands out; else words stand in the entry. */
  readonly hasValueBlocks: boolean
  /** Whether the kernel's `getNumberAt` reads the map by a key that is a number. */
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

export const MAP_KINDS = Object.keys(POLICIES) as readonly MapKind[]

/** The name of the map with this number of a policy; undefined if there is none. */
export function kindOf(policy: number): MapKind | undefined {
  return MAP_KINDS.find(kind => POLICIES[kind].number === policy)
}
