import type { ConcurrentMap } from 'threadmap'

/** Faults that people make with shared maps. The tests of histories plant them, to show that these tests find them. */
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

/** One of this many pauses between two steps is so long that another client surely comes between. */
const LONG_EVERY = 16
/** Ticks of the clock within which another client has surely done a whole operation. */
const TICKS = 4
/** Milliseconds of a long pause at most: the other clients may have ended. */
const LONGEST = 50

/** A pause between two steps, in which other clients can come between. */
function dawdler(clock: SharedArrayBuffer): () => void {
  const ticks = new Int32Array(clock)
  let pauses = 0
  return () => {
    if (++pauses % LONG_EVERY !== 0) {
      for (let spins = 0; spins < 300; spins++);
      return
    }
    const began = Atomics.load(ticks, 0)
    const end = performance.now() + LONGEST
    // No thread wakes it: it looks once a millisecond, and leaves its core to the others meanwhile.
    while (Atomics.load(ticks, 0) - began < TICKS && performance.now() < end) {
      Atomics.wait(ticks, 0, Atomics.load(ticks, 0), 1)
    }
  }
}

/** `map` with one operation that is composed of others without the lock that this needs. `clock` is the history's. */
export function sabotaged(
  map: ConcurrentMap<string, unknown>,
  sabotage: Sabotage,
  clock: SharedArrayBuffer,
): ConcurrentMap<string, unknown> {
  const faults = faultsOf(map, sabotage, dawdler(clock))
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

function faultsOf(map: ConcurrentMap<string, unknown>, sabotage: Sabotage, dawdle: () => void): Faults {
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
          if (known !== undefined) dawdle()
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
          if (found !== undefined) return found
          const value = compute(key)
          dawdle()
          return map.getOrInsert(key, value)
        },
      }
  }
}
