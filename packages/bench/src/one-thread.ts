import { performance } from 'node:perf_hooks'
import { flat, id, KEY_LENGTH, keyBytes, readOrder, userKeys } from '@threadmap/workbench/workload'
import { FastMap, f64, json, string } from 'threadmap'
import type { OneThreadJob, Subject } from './jobs.js'

/**
 * Strings that are made together before they are looked up: few enough to be in the L1 cache still, like those of a parser (512 x 32
 * bytes), and enough that reading the clock twice (about 80 ns, Node 20) does not count.
 */
const FRESH_BATCH = 512

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

export function readTexts(map: AnyMap<string, string>, sequence: string[]): number {
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

export function oneThread(job: OneThreadJob): Subject {
  if (job.keyType === 'number') return numberKeys(job)
  if (job.valueType === 'json') return objects(job)
  if (job.valueType === 'text') return texts(job)
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
  const keys = userKeys(job.keys)
  const map: AnyMap<string, number> =
    job.subject === 'Map'
      ? new Map<string, number>()
      : new FastMap({ key: string, value: f64, capacity: job.keys, cache: job.cache })
  const { sequence, sum } = fill(map, keys, job, numberValue, value => value)
  switch (job.operation) {
    case 'get':
      return repeat(() => readNumbers(map, sequence), sequence.length, sum)
    case 'fresh':
      return repeatFresh(map, job)
    case 'miss': {
      const strangers = userKeys(job.keys, job.keys)
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
  const { sequence, sum } = fill(map, userKeys(job.keys), job, text, value => value.length)
  return repeat(() => readTexts(map, sequence), sequence.length, sum)
}

export function profile(i: number): Profile {
  return { id: i, name: flat(`name of ${i}`), tags: ['a', 'b'], active: i % 2 === 0 }
}

/** 200 bytes. */
export function text(i: number): string {
  return flat(`text ${i} `.padEnd(200, 'abcdefghij'))
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
function repeatFresh(map: AnyMap<string, number>, job: OneThreadJob): Subject {
  const order = readOrder(job.keys, job.seed)
  const bytes = keyBytes(job.keys)
  const batch: string[] = new Array(FRESH_BATCH).fill('')
  let position = 0
  return ({ ms }) => {
    let elapsed = 0
    let lookups = 0
    while (elapsed < ms / 2) {
      let sum = 0
      for (let i = 0; i < FRESH_BATCH; i++) {
        const index = order[position]
        position = position + 1 === order.length ? 0 : position + 1
        batch[i] = bytes.toString('latin1', index * KEY_LENGTH, (index + 1) * KEY_LENGTH)
        sum += numberValue(index)
      }
      const start = performance.now()
      const got = readNumbers(map, batch)
      elapsed += performance.now() - start
      lookups += FRESH_BATCH
      if (got !== sum) throw new Error(`wrong values: the sum is ${got} instead of ${sum}`)
    }
    return { value: (elapsed * 1e6) / lookups }
  }
}
