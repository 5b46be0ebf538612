/**
 * Hit ratios of N threads with equal memory in all: each has a memory store of its package with an Nth of it, or all share one store with the whole:
 * `node packages/stores/build/test/programs/stores-hits.js`. Which thread asks is drawn for each request, so one thread can play all of them. Bodies of 2 KiB; 20,000 keys by Zipf's law.
 */
import { shareNextCache, useCacheHandler } from '@threadmap/stores/next'
import { sharedCacheDriver } from '@threadmap/stores/unstorage'
import { createStorage } from 'unstorage'
import lruDriver from 'unstorage/drivers/lru-cache'
import { nextsOwnHandler } from '../support/nexts-own.js'

const KEYS = 20_000
const EXPONENT = 0.9
const REQUESTS = 60_000
const BYTES = 8 * 1024 * 1024
const BODY = 'x'.repeat(2048)

interface Subject {
  set(key: string): Promise<unknown>
  has(key: string): Promise<boolean>
}

type Make = (bytes: number) => Subject

type Handler = Pick<typeof useCacheHandler, 'get' | 'set'>
function components(handler: Handler): Subject {
  return {
    has: async key => (await handler.get(key, [])) !== undefined,
    set(key) {
      const value = new Blob([BODY]).stream() as ReadableStream<Uint8Array>
      const timestamp = performance.timeOrigin + performance.now()
      const times = { stale: 0, timestamp, expire: 86_400, revalidate: 86_400 }
      return handler.set(key, Promise.resolve({ value, tags: [], ...times }))
    },
  }
}

function storage(driver: NonNullable<Parameters<typeof createStorage>[0]>['driver']): Subject {
  const items = createStorage(driver === undefined ? {} : { driver })
  return { has: async key => (await items.getItem(key)) !== null, set: key => items.setItem(key, BODY) }
}

const PAIRS: [string, Make, Make][] = [
  [
    'unstorage: lru-cache in each, sharedCacheDriver',
    bytes => storage(lruDriver({ max: KEYS, maxSize: bytes })),
    bytes => storage(sharedCacheDriver({ maxBytes: bytes })),
  ],
]
const own = nextsOwnHandler()
if (own !== undefined) {
  const shared: Make = bytes => {
    shareNextCache({ maxBytes: bytes })
    return components(useCacheHandler)
  }
  PAIRS.push(["use cache: Next.js's own in each, useCacheHandler", bytes => components(own(bytes)), shared])
}

/** Keys by Zipf's law, the same for every subject. */
function* requests(threads: number): Generator<[string, number]> {
  const sums = new Float64Array(KEYS)
  for (let i = 0, sum = 0; i < KEYS; i++) sums[i] = sum += 1 / (i + 1) ** EXPONENT
  let seed = 42
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
  for (let n = 0; n < REQUESTS; n++) {
    const wanted = random() * sums[KEYS - 1]
    let low = 0
    for (let high = KEYS - 1; low < high; ) {
      const middle = (low + high) >> 1
      if (sums[middle] < wanted) low = middle + 1
      else high = middle
    }
    yield [`/item/${low}`, Math.floor(random() * threads)]
  }
}

/** The share of hits in the second half of the requests, when the stores are full. */
async function ratio(stores: Subject[], threads: number): Promise<number> {
  let asked = 0
  let hits = 0
  for (const [key, thread] of requests(threads)) {
    const store = stores[thread % stores.length]
    const hit = await store.has(key)
    if (!hit) await store.set(key)
    if (asked++ >= REQUESTS / 2 && hit) hits++
  }
  return (100 * hits) / (REQUESTS / 2)
}

console.log(`Node ${process.version}, ${BYTES / 1024 / 1024} MiB in all, ${KEYS} keys, Zipf ${EXPONENT}`)
for (const threads of [1, 2, 4]) {
  for (const [name, each, shared] of PAIRS) {
    const theirs = await ratio(
      Array.from({ length: threads }, () => each(BYTES / threads)),
      threads,
    )
    const ours = await ratio([shared(BYTES)], threads)
    console.log(`${threads} threads, ${name}: ${theirs.toFixed(1)}%, ${ours.toFixed(1)}%`)
  }
}
