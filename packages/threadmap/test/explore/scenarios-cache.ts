/** The scenarios that only a cache has. */

import type { Named } from './scenario.js'
import { against, changes, few, reads, type Step, show } from './steps.js'
import { MANY } from './world.js'

/** A full cache, which evicts with each new key: an evicted entry's blocks serve the next one at once. */
export function cacheOnly(): Named[] {
  const onA = [...changes('blocks', 'a', 2), ...reads('a')]
  const set = (key: string, value: number): Step => ({ op: 'set', key, value })
  const evicting = [
    ...against([set('n', 101)], [...onA, ...reads('n'), set('n', 102), set('m', 102), { op: 'clear' }]),
    // The entry of `a` is another key's, and then of `a` again, between two loads of a reader, and when its mark comes.
    ...against([set('n', 101), set('m', 103)], [...onA, ...reads('n')]),
    ...against([set('n', 101), set('m', 103), set('a', 104)], [...reads('a'), { op: 'update', key: 'a' }]),
    [
      [{ op: 'get', key: 'a' }, set('n', 101)],
      [{ op: 'get', key: 'b' }, set('m', 102)],
    ],
    [[set('n', 101)], [set('m', 102)], [{ op: 'get', key: 'a' }]],
  ] as Step[][][]
  return [
    ...[1, 2].flatMap(max =>
      evicting.map(threads => named(`SharedCache of ${max}, eviction`, 'eviction', threads, { max })),
    ),
    ...timed(),
    ...inside(),
    ...loads(),
  ]
}

function named(name: string, situation: string, threads: Step[][], rest: Partial<Named>): Named {
  return {
    name: `${name}: ${threads.map(steps => steps.map(show).join('; ')).join(' || ')}`,
    situation,
    map: 'SharedCache',
    form: 'blocks',
    fill: few,
    threads,
    ...rest,
  }
}

/** Hits that renew the time of their value, and keys whose time is over. */
function timed(): Named[] {
  const set = (key: string, value: number): Step => ({ op: 'set', key, value })
  const onA = [...changes('blocks', 'a', 2), ...reads('a')]
  // The entry or the block of the value that a hit renews serves another key by then.
  const reuse: Step[] = [{ op: 'delete', key: 'a' }, set('c', 103)]
  const comesBack: Step[] = [...reuse, set('a', 104)]
  const hit: Step = { op: 'get', key: 'a' }
  const renewed = [
    ...against([hit], [...onA, { op: 'clear' }, set('n', 102), { op: 'beginLoad', key: 'a' }]),
    [[hit], reuse],
    [[hit], comesBack],
    [[{ op: 'cachedGet', key: 'a' }], comesBack],
    [[hit], [hit], [set('a', 102)]],
  ] as Step[][][]
  const expired = [
    ...against([hit], [...onA, { op: 'clear' }, set('n', 102)]),
    ...against([set('a', 101)], onA),
    ...against([{ op: 'getOrInsert', key: 'a', value: 101 }], onA),
    ...against([set('n', 101)], [...onA, { op: 'get', key: 'b' }]),
    [
      [
        { op: 'beginLoad', key: 'a' },
        { op: 'endLoad', key: 'a', value: 101 },
      ],
      [hit, set('a', 102)],
    ],
  ] as Step[][][]
  return [
    ...[2, MANY].flatMap(max =>
      renewed.map(threads => named(`SharedCache of ${max}, renewal`, 'renewal', threads, { max, ttl: 160, now: 100 })),
    ),
    ...expired.map(threads => named('SharedCache, expiry', 'expiry', threads, { ttl: 50, now: 100 })),
  ]
}

/** Longer than any schedule. */
export const LONG_TTL = 1000

/** The steps of a thread that bring a value, which then has a deadline. */
export function withDeadlines(steps: readonly Step[]): Step[] {
  return steps.filter(step => step.value !== undefined).map(step => ({ ...step, ttl: LONG_TTL }))
}

