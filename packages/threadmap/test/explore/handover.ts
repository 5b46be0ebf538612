/**
 * Scenarios in which locks are handed over: every waiter is overdue at once, so `unlock` hands the lock over whenever a thread waits.
 * Some have time-outs at any moment, some the death of a thread that holds the lock, waits for it or has just been handed it.
 */
import type { MapKind } from 'threadmap'
import type { Named } from './scenario.js'
import type { Step } from './steps.js'

const few = [
  ['a', 1],
  ['b', 2],
] as const

const set = (value: number, key = 'a'): Step => ({ op: 'set', key, value })
/** Needs the lock in a FastMap too, which changes known numbers in place. */
const swap = (value: number): Step => ({ op: 'swap', key: 'a', value })
const get: Step = { op: 'get', key: 'a' }
const iterate: Step = { op: 'iterate' }
const compute = (value: number): Step => ({ op: 'compute', key: 'n', value })

/** What threads do that wait for one lock. Each does it twice, so that a thread that has handed the lock over asks for it again. */
function programs(map: MapKind): Step[][][] {
  const writers = [
    [[swap(11), swap(12)], [swap(13)]],
    [[swap(11)], [swap(13)], [swap(15)]],
    [[compute(101)], [compute(102)], [set(5, 'm')]],
  ]
  const readers = [
    [
      [set(7), set(8)],
      [get, get],
    ],
    [[set(7), set(8)], [get], [iterate]],
    [[set(7), set(8)], [get], [set(9)]],
  ]
  // Only these maps read under a lock; a SyncMap's misses take its mutex.
  return map === 'RWMutexMap' ? [...writers, ...readers] : map === 'SyncMap' ? [...writers, readers[1]] : writers
}

export const MAPS = ['FastMap', 'RWMutexMap', 'SyncMap'] as const

/** Scenarios without deaths. */
export function handoverScenarios(): Named[] {
  return MAPS.flatMap(map =>
    programs(map).flatMap(threads =>
      [false, true].map(
        (gives): Named => ({
          name: `${map}, a lock is handed over${gives ? ' or given up' : ''}: ${show(threads)}`,
          situation: gives ? 'hand-over and time-outs' : 'hand-over',
          map,
          form: 'numbers',
          fill: few,
          threads,
          handover: 0,
          ...(gives ? { timeout: 0 } : {}),
        }),
      ),
    ),
  )
}

/** Scenarios in which `thread` dies before its `at`th access, and another thread recovers it. */
export function handoverDeaths(map: MapKind, thread: number, at: number): Named[] {
  return programs(map)
    .filter(threads => thread < threads.length)
    .map(threads => ({
      name: `${map}, thread ${thread} dies before access ${at}, and locks are handed over: ${show(threads)}`,
      situation: 'hand-over and death',
      map,
      form: 'numbers' as const,
      fill: few,
      threads: [...threads, [{ op: 'recover' }]],
      mortal: { thread, at },
      handover: 0,
    }))
}

function show(threads: readonly (readonly Step[])[]): string {
  return threads.map(steps => steps.map(({ op, value }) => `${op}(${value ?? ''})`).join('; ')).join(' || ')
}
