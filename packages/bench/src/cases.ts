import { MAP_KINDS } from '@threadmap/workbench/subjects/maps'
import { DEFAULT_SEED as SEED } from '@threadmap/workbench/workload'
import { type Case, type Comparison, type GoJob, SIZES, type SubjectSpec, type Target, thousands } from './case.js'
import { cacheCases } from './cases-cache.js'
import { coldCases } from './cases-cold.js'
import { textCases } from './cases-text.js'
import type { Job, OneThreadJob, WorkersJob } from './jobs.js'

function oneThreadCases(keys: number): Case[] {
  const small = keys === SIZES[0]
  const limit = (atSmall: number, atLarge: number): Target => ({ atMost: small ? atSmall : atLarge })
  const defaults = {
    program: 'one-thread',
    keyType: 'string',
    keyText: 'user',
    valueType: 'f64',
    textLength: 200,
    cache: 0,
    keys,
    seed: SEED,
  } as const
  const subjects = (job: Pick<OneThreadJob, 'operation'> & Partial<OneThreadJob>): Record<string, SubjectSpec> => ({
    plain: { label: 'Map', job: { ...defaults, ...job, subject: 'Map' } },
    fast: { label: 'FastMap', job: { ...defaults, ...job, subject: 'FastMap' } },
    cached: { label: 'FastMap cache', job: { ...defaults, ...job, subject: 'FastMap', cache: keys } },
  })
  const compare = (what: string, of: string, target?: Target): Comparison => ({
    what: `${what}, ${thousands(keys)} keys`,
    of,
    against: 'Map',
    ...(target ? { target } : {}),
  })
  const get = subjects({ operation: 'get' })
  const objects = subjects({ operation: 'get', valueType: 'json' })
  const texts = subjects({ operation: 'get', valueType: 'text' })
  const fresh = subjects({ operation: 'fresh' })
  const numbers = subjects({ operation: 'get', keyType: 'number' })
  const update = subjects({ operation: 'set' })
  const miss = subjects({ operation: 'miss' })
  return [
    {
      name: `get/${keys}`,
      unit: 'ns',
      subjects: [get.plain, get.fast, get.cached],
      comparisons: [
        compare('get hit, same strings', 'FastMap', limit(1.7, 2.5)),
        compare('get hit, same strings with cache', 'FastMap cache', limit(1.4, 1.6)),
      ],
    },
    {
      name: `json/${keys}`,
      unit: 'ns',
      subjects: [objects.plain, objects.cached, { ...objects.fast, extra: true }],
      comparisons: [
        compare('json objects with cache', 'FastMap cache', limit(1.5, 1.5)),
        compare('json objects without cache', 'FastMap'),
      ],
    },
    {
      name: `text/${keys}`,
      unit: 'ns',
      subjects: [texts.plain, texts.cached, { ...texts.fast, extra: true }],
      comparisons: [
        compare('200-byte strings with cache', 'FastMap cache', limit(1.5, 1.5)),
        compare('200-byte strings without cache', 'FastMap'),
      ],
    },
    {
      name: `fresh/${keys}`,
      unit: 'ns',
      subjects: [fresh.plain, fresh.fast, { ...fresh.cached, extra: true }],
      comparisons: [
        compare('get hit, fresh strings', 'FastMap', limit(0.8, 0.8)),
        compare('fresh strings with cache', 'FastMap cache'),
      ],
    },
    {
      name: `numbers/${keys}`,
      unit: 'ns',
      subjects: [numbers.plain, numbers.fast, { ...numbers.cached, extra: true }],
      comparisons: [
        compare('get hit, number keys', 'FastMap', limit(1.4, 1.4)),
        compare('number keys with cache', 'FastMap cache'),
      ],
    },
    {
      name: `update/${keys}`,
      unit: 'ns',
      subjects: [update.plain, update.fast],
      comparisons: [compare('set of existing keys', 'FastMap', limit(1.6, 1.6))],
      extra: true,
    },
    {
      name: `miss/${keys}`,
      unit: 'ns',
      subjects: [miss.plain, miss.fast],
      comparisons: [compare('get miss', 'FastMap')],
      extra: true,
    },
  ]
}

