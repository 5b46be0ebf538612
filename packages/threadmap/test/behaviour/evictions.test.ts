/** `onEvict` of SharedCache in one thread: which keys it hears of, when, and why. The threads are in robustness/alone/evictions.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, f64, type KeyCodec, OptionError, string } from 'threadmap'
import { type CacheOptions, SharedCache } from 'threadmap/cache'

type Told<K> = [key: K, reason: string][]

function listening<K = string>(options: Partial<CacheOptions<K, string>> = {}) {
  const told: Told<K> = []
  const cache = new SharedCache<K, string>({
    key: string as unknown as KeyCodec<K>,
    value: string,
    onEvict: (key, reason) => told.push([key, reason]),
    ...options,
  } as CacheOptions<K, string>)
  return { cache, told }
}

/** Until what this thread has been told so far has come. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('each key that max evicts is told once, after the running code has ended', async () => {
  const { cache, told } = listening({ max: 10 })
  for (let i = 0; i < 30; i++) cache.set(`key ${i}`, 'value')
  assert.equal(told.length, 0, 'no listener runs inside set')
  await Promise.resolve()
  assert.equal(told.length, 20)
  for (const [key, reason] of told) {
    assert.equal(reason, 'max')
    assert.equal(cache.has(key), false)
  }
  assert.equal(new Set(told.map(([key]) => key)).size, 20)
  assert.equal(cache.stats().evicted, 20)
})

test('maxWeight says max, and a full memory says maxBytes', async () => {
  const weighed = listening({ maxWeight: 100, weigh: value => value.length, shards: 1 })
  weighed.cache.set('a', 'x'.repeat(60)).set('b', 'x'.repeat(60))
  await turn()
  assert.deepEqual(weighed.told, [['a', 'max']])
  const full = listening({ maxBytes: 2 ** 21 })
  for (let i = 0; i < 3000; i++) full.cache.set(`key ${i}`, 'x'.repeat(1000))
  await turn()
  assert.equal(full.told.length, full.cache.stats().evictedForMemory)
  assert.equal(full.told.length + full.cache.size, 3000)
  assert.ok(full.told.every(([, reason]) => reason === 'maxBytes'))
})

test('an entry whose time is over is told when a read or a write removes it', async () => {
  const { cache, told } = listening({ max: 100, ttl: 100 })
  let time = 1000
  cache.session.clock.now = () => time
  cache.set('read', 'value').set('written', 'value').set('inserted', 'value')
  time += 100
  await turn()
  assert.equal(told.length, 0, 'no timer looks for it')
  cache.get('read')
  cache.getOrInsert('inserted', 'other')
  cache.delete('written')
  await turn()
  assert.deepEqual(told.sort(), [
    ['inserted', 'expired'],
    ['read', 'expired'],
    ['written', 'expired'],
  ])
})

test('what the program itself removes or replaces is not told, nor are loads without a value', async () => {
  const { cache, told } = listening({ max: 4, shards: 1 })
  cache.set('a', '1').set('a', '2').swap('a', '3')
  cache.delete('a')
  cache.set('b', '1')
  cache.clear()
  await assert.rejects(cache.fetch('c', () => Promise.reject(new Error('no'))))
  for (let i = 0; i < 4; i++) cache.set(`key ${i}`, 'value')
  await cache.fetch('d', () => undefined)
  await turn()
  // The outcomes of the two loads had a place each.
  assert.deepEqual(
    told.map(([key]) => key[0]),
    ['k'],
  )
})

test('keys of all codecs come as they were, long ones too', async () => {
  const long = 'long '.repeat(800)
  const texts = listening({ max: 1, shards: 1 })
  for (const key of ['ascii', 'ä漢', long, 'last']) texts.cache.set(key, 'value')
  const numbers = listening<number>({ key: f64, max: 1, shards: 1 })
  for (const key of [0.5, Number.NaN, 7]) numbers.cache.set(key, 'value')
  const arrays = listening<Uint8Array>({ key: bytes, max: 1, shards: 1 })
  for (const key of [1, 2]) arrays.cache.set(new Uint8Array(key).fill(key), 'value')
  await turn()
  assert.deepEqual(
    texts.told.map(([key]) => key),
    ['ascii', 'ä漢', long],
  )
  assert.deepEqual(
    numbers.told.map(([key]) => key),
    [0.5, Number.NaN],
  )
  assert.deepEqual(
    arrays.told.map(([key]) => key),
    [new Uint8Array([1])],
  )
})

test('a listener may use the cache, and its own evictions are told in turn', async () => {
  const told: string[] = []
  const cache = new SharedCache({
    key: string,
    value: string,
    max: 1,
    shards: 1,
    onEvict: key => {
      told.push(key)
      assert.equal(cache.get(key), undefined)
      if (told.length < 5) cache.set(`${key}+`, 'value')
    },
  })
  cache.set('a', 'value').set('b', 'value')
  await turn()
  assert.deepEqual(told, ['a', 'b', 'a+', 'b+', 'a++'])
})

test('all caches of a thread in one memory hear, and a disposed one hears nothing more', async () => {
  const { cache, told } = listening({ max: 1, shards: 1 })
  const others: Told<string> = []
  const other = SharedCache.attach(cache.handle, { onEvict: (key, reason) => others.push([key, reason]) })
  const silent = SharedCache.attach(cache.handle)
  silent.set('a', 'value')
  silent.set('b', 'value')
  await turn()
  assert.deepEqual([told, others], [[['a', 'max']], [['a', 'max']]])
  other.set('c', 'value')
  other[Symbol.dispose]()
  await turn()
  assert.equal(told.length, 2)
  assert.equal(others.length, 1)
  cache[Symbol.dispose]()
  silent.set('d', 'value')
  await turn()
  assert.equal(told.length, 2)
  silent[Symbol.dispose]()
})

test('a listener that is none is refused', () => {
  const make = () => new SharedCache({ key: string, value: string, max: 1, onEvict: 'x' as never })
  assert.throws(make, OptionError)
  const { cache } = listening({ max: 1 })
  assert.throws(() => SharedCache.attach(cache.handle, { onEvict: 1 as never }), OptionError)
})
