/** The scenarios that are explored: small programs on small maps, chosen so that their threads conflict. */
import { FastMap, f64, string } from 'threadmap'
import { ALL_KINDS, type ExploredKind } from '../support/kinds.js'
import type { DeathScenario } from './death.js'
import { handoverScenarios } from './handover.js'
import type { Named, Scenario } from './scenario.js'
import { cacheOnly, LONG_TTL, withDeadlines } from './scenarios-cache.js'
import { inPlaceScenarios } from './scenarios-in-place.js'
import { against, changes, few, full, pairs, reads, type Step, show } from './steps.js'
import { L } from './thread.js'
import { type FormName, MANY, SEED } from './world.js'

/** What is explored for every map. */
function common(map: ExploredKind, form: FormName): Named[] {
  const made: Named[] = []
  const add = (
    situation: string,
    programs: readonly (readonly (readonly Step[])[])[],
    rest: Partial<Scenario> = {},
  ) => {
    for (const threads of programs) {
      const past = rest.victim === undefined ? '' : ` after ${rest.victim.at} accesses of a dead one`
      const name = `${map} of ${form}, ${situation}${past}: ${threads.map(steps => steps.map(show).join('; ')).join(' || ')}`
      made.push({ name, situation, map, form, fill: few, threads, ...rest })
    }
  }
  const one = changes(form, 'a', 1)
  const two = changes(form, 'a', 2)
  add('one key', [...pairs(one, two), ...pairs(one, reads('a'))])
  const fresh = changes(form, 'n', 1).filter(brings)
  add('one new key', [...pairs(fresh, changes(form, 'n', 2).filter(brings)), ...pairs(fresh, reads('n'))])
  add(
    'one bucket',
    pairs([...one, fresh[0]], changes(form, 'b', 2, 2)).filter((_, i) => i % 3 === 0),
  )
  const grows: Step = { op: 'set', key: 'n', value: 101 }
  add('growth', against([grows], [...two, ...reads('a'), ...changes(form, 'm', 2).filter(brings), ...reads('n')]), {
    fill: full,
  })
  const shrinks: Step[] = [{ op: 'delete', key: 'b' }]
  add('shrinking', against(shrinks, [...two, ...reads('a'), { op: 'set', key: 'n', value: 102 }]), {
    fill: full,
    before: [
      { op: 'set', key: 'h', value: 8 },
      ...['d', 'e', 'f', 'g', 'h'].map(key => ({ op: 'delete', key }) as const),
    ],
  })
  const clear: Step = { op: 'clear' }
  add('clear', against([clear], [...two, ...reads('a'), ...fresh, clear]))
  // The blocks of the entry and of its value serve another key between two loads of a thread that accesses `a`.
  const reuse: Step[] = [
    { op: 'delete', key: 'a' },
    { op: 'set', key: 'c', value: 103 },
  ]
  add('block reuse', against(reuse, [...reads('a'), ...two, ...reads('c')]))
  const comesBack: Step[] = [
    { op: 'delete', key: 'a' },
    { op: 'set', key: 'c', value: 103 },
    { op: 'set', key: 'a', value: 104 },
  ]
  add('a key that comes back', against(comesBack, [...reads('a'), { op: 'update', key: 'a' }]))
  const iterate: Step = { op: 'iterate' }
  add('iteration', against([iterate], [...two, ...fresh, clear]))
  add('iteration', [
    [[iterate], reuse],
    [[iterate], comesBack],
  ])
  add('iteration during growth', against([iterate], [grows, { op: 'delete', key: 'a' }]), { fill: full })
  const compute = (value: number): Step => ({ op: 'compute', key: 'n', value })
  add('compute', [
    [[compute(101)], [compute(102)]],
    [[compute(101)], [grows]],
    [[compute(101)], [{ op: 'delete', key: 'n' }]],
    [[compute(101)], [{ op: 'compute', key: 'm', value: 102 }]],
  ])
  // Threads that ask for each other's keys while they compute: in a circle, and behind one another.
  const nest = (key: string, via: string, value: number): Step => ({ op: 'nest', key, via, value })
  add('compute in compute', [
    [[nest('n', 'm', 101)], [nest('m', 'n', 102)]],
    [[nest('n', 'm', 101)], [nest('n', 'm', 102)]],
    [[nest('n', 'm', 101)], [{ op: 'compute', key: 'm', value: 102 }]],
    [[nest('n', 'm', 101)], [nest('m', 'o', 102)], [nest('o', 'n', 103)]],
  ])
  const overflow = overflowing()
  const rest = { fill: overflow.fill, capacity: 12 }
  add(
    'passed buckets',
    against(
      [{ op: 'delete', key: overflow.displaced }],
      [
        { op: 'get', key: overflow.displaced },
        { op: 'set', key: overflow.displaced, value: 102 },
        { op: 'set', key: overflow.fresh, value: 102 },
        { op: 'delete', key: overflow.home },
        iterate,
      ],
    ),
    rest,
  )
  add(
    'passed buckets',
    against(
      [
        { op: 'delete', key: overflow.home },
        { op: 'set', key: overflow.fresh, value: 101 },
      ],
      [{ op: 'get', key: overflow.displaced }, { op: 'get', key: overflow.fresh }, iterate],
    ),
    rest,
  )
  // Two half-empty pages of entries, and none free: a key of another length makes the entries move together.
  const many = Array.from({ length: 200 }, (_, i) => [`${i}`.padStart(8, '0'), (i % 100) + 1] as const)
  // The first blocks of the pages, which later entries overwrite.
  const kept = [many[0], many[84], many[168], many[169]]
  const long: Step = { op: 'set', key: 'n'.repeat(300), value: 101 }
  const moving = (key: string, old: number): Step[] => [
    ...reads(key),
    ...changes(form, key, 2, old).filter(({ op }) => op === 'set' || op === 'delete'),
  ]
  // A cache without memory evicts.
  const loses = map === 'SharedCache' ? { max: MANY } : {}
  const met = map === 'SharedCache' ? [] : [iterate]
  add('compaction', against([long], [...kept.flatMap(([key, old]) => moving(key, old)), ...met]), {
    ...loses,
    fill: many,
    before: [
      ...many.filter(entry => !kept.includes(entry)).map(([key]) => ({ op: 'delete', key }) as const),
      // These take the empty pages that the shrinking table has left.
      ...[400, 500, 600, 700].map(length => ({ op: 'set', key: 'm'.repeat(length), value: 9 }) as const),
    ],
    full: true,
    bound: 1,
    most: 1500,
  })
  // A thread has died; one thread recovers it while the other goes on.
  for (const at of [4, 9, 14, 19, 24, 29, 34, 44, 59]) {
    const victim = { step: { op: 'set', key: 'n', value: 101 } as const, at }
    const survivors: Step[] = [two[0], two[5], { op: 'get', key: 'a' }, { op: 'set', key: 'n', value: 102 }]
    add(`recovery`, against([{ op: 'recover' }], survivors), { victim, bound: 1, most: 400 })
  }
  // The thread died while it computed, or while it began or ended a computation.
  for (const at of [4, 8, 12, 16, 20, 24, 28, 32, 40, 50, 60, 70]) {
    const victim = { step: nest('n', 'm', 101), at }
    const rest = { victim, bound: 1, most: 300 }
    add('recovery of a computation', [[[compute(102)], [{ op: 'recover' }]]], rest)
  }
  // Two threads wait and one holds the lock, which is handed over.
  add('three threads', [
    [[one[0]], [two[5]], [{ op: 'set', key: 'b', value: 103 }]],
    [[one[0]], [two[1]], [{ op: 'get', key: 'a' }]],
    [[{ op: 'set', key: 'n', value: 101 }], [{ op: 'delete', key: 'a' }], [{ op: 'get', key: 'n' }]],
    [[compute(101)], [compute(102)], [compute(103)]],
    [[clear], [{ op: 'set', key: 'n', value: 101 }], [{ op: 'get', key: 'a' }]],
  ])
  return made
}

