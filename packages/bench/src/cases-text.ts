/** Keys of other lengths, and long values. */
import { DEFAULT_SEED as SEED } from '@threadmap/workbench/workload'
import { type Case, SIZES, type SubjectSpec, type Target, thousands } from './case.js'
import type { KeyText, OneThreadJob } from './jobs.js'

const KEYS = SIZES[0]
const KINDS: readonly { text: KeyText; name: string; target?: Target }[] = [
  { text: 'uuid', name: '36 characters', target: { atMost: 2.7 } },
  { text: 'path', name: '80 characters', target: { atMost: 3.7 } },
  { text: 'chinese', name: '11 Chinese characters' },
]
/** Values of these lengths, and the nanoseconds that reading and writing one should take at most. Few keys: 8 MB of values. */
const LONG = [
  { length: 500, get: 500, set: 600 },
  { length: 16_384, get: 4000, set: 5000 },
]
const LONG_KEYS = 512
/** Twice as many bytes are stored, and a read allocates what it returns. */
const TWICE: Target = { atMost: 2 }
const BYTES: Target = { atMost: 1.3 }

function subject(label: string, job: Partial<OneThreadJob> & Pick<OneThreadJob, 'subject' | 'operation'>): SubjectSpec {
  const defaults = { keyType: 'string', keyText: 'user', valueType: 'f64', textLength: 200, cache: 0 } as const
  return { label, job: { program: 'one-thread', ...defaults, keys: KEYS, seed: SEED, ...job } }
}

function keyCases(): Case[] {
  return KINDS.flatMap(({ text, name, target }): Case[] => {
    const all = (operation: 'get' | 'fresh'): SubjectSpec[] => [
      subject('Map', { subject: 'Map', operation, keyText: text }),
      subject('FastMap', { subject: 'FastMap', operation, keyText: text }),
      subject('FastMap cache', { subject: 'FastMap', operation, keyText: text, cache: KEYS }),
    ]
    const compare = (what: string, of: string, limit?: Target) => ({
      what: `${what} of ${name}, ${thousands(KEYS)} keys`,
      of,
      against: 'Map',
      ...(limit ? { target: limit } : {}),
    })
    const get: Case = {
      name: `get-${text}/${KEYS}`,
      unit: 'ns',
      subjects: all('get'),
      comparisons: [
        compare('get hit, same strings', 'FastMap', target),
        compare('with cache, same strings', 'FastMap cache', { atMost: 1.4 }),
      ],
    }
    const fresh: Case = {
      name: `fresh-${text}/${KEYS}`,
      unit: 'ns',
      subjects: all('fresh').slice(0, 2),
      comparisons: [compare('get hit, fresh strings', 'FastMap', { atMost: 0.8 })],
    }
    // Chinese text comes from a parser as UTF-8, and decoding it would be most of the figure.
    return text === 'uuid' ? [get, fresh] : [get]
  })
}

function longCases(): Case[] {
  return LONG.map(({ length, get, set }): Case => {
    const of = (label: string, operation: 'get' | 'set', valueType: OneThreadJob['valueType']): SubjectSpec =>
      subject(label, { subject: 'FastMap', operation, valueType, textLength: length, keys: LONG_KEYS })
    const what = `of ${thousands(length)}`
    return {
      name: `long/${length}`,
      unit: 'ns',
      subjects: [
        of('get', 'get', 'text'),
        of('set', 'set', 'text'),
        of('get, two bytes each', 'get', 'wide'),
        of('set, two bytes each', 'set', 'wide'),
        of('get, bytes', 'get', 'bytes'),
        of('set, bytes', 'set', 'bytes'),
      ],
      comparisons: [
        { what: `get of a string ${what} characters`, of: 'get', target: { atMost: get } },
        { what: `set of a string ${what} characters`, of: 'set', target: { atMost: set } },
        { what: `get ${what} characters, two bytes each`, of: 'get, two bytes each', against: 'get', target: TWICE },
        { what: `set ${what} characters, two bytes each`, of: 'set, two bytes each', against: 'set', target: TWICE },
        { what: `get ${what} bytes, against their set`, of: 'get, bytes', against: 'set, bytes', target: BYTES },
      ],
    }
  })
}

export function textCases(): Case[] {
  return [...keyCases(), ...longCases()]
}
