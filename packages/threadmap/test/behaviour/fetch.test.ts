/** `SharedCache.fetch` in one thread: its options, stale values, errors, aborts, disposal. test/robustness/alone/fetch.test.ts has the threads. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f64, string } from 'threadmap'
import { type CacheOptions, type FetchOptions, type FetchStatus, SharedCache } from 'threadmap/cache'
import { until } from '../support/patience.js'

const LONG = 600_000
/** A time that is soon over. */
const SHORT = 5

function newCache(options: Partial<CacheOptions<string, string>> = {}): SharedCache<string, string> {
  return new SharedCache({ key: string, value: string, max: 1000, ...options })
}

/** A cache in which 'key' had the value 'old', whose time is over. */
async function withStale(options: Partial<CacheOptions<string, string>>): Promise<SharedCache<string, string>> {
  const cache = newCache({ ttl: LONG, ...options })
  cache.set('key', 'old', { ttl: SHORT })
  await until(() => !cache.has('key'), 'the value expires')
  return cache
}

const fail = (): never => {
  throw new TypeError('no')
}

test('a miss loads and stores, a hit does not load', async () => {
  using cache = newCache({ ttl: LONG })
  const status: FetchStatus = {}
  assert.equal(await cache.fetch('key', key => `value of ${key}`, { status }), 'value of key')
  assert.deepEqual(status, { from: 'load' })
  assert.equal(cache.get('key'), 'value of key')
  assert.equal(await cache.fetch('key', fail, { status }), 'value of key')
  assert.equal(status.from, 'hit')
  assert.ok(status.age! >= 0 && status.age! < LONG)
  const { loads, loadsFailed, loadTime } = cache.stats()
  assert.deepEqual([loads, loadsFailed], [1, 0])
  assert.ok(loadTime >= 0)
})

test('calls for one key at one time share one load; a call after it loads anew if it failed', async () => {
  using cache = newCache()
  let loads = 0
  const load = async () => {
    loads++
    await new Promise(resolve => setTimeout(resolve, 5))
    throw new RangeError('not today')
  }
  const calls = Array.from({ length: 100 }, () => cache.fetch('key', load))
  for (const outcome of await Promise.allSettled(calls)) assert.equal(outcome.status, 'rejected')
  assert.equal(loads, 1)
  await assert.rejects(cache.fetch('key', load), RangeError)
  assert.equal(loads, 2)
  assert.equal(cache.stats().loadsFailed, 2)
  assert.deepEqual(cache.audit(), [])
})

test('an error that is thrown and not a rejection counts as one', async () => {
  using cache = newCache()
  await assert.rejects(cache.fetch('key', fail), TypeError)
  assert.equal(await cache.fetch('key', () => 'fine'), 'fine')
})

test('staleWhileRevalidate: the stale value at once, and a new one in the background', async () => {
  using cache = await withStale({ staleWhileRevalidate: LONG })
  const status: FetchStatus = {}
  const seen: unknown[] = []
  const load = async (_key: string, { stale }: { stale: string | undefined }) => {
    seen.push(stale)
    return 'new'
  }
  assert.equal(await cache.fetch('key', load, { status }), 'old')
  assert.equal(status.from, 'stale')
  assert.ok(status.age! >= SHORT)
  await until(() => cache.get('key') === 'new', 'the value is loaded anew')
  assert.deepEqual(seen, ['old'], 'the loader gets the stale value')
})

test('staleWhileRevalidate: a failed load in the background keeps the stale value, and rejects nobody', async () => {
  using cache = await withStale({ staleWhileRevalidate: LONG })
  for (let i = 1; i <= 3; i++) {
    assert.equal(await cache.fetch('key', fail), 'old')
    await until(() => cache.stats().loadsFailed === i, 'the load fails')
  }
})

test('staleIfError: the stale value in place of the error, with its age and the error', async () => {
  using cache = await withStale({ staleIfError: LONG })
  const status: FetchStatus = {}
  for (let i = 0; i < 3; i++) {
    assert.equal(await cache.fetch('key', fail, { status }), 'old')
    assert.equal(status.from, 'stale')
    assert.ok(status.age! >= SHORT && status.age! < LONG)
    assert.ok(status.error instanceof TypeError)
  }
  assert.equal(await cache.fetch('key', () => 'new'), 'new')
})

