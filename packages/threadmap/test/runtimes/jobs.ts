/** The jobs of the smoke test's workers, on every runtime. */
import type { ConcurrentMap, MapHandle, MapKind } from 'threadmap'
import type { CacheHandle, SharedCache } from 'threadmap/cache'
import type { LockHandle } from 'threadmap/sync'
import { PATIENCE } from '../support/patience.js'
import { caches, library, sync } from './library.js'
import { type AnyCase, cases } from './values.js'

/** `map` is the number that the job `attach` gave a map; for jobs on values it is the number of a case. */
export type Job =
  | { job: 'attach'; map: number; handle: MapHandle<string, number> }
  | { job: 'dispose'; map: number }
  | { job: 'set'; map: number; prefix: string; count: number }
  | { job: 'add'; map: number; key: string; times: number }
  | { job: 'sum'; map: number }
  /** Waits for `key` to be 1 by reading it again and again, then makes it 2. Returns how many reads it took. */
  | { job: 'answer'; map: number; key: string }
  | { job: 'compute'; map: number; key: string; milliseconds: While; value: number }
  /** Holds the mutex, and reports it by setting `held` in the map. */
  | { job: 'hold'; map: number; mutex: LockHandle<'Mutex'>; milliseconds: While }
  | { job: 'churn'; map: number; keys: number; milliseconds: While }
  /** Fetches `key` so many times at once. The loader sets the key `begun`, and returns `value` a little later, or hangs. */
  | { job: 'fetch'; cache: CacheHandle<string, number>; key: string; times: number; value: number; hangs?: boolean }
  | { job: 'values'; handle: MapHandle; index: number; write: boolean }

/** How long: in milliseconds, or until the other thread sets `LET_GO` in the map. */
export type While = number | 'till let go'
export const LET_GO = 'let go'

export type Numbers = ConcurrentMap<string, number>

const maps = new Map<number, Numbers>()

function find(map: number): Numbers {
  const found = maps.get(map)
  if (!found) throw new Error(`map ${map} is not attached here`)
  return found
}

function attach<K, V>(handle: MapHandle<K, V>): ConcurrentMap<K, V> {
  // The class is chosen at run time: one signature holds for all five.
  const classes = library as unknown as Record<MapKind, { attach(handle: unknown): unknown }>
  return classes[handle.kind].attach(handle) as ConcurrentMap<K, V>
}

/** Returns what the job returns, or a promise of it. */
export function perform(job: Job): unknown {
  switch (job.job) {
    case 'attach':
      maps.set(job.map, attach(job.handle))
      return true
    case 'dispose':
      find(job.map)[Symbol.dispose]()
      return maps.delete(job.map)
    case 'set': {
      const map = find(job.map)
      for (let i = 0; i < job.count; i++) map.set(`${job.prefix}${i}`, i)
      return map.size
    }
    case 'add': {
      const map = find(job.map)
      for (let i = 0; i < job.times; i++) map.add(job.key, 1)
      return map.get(job.key)
    }
    case 'sum': {
      let entries = 0
      let sum = 0
      for (const [, value] of find(job.map)) {
        entries++
        sum += value
      }
      return { entries, sum }
    }
    case 'answer':
      return answer(find(job.map), job.key)
    case 'compute': {
      const map = find(job.map)
      let runs = 0
      const value = map.getOrInsertComputed(job.key, () => {
        runs++
        map.set(`${job.key} began`, 1)
        stay(map, job.milliseconds)
        return job.value
      })
      return { value, runs }
    }
    case 'hold': {
      const map = find(job.map)
      return sync.Mutex.attach(job.mutex).withLock(() => {
        map.set('held', 1)
        stay(map, job.milliseconds)
        return true
      })
    }
    case 'churn':
      return churn(find(job.map), job.keys, job.milliseconds)
    case 'fetch': {
      const cache = caches.SharedCache.attach(job.cache)
      return fetchMany(cache, job.key, job.times, job.value, job.hangs).finally(() => cache[Symbol.dispose]())
    }
    case 'values': {
      const map = attach(job.handle as MapHandle<unknown, unknown>)
      const one = cases(library)[job.index]!
      try {
        return job.write ? storeValues(map, one) : checkValues(map, one)
      } finally {
        map[Symbol.dispose]()
      }
    }
  }
}

/** The values of so many calls at once; each that differs comes once. */
export async function fetchMany(
  cache: SharedCache<string, number>,
  key: string,
  times: number,
  value: number,
  hangs = false,
): Promise<number[]> {
  const load = async (): Promise<number> => {
    cache.set('begun', value)
    await new Promise(resolve => hangs || setTimeout(resolve, 30))
    return value
  }
  const calls = Array.from({ length: times }, () => cache.fetch(key, load))
  return [...new Set(await Promise.all(calls))]
}

function answer(map: Numbers, key: string): number {
  const end = performance.now() + PATIENCE
  for (let reads = 1; performance.now() < end; reads++) {
    if (map.get(key) !== 1) continue
    map.set(key, 2)
    return reads
  }
  throw new Error(`another thread's write of ${key} was not seen within ${PATIENCE} ms: it is ${map.get(key)}`)
}

/** Keeps the locks busy. Returns how many times it added 1 to `total`. */
function churn(map: Numbers, keys: number, milliseconds: While): number {
  const end = performance.now() + (typeof milliseconds === 'number' ? milliseconds : PATIENCE)
  let added = 0
  while (performance.now() < end && !map.has(LET_GO)) {
    for (let i = 0; i < 50; i++, added++) {
      const key = `churn${added % keys}`
      map.set(key, added)
      map.add('total', 1)
      map.delete(key)
    }
  }
  return added
}

/** Sleeps by blocking, which only workers may do; it is called in workers only. */
function pause(milliseconds: number): void {
  if (milliseconds > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** Keeps what this worker holds until it is told to release it. */
function stay(map: Numbers, milliseconds: While): void {
  if (typeof milliseconds === 'number') {
    pause(milliseconds)
    return
  }
  const end = performance.now() + PATIENCE
  while (!map.has(LET_GO) && performance.now() < end) pause(5)
}

function storeValues(map: ConcurrentMap<unknown, unknown>, { entries }: AnyCase): number {
  for (const [key, value] of entries) map.set(key, value)
  return map.size
}

/** Returns the differences as text, at most three; '' if there are none. */
export function checkValues(map: ConcurrentMap<unknown, unknown>, { entries, equal }: AnyCase): string {
  const wrong = entries.filter(([key, value]) => !map.has(key) || !equal(map.get(key), value))
  const listed = [...map].filter(([key, value]) => !entries.some(([k, v]) => equal(k, key) && equal(v, value)))
  return [...wrong.map(entry => ['not found', ...entry]), ...listed.map(entry => ['made up', ...entry])]
    .map(([what, key, value]) => `${what}: ${show(key)} -> ${show(value)}, got ${show(map.get(key))}`)
    .slice(0, 3)
    .join('; ')
}

function show(value: unknown): string {
  if (value === undefined || typeof value === 'bigint' || typeof value === 'number') return String(value)
  return JSON.stringify(value instanceof Uint8Array ? [...value] : value).slice(0, 60)
}
