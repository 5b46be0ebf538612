import { performance } from 'node:perf_hooks'
import { flat, id, random, readOrder, userKeys } from '@threadmap/workbench/workload'
import { bytes, FastMap, f64, json, string } from 'threadmap'
import type { KeyText, OneThreadJob, Subject } from './jobs.js'

/**
 * Strings that are made together before they are looked up: few enough to be in the L1 cache still, like those of a parser (512 x 32
 * bytes), and enough that reading the clock twice (about 80 ns, Node 20) does not count.
 */
const FRESH_BATCH = 512
/** Of text values, unless a case says otherwise. */
const TEXT_LENGTH = 200
/** A character above U+00FF: with one of them a string is stored in two bytes a character. */
const WIDE = '\u4e2d'

export interface Profile {
  id: number
  name: string
  tags: string[]
  active: boolean
}

/** The methods of a plain Map and a FastMap that the loops call. */
export interface AnyMap<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): unknown
  readonly size: number
}

/*
 * The loops. A process runs just one of them, on one class of map, so every call in it is monomorphic and can be
 * inlined. Each returns a sum over the values, which is compared with the true sum: V8 cannot drop a read, and no read can be wrong.
 */

export function readNumbers<K>(map: AnyMap<K, number>, sequence: K[]): number {
  let sum = 0
  for (let i = 0; i < sequence.length; i++) sum += map.get(sequence[i])!
  return sum
}

export function readObjects(map: AnyMap<string, Profile>, sequence: string[]): number {
  let sum = 0
  for (let i = 0; i < sequence.length; i++) sum += map.get(sequence[i])!.id
  return sum
}

export function readTexts(map: AnyMap<string, { readonly length: number }>, sequence: string[]): number {
  let sum = 0
  for (let i = 0; i < sequence.length; i++) sum += map.get(sequence[i])!.length
  return sum
}

function readAbsent<K>(map: AnyMap<K, number>, sequence: K[]): number {
  let absent = 0
  for (let i = 0; i < sequence.length; i++) if (map.get(sequence[i]) === undefined) absent++
  return absent
}

/** Writes other values each time (`base` + index), so that no write stores the value that is already there. */
function writeNumbers<K>(map: AnyMap<K, number>, sequence: K[], base: number): number {
  for (let i = 0; i < sequence.length; i++) map.set(sequence[i], base + i)
  return map.size
}

/** Writes one of two values in turn. All have the same length. */
function writeTexts<T>(map: AnyMap<string, T>, sequence: string[], values: readonly T[]): number {
  for (let i = 0; i < sequence.length; i++) map.set(sequence[i], values[i & 1])
  return map.size
}

export function oneThread(job: OneThreadJob): Subject {
  if (job.keyType === 'number') return numberKeys(job)
  if (job.valueType === 'json') return objects(job)
  if (job.valueType === 'text' || job.valueType === 'wide') return texts(job)
  if (job.valueType === 'bytes') return arrays(job)
  return stringKeysToNumbers(job)
}

function numberKeys(job: OneThreadJob): Subject {
  const keys = Array.from({ length: job.keys }, (_, i) => id(i))
  const map: AnyMap<number, number> =
    job.subject === 'Map'
      ? new Map<number, number>()
      : new FastMap({ key: f64, value: f64, capacity: job.keys, cache: job.cache })
  const { sequence, sum } = fill(map, keys, job, numberValue, value => value)
  return repeat(() => readNumbers(map, sequence), sequence.length, sum)
}

function stringKeysToNumbers(job: OneThreadJob): Subject {
  const keys = keysOf(job.keyText, job.keys)
  const map: AnyMap<string, number> =
    job.subject === 'Map'
      ? new Map<string, number>()
      : new FastMap({ key: string, value: f64, capacity: job.keys, cache: job.cache })
  const { sequence, sum } = fill(map, keys, job, numberValue, value => value)
  switch (job.operation) {
    case 'get':
      return repeat(() => readNumbers(map, sequence), sequence.length, sum)
    case 'fresh':
      return repeatFresh(map, keys, job)
    case 'miss': {
      const strangers = keysOf(job.keyText, job.keys * 2).slice(job.keys)
      const absent = Array.from(readOrder(job.keys, job.seed), i => strangers[i])
      return repeat(() => readAbsent(map, absent), absent.length, absent.length)
    }
    case 'set': {
      let base = 0.5
      return repeat(() => writeNumbers(map, sequence, base++), sequence.length, job.keys)
    }
  }
}

function objects(job: OneThreadJob): Subject {
  const map: AnyMap<string, Profile> =
    job.subject === 'Map'
      ? new Map<string, Profile>()
      : new FastMap({ key: string, value: json<Profile>(), capacity: job.keys, cache: job.cache })
  const { sequence, sum } = fill(map, userKeys(job.keys), job, profile, value => value.id)
  return repeat(() => readObjects(map, sequence), sequence.length, sum)
}

function texts(job: OneThreadJob): Subject {
  const map: AnyMap<string, string> =
    job.subject === 'Map'
      ? new Map<string, string>()
      : new FastMap({ key: string, value: string, capacity: job.keys, cache: job.cache })
  const isWide = job.valueType === 'wide'
  const make = (i: number): string => text(i, job.textLength, isWide)
  const { sequence, sum } = fill(map, userKeys(job.keys), job, make, value => value.length)
  if (job.operation === 'set') {
    let turn = 0
    const values = ['a', 'b', 'c'].map(letter => flatOf(letter.repeat(job.textLength), isWide))
    return repeat(() => writeTexts(map, sequence, [values[turn++ % 3], values[turn % 3]]), sequence.length, job.keys)
  }
  return repeat(() => readTexts(map, sequence), sequence.length, sum)
}