test('staleIfError: not beyond its time', async () => {
  using cache = await withStale({ staleFor: LONG, staleIfError: 1 })
  await new Promise(resolve => setTimeout(resolve, 5))
  await assert.rejects(cache.fetch('key', fail), TypeError)
})

test('refreshAfter: a fresh value at once, and a new one in the background', async () => {
  using cache = newCache({ ttl: LONG })
  cache.set('key', 'old')
  await new Promise(resolve => setTimeout(resolve, 5))
  assert.equal(await cache.fetch('key', () => 'new', { refreshAfter: 1 }), 'old')
  await until(() => cache.get('key') === 'new', 'the value is loaded anew')
  assert.equal(await cache.fetch('key', fail), 'new', 'no load without refreshAfter')
})

test('refreshAfter: while it fails the value stays fresh', async () => {
  using cache = newCache({ ttl: LONG, refreshAfter: 1 })
  cache.set('key', 'old')
  await new Promise(resolve => setTimeout(resolve, 5))
  assert.equal(await cache.fetch('key', fail), 'old')
  await until(() => cache.stats().loadsFailed > 0, 'the load fails')
  assert.equal(cache.get('key'), 'old')
})

test('forceRefresh loads although the value is fresh, which stays until then', async () => {
  using cache = newCache()
  cache.set('key', 'old')
  let end = (_: string): void => {}
  const load = () => new Promise<string>(resolve => (end = resolve))
  const forced = cache.fetch('key', load, { forceRefresh: true })
  assert.equal(cache.get('key'), 'old')
  assert.equal(await cache.fetch('key', fail), 'old')
  const joined = cache.fetch('key', fail, { forceRefresh: true })
  end('new')
  assert.deepEqual(await Promise.all([forced, joined]), ['new', 'new'])
  assert.equal(cache.get('key'), 'new')
})

test('a value that was set while the key was loaded is kept, and callers get it', async () => {
  using cache = newCache()
  let end = (_: string): void => {}
  const loading = cache.fetch('key', () => new Promise<string>(resolve => (end = resolve)))
  cache.set('key', 'set')
  assert.equal(await cache.fetch('key', fail), 'set')
  end('loaded')
  assert.equal(await loading, 'set')
  assert.equal(cache.get('key'), 'set')
})

test('a key that was deleted while it was loaded is loaded anew by the next call', async () => {
  using cache = newCache()
  const ends: ((value: string) => void)[] = []
  const load = () => new Promise<string>(resolve => ends.push(resolve))
  const before = cache.fetch('key', load)
  cache.delete('key')
  const after = cache.fetch('key', load)
  assert.equal(ends.length, 2)
  ends[0]!('first')
  assert.equal(await before, 'first')
  assert.equal(cache.get('key'), undefined, 'it may be what was deleted')
  ends[1]!('second')
  assert.equal(await after, 'second')
  assert.equal(cache.get('key'), 'second')
})

test('a load of a key is no value: get, has, iteration and compare-and-delete do not see it', async () => {
  using cache = newCache({ staleFor: Number.POSITIVE_INFINITY })
  let end = (_: string): void => {}
  const loading = cache.fetch('key', () => new Promise<string>(resolve => (end = resolve)))
  assert.equal(cache.get('key'), undefined)
  assert.equal(cache.get('key', { allowStale: true }), undefined)
  assert.equal(cache.has('key'), false)
  assert.deepEqual([...cache.entries()], [])
  end('value')
  assert.equal(await loading, 'value')
  await assert.rejects(cache.fetch('other', fail))
  assert.equal(cache.get('other', { allowStale: true }), undefined)
  assert.deepEqual([...cache.entries()], [['key', 'value']])
  assert.deepEqual(cache.audit(), [])
})

