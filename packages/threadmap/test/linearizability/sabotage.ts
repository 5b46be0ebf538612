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

/** Of so many pauses between two steps, one is so long that another client surely comes between. */
const LONG_EVERY = 16
/** Ticks of the clock that a whole operation of another client makes, whatever else was begun before. */
const TICKS = 4
/** Milliseconds that a long pause takes at most: the others may be done. */
const LONGEST = 50

/** A pause between two steps, in which others can come between. */
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
    // Nobody wakes it: it looks once a millisecond, and leaves its processor to the others until then.
    while (Atomics.load(ticks, 0) - began < TICKS && performance.now() < end) {
      Atomics.wait(ticks, 0, Atomics.load(ticks, 0), 1)
    }
  }
}

/** `map` with one operation made of others, without the lock that this would need. `clock`: that of the history. */
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
