import { mean } from '@threadmap/workbench/statistics'
import { MAP_KINDS } from '@threadmap/workbench/subjects/maps'
import { LARGEST_MAP, mapBytes } from '@threadmap/workbench/subjects/room'
import { NUMBER_BYTES, random, type Workload } from '@threadmap/workbench/workload'
import type { KeyType, Trace, ValueType } from './format.js'

/** The kind of an operation of a replay, in its lowest bits; the key's index is in the bits above. */
export const Step = {
  get: 0,
  has: 1,
  set: 2,
  readWrite: 3,
  getOrInsert: 4,
  insert: 5,
  remove: 6,
  removeNothing: 7,
  add: 8,
  update: 9,
} as const

/** The number of bits that a `Step` takes. */
export const STEP_BITS = 4

/** The plan of a replay, which every subject follows. */
export interface Plan {
  readonly threads: number
  /** Entries that are in the map throughout. */
  readonly entries: number
  /** Keys that operations ask for and that are never in the map: indexes from `entries` on. */
  readonly absent: number
  /** Keys of each thread that come and go; half of them are in the map at the start. 0: no key comes or goes. */
  readonly temporary: number
  readonly keyType: KeyType
  readonly keyLengths: readonly number[]
  readonly valueType: ValueType
  readonly valueBytes: readonly number[]
  /** `index << STEP_BITS | Step` for each thread, to be repeated; in shared memory. */
  readonly operations: readonly Uint32Array[]
}

const TEMPORARY = 1024
/** Operations at least: the branch predictor would learn a shorter list. */
const FEWEST_OPERATIONS = 2 ** 16
const MOST_OPERATIONS = 2 ** 19
/** Entries at most: this many exceed the caches already, so more would change nothing. */
const MOST_ENTRIES = 2 ** 20

/**
 * Turns a sample of operations into a list that can be repeated without end:
 * - A key that the sample has more than once is one key in the list, too. A key that it has once represents all rare keys, and the
 *   list takes a different rare key each time, so that the replay touches as much memory as the program did.
 * - Inserts and deletes go round over a ring of keys, so that the map keeps its size.
 * - The map has the recorded number of entries, as far as all subjects' maps together have room in `free` bytes.
 */
export function planOf(
  traces: readonly Trace[],
  seed: number,
  threads = traces.length,
  free = Number.POSITIVE_INFINITY,
): Plan {
  const seen = new Map<number, number>()
  const missing = new Map<number, number>()
  for (const { ops, ids } of traces) {
    for (const [at, id] of ids.entries()) {
      const isThere = ops[at] === ops[at].toLowerCase()
      if (isThere) seen.set(id, (seen.get(id) ?? 0) + 1)
      else if (!missing.has(id)) missing.set(id, missing.size)
    }
  }
  const known = new Map([...seen].filter(([, count]) => count > 1).map(([id], index) => [id, index]))
  const entries = Math.min(
    MOST_ENTRIES,
    entriesWithRoom(traces[0], threads, free),
    Math.max(1, seen.size, most(traces)),
  )
  const rare = Math.max(1, entries - known.size)
  const firstRare = entries - rare
  const absent = Math.max(1, missing.size)
  const churns = traces.some(({ ops }) => /[UMOAPd]/.test(ops))
  // `add` works on numbers only; a trace that says otherwise was not written by the recorder.
  const addsUp = traces[0].values.type === 'number'
  const operations = Array.from({ length: threads }, (_, thread) => {
    const { ops, ids } = traces[thread % traces.length]
    const next = random(seed + thread * 7919)
    const length = Math.min(MOST_OPERATIONS, Math.max(ops.length, FEWEST_OPERATIONS))
    const list = new Uint32Array(new SharedArrayBuffer(length * Uint32Array.BYTES_PER_ELEMENT))
    // Threads that replay one trace begin at different places of it.
    const offset = Math.floor((Math.floor(thread / traces.length) / Math.ceil(threads / traces.length)) * ops.length)
    for (let i = 0; i < length; i++) {
      const at = (i + offset) % ops.length
      const present = knownIndex(known.get(ids[at]), entries) ?? firstRare + Math.floor(next() * rare)
      const missed = entries + (missing.get(ids[at]) ?? 0)
      list[i] = stepOf(ops[at] === 'a' && !addsUp ? 'm' : ops[at], present, missed)
    }
    return list
  })
  return {
    threads,
    entries,
    absent,
    temporary: churns ? TEMPORARY : 0,
    keyType: traces[0].keys.type,
    keyLengths: traces[0].keys.lengths,
    valueType: traces[0].values.type,
    valueBytes: traces[0].values.bytes,
    operations,
  }
}

