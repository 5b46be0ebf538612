/** Scenarios of a FastMap's numbers that are changed in place, beside threads that want the shard for themselves (kernel/threads/at-work.ts). */
import type { Named, Scenario } from './scenario.js'
import { against, few, type Step, show } from './steps.js'

const key = 'a'
const inPlace: Step[] = [
  { op: 'set', key, value: 101 },
  { op: 'add', key, value: 1 },
]
const alone: Step[] = [
  { op: 'swap', key, value: 102 },
  { op: 'compareAndSwap', key, value: 102, expected: 1 },
  { op: 'delete', key },
  { op: 'getAndDelete', key },
  { op: 'update', key },
  { op: 'clear' },
]
/** The entry's block serves another key, and another one its key. */
const reuse: Step[] = [
  { op: 'delete', key },
  { op: 'set', key: 'c', value: 1 },
  { op: 'add', key, value: 3 },
]
/** Entries of which so many are deleted that a heap would rather be compacted than grow. */
const SPARSE = 800
/** An access of a change in place at which its thread is at work, and some before and after it. */
const DEATHS = [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18]

export function inPlaceScenarios(): Named[] {
  const made: Named[] = []
  const add = (situation: string, programs: readonly (readonly (readonly Step[])[])[], rest: Partial<Scenario>) => {
    for (const threads of programs) {
      const past = rest.victim === undefined ? '' : ` after ${rest.victim.at} accesses of a dead ${rest.victim.step.op}`
      const name = `FastMap of numbers, ${situation}${past}: ${threads.map(steps => steps.map(show).join('; ')).join(' || ')}`
      made.push({ name, situation, map: 'FastMap', form: 'numbers', fill: few, threads, ...rest })
    }
  }
  const [set, sum] = inPlace
  add(
    'in place',
    [...alone, reuse].flatMap(other => [[[set], [sum], [other].flat()]]),
    { bound: 2, most: 2000 },
  )
  add('in place', against([sum, { op: 'add', key, value: 2 }], [...alone, ...inPlace]), {})
  // A key of another length needs a page, and most of the heap is free in pages of these entries: they move together.
  const sparse = Array.from({ length: SPARSE }, (_, i) => [`${i}`.padStart(200, '0'), (i % 100) + 1] as const)
  const stays = sparse.filter((_, i) => i % 15 === 0)
  const moved = stays.at(-1)![0]
  const long: Step = { op: 'set', key: 'n'.repeat(300), value: 101 }
  add(
    'in place, while entries move',
    against(
      [long],
      [
        { ...set, key: moved },
        { ...sum, key: moved },
      ],
    ),
    {
      fill: sparse,
      before: sparse.filter(entry => !stays.includes(entry)).map(([other]) => ({ op: 'delete', key: other })),
      bound: 1,
      most: 300,
    },
  )
  // A wait for a thread at work may end at any moment: then nothing is changed.
  add('in place, given up', against([sum], alone), { timeout: 0 })
  for (const at of DEATHS) {
    for (const step of inPlace) {
      const victim = { step, at }
      add('recovery in place', against([{ op: 'recover' }], [...alone, sum]), { victim, bound: 1, most: 100 })
    }
  }
  return made
}