export function profile(i: number): Profile {
  return { id: i, name: flat(`name of ${i}`), tags: ['a', 'b'], active: i % 2 === 0 }
}

export function text(i: number, length = TEXT_LENGTH, isWide = false): string {
  return flatOf(`text ${i} `.padEnd(length, 'abcdefghij'), isWide)
}

function flatOf(text: string, isWide: boolean): string {
  return isWide ? Buffer.from(`${WIDE}${text.slice(1)}`, 'utf16le').toString('utf16le') : flat(text)
}

function arrays(job: OneThreadJob): Subject {
  const map: AnyMap<string, Uint8Array> = new FastMap({ key: string, value: bytes, capacity: job.keys })
  const make = (i: number): Uint8Array => new Uint8Array(job.textLength).fill(i)
  const { sequence, sum } = fill(map, userKeys(job.keys), job, make, value => value.length)
  if (job.operation === 'set') {
    let turn = 0
    const values = [1, 2, 3].map(make)
    return repeat(() => writeTexts(map, sequence, [values[turn++ % 3], values[turn % 3]]), sequence.length, job.keys)
  }
  return repeat(() => readTexts(map, sequence), sequence.length, sum)
}

/** Keys of a kind, all different, and each kind's of one length. */
function keysOf(kind: KeyText, count: number): string[] {
  switch (kind) {
    case 'user':
      return userKeys(count)
    case 'uuid': {
      const next = random(count)
      const hex = (digits: number): string =>
        Math.floor(next() * 16 ** digits)
          .toString(16)
          .padStart(digits, '0')
      const part = (i: number): string => i.toString(16).padStart(8, '0')
      return Array.from({ length: count }, (_, i) =>
        flat(`${part(i)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`),
      )
    }
    case 'path':
      return Array.from({ length: count }, (_, i) =>
        flat(`/api/v2/tenants/${id(i)}/orders/2026-11-27/items?fields=name,price,stock&page=`.padEnd(80, '1234567890')),
      )
    case 'chinese':
      // Six characters that say the number, one for each digit, after five that all keys have.
      return Array.from({ length: count }, (_, i) =>
        Buffer.from(
          `用户的编号${[...String(id(i))].map(digit => '零一二三四五六七八九'[Number(digit)]).join('')}`,
          'utf16le',
        ).toString('utf16le'),
      )
  }
}

/** A number with a fraction: V8 keeps a whole number in the pointer itself, which would make plain Map look faster. */
export function numberValue(index: number): number {
  return index + 0.5
}

/** Fills the map in order, and returns the keys in the order of reading, with the sum of their values. */
function fill<K, V>(
  map: AnyMap<K, V>,
  keys: K[],
  job: OneThreadJob,
  make: (index: number) => V,
  weigh: (value: V) => number,
): { sequence: K[]; sum: number } {
  const weights = keys.map((key, i) => {
    const value = make(i)
    map.set(key, value)
    return weigh(value)
  })
  if (map.size !== keys.length) throw new Error(`the map holds ${map.size} of ${keys.length} keys`)
  const order = readOrder(job.keys, job.seed)
  const sum = order.reduce((total, i) => total + weights[i], 0)
  return { sequence: Array.from(order, i => keys[i]), sum }
}

/**
 * A subject that calls `pass` until the round ends. Each pass does `length` operations and must return `sum`. The time is that of the clock or
 * of the processor, whichever is less: the clock counts other programs too, and the processor's time the threads of V8's collector.
 */
export function repeat(pass: () => number, length: number, sum: number): Subject {
  return ({ ms }) => {
    const before = process.cpuUsage()
    const start = performance.now()
    let passes = 0
    let elapsed = 0
    do {
      const got = pass()
      if (got !== sum) throw new Error(`wrong values: the sum is ${got} instead of ${sum}`)
      passes++
      elapsed = performance.now() - start
    } while (elapsed < ms)
    const { user, system } = process.cpuUsage(before)
    return { value: (Math.min(elapsed, (user + system) / 1000) * 1e6) / (passes * length) }
  }
}

/**
 * Like `repeat`, with strings made anew for every lookup. Making them is not timed, in either subject; it takes about as
 * long as looking them up, so each takes half of the round.
 */
function repeatFresh(map: AnyMap<string, number>, keys: readonly string[], job: OneThreadJob): Subject {
  const order = readOrder(job.keys, job.seed)
  // A look-up slices a new string out of the buffer, as a parser does: it is not internalised, and its hash is not computed yet.
  const bytes = Buffer.from(keys.join(''), 'latin1')
  const length = keys[0].length
  const batch: string[] = new Array(FRESH_BATCH).fill('')
  let position = 0
  return ({ ms }) => {
    let elapsed = 0
    let lookups = 0
    let spent = 0
    while (spent < ms / 2 || lookups === 0) {
      let sum = 0
      for (let i = 0; i < FRESH_BATCH; i++) {
        const index = order[position]
        position = position + 1 === order.length ? 0 : position + 1
        batch[i] = bytes.toString('latin1', index * length, (index + 1) * length)
        sum += numberValue(index)
      }
      const lost = process.resourceUsage().involuntaryContextSwitches
      const start = performance.now()
      const got = readNumbers(map, batch)
      const took = performance.now() - start
      spent += took
      // A batch in which another program got the processor says nothing.
      if (process.resourceUsage().involuntaryContextSwitches === lost) {
        elapsed += took
        lookups += FRESH_BATCH
      }
      if (got !== sum) throw new Error(`wrong values: the sum is ${got} instead of ${sum}`)
    }
    return { value: (elapsed * 1e6) / lookups }
  }
}