/** Entries at the time when the recorded map had most. */
function most(traces: readonly Trace[]): number {
  return Math.max(...traces.map(trace => Math.max(trace.entries.most, trace.entries.last)))
}

/** Where the replay has fewer entries than the program used again and again, several of the program's keys share one. */
function knownIndex(index: number | undefined, entries: number): number | undefined {
  return index === undefined ? undefined : index % entries
}

/** The part of the free memory that the maps of a replay may fill. */
const ROOM_SHARE = 0.6

/** How many entries the maps of all subjects have room for: four or five shared ones, and a `Map` in each thread. */
function entriesWithRoom({ keys, values }: Trace, threads: number, free: number): number {
  const [key, value] = [mean(keys.lengths), values.type === 'number' ? NUMBER_BYTES : mean(values.bytes)]
  const empty = mapBytes(0, 0, 0)
  const each = mapBytes(1, key, value) - empty
  // The values of a replay's plain Map are 64 strings in turn, so that its entries take what keys take.
  const together = (MAP_KINDS.length + threads) * each
  return Math.max(1, Math.floor(Math.min(free / together, LARGEST_MAP / each) * ROOM_SHARE))
}

const KNOWN_STEPS: Readonly<Record<string, number>> = {
  g: Step.get,
  h: Step.has,
  u: Step.set,
  m: Step.readWrite,
  o: Step.getOrInsert,
  a: Step.add,
  p: Step.update,
}
const MISSED_STEPS: Readonly<Record<string, number>> = { G: Step.get, H: Step.has, D: Step.removeNothing }

function stepOf(letter: string, present: number, missed: number): number {
  if (letter in KNOWN_STEPS) return (present << STEP_BITS) | KNOWN_STEPS[letter]
  if (letter in MISSED_STEPS) return (missed << STEP_BITS) | MISSED_STEPS[letter]
  return letter === 'd' ? Step.remove : Step.insert
}

/** The nearest workload of the mix experiment, for the tree and for the variants. */
export function workloadOf(traces: readonly Trace[], threads = traces.length): Workload {
  const ops = traces.map(trace => trace.ops).join('')
  const count = (letters: RegExp) => ops.replaceAll(letters, '').length
  // A delete that finds nothing is one of the program's writes, though it changes nothing.
  const writes = count(/[gGhHo]/g)
  const comesAndGoes = count(/[gGhHoumap]/g)
  const entries = Math.max(1, most(traces))
  const bytes = traces[0].values.bytes
  return {
    keys: entries,
    reads: Math.round((100 * (ops.length - writes)) / ops.length),
    zipf: zipfOf(traces, entries),
    threads,
    valueBytes: traces[0].values.type === 'number' ? NUMBER_BYTES : Math.max(1, bytes[Math.floor(bytes.length / 2)]),
    churn: writes === 0 ? 0 : Math.round((100 * comesAndGoes) / writes),
  }
}

/** The smallest exponent that a sample can tell from an even distribution. */
const EVEN = 0.3

/** The exponent of the Zipf distribution under which the ranked counts of keys are likeliest; 0 where none stands out. */
function zipfOf(traces: readonly Trace[], entries: number): number {
  const counts = new Map<number, number>()
  for (const { ids } of traces) for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  const ranked = [...counts.values()].sort((a, b) => b - a)
  const total = ranked.reduce((sum, value) => sum + value, 0)
  const logs = ranked.reduce((sum, value, at) => sum + value * Math.log(at + 1), 0)
  let best = { exponent: 0, likelihood: Number.NEGATIVE_INFINITY }
  for (let exponent = 0; exponent <= 1.6; exponent += 0.05) {
    const likelihood = -exponent * logs - total * Math.log(harmonic(Math.max(entries, ranked.length), exponent))
    if (likelihood > best.likelihood) best = { exponent, likelihood }
  }
  return best.exponent < EVEN ? 0 : Number(best.exponent.toFixed(2))
}

/** The sum of 1 / i^s for i from 1 to n: exact for the first terms, by the integral for the rest. */
function harmonic(n: number, s: number): number {
  const exact = Math.min(n, 1000)
  let sum = 0
  for (let i = 1; i <= exact; i++) sum += i ** -s
  if (n === exact) return sum
  const [from, to] = [exact + 0.5, n + 0.5]
  return sum + (Math.abs(s - 1) < 1e-9 ? Math.log(to / from) : (to ** (1 - s) - from ** (1 - s)) / (1 - s))
}