function brings(step: Step): boolean {
  return step.value !== undefined && step.op !== 'compareAndSwap'
}

// States of a SyncMap. Iterating promotes, so `a` and `b` are in `read`; `c` is only in `dirty`; the third miss promotes.
const dirty: Step[] = [{ op: 'iterate' }, { op: 'set', key: 'c', value: 3 }]
const almost: Step[] = [...dirty, { op: 'get', key: 'c' }, { op: 'get', key: 'c' }]
// `a` is deleted in `read`: the copy to `dirty` expunges it, and a later set brings it back.
const deleted: Step[] = [{ op: 'iterate' }, { op: 'delete', key: 'a' }]
const expunged: Step[] = [...deleted, { op: 'set', key: 'c', value: 3 }]

/** `read` and `dirty`, as Go's map has them. */
function syncOnly(form: FormName): Named[] {
  const made: Named[] = []
  const add = (situation: string, programs: readonly (readonly (readonly Step[])[])[], rest: Partial<Scenario>) => {
    for (const threads of programs) {
      const name = `SyncMap of ${form}, ${situation}: ${threads.map(steps => steps.map(show).join('; ')).join(' || ')}`
      made.push({ name, situation, map: 'SyncMap', form, fill: few, threads, ...rest })
    }
  }
  const onA = [...changes(form, 'a', 2), ...reads('a')]
  const onC = [...changes(form, 'c', 2), ...reads('c')]
  const fresh: Step = { op: 'set', key: 'n', value: 102 }
  const clear: Step = { op: 'clear' }
  const iterate: Step = { op: 'iterate' }
  const miss: Step = { op: 'get', key: 'c' }
  add('promotion', against([miss], [...onA, ...onC, fresh, clear, iterate, miss]), { before: almost })
  add('promotion', against([{ op: 'delete', key: 'c' }], [...onC, fresh, miss]), { before: almost })
  add('dirty', against([{ op: 'set', key: 'c', value: 101 }], [...onA, ...onC, fresh, clear, iterate]), {
    before: dirty,
  })
  add('dirty', against([{ op: 'delete', key: 'c' }], [...onC, clear]), { before: dirty })
  add('expunging', against([fresh], [...onA, clear, iterate]), { before: deleted })
  add(
    'expunging',
    against(
      [fresh],
      [
        { op: 'delete', key: 'b' },
        { op: 'set', key: 'm', value: 101 },
      ],
    ),
    { before: deleted },
  )
  add('expunged', pairs([{ op: 'set', key: 'a', value: 101 }], [...onA, fresh, clear, iterate]), { before: expunged })
  // The entry is expunged and freed between the load and the exchange of a thread that writes to `a`.
  const expunge: Step[] = [fresh, { op: 'get', key: 'n' }, { op: 'get', key: 'n' }]
  add('expunged is freed', against(expunge, onA), { before: deleted })
  add('expunged is freed', against([...expunge, { op: 'set', key: 'm', value: 103 }], onA), { before: deleted })
  const freed: Step[] = [...expunged, { op: 'get', key: 'c' }]
  add('expunged is freed', against([miss], [...onA, { op: 'set', key: 'n', value: 102 }, clear]), { before: freed })
  add('expunged is freed', against([miss, fresh, { op: 'set', key: 'm', value: 103 }], onA), { before: freed })
  return made
}

