/** The parts of a soak run: short episodes, each of one map and from one seed, which it repeats. */
import assert from 'node:assert/strict'
import type { MapKind } from 'threadmap'
import { string } from 'threadmap'
import { ALL_OPERATIONS, COMPUTE_OPERATIONS, judge, type RecordOptions, record } from '../linearizability/record.js'
import type { VictimTask, Work } from '../programs/victims.js'
import { type FormName, formOf } from '../support/forms.js'
import type { SafeKind } from '../support/kinds.js'
import { createMap } from '../support/maps.js'
import { count, kill, massacre, READS, settle, type Toll, WRITES } from '../support/massacre.js'
import { until } from '../support/patience.js'
import type { Random } from '../support/random.js'

/** Totals of a map's episodes so far. */
export interface Tally extends Toll {
  episodes: number
  /** Operations in histories that were found linearizable, of them pending, and pairs that overlapped. */
  operations: number
  pending: number
  overlaps: number
  /** Histories whose search took too long. */
  unknown: number
}

export type PartName = 'deaths' | 'counters' | 'histories' | 'fatal-histories'

type Part = (kind: MapKind, random: Random, tally: Tally) => Promise<void>

const FORMS: FormName[] = ['number', 'bigint', 'bytes32', 'bytesOfAnyLength', 'strings', 'fields', 'documents']

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!
}

async function unsafeDeaths(random: Random, tally: Tally): Promise<void> {
  const form = pick(random, FORMS)
  using map = createMap<string, unknown>('UnsafeMap', { key: string, value: formOf(form).codec })
  for (let round = 0; round < 12; round++) {
    const task: VictimTask = {
      map: map.handle,
      form,
      work: pick(random, [...WRITES, 'iterate' as const]),
      name: `victim ${round}`,
      log: new SharedArrayBuffer(8),
    }
    await kill(map, [task], random, tally)
    assert.deepEqual(map.audit(), [])
  }
  settle(map, form, tally)
}

/** Workers die in loops of single operations on keys of their own; a survivor goes on. */
const deaths: Part = (kind, random, tally) => {
  if (kind === 'UnsafeMap') return unsafeDeaths(random, tally)
  // Every third time values are so large that most workers die in the middle of a copy.
  const form = random.oneIn(3) ? 'large' : pick(random, FORMS)
  const adds: Work[] = form === 'number' ? ['add', 'add'] : []
  const all = [...WRITES, ...READS, ...adds].filter(work => form !== 'large' || work !== 'grow')
  const clears: Work[] = form === 'large' ? ['clear', 'set', 'clear', 'read'] : ['clear', 'grow', 'clear', 'read']
  const works = random.oneIn(8) ? clears : Array.from({ length: 7 }, () => pick(random, all))
  return massacre(kind as SafeKind, form, works, 12, random, tally)
}

/** Workers die while all of them raise one set of counters. */
const counters: Part = async (kind, random, tally) => {
  if (kind !== 'UnsafeMap') await count(kind as SafeKind, pick(random, [...FORMS, 'large', 'large']), 8, random, tally)
}

async function judged(kind: MapKind, options: RecordOptions, random: Random, tally: Tally): Promise<void> {
  const { histories, operations, pending, overlaps } = await record(kind, options, random)
  const exclusive = options.operations === COMPUTE_OPERATIONS
  const { verdict, picture } = judge(histories, { exclusive, limit: 30_000 })
  assert.notEqual(verdict, 'not linearizable', `${kind}, ${options.values}, cache ${options.cache}:\n${picture}`)
  if (verdict === 'unknown') tally.unknown++
  tally.operations += operations
  tally.pending += pending
  tally.overlaps += overlaps
}

function operationsFor(values: RecordOptions['values'], random: Random): RecordOptions['operations'] {
  if (random.oneIn(6)) return COMPUTE_OPERATIONS
  if (values === 'plain') return [...ALL_OPERATIONS, 'add', 'add', 'iterate']
  return [...ALL_OPERATIONS, 'get', 'clear', 'iterate']
}

/** Histories of a fight for a few keys. */
const histories: Part = (kind, random, tally) => {
  const values = pick(random, ['plain', ...FORMS] as const)
  const options: RecordOptions = {
    values,
    operations: operationsFor(values, random),
    clients: 2 + random.below(3),
    keys: 1 + random.below(4),
    rounds: 6,
    each: 300 + random.below(1000),
    cache: random.oneIn(2) ? 0 : pick(random, [1, 2, 16]),
  }
  return judged(kind, options, random, tally)
}

/** Histories in which clients die. Not of UnsafeMap: a client that dies with the test's own lock leaves no order to check. */
const fatalHistories: Part = async (kind, random, tally) => {
  if (kind === 'UnsafeMap') return
  const values = pick(random, ['plain', ...FORMS] as const)
  const operations =
    values === 'plain' ? ([...ALL_OPERATIONS, 'add'] as const) : ([...ALL_OPERATIONS, 'clear'] as const)
  const options: RecordOptions = {
    values,
    operations,
    clients: 4,
    keys: 1 + random.below(3),
    rounds: 1,
    each: 20_000,
    cache: random.oneIn(2) ? 0 : 8,
    disturb: async ({ terminate, completed }) => {
      const enough = random.below(4000)
      await until(() => completed(0) >= enough, 'the clients work')
      await Promise.all([terminate(0), terminate(1)])
      tally.deaths += 2
      const before = completed(2) + completed(3)
      await until(() => completed(2) + completed(3) > Math.min(before + 500, 39_000), 'the others go on')
    },
  }
  await judged(kind, options, random, tally)
}

export const PARTS: Record<PartName, Part> = { deaths, counters, histories, 'fatal-histories': fatalHistories }
