/**
 * What a hit, a miss and a write cost in each store, beside the memory store of its package, and the hit ratios of two threads with equal memory in all:
 * `node packages/stores/build/test/programs/stores-cost.js [ROUNDS]`. One thread; the two take turns in every round; medians of CPU time.
 */
import { once } from 'node:events'
import type { SharedSessionStore } from '@threadmap/stores/express-session'
import { SharedSessionStore as ExpressStore } from '@threadmap/stores/express-session'
import { KeyvSharedCache } from '@threadmap/stores/keyv'
import { shareNextCache, useCacheHandler } from '@threadmap/stores/next'
import { type CacheKey, type CacheValue, SharedCacheStore } from '@threadmap/stores/undici'
import { sharedCacheDriver } from '@threadmap/stores/unstorage'
import session, { type SessionData, type Store } from 'express-session'
import { Keyv } from 'keyv'
import { cacheStores } from 'undici'
import { createStorage } from 'unstorage'
import lruDriver from 'unstorage/drivers/lru-cache'
import memoryDriver from 'unstorage/drivers/memory'
import { nextsOwnHandler } from '../support/nexts-own.js'

const ROUNDS = Number(process.argv[2] ?? 15)
const KEYS = 4096
const OPERATIONS = 4096
const user = (i: number) => ({
  id: i,
  name: `user ${i}`,
  mail: `user${i}@example.org`,
  roles: ['reader', 'writer'],
  since: 1.7e12,
})

/** A store as its package's users use it. */
interface Subject {
  name: string
  set(i: number): Promise<unknown>
  get(key: string): Promise<unknown>
}

const key = (i: number) => `key:${i}`
const names = Array.from({ length: KEYS }, (_, i) => key(i))
const absent = names.map(name => `${name}:absent`)

function keyv(name: string, store?: KeyvSharedCache): Subject {
  const own = store === undefined ? new Keyv() : new Keyv({ store })
  return { name, set: i => own.set(names[i], user(i)), get: each => own.get(each) }
}

function unstorage(name: string, driver: Parameters<typeof createStorage>[0]): Subject {
  const storage = createStorage(driver)
  return { name, set: i => storage.setItem(names[i], user(i)), get: each => storage.getItem(each) }
}

const BODY = Buffer.alloc(2048, 'x')
function response(): CacheValue {
  const at = Date.now()
  const headers = {
    'content-type': 'text/html',
    etag: '"abc"',
    date: new Date(at).toUTCString(),
    'cache-control': 'max-age=600',
  }
  return {
    statusCode: 200,
    statusMessage: 'OK',
    headers,
    cacheControlDirectives: { 'max-age': 600 },
    cachedAt: at,
    staleAt: at + 600_000,
    deleteAt: at + 600_000,
  }
}
interface ResponseStore {
  get(key: CacheKey): unknown
  createWriteStream(key: CacheKey, value: CacheValue): NodeJS.WritableStream | undefined
}
const request = (path: string): CacheKey => ({ origin: 'http://localhost', method: 'GET', path, headers: {} })
function undici(name: string, store: ResponseStore): Subject {
  return {
    name,
    async set(i) {
      const stream = store.createWriteStream(request(names[i]), response())!
      stream.end(BODY)
      await once(stream, 'finish')
    },
    get: async each => store.get(request(each)),
  }
}

function sessions(name: string, store: Store | SharedSessionStore): Subject {
  const data = (i: number) =>
    ({
      ...user(i),
      cookie: { originalMaxAge: 3_600_000, expires: new Date(Date.now() + 3_600_000) },
    }) as unknown as SessionData
  return {
    name,
    set: i => new Promise(resolve => store.set(names[i], data(i), resolve)),
    get: each => new Promise(resolve => store.get(each, (_, found) => resolve(found ?? undefined))),
  }
}

type Handler = Pick<typeof useCacheHandler, 'get' | 'set'>
function components(name: string, handler: Handler): Subject {
  return {
    name,
    set(i) {
      const value = new Blob([BODY]).stream() as ReadableStream<Uint8Array>
      const timestamp = performance.timeOrigin + performance.now()
      return handler.set(
        names[i],
        Promise.resolve({ value, tags: ['t'], stale: 0, timestamp, expire: 86_400, revalidate: 86_400 }),
      )
    },
    get: each => handler.get(each, []),
  }
}

const ROOM = 256 * 1024 * 1024
shareNextCache({ maxBytes: ROOM, readCache: process.argv[3] === 'readCache' ? 2 * KEYS : 0 })
const own = nextsOwnHandler()?.(ROOM)
const pairs: [string, Subject, Subject][] = [
  ['keyv', keyv('Keyv, Map'), keyv('KeyvSharedCache', new KeyvSharedCache({ max: 4 * KEYS }))],
  [
    'unstorage',
    unstorage('memory', { driver: memoryDriver() }),
    unstorage('sharedCacheDriver', { driver: sharedCacheDriver({ max: 4 * KEYS }) }),
  ],
  [
    'unstorage',
    unstorage('lru-cache', { driver: lruDriver({ max: 4 * KEYS }) }),
    unstorage('sharedCacheDriver', { driver: sharedCacheDriver({ max: 4 * KEYS }) }),
  ],
  [
    'undici',
    undici('MemoryCacheStore', new cacheStores.MemoryCacheStore({ maxCount: 4 * KEYS }) as ResponseStore),
    undici('SharedCacheStore', new SharedCacheStore({ maxCount: 4 * KEYS })),
  ],
  [
    'undici with readCache',
    undici('MemoryCacheStore', new cacheStores.MemoryCacheStore({ maxCount: 4 * KEYS }) as ResponseStore),
    undici('SharedCacheStore', new SharedCacheStore({ maxCount: 4 * KEYS, readCache: 2 * KEYS })),
  ],
  [
    'sessions',
    sessions('MemoryStore', new session.MemoryStore()),
    sessions('SharedSessionStore', new ExpressStore({ max: 4 * KEYS })),
  ],
  ...(own === undefined
    ? []
    : ([['use cache', components("Next.js's own", own), components('useCacheHandler', useCacheHandler)]] as [
        string,
        Subject,
        Subject,
      ][])),
]

/** Nanoseconds of this process's CPU time per operation. */
async function timed(run: (i: number) => Promise<unknown>, wants: boolean | undefined): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < OPERATIONS; i++) {
    const found = await run((i * 2654435761) % KEYS)
    if (wants !== undefined && (found !== undefined && found !== null) !== wants)
      throw new Error('a hit is a miss, or the reverse')
  }
  const { user: inUser, system } = process.cpuUsage(before)
  return ((inUser + system) * 1000) / OPERATIONS
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]

console.log(`Node ${process.version}, ${KEYS} keys, medians of ${ROUNDS} rounds, ns of CPU time per operation`)
for (const [name, ...both] of pairs) {
  for (const subject of both) for (let i = 0; i < KEYS; i++) await subject.set(i)
  const kinds = {
    hit: (subject: Subject) => timed(i => subject.get(names[i]), true),
    miss: (subject: Subject) => timed(i => subject.get(absent[i]), false),
    set: (subject: Subject) => timed(i => subject.set(i), undefined),
  }
  for (const [kind, measure] of Object.entries(kinds)) {
    const taken: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) taken[side].push(await measure(both[side]))
    }
    const [theirs, ours] = taken.map(median)
    console.log(
      `${name} ${kind}: ${both[0].name} ${theirs.toFixed(0)}, ${both[1].name} ${ours.toFixed(0)}, ratio ${(ours / theirs).toFixed(2)}`,
    )
  }
}