/** Values of two pages are replaced and freed, and their pages used again, while another thread reads or compares one. */
function chainsOnly(map: ExploredKind): Named[] {
  const key = 'a'
  const changing: Step[] = [
    { op: 'set', key, value: 101 },
    { op: 'delete', key },
  ]
  const others: Step[] = [
    { op: 'get', key },
    { op: 'swap', key, value: 102 },
    { op: 'compareAndSwap', key, value: 102, expected: 1 },
    { op: 'compareAndDelete', key, expected: 1 },
    { op: 'getAndDelete', key },
    { op: 'update', key },
  ]
  // The pages serve another value, or a slab, by the time that the reader comes to them.
  const reuse: Step[] = [
    { op: 'delete', key },
    { op: 'set', key: 'n', value: 103 },
    { op: 'set', key: 'm'.repeat(300), value: 104 },
  ]
  const programs = [...changing.flatMap(step => against([step], others)), ...against(reuse, others)]
  return programs.map(threads => ({
    name: `${map} of chains: ${threads.map(steps => steps.map(show).join('; ')).join(' || ')}`,
    situation: 'chains of pages',
    map,
    form: 'chains',
    fill: few,
    threads,
    bound: 1,
    most: 300,
  }))
}

export function scenariosOf(map: ExploredKind): Named[] {
  if (map === 'SharedCache') {
    return [...common(map, 'blocks'), ...common(map, 'numbers'), ...cacheOnly(), ...chainsOnly(map)]
  }
  // SyncMap keeps every value in a block.
  const forms: FormName[] = map === 'SyncMap' ? ['blocks', 'numbers'] : ['numbers', 'blocks']
  return [
    ...forms.flatMap(form => [...common(map, form), ...(map === 'SyncMap' ? syncOnly(form) : [])]),
    ...chainsOnly(map),
    ...(map === 'FastMap' ? inPlaceScenarios() : []),
  ]
}

export function allScenarios(): Named[] {
  return [...[...ALL_KINDS, 'SharedCache' as const].flatMap(scenariosOf), ...handoverScenarios()]
}

/** Entries whose table takes more than a page. */
const SPAN_OF_PAGES = 600

