/**
 * The smoke test of one runtime: create each map, attach it in two workers, write and read from all three threads, grow.
 * It needs nothing but the library and workers, so that the same file runs in Bun, in Deno and in a page.
 */
import type { MapKind } from 'threadmap'
import type { SharedCache } from 'threadmap/cache'
import { ALL_KINDS } from '../support/kinds.js'
import { PATIENCE } from '../support/patience.js'
import { checkValues, fetchMany, type Numbers } from './jobs.js'
import { caches, dumps, inPage, library } from './library.js'
import { Peer } from './peer.js'
import { cases } from './values.js'

export interface Result {
  name: string
  error?: string
}

const GROWN = 5_000
const ADDS = 20_000

export function make(kind: MapKind, options: { lockTimeout?: number; computeTimeout?: number } = {}): Numbers {
  const { string, f64 } = library
  return new library[kind]({ key: string, value: f64, capacity: 16, ...options })
}

export async function smoke(): Promise<Result[]> {
  const results: Result[] = []
  const step = async (name: string, run: () => unknown) => {
    try {
      await within(PATIENCE, run())
      results.push({ name })
    } catch (error) {
      results.push({
        name,
        error: error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error),
      })
    }
  }

  const peers: Peer[] = []
  await step('two workers load the library', async () => {
    peers.push(...(await Promise.all([Peer.start(), Peer.start()])))
  })
  const [first, second] = peers
  if (first && second) {
    for (const [id, kind] of ALL_KINDS.entries()) {
      await step(`${kind}: create, attach, grow, compute, iterate`, () => oneMap(id, kind, first, second))
    }
    for (const [index, one] of cases(library).entries()) {
      await step(`values ${one.name}, there and back`, async () => {
        const map = one.make(library)
        await first.call({ job: 'values', handle: map.handle, index, write: true })
        expect('read here', checkValues(map, one), '')
        expect(
          'read in the other worker',
          await second.call({ job: 'values', handle: map.handle, index, write: false }),
          '',
        )
        map[Symbol.dispose]()
      })
    }
  }
  if (first && second)
    await step('SharedCache: one load among three threads, and the bound', () => oneCache(first, second))
  for (const peer of peers) peer.terminate()
  await step('SharedCache: the load of a worker that is terminated is passed on', passedOn)
  await step('a dump as bytes, and where there are files in one', dumpAndLoad)
  return results
}

async function oneMap(id: number, kind: MapKind, first: Peer, second: Peer): Promise<void> {
  const map = make(kind)
  map.set('made by', 1)
  await first.call({ job: 'attach', map: id, handle: map.handle })
  await second.call({ job: 'attach', map: id, handle: map.handle })
  // Threads take turns with an UnsafeMap; they use the other maps at once.
  const both = async (one: () => Promise<unknown>, other: () => Promise<unknown>) =>
    kind === 'UnsafeMap' ? [await one(), await other()] : Promise.all([one(), other()])

  await both(
    () => first.call({ job: 'set', map: id, prefix: 'a', count: GROWN }),
    () => second.call({ job: 'set', map: id, prefix: 'b', count: GROWN }),
  )
  expect('size after growth', map.size, 2 * GROWN + 1)
  for (let i = 0; i < GROWN; i++) {
    expect(`a${i}`, map.get(`a${i}`), i)
    expect(`b${i}`, map.get(`b${i}`), i)
  }

  await both(
    () => first.call({ job: 'add', map: id, key: 'hits', times: ADDS }),
    () => second.call({ job: 'add', map: id, key: 'hits', times: ADDS }),
  )
  expect('sum of both workers', map.get('hits'), 2 * ADDS)

  await conversation(map, id, kind, first)
  await computeOnce(map, id, both, first, second)

  expect('deleted', map.delete('a0'), true)
  expect('gone', map.get('a0'), undefined)
  const entries = [...map]
  expect('entries seen', entries.length, map.size)
  expect('keys seen', new Set(entries.map(([key]) => key)).size, map.size)
  const sum = entries.reduce((total, [, value]) => total + value, 0)
  const there = await second.call({ job: 'sum', map: id })
  expect('seen by the worker', JSON.stringify(there), JSON.stringify({ entries: entries.length, sum }))

  map.clear()
  expect('cleared', map.size, 0)
  expect('cleared for the worker', JSON.stringify(await first.call({ job: 'sum', map: id })), '{"entries":0,"sum":0}')
  expect('threads', map.stats().threads, 3)
  await both(
    () => first.call({ job: 'dispose', map: id }),
    () => second.call({ job: 'dispose', map: id }),
  )
  map[Symbol.dispose]()
}

function makeCache(): SharedCache<string, number> {
  return new caches.SharedCache({ key: library.string, value: library.f64, max: 64, ttl: 600_000, loadTimeout: 5000 })
}

