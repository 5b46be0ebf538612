import type { ConcurrentMap } from 'threadmap'

/** Faults that people make with shared maps. The tests of histories plant them: what they cannot find, they do not check. */
export const SABOTAGES = [
  'add in two steps',
  'compareAndSwap in two steps',
  'delete in two steps',
  'update in two steps',
  'a cache that is not validated',
  'a computation that nobody waits for',
] as const

export type Sabotage = (typeof SABOTAGES)[number]

/** How many reads an unvalidated cache answers before it asks the map. */
const STALE_READS = 3

/** Between the two steps: others have time to come between. */
function dawdle(): void {
  for (let spins = 0; spins < 300; spins++);
}

/** `map` with one operation made of others, without the lock that this would need. */
export function sabotaged(map: ConcurrentMap<string, unknown>, sabotage: Sabotage): ConcurrentMap<string, unknown> {
  const faults = faultsOf(map, sabotage)
  return new Proxy(map, {
    get(target, property) {
      const fault = faults[property as keyof typeof faults]
      if (fault !== undefined) return fault
      const member: unknown = Reflect.get(target, property, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

type Faults = Partial<Pick<ConcurrentMap<string, unknown>, 'add' | 'compareAndSwap' | 'delete' | 'update' | 'get'>> &
  Partial<Pick<ConcurrentMap<string, unknown>, 'getOrInsertComputed'>>

function faultsOf(map: ConcurrentMap<string, unknown>, sabotage: Sabotage): Faults {
  switch (sabotage) {
    case 'add in two steps':
      return {
        add(key, delta) {
          const sum = ((map.get(key) as number | undefined) ?? 0) + (delta as number)
          dawdle()
          map.set(key, sum)
          return sum
        },
      }
    case 'compareAndSwap in two steps':
      return {
        compareAndSwap(key, expected, value) {
          if (map.get(key) !== expected) return false
          dawdle()
          map.set(key, value)
          return true
        },
      }
    case 'delete in two steps':
      return {
        delete(key) {
          const had = map.has(key)
          dawdle()
          map.delete(key)
          return had
        },
      }
    case 'update in two steps':
      return {
        update(key, change) {
          const next = change(map.get(key), key)
          dawdle()
          if (next === undefined) map.delete(key)
          else map.set(key, next)
          return next
        },
      }
    case 'a cache that is not validated': {
      const cache = new Map<string, { value: unknown; left: number }>()
      return {
        get(key) {
          const known = cache.get(key)
          if (known !== undefined && known.left-- > 0) return known.value
          const value = map.get(key)
          cache.set(key, { value, left: STALE_READS })
          return value
        },
      }
    }
    case 'a computation that nobody waits for':
      return {
        getOrInsertComputed(key, compute) {
          const found = map.get(key)
          return found === undefined ? map.getOrInsert(key, compute(key)) : found
        },
      }
  }
}