/** Every operation that changes the map, in every state in which it takes another path. */
export function deathsOf(map: ExploredKind, form: FormName): DeathScenario[] {
  const onA = changes(form, 'a', 1)
  const onN = [
    ...changes(form, 'n', 1).filter(brings),
    { op: 'compute', key: 'n', value: 101 } as const,
    { op: 'nest', key: 'n', via: 'm', value: 101 } as const,
  ]
  const rest: Step[] = [{ op: 'clear' }, { op: 'iterate' }, { op: 'get', key: 'a' }]
  const shrunk = ['d', 'e', 'f', 'g'].map(key => ({ op: 'delete', key }) as const)
  const states: {
    fill: DeathScenario['fill']
    capacity?: number
    max?: number
    ttl?: number
    now?: number
    before?: readonly Step[]
    steps: readonly Step[]
  }[] = [
    { fill: few, steps: [...onA, ...onN, ...rest] },
    // The table grows or shrinks, or has buckets that were passed.
    { fill: full, steps: [...onN, { op: 'clear' }] },
    {
      fill: full,
      before: [{ op: 'set', key: 'h', value: 8 }, ...shrunk],
      steps: [...onA, { op: 'delete', key: 'h' }],
    },
    {
      fill: overflowing().fill,
      capacity: 12,
      steps: [
        { op: 'delete', key: overflowing().displaced },
        { op: 'delete', key: overflowing().home },
        { op: 'set', key: overflowing().fresh, value: 101 },
        { op: 'clear' },
      ],
    },
    // A table of several pages is replaced: a span has a head and tails.
    { fill: few, capacity: SPAN_OF_PAGES, steps: [{ op: 'clear' }] },
  ]
  if (map === 'SharedCache') {
    // With each new key another one goes.
    const steps = [...onN, { op: 'set', key: 'a', value: 101 } as const, { op: 'clear' } as const]
    const hits = ['a', 'b', 'a', 'b'].map(key => ({ op: 'get', key }) as const)
    states.unshift({ fill: few, max: 2, steps }, { fill: few, max: 2, before: hits, steps })
    // A hit renews the time of its value; all values have expired.
    const hit = { op: 'get', key: 'a' } as const
    states.push(
      { fill: few, max: 2, ttl: 160, now: 100, steps: [hit, ...onA, ...onN] },
      { fill: few, max: 2, ttl: 50, now: 100, steps: [hit, ...onA, ...onN, { op: 'clear' }] },
    )
    if (form === 'numbers') {
      // A number moves out of its entry, and into it.
      const away = { op: 'set', key: 'a', value: 1, ttl: LONG_TTL } as const
      states.push(
        { fill: few, max: 2, steps: [...withDeadlines([...onA, ...onN]), { op: 'refresh', key: 'a' }] },
        { fill: few, max: 2, before: [away], steps: [hit, ...onA, ...onN] },
      )
    }
  }
  // One state is enough: what chains add does not depend on it.
  if (form === 'chains') states.length = 1
  if (map === 'SyncMap' && form !== 'chains') {
    const onC = changes(form, 'c', 1, 3)
    const misses: Step[] = [
      { op: 'get', key: 'c' },
      { op: 'delete', key: 'x' },
    ]
    states.push(
      { fill: few, before: dirty, steps: [...onA, ...onC, ...onN, ...rest, ...misses] },
      { fill: few, before: almost, steps: [...onC, ...rest, ...misses] },
      { fill: few, before: deleted, steps: [...onA, ...onN, ...rest] },
      { fill: few, before: expunged, steps: [...onA, ...onC, ...onN, ...rest, ...misses] },
      { fill: few, before: [...expunged, misses[0]], steps: [...onA, ...rest, ...misses] },
    )
  }
  return states.flatMap(({ steps, ...state }) => steps.map(step => ({ map, form, ...state, step })))
}

let found: { fill: [string, number][]; home: string; displaced: string; fresh: string } | undefined

/**
 * Keys for a table of two buckets whose first bucket is full and passed: eight keys belong there, so the eighth is in the second
 * bucket, and so would `fresh` be.
 */
function overflowing() {
  if (found !== undefined) return found
  const keys: string[] = []
  for (let i = 0; keys.length < 9; i++) if (homeOf(`k${i}`) === 0) keys.push(`k${i}`)
  found = {
    fill: keys.slice(0, 8).map((key, i) => [key, i + 1]),
    home: keys[1],
    displaced: keys[7],
    fresh: keys[8],
  }
  return found
}

/** The bucket of two that a key belongs to: looked up in a map that has no other. */
function homeOf(key: string): number {
  const map = new FastMap({ key: string, value: f64, capacity: 12, shards: 1, seed: SEED, maxBytes: 2 ** 18 })
  map.set(key, 1)
  const words = map.session.scratch.u32
  const table = words[(L.SHARDS + L.D_TABLE) >>> 2] & ~63
  const bucket = words.subarray(table >>> 2, (table >>> 2) + 16).some(word => word !== 0) ? 0 : 1
  map[Symbol.dispose]()
  return bucket
}