function mixCase(keys: number, reads: number): Case {
  const mix = (label: string, subject: WorkersJob['subject'], threads = 2, extra = false): SubjectSpec => ({
    label,
    job: { program: 'workers', subject, threads, keys, reads, zipf: 0, seed: SEED },
    extra,
  })
  const go = (map: GoJob['map'], extra = true, old = false): SubjectSpec => ({
    label: `Go ${map}${old ? ' before 1.24' : ''}`,
    job: { program: 'go', map, old, threads: 2, keys, reads, seed: SEED },
    extra,
  })
  const compare = (against: string, target?: Target): Comparison => ({
    what: `against ${against}, ${reads}:${100 - reads}, 2 threads, ${thousands(keys)} keys`,
    of: 'FastMap',
    against,
    ...(target ? { target } : {}),
  })
  const others = MAP_KINDS.filter(kind => kind !== 'FastMap').reverse()
  const found: Case = {
    name: `mix${reads}/${keys}`,
    unit: 'M/s',
    subjects: [
      mix('FastMap', 'FastMap'),
      mix('private Maps', 'Map', 2, true),
      ...others.map(kind => mix(kind === 'UnsafeMap' ? 'UnsafeMap detect: false' : kind, kind, 2, true)),
    ],
    comparisons: [],
  }
  if (reads === 90) {
    const extras = [go('sync.Map', true, true), go('xsync.Map'), go('RWMutex+map')]
    found.subjects.push(go('sync.Map', false), ...extras)
    const small = keys === SIZES[0]
    const least: Record<string, number> = {
      'Go xsync.Map': small ? 1.1 : 0.8,
      ...(small ? { 'Go RWMutex+map': 0.9 } : {}),
    }
    const targetOf = (label: string): [] | [Target] => (label in least ? [{ atLeast: least[label] }] : [])
    found.comparisons.push(
      compare('Go sync.Map', { atLeast: small ? 1.8 : 1.5 }),
      ...extras.map(({ label }) => compare(label, ...targetOf(label))),
    )
  } else {
    found.subjects.push(mix('sharedmap', 'sharedmap'))
    found.comparisons.push(compare('sharedmap', { atLeast: 15 }), {
      what: `ceiling: private Maps against sharedmap, ${reads}:${100 - reads}, 2 threads, ${thousands(keys)} keys`,
      of: 'private Maps',
      against: 'sharedmap',
    })
  }
  return found
}

/** Two workers against one. The ceiling is the gain of a private Map in each worker on this machine. */
function scalingCase(keys: number, reads: number, zipf: number, target: number): Case {
  const worker = (subject: 'FastMap' | 'Map', threads: number): SubjectSpec => ({
    label: `${subject === 'Map' ? 'private Maps' : subject} x${threads}`,
    job: { program: 'workers', subject, threads, keys, reads, zipf, seed: SEED },
    extra: subject === 'Map',
  })
  const mix = `${reads}% reads${zipf > 0 ? `, zipf ${zipf}` : ''}, 2 workers against 1, ${thousands(keys)} keys`
  return {
    name: `scaling${reads}/${keys}`,
    unit: 'M/s',
    subjects: [worker('FastMap', 1), worker('FastMap', 2), worker('Map', 1), worker('Map', 2)],
    comparisons: [
      { what: mix, of: 'FastMap x2', against: 'FastMap x1', target: { atLeast: target } },
      { what: `ceiling: private Maps, ${mix}`, of: 'private Maps x2', against: 'private Maps x1' },
    ],
  }
}

function memoryCases(): Case[] {
  const memory = (measure: 'grown' | 'presized' | 'reuse'): Job => ({ program: 'memory', measure, seed: SEED })
  return [
    {
      name: 'memory/entry',
      unit: 'B',
      once: true,
      subjects: [
        { label: 'grown from 16', job: memory('grown') },
        { label: 'capacity: 1M', job: memory('presized') },
      ],
      comparisons: [
        { what: 'bytes per entry, 1M entries, grown', of: 'grown from 16', target: { atMost: 64 } },
        { what: 'bytes per entry, 1M entries, capacity given', of: 'capacity: 1M', target: { atMost: 64 } },
      ],
    },
    {
      name: 'memory/reuse',
      unit: '%',
      once: true,
      subjects: [{ label: 'after deleting 90%', job: memory('reuse') }],
      comparisons: [
        { what: 'memory of 900k deleted reusable by another size', of: 'after deleting 90%', target: { atLeast: 50 } },
      ],
    },
  ]
}

function addCase(): Case {
  return {
    name: 'add',
    unit: 'M/s',
    subjects: [
      { label: 'x2', job: { program: 'add', threads: 2 } },
      { label: 'x1', job: { program: 'add', threads: 1 }, extra: true },
    ],
    comparisons: [{ what: 'add on one hot key, 2 workers, none lost, M/s', of: 'x2', target: { atLeast: 5 } }],
  }
}

export function allCases(): Case[] {
  return [
    ...SIZES.flatMap(oneThreadCases),
    ...textCases(),
    ...SIZES.map(keys => scalingCase(keys, 99, 0, 1.85)),
    ...SIZES.map(keys => scalingCase(keys, 50, 0.99, 1.5)),
    ...[99, 90, 50].flatMap(reads => SIZES.map(keys => mixCase(keys, reads))),
    addCase(),
    ...memoryCases(),
    ...cacheCases(),
    ...coldCases(),
  ]
}

/** The cases that have a target. */
export function quickCases(cases: Case[]): Case[] {
  return cases
    .filter(one => !one.extra)
    .map(one => {
      const subjects = one.subjects.filter(subject => !subject.extra)
      const kept = (label: string | undefined): boolean =>
        label === undefined || subjects.some(subject => subject.label === label)
      return { ...one, subjects, comparisons: one.comparisons.filter(({ of, against }) => kept(of) && kept(against)) }
    })
}
