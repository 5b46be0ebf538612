/** SharedCache beside FastMap and lru-cache. */
import { DEFAULT_SEED as SEED } from '@threadmap/workbench/workload'
import { type Case, type Comparison, SIZES, type SubjectSpec, type Target, thousands } from './case.js'
import type { CacheJob, CacheMemoryJob, CacheWorkersJob, LongestJob, StopsJob } from './jobs.js'

/** Any time that is longer than the benchmark: each read compares a deadline with the clock, and nothing expires. */
const TTL_MS = 3_600_000
const RESOLUTION_MS = 10
const TEXT_BYTES = 100

function subject(label: string, job: Partial<CacheJob> & Pick<CacheJob, 'subject' | 'keys'>): SubjectSpec {
  const defaults = { operation: 'get', valueType: 'f64', readCache: 0, ttl: 0, ttlResolution: 0, seed: SEED } as const
  return { label, job: { program: 'cache', ...defaults, ...job } }
}

function comparer(keys: number): (what: string, of: string, against: string, target?: Target) => Comparison {
  return (what, of, against, target) => ({
    what: `${what}, ${thousands(keys)} keys`,
    of,
    against,
    ...(target ? { target } : {}),
  })
}

function hits(keys: number): Case[] {
  const compare = comparer(keys)
  const shared = (label: string, job: Partial<CacheJob> = {}) =>
    subject(label, { subject: 'SharedCache', keys, ...job })
  const lru = (label: string, job: Partial<CacheJob> = {}) => subject(label, { subject: 'lru-cache', keys, ...job })
  const ofType = (valueType: 'text' | 'json', name: string): Case => ({
    name: `cache-${valueType}/${keys}`,
    unit: 'ns',
    subjects: [
      lru('lru-cache', { valueType }),
      shared('SharedCache', { valueType }),
      shared('SharedCache readCache', { valueType, readCache: keys }),
    ],
    comparisons: [
      compare(`SharedCache hit, ${name}, with readCache, against lru-cache`, 'SharedCache readCache', 'lru-cache', {
        atMost: 2,
      }),
      compare(`SharedCache hit, ${name}, against lru-cache`, 'SharedCache', 'lru-cache'),
    ],
  })
  return [
    {
      name: `cache-get/${keys}`,
      unit: 'ns',
      subjects: [
        subject('FastMap', { subject: 'FastMap', keys }),
        shared('SharedCache'),
        shared('SharedCache readCache', { readCache: keys }),
        lru('lru-cache'),
      ],
      comparisons: [
        compare('SharedCache hit, number, against FastMap', 'SharedCache', 'FastMap', { atMost: 1.15 }),
        compare('SharedCache hit, number, against lru-cache', 'SharedCache', 'lru-cache', { atMost: 2 }),
        compare('SharedCache hit, number, with readCache, against lru-cache', 'SharedCache readCache', 'lru-cache'),
      ],
    },
    {
      name: `cache-ttl/${keys}`,
      unit: 'ns',
      subjects: [
        shared('SharedCache'),
        shared('SharedCache ttl', { ttl: TTL_MS }),
        shared('SharedCache ttl, ttlResolution', { ttl: TTL_MS, ttlResolution: RESOLUTION_MS }),
        lru('lru-cache ttl', { ttl: TTL_MS }),
      ],
      comparisons: [
        compare('SharedCache hit with ttl against one without', 'SharedCache ttl', 'SharedCache'),
        compare('with ttlResolution 10 ms against one without ttl', 'SharedCache ttl, ttlResolution', 'SharedCache'),
        compare('SharedCache hit with ttl against lru-cache with ttl', 'SharedCache ttl', 'lru-cache ttl'),
      ],
    },
    ofType('text', '200-byte string'),
    ofType('json', 'json object'),
    {
      name: `cache-evict/${keys}`,
      unit: 'ns',
      subjects: [shared('SharedCache', { operation: 'evict' }), lru('lru-cache', { operation: 'evict' })],
      comparisons: [compare('SharedCache set that evicts against lru-cache', 'SharedCache', 'lru-cache')],
      extra: true,
    },
  ]
}

function scaling(keys: number): Case {
  const workers = (name: CacheWorkersJob['subject'], threads: number): SubjectSpec => ({
    label: `${name}${name === 'lru-cache' ? ' per worker' : ''} x${threads}`,
    job: { program: 'cache-workers', subject: name, threads, keys, reads: 90, zipf: 0.99, seed: SEED },
    extra: name === 'lru-cache',
  })
  const mix = `90% reads, zipf 0.99, 2 workers against 1, ${thousands(keys)} keys`
  return {
    name: `cache-scaling/${keys}`,
    unit: 'M/s',
    fresh: true,
    subjects: [workers('SharedCache', 1), workers('SharedCache', 2), workers('lru-cache', 1), workers('lru-cache', 2)],
    comparisons: [
      { what: `SharedCache, ${mix}`, of: 'SharedCache x2', against: 'SharedCache x1', target: { atLeast: 1.6 } },
      {
        what: `ceiling: lru-cache per worker, ${mix}`,
        of: 'lru-cache per worker x2',
        against: 'lru-cache per worker x1',
      },
    ],
  }
}

function memory(valueBytes: number): Case {
  const of = (name: CacheMemoryJob['subject']): SubjectSpec => ({
    label: name,
    job: { program: 'cache-memory', subject: name, valueBytes },
  })
  const values = valueBytes === 8 ? 'numbers' : `strings of ${valueBytes}`
  return {
    name: `cache-memory/${valueBytes}`,
    unit: 'B',
    once: true,
    subjects: [of('FastMap'), of('SharedCache'), of('lru-cache')],
    comparisons: (['FastMap', 'SharedCache', 'lru-cache'] as const).map(name => ({
      what: `bytes per entry of a full ${name}, ${values}`,
      of: name,
    })),
  }
}

function longest(): Case {
  const of = (label: string, job: Partial<LongestJob> & Pick<LongestJob, 'subject'>): SubjectSpec => ({
    label,
    job: { program: 'longest', bound: 'max', full: true, keys: 200_000, valueBytes: TEXT_BYTES, ...job },
  })
  const specs = [
    of('SharedCache max, full', { subject: 'SharedCache' }),
    of('SharedCache maxBytes, full', { subject: 'SharedCache', bound: 'maxBytes' }),
    of('SharedCache max, filling', { subject: 'SharedCache', full: false, keys: 1_000_000 }),
    of('lru-cache, full', { subject: 'lru-cache' }),
  ]
  return {
    name: 'cache-longest',
    unit: 'ms',
    subjects: specs,
    comparisons: specs.map(({ label }) => ({ what: `longest set of ${label}`, of: label })),
  }
}

function largeStops(): Case {
  const of = (label: string, values: StopsJob['values']): SubjectSpec => ({ label, job: { program: 'stops', values } })
  const specs = [of('512 MiB, strings of 100 B', 'small'), of('512 MiB, of 50 B to 50 KiB', 'mixed')]
  return {
    name: 'cache-stops',
    unit: 'ms',
    once: true,
    extra: true,
    subjects: specs,
    comparisons: specs.map(({ label }) => ({
      what: `longest set of a full SharedCache of ${label}`,
      of: label,
      target: { atMost: 1 },
    })),
  }
}

export function cacheCases(): Case[] {
  return [...SIZES.flatMap(hits), ...SIZES.map(scaling), memory(8), memory(TEXT_BYTES), longest(), largeStops()]
}