test('a loader may return nothing', async () => {
  using cache = newCache()
  cache.set('key', 'old')
  assert.equal(await cache.fetch('key', () => undefined, { forceRefresh: true }), undefined)
  assert.equal(cache.get('key'), undefined)
})

test('an abort rejects its caller at once, and aborts the loader if there is no other', async () => {
  using cache = newCache()
  const [one, two] = [new AbortController(), new AbortController()]
  let loader: AbortSignal | undefined
  const load = (_key: string, { signal }: { signal: AbortSignal }) => {
    loader = signal
    return new Promise<string>(() => {})
  }
  const first = cache.fetch('key', load, { signal: one.signal })
  const second = cache.fetch('key', load, { signal: two.signal })
  one.abort(new Error('first'))
  await assert.rejects(first, /first/)
  assert.equal(loader?.aborted, false)
  two.abort(new Error('second'))
  await assert.rejects(second, /second/)
  assert.equal(loader?.aborted, true)
  await assert.rejects(cache.fetch('key', load, { signal: AbortSignal.abort(new Error('before')) }), /before/)
  assert.equal(await cache.fetch('key', () => 'value'), 'value')
})

test('dispose rejects those who wait, and aborts the loader', async () => {
  const cache = newCache()
  let loader: AbortSignal | undefined
  const loading = cache.fetch('key', (_key, { signal }) => {
    loader = signal
    return new Promise<string>(() => {})
  })
  using other = SharedCache.attach(cache.handle)
  const waiting = other.fetch('key', () => 'of the other')
  cache[Symbol.dispose]()
  await assert.rejects(loading, { name: 'DisposedError' })
  assert.equal(loader?.aborted, true)
  assert.equal(await waiting, 'of the other')
  await assert.rejects(
    cache.fetch('key', () => 'value'),
    { name: 'DisposedError' },
  )
})

test('more loads at once than the cache has room for: all callers get their values, and the bound holds', async () => {
  using cache = new SharedCache({ key: string, value: f64, max: 8, shards: 1 })
  const loads = Array.from({ length: 200 }, (_, i) =>
    cache.fetch(`key ${i}`, async () => {
      await new Promise(resolve => setTimeout(resolve, i % 7))
      return i
    }),
  )
  assert.ok(cache.size <= 8)
  assert.deepEqual(
    await Promise.all(loads),
    loads.map((_, i) => i),
  )
  assert.ok(cache.size <= 8)
  assert.deepEqual(cache.audit(), [])
})

test('values that are too large for the cache, or not of its type', async () => {
  using cache = new SharedCache({ key: string, value: string, maxBytes: 1024 * 1024 })
  const large = 'x'.repeat(500_000)
  assert.equal(await cache.fetch('key', () => large), large, 'it is returned')
  assert.equal(cache.get('key'), undefined, 'and not stored')
  await assert.rejects(
    cache.fetch('key', () => 1 as unknown as string),
    { name: 'CodecError' },
  )
  const long = 'y'.repeat(100_000)
  assert.equal(await cache.fetch('key', () => long), long)
  assert.equal(await cache.fetch('key', fail), long)
  assert.equal(await cache.fetch('key', () => 'short', { forceRefresh: true }), 'short')
  assert.deepEqual(cache.audit(), [])
})

test('things that are no errors reject as they were thrown', async () => {
  using cache = newCache({ negativeTtl: LONG })
  const load = () => Promise.reject({ problem: 'this' })
  await assert.rejects(cache.fetch('key', load), { problem: 'this' })
  await assert.rejects(cache.fetch('key', fail), { problem: 'this' })
})