async function oneCache(first: Peer, second: Peer): Promise<void> {
  const cache = makeCache()
  const job = { job: 'fetch', cache: cache.handle, key: 'page', times: 50 } as const
  const values = await Promise.all([
    first.call({ ...job, value: 1 }),
    second.call({ ...job, value: 2 }),
    fetchMany(cache, 'page', 50, 3),
  ])
  const value = cache.get('page')
  expect('values', JSON.stringify(values), JSON.stringify([[value], [value], [value]]))
  expect('loads', cache.stats().loads, 1)
  expect('sum', cache.add('page', 1), value! + 1)
  for (let i = 0; i < 1000; i++) {
    cache.set(`${i}`, i)
    expect(`${i}`, cache.get(`${i}`), i)
  }
  expect('size', cache.size, 64)
  if (!(cache.getRemainingTTL('999') > 500_000)) throw new Error('the clock is wrong')
  expect('problems', cache.audit().join(), '')
  cache[Symbol.dispose]()
}

/** The death is heard, or the load's time ends. */
async function passedOn(): Promise<void> {
  const cache = makeCache()
  const peer = await Peer.start()
  void peer.call({ job: 'fetch', cache: cache.handle, key: 'page', times: 1, value: 1, hangs: true }).catch(() => {})
  const end = performance.now() + PATIENCE
  while (cache.get('begun') !== 1) {
    if (performance.now() > end) throw new Error('the worker did not begin')
    await sleep(1)
  }
  const waiting = fetchMany(cache, 'page', 5, 3)
  peer.terminate()
  expect('the value', JSON.stringify(await waiting), '[3]')
  cache[Symbol.dispose]()
}

async function dumpAndLoad(): Promise<void> {
  const map = make('FastMap')
  for (let i = 0; i < GROWN; i++) map.set(`${i}`, i)
  const { dump, dumpChunks, load, loadChunks } = dumps
  const check = (how: string, copy: Numbers) => {
    expect(`${how}: size`, copy.size, GROWN)
    for (const [key, value] of map) expect(`${how}: ${key}`, copy.get(key), value)
    copy[Symbol.dispose]()
  }
  const fromBytes = make('SyncMap')
  await loadChunks(fromBytes, new Blob([...dumpChunks(map)]).stream())
  check('from bytes', fromBytes)

  const path = `smoke-${Math.random().toString(36).slice(2)}.dump`
  if (inPage) {
    const refused = await dump(map, path).catch((error: Error) => error)
    expect('files in a page', (refused as Error).name, 'UnsupportedError')
  } else {
    const { unlink } = await import('node:fs/promises')
    try {
      await dump(map, path)
      await dump(map, path)
      const fromFile = make('RWMutexMap')
      await load(fromFile, path)
      check('from a file', fromFile)
    } finally {
      await unlink(path)
    }
  }
  map[Symbol.dispose]()
}

/** A worker that is inside a loop sees a write of this thread, and this thread sees its answer while it still runs. */
async function conversation(map: Numbers, id: number, kind: MapKind, worker: Peer): Promise<void> {
  if (kind === 'UnsafeMap') return
  const reads = worker.call({ job: 'answer', map: id, key: 'flag' })
  await sleep(20)
  map.set('flag', 1)
  const end = performance.now() + PATIENCE
  while (map.get('flag') !== 2) {
    if (performance.now() > end)
      throw new Error(`the worker's answer was not seen within ${PATIENCE} ms: ${map.get('flag')}`)
    await sleep(1)
  }
  const count = (await reads) as number
  if (!(count > 0)) throw new Error(`the worker read ${count} times`)
}

async function computeOnce(
  map: Numbers,
  id: number,
  both: (one: () => Promise<unknown>, other: () => Promise<unknown>) => Promise<unknown[]>,
  first: Peer,
  second: Peer,
): Promise<void> {
  const job = { job: 'compute', map: id, key: 'computed', milliseconds: 50 } as const
  const results = (await both(
    () => first.call({ ...job, value: 1 }),
    () => second.call({ ...job, value: 2 }),
  )) as { value: number; runs: number }[]
  const value = map.get('computed')
  expect(
    'computations',
    results.reduce((sum, result) => sum + result.runs, 0),
    1,
  )
  expect('computed values', results.map(result => result.value).join(), `${value},${value}`)
  expect(
    'computed here',
    map.getOrInsertComputed('computed', () => -1),
    value,
  )
}

export function expect(what: string, got: unknown, wanted: unknown): void {
  if (!Object.is(got, wanted)) throw new Error(`${what}: expected ${String(wanted)}, got ${String(got)}`)
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}

/** A worker that hangs fails one step by name, not the whole run. */
async function within(milliseconds: number, done: unknown): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${milliseconds / 1000} s`)), milliseconds)
  })
  try {
    await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}