/** Numbers go into their entries while they are fresh for ever, and into blocks when they get a deadline, or a load of their key begins. */
function inside(): Named[] {
  const onA = [...changes('numbers', 'a', 2), ...reads('a')]
  const here: Step = { op: 'set', key: 'a', value: 101 }
  const away: Step = { ...here, ttl: LONG_TTL }
  const load: Step[] = [
    { op: 'refresh', key: 'a' },
    { op: 'endLoad', key: 'a', value: 103 },
  ]
  const empty: Step[] = [load[0]!, { op: 'endEmpty', key: 'a' }]
  const others = [...onA, ...withDeadlines(onA), { op: 'clear' }, { op: 'iterate' }] as Step[]
  const kept: Step[] = [
    { op: 'cachedGet', key: 'a' },
    { op: 'keptGet', key: 'a' },
  ]
  const moves: Step[] = [{ ...away, value: 105 }, here]
  const twice: Step[] = [
    { op: 'get', key: 'a' },
    { op: 'get', key: 'a' },
  ]
  const n: Step = { op: 'set', key: 'n', value: 102 }
  // The entry's block is another key's, and then again of `a`, with a value of another form.
  const back: Step[] = [{ op: 'delete', key: 'a' }, n, { op: 'set', key: 'a', value: 104, ttl: LONG_TTL }]
  const programs = (first: readonly Step[]): Step[][][] => [
    ...against([here], others),
    ...against([away], others),
    ...against(
      [here, { ...away, value: 105 }, { ...here, value: 106 }],
      [...reads('a'), { op: 'add', key: 'a', value: 2 }],
    ),
    ...against([{ op: 'add', key: 'a', value: 1, ttl: LONG_TTL }], others),
    ...against(
      load,
      [...others, n].filter(({ op }) => op !== 'iterate'),
    ),
    ...against(empty, [...reads('a'), here, away]),
    ...against(back, reads('a')),
    // The first thread reads by the call that returns a number.
    [[{ op: 'get', key: 'a' }], back.slice(0, 2)],
    [[{ op: 'get', key: 'a' }], back],
    ...against([...first, ...kept], [here, away, ...onA.slice(0, 9)] as Step[]),
    ...[[here, away], [away, here], load, empty].map(steps => [[...first, ...kept], steps]),
    // One thread sees that the value is gone, and then another must not find it any more.
    [kept, empty, [{ op: 'get', key: 'a' }]],
    [[here], [away], [{ op: 'get', key: 'a' }]],
    // A number that is written and not yet published is nobody's: not that of a reader who found another one inside before.
    [moves, twice],
    [twice, moves],
    [[{ op: 'update', key: 'a' }], [away], [here]],
  ]
  const states = [
    { name: 'inside', before: [] },
    { name: 'in blocks', before: [{ op: 'set', key: 'a', value: 1, ttl: LONG_TTL } as const] },
  ]
  return states.flatMap(({ name, before }) =>
    [2, MANY].flatMap(max =>
      programs(before.length === 0 ? [] : [here]).map(threads =>
        named(`SharedCache of ${max} numbers ${name}`, 'numbers inside', threads, { form: 'numbers', max, before }),
      ),
    ),
  )
}

/** Loads of a key that is absent: one thread at a time, and none publishes what is older than a change. */
function loads(): Named[] {
  const load = (value: number): Step[] => [
    { op: 'beginLoad', key: 'n' },
    { op: 'endLoad', key: 'n', value },
  ]
  const waits: Step[] = [
    { op: 'beginLoad', key: 'n' },
    { op: 'beginLoad', key: 'n' },
  ]
  const set = (key: string, value: number): Step => ({ op: 'set', key, value })
  const others = [...changes('blocks', 'n', 2), ...reads('n'), { op: 'clear' }, set('m', 102)] as Step[]
  const programs = [
    ...against(load(101), others),
    ...against([load(101)[0]!, { op: 'dropLoad', key: 'n' }], others),
    [load(101), load(102)],
    [load(101), waits],
    [
      [load(101)[0]!, { op: 'dropLoad', key: 'n' }],
      [...waits, { op: 'endLoad', key: 'n', value: 102 }],
    ],
    [load(101), [{ op: 'delete', key: 'n' }], load(103)],
    [load(101), [set('n', 102)], [...reads('n').slice(0, 1)]],
  ] as Step[][][]
  return [1, 2, MANY].flatMap(max =>
    programs.map(threads => named(`SharedCache of ${max}, loads`, 'loads', threads, { max, bound: 2 })),
  )
}