test('options out of range, unknown ones and loaders that are none are refused', async () => {
  using cache = newCache()
  const bad: [FetchOptions, RegExp][] = [
    [{ loadTimeout: 0 }, /loadTimeout/],
    [{ staleIfError: -1 }, /staleIfError/],
    [{ refreshAfter: Number.NaN }, /refreshAfter/],
    [{ ttl: -1 }, /ttl/],
    [{ signal: {} as AbortSignal }, /signal/],
    [{ forceRefresh: 1 as unknown as boolean }, /forceRefresh/],
    [{ staleIfErr: 1 } as FetchOptions, /did you mean 'staleIfError'/],
  ]
  for (const [options, message] of bad) {
    await assert.rejects(
      cache.fetch('key', () => 'value', options),
      { name: 'OptionError', message },
    )
  }
  await assert.rejects(cache.fetch('key', 'value' as never), { name: 'OptionError' })
  assert.throws(() => newCache({ negativeTtl: -1 }), { name: 'OptionError' })
})

test('a loader that fetches its own key is refused at once, also by way of another key', async () => {
  using cache = newCache()
  const recursive = { name: 'RecursiveComputeError', code: 'ERR_THREADMAP_RECURSIVE_COMPUTE', message: /'a'/ }
  await assert.rejects(
    cache.fetch('a', key => cache.fetch(key, () => 'value')),
    recursive,
  )
  const around = cache.fetch('a', () => cache.fetch('b', () => cache.fetch('a', () => 'value')))
  await assert.rejects(around, recursive)
  assert.equal(await cache.fetch('a', async () => await cache.fetch('b', () => 'of b')), 'of b')
  const handled = cache.fetch('c', key => cache.fetch(key, () => 'value').catch(({ name }) => name))
  assert.equal(await handled, 'RecursiveComputeError')
  assert.deepEqual(cache.audit(), [])
})

test('a loader that fetches its own key after an await ends at loadTimeout', async () => {
  using cache = newCache({ loadTimeout: 50 })
  const waiting = cache.fetch('a', async key => {
    await undefined
    return cache.fetch(key, () => 'value')
  })
  await assert.rejects(waiting, { name: 'LoadTimeoutError', message: /fetch each other's keys/ })
})

test('a value that is being loaded anew is not evicted meanwhile, nor is the load', async () => {
  using cache = newCache({ max: 8, shards: 1 })
  cache.set('key', 'old')
  let end = (_: string): void => {}
  const loading = cache.fetch('key', () => new Promise<string>(resolve => (end = resolve)), { forceRefresh: true })
  for (let i = 0; i < 200; i++) cache.set(`key ${i}`, 'value')
  assert.equal(cache.get('key'), 'old')
  assert.ok(cache.size <= 8)
  end('new')
  assert.equal(await loading, 'new')
  assert.equal(cache.get('key'), 'new')
})

test('a number that is added to while it is loaded is not replaced by what was loaded', async () => {
  using cache = new SharedCache({ key: string, value: f64, max: 8 })
  cache.set('key', 1)
  let end = (_: number): void => {}
  const loading = cache.fetch('key', () => new Promise<number>(resolve => (end = resolve)), { forceRefresh: true })
  cache.add('key', 1)
  end(100)
  assert.equal(await loading, 2)
  assert.equal(cache.get('key'), 2)
})

test('more loads than the memory has room for push out values first, and then the oldest loads; none of them fails', async () => {
  const LOADS = 12_000
  const cache = new SharedCache({ key: string, value: string, maxBytes: 2 ** 20 })
  for (let i = 0; i < 100; i++) cache.set(`value ${i}`, 'x'.repeat(1000))
  const ends: ((value: string) => void)[] = []
  const load = () => new Promise<string>(resolve => ends.push(resolve))
  const loads = Array.from({ length: LOADS }, (_, i) => cache.fetch(`key ${i}`, load))
  assert.equal(ends.length, LOADS)
  assert.equal(cache.size, 0, 'the values went')
  assert.equal(cache.stats().evictedForMemory, 100, 'a load is no value')
  assert.deepEqual(cache.audit(), [])
  const joined = cache.fetch(`key ${LOADS - 1}`, fail)
  for (const [i, end] of ends.entries()) end(`${i}`)
  assert.deepEqual(
    await Promise.all(loads),
    Array.from({ length: LOADS }, (_, i) => `${i}`),
  )
  assert.equal(await joined, `${LOADS - 1}`)
  assert.deepEqual(cache.audit(), [])
  cache[Symbol.dispose]()
})
