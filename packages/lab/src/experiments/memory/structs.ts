import type { BeliefFinding } from '@threadmap/workbench/experiment'
import { RWMutexMap, string, struct } from 'threadmap'

const ENTRIES = 2000

/** Bytes per entry in maps whose values have three fields, by the place of the small field. */
export interface StructSizes {
  readonly small: number
  readonly smallLast: number
}

/** Measures structs of three fields with the small one in the middle, and last. */
export function structSizes(): StructSizes {
  return {
    small: bytesPerEntry(struct({ a: 'i64', b: 'i32', c: 'i64' }), { a: 1n, b: 2, c: 3n }),
    smallLast: bytesPerEntry(struct({ a: 'i64', c: 'i64', b: 'i32' }), { a: 1n, c: 3n, b: 2 }),
  }
}

function bytesPerEntry<V>(value: ReturnType<typeof struct> & object, one: V): number {
  const size = (entries: number) => {
    const map = new RWMutexMap({ key: string, value, capacity: ENTRIES })
    try {
      for (let i = 0; i < entries; i++) map.set(`key:${i}`, one as never)
      const { usedBytes, freeBytes } = map.stats()
      return usedBytes - freeBytes
    } finally {
      map[Symbol.dispose]()
    }
  }
  return (size(ENTRIES) - size(0)) / ENTRIES
}

export function fieldOrder({ small, smallLast }: StructSizes): BeliefFinding {
  const differs = Math.abs(small - smallLast) >= 1
  return {
    belief: 9,
    verdict: differs ? 'holds' : 'does not hold',
    measured: `an entry with {i64, i32, i64} takes ${small.toFixed(1)} bytes, one with {i64, i64, i32} ${smallLast.toFixed(1)}, key and headers included`,
  }
}
