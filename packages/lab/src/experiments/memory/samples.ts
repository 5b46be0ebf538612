import { createMap, SHARDED_KINDS } from '@threadmap/workbench/subjects/maps'
import { flat, random } from '@threadmap/workbench/workload'
import { f64, type MapKind, string } from 'threadmap'
import type { Load, Sample } from './model.js'

/** Keys from this length on are distinct up to a million. */
export const SHORTEST_KEY = 7

/** Fills a map from empty, as most programs do, and returns the shared memory that it uses. */
export function measureLoad(kind: MapKind, load: Load): Sample {
  const { entries, keyBytes, valueBytes, numbers, shards } = load
  const sharding = SHARDED_KINDS.includes(kind) ? { shards } : {}
  const options = { key: string, ...sharding }
  const map = numbers
    ? createMap<string, number>(kind, { ...options, value: f64 })
    : createMap<string, string>(kind, { ...options, value: string })
  try {
    const value = numbers ? 1.5 : flat('v'.repeat(valueBytes))
    for (let i = 0; i < entries; i++) map.set(keyOf(i, keyBytes), value as never)
    return { load, bytes: map.stats().usedBytes }
  } finally {
    map[Symbol.dispose]()
  }
}

function keyOf(index: number, keyBytes: number): string {
  return flat(String(index).padStart(keyBytes, 'k'))
}

/** Loads of all sizes, spread evenly on a logarithmic scale. */
export function randomLoads(kind: MapKind, count: number, largest: number, seed: number): Load[] {
  const next = random(seed)
  const between = (low: number, high: number) => Math.round(low * (high / low) ** next())
  return Array.from({ length: count }, () => {
    const numbers = next() < 0.3
    return {
      entries: between(1000, largest),
      keyBytes: between(SHORTEST_KEY, 64),
      valueBytes: numbers ? 8 : between(8, 1024),
      numbers,
      shards: SHARDED_KINDS.includes(kind) ? 2 ** Math.round(next() * 8) : 1,
    }
  })
}
