// SharedCache: its operations in one thread, its bounds, and its deadlines.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, CodecError, f64, i64, json, OptionError, string, u32, ValueTooLargeError } from 'threadmap'
import { type CacheOptions, SharedCache } from 'threadmap/cache'

/** A cache whose clock the test moves. */
function timed<V>(options: Omit<CacheOptions<string, V>, 'key'>) {
  const cache = new SharedCache<string, V>({ key: string, max: 100, ...options } as CacheOptions<string, V>)
  let time = 1000
  cache.session.clock.now = () => time
  return {
    cache,
    pass: (ms: number): void => {
      time += ms
    },
  }
}

test('a cache has the operations of a map', () => {
  const cache = new SharedCache({ key: string, value: json<{ n: number }>(), max: 100 })
  assert.equal(cache.get('a'), undefined)
  assert.equal(cache.set('a', { n: 1 }), cache)
  assert.deepEqual(cache.get('a'), { n: 1 })
  assert.equal(cache.has('a'), true)
  assert.equal(cache.has('b'), false)
  assert.deepEqual(cache.swap('a', { n: 2 }), { n: 1 })
  assert.equal(cache.compareAndSwap('a', { n: 1 }, { n: 3 }), false)
  assert.equal(cache.compareAndSwap('a', { n: 2 }, { n: 3 }), true)
  assert.deepEqual(cache.getOrInsert('a', { n: 9 }), { n: 3 })
  assert.deepEqual(cache.getOrInsert('b', { n: 4 }), { n: 4 })
  assert.deepEqual(
    cache.getOrInsertComputed('c', key => ({ n: key.length })),
    { n: 1 },
  )
  assert.deepEqual(
    cache.update('a', value => ({ n: (value?.n ?? 0) + 1 })),
    { n: 4 },
  )
  assert.equal(
    cache.update('a', () => undefined),
    undefined,
  )
  assert.equal(cache.compareAndDelete('b', { n: 5 }), false)
  assert.equal(cache.compareAndDelete('b', { n: 4 }), true)
  assert.equal(cache.size, 1)
  assert.deepEqual([...cache], [['c', { n: 1 }]])
  assert.deepEqual([...cache.keys()], ['c'])
  assert.deepEqual([...cache.values()], [{ n: 1 }])
  assert.deepEqual(cache.getAndDelete('c'), { n: 1 })
  assert.equal(cache.delete('c'), false)
  cache.set('d', { n: 1 }).clear()
  assert.equal(cache.size, 0)
  assert.deepEqual(cache.audit(), [])
})

test('a second cache of the same thread attaches by the handle', () => {
  const cache = new SharedCache({ key: string, value: f64, max: 10 })
  const other = SharedCache.attach(cache.handle)
  cache.set('a', 1)
  assert.equal(other.get('a'), 1)
  assert.throws(() => SharedCache.attach({ ...cache.handle, kind: 'FastMap' as never }), /got the handle of a FastMap/)
})

test('options are checked by name and range, and one bound must be there', () => {
  const make = (options: object) => () => new SharedCache({ key: string, value: f64, ...options } as never)
  assert.throws(make({}), /needs a bound/)
  assert.throws(make({ max: 10, tll: 5 }), /did you mean 'ttl'/)
  assert.throws(make({ max: 0 }), OptionError)
  assert.throws(make({ max: 10, ttl: 0 }), OptionError)
  assert.throws(make({ max: 10, maxWeight: 10 }), /not both/)
  assert.throws(make({ maxWeight: 10 }), /weigh/)
  assert.throws(make({ max: 3, shards: 4 }), /lower shards/)
  assert.throws(() => new SharedCache({ key: string, value: f64, max: 9 }).set('a', 1, { ttl: -1 }), OptionError)
})

test('max is never exceeded, and the last key set is there', () => {
  for (const max of [1, 7, 64, 1000]) {
    const cache = new SharedCache({ key: f64, value: f64, max })
    for (let i = 0; i < max * 4; i++) {
      cache.set(i, i)
      assert.ok(cache.size <= max)
      assert.equal(cache.get(i), i)
    }
    assert.equal(cache.size, max)
    assert.deepEqual(cache.audit(), [])
  }
})

test('keys that are hit stay while others pass through', () => {
  const cache = new SharedCache({ key: f64, value: f64, max: 1000 })
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 300; i++) if (cache.get(i) === undefined) cache.set(i, i)
  }
  for (let i = 1000; i < 20_000; i++) cache.set(i, i)
  let there = 0
  for (let i = 0; i < 300; i++) if (cache.has(i)) there++
  assert.ok(there > 290, `${there} of 300 keys that were hit are there`)
})

test('maxWeight bounds the sum of the weights, and a heavier value is refused', () => {
  const cache = new SharedCache({ key: f64, value: string, maxWeight: 1000, weigh: value => value.length, shards: 1 })
  let weight = 0
  for (let i = 0; i < 500; i++) cache.set(i, 'x'.repeat(1 + ((i * 7) % 90)))
  for (const value of cache.values()) weight += value.length
  assert.ok(weight <= 1000 && weight > 900, `weight ${weight}`)
  const size = cache.size
  assert.throws(() => cache.set(0, 'y'.repeat(1001)), ValueTooLargeError)
  assert.equal(cache.size, size)
  // A value that grows evicts others, and not itself.
  cache.set(7777, 'z').set(7777, 'z'.repeat(900))
  assert.equal(cache.get(7777)?.length, 900)
  assert.deepEqual(cache.audit(), [])
})

test('a value that is heavier than the part of its shard is refused, and changes nothing', () => {
  const cache = new SharedCache({ key: f64, value: string, maxWeight: 800, weigh: value => value.length, shards: 8 })
  cache.set(1, 'x'.repeat(100))
  assert.throws(() => cache.set(1, 'y'.repeat(101)), ValueTooLargeError)
  assert.throws(() => cache.getOrInsert(2, 'y'.repeat(101)), ValueTooLargeError)
  assert.equal(cache.get(1), 'x'.repeat(100))
  assert.equal(cache.size, 1)
  assert.deepEqual(cache.audit(), [])
})

test('maxBytes evicts instead of throwing, and refuses what is larger than an eighth', () => {
  const cache = new SharedCache({ key: f64, value: bytes, maxBytes: 4 * 1024 * 1024 })
  for (let i = 0; i < 20_000; i++) {
    cache.set(i, new Uint8Array(1000).fill(i))
    assert.equal(cache.get(i)?.[999], i & 255)
  }
  assert.ok(cache.stats().bytes <= 4 * 1024 * 1024)
  assert.ok(cache.stats().evictedForMemory > 10_000)
  assert.throws(() => cache.set(1, new Uint8Array(600_000)), ValueTooLargeError)
  cache.set(1, new Uint8Array(500_000).fill(7))
  assert.equal(cache.get(1)?.[499_999], 7)
  assert.deepEqual(cache.audit(), [])
})

test('a value is fresh for its ttl and not a moment longer', () => {
  const { cache, pass } = timed({ value: f64, ttl: 100 })
  cache.set('a', 1).set('b', 2, { ttl: 10 }).set('c', 3, { ttl: Number.POSITIVE_INFINITY })
  assert.equal(cache.getRemainingTTL('a'), 100)
  assert.equal(cache.getRemainingTTL('c'), Number.POSITIVE_INFINITY)
  pass(9.5)
  assert.equal(cache.get('b'), 2)
  pass(0.5)
  assert.equal(cache.get('b'), undefined)
  assert.equal(cache.has('b'), false)
  pass(90)
  assert.equal(cache.has('a'), false)
  assert.equal(cache.getRemainingTTL('a'), 0)
  assert.deepEqual([...cache], [['c', 3]])
  assert.equal(cache.getOrInsert('a', 5), 5)
  assert.equal(cache.getRemainingTTL('a'), 100)
})

test('operations treat an expired value as absent', () => {
  const { cache, pass } = timed({ value: f64, ttl: 100 })
  const expired = (): void => {
    cache.set('a', 1)
    pass(100)
  }
  expired()
  assert.equal(cache.delete('a'), false)
  expired()
  assert.equal(cache.swap('a', 2), undefined)
  expired()
  assert.equal(cache.compareAndSwap('a', 1, 2), false)
  expired()
  assert.equal(cache.getAndDelete('a'), undefined)
  expired()
  assert.equal(
    cache.update('a', value => (value === undefined ? 7 : 8)),
    7,
  )
  assert.equal(cache.get('a'), 7)
  assert.deepEqual(cache.audit(), [])
})

test('stale values are returned only to those who ask, and as long as they are kept', () => {
  const { cache, pass } = timed({ value: f64, ttl: 100, staleFor: 50 })
  cache.set('a', 1)
  pass(149)
  assert.equal(cache.get('a'), undefined)
  assert.equal(cache.get('a', { allowStale: true }), 1)
  assert.equal(cache.stats().stale, 1)
  assert.equal(cache.stats().hits, 0)
  pass(1)
  assert.equal(cache.get('a', { allowStale: true }), undefined)
  assert.equal(cache.get('a'), undefined)
  assert.equal(cache.size, 0)
})

test('expired entries are removed by later writes', () => {
  const { cache, pass } = timed({ value: f64, ttl: 100, max: 5000 })
  for (let i = 0; i < 4000; i++) cache.set(`a${i}`, i)
  pass(100)
  // Of a thousand keys each shard gets enough for its writes to look at all of its table.
  for (let i = 0; i < 6000; i++) cache.set(`b${i % 1000}`, i)
  assert.ok(cache.size < 1100, `size ${cache.size}`)
  assert.ok(cache.stats().expired > 3800)
  assert.deepEqual(cache.audit(), [])
})

test('entries with a time of their own are removed by later writes, in a cache whose entries have none', () => {
  const { cache, pass } = timed({ value: f64, max: 5000 })
  for (let i = 0; i < 4000; i++) cache.set(`a${i}`, i, { ttl: 100 })
  pass(100)
  // Of a thousand keys each shard gets enough for its writes to look at all of its table.
  for (let i = 0; i < 6000; i++) cache.set(`b${i % 1000}`, i)
  assert.ok(cache.size < 1100, `size ${cache.size}`)
  assert.deepEqual(cache.audit(), [])
})

test('statistics count hits, misses and evictions', () => {
  const cache = new SharedCache({ key: f64, value: f64, max: 10 })
  for (let i = 0; i < 30; i++) cache.set(i, i)
  for (let i = 0; i < 30; i++) cache.get(i)
  const { hits, misses, evicted, size } = cache.stats()
  assert.deepEqual({ hits, misses, evicted, size }, { hits: 10, misses: 20, evicted: 20, size: 10 })
})

test('a read cache returns the current value, and none whose time is over', () => {
  const { cache, pass } = timed({ value: json<{ n: number }>(), ttl: 100, readCache: 10 })
  cache.set('a', { n: 1 })
  assert.equal(cache.get('a'), cache.get('a'))
  cache.set('a', { n: 2 })
  assert.deepEqual(cache.get('a'), { n: 2 })
  assert.deepEqual(cache.get('a'), { n: 2 })
  pass(100)
  assert.equal(cache.get('a'), undefined)
})

/** The share of the memory that is in entries and values, free blocks not counted. */
function utilisation(cache: SharedCache<number, string>, maxBytes: number): number {
  const { usedBytes, freeBytes } = cache.stats()
  return (usedBytes - freeBytes) / maxBytes
}

test('sizes that drift from 50 B to 50 KiB and back use the memory all the time', () => {
  const maxBytes = 24 * 1024 * 1024
  const cache = new SharedCache({ key: f64, value: string, maxBytes })
  let key = 0
  for (const length of [50, 500, 5000, 51_200, 5000, 500, 50]) {
    const value = 'x'.repeat(length)
    // More than fits.
    const count = Math.ceil((1.2 * maxBytes) / (length + 100))
    // Each is asked for twice, so that the main queue changes too.
    for (let i = 0; i < count; i++) {
      cache.set(key, value)
      for (let hit = 0; hit < 2; hit++) cache.get(key)
      key++
    }
    assert.equal(cache.get(key - 1), value)
    const share = utilisation(cache, maxBytes)
    assert.ok(share >= 0.85, `${length} bytes: ${share}`)
    const content = ([...cache.values()].reduce((sum, { length }) => sum + length, 0) + 24 * cache.size) / maxBytes
    console.log(
      `values of ${length} bytes: ${cache.size} entries, ${(100 * share).toFixed(1)}% used, content ${(100 * content).toFixed(1)}%`,
    )
  }
  assert.deepEqual(cache.audit(), [])
})

test('setting the wall clock changes no deadline', t => {
  const cache = new SharedCache({ key: string, value: f64, max: 10, ttl: 60_000 })
  const real = Date.now
  t.after(() => {
    Date.now = real
  })
  cache.set('a', 1)
  Date.now = () => real() + 86_400_000
  assert.equal(cache.get('a'), 1)
  assert.ok(cache.getRemainingTTL('a') > 0)
  Date.now = () => 0
  assert.ok(cache.getRemainingTTL('a') <= 60_000)
})

test('a clock that jumps forward ends what it passes; one that jumps back prolongs by as much', () => {
  const { cache, pass } = timed({ value: f64, ttl: 100, staleFor: 50 })
  cache.set('a', 1).set('b', 2, { ttl: 1e6 })
  pass(10_000)
  assert.equal(cache.get('a', { allowStale: true }), undefined)
  assert.equal(cache.get('b'), 2)
  cache.set('a', 3)
  pass(-5000)
  assert.equal(cache.get('a'), 3)
  assert.equal(cache.getRemainingTTL('a'), 5100)
  cache.set('c', 4)
  pass(99)
  assert.equal(cache.get('c'), 4)
  pass(1)
  assert.equal(cache.get('c'), undefined)
  pass(5000)
  assert.equal(cache.get('a'), undefined)
  assert.deepEqual([...cache.keys()], ['b'])
  assert.deepEqual(cache.audit(), [])
})

test('a clock with a resolution is read once, and then again after that time', async () => {
  const cache = new SharedCache({ key: string, value: f64, max: 10, ttl: 5, ttlResolution: 1 })
  cache.set('a', 1)
  const clock = cache.session.clock
  assert.equal(clock.now(), clock.now())
  while (cache.get('a') !== undefined) await new Promise(resolve => setTimeout(resolve, 2))
  assert.equal(cache.has('a'), false)
})

test('a value that grows pushes others out, also when its own entry would be the next to go', () => {
  const cache = new SharedCache({ key: f64, value: string, maxWeight: 100, weigh: value => value.length, shards: 1 })
  for (let i = 0; i < 9; i++) cache.set(i, 'x'.repeat(11))
  cache.set(0, 'y'.repeat(60))
  assert.equal(cache.get(0), 'y'.repeat(60))
  assert.equal(cache.size, 4)
  assert.deepEqual(cache.audit(), [])
})

test('with updateAgeOnGet a hit renews the time of its value, and other reads do not', () => {
  for (const readCache of [0, 8]) {
    const { cache, pass } = timed({ value: string, ttl: 160, updateAgeOnGet: true, readCache })
    cache.set('a', 'x').set('b', 'y'.repeat(3000)).set('c', 'z')
    for (let i = 0; i < 10; i++) {
      pass(100)
      assert.equal(cache.get('a'), 'x')
      assert.equal(cache.get('b')?.length, 3000)
      cache.has('c')
    }
    assert.equal(cache.get('c'), undefined)
    // A renewal by less than a sixteenth is left out.
    pass(9)
    cache.get('a')
    assert.equal(cache.getRemainingTTL('a'), 151)
    pass(160)
    assert.equal(cache.get('a'), undefined)
    assert.deepEqual(cache.audit(), [])
  }
})

test('add sums numbers of all codecs, and refuses other values', () => {
  const floats = new SharedCache({ key: string, value: f64, max: 10 })
  assert.equal(floats.add('a', 1.5), 1.5)
  assert.equal(floats.add('a', 2), 3.5)
  assert.equal(floats.get('a'), 3.5)
  const words = new SharedCache({ key: string, value: u32, max: 10 })
  assert.equal(words.add('a', -1), 4294967295)
  assert.equal(words.add('a', 2), 1)
  const longs = new SharedCache({ key: string, value: i64, max: 10, readCache: 4 })
  assert.equal(longs.add('a', 2n ** 62n), 2n ** 62n)
  assert.equal(longs.get('a'), 2n ** 62n)
  assert.equal(longs.add('a', 1n), 2n ** 62n + 1n)
  assert.equal(longs.get('a'), 2n ** 62n + 1n)
  assert.throws(() => new SharedCache({ key: string, value: string, max: 10 }).add('a', 'b'), CodecError)
  for (const cache of [floats, words, longs]) assert.deepEqual(cache.audit(), [])
})

test('add keeps the time of a value, and gives a new one that of the cache, or of the call', () => {
  const { cache, pass } = timed({ value: f64, ttl: 100 })
  assert.equal(cache.add('a', 1), 1)
  pass(60)
  assert.equal(cache.add('a', 1), 2)
  assert.equal(cache.getRemainingTTL('a'), 40)
  assert.equal(cache.add('a', 1, { ttl: 500 }), 3)
  assert.equal(cache.getRemainingTTL('a'), 500)
  pass(500)
  assert.equal(cache.add('a', 1), 1, 'a value whose time is over counts as none')
  assert.equal(cache.getRemainingTTL('a'), 100)
  assert.equal(cache.add('b', 1, { ttl: 10 }), 1)
  assert.equal(cache.getRemainingTTL('b'), 10)
  assert.deepEqual(cache.audit(), [])
})

test('with a ttl that slides, a value that was added to goes on with the time of the first', () => {
  const { cache, pass } = timed({ value: f64, ttl: 160, updateAgeOnGet: true })
  cache.add('a', 1, { ttl: 1600 })
  cache.add('a', 1)
  pass(1000)
  assert.equal(cache.get('a'), 2)
  assert.equal(cache.getRemainingTTL('a'), 1600)
})

test('add in a cache with weights keeps the weight of a value, and evicts for a new one', () => {
  const cache = new SharedCache({ key: string, value: f64, maxWeight: 10, weigh: value => value, shards: 1 })
  cache.add('a', 6)
  cache.add('a', 6)
  assert.equal(cache.get('a'), 12)
  cache.add('b', 4)
  assert.equal(cache.size, 2)
  cache.add('c', 1)
  assert.equal(cache.size, 2)
  assert.deepEqual(cache.audit(), [])
})

test('an addition that finds no memory evicts, and then adds once', () => {
  let evicting = 0
  for (const length of [4, 12, 20, 28, 36]) {
    const cache = new SharedCache({ key: string, value: f64, maxBytes: 2 ** 20, ttl: 3_600_000 })
    for (let i = 0; cache.stats().evictedForMemory === 0; i++) cache.add(String(i).padStart(length), 1)
    for (const key of [...cache.keys()].slice(0, 200)) {
      const { evictedForMemory } = cache.stats()
      // The key can be evicted by another one's addition.
      const before = cache.get(key) ?? 0
      assert.equal(cache.add(key, 1), before + 1)
      if (before > 0 && cache.stats().evictedForMemory > evictedForMemory) evicting++
    }
    assert.deepEqual(cache.audit(), [])
  }
  assert.ok(evicting > 0, 'no addition to a known key had to evict')
})

test('the function of update, run for a key, may change every other key and not this one', () => {
  const cache = new SharedCache({ key: string, value: f64, max: 10 })
  const inside = (change: () => unknown) => () =>
    cache.update('a', () => {
      change()
      return 1
    })
  const refused = { name: 'RecursiveUpdateError' }
  assert.throws(
    inside(() => cache.set('a', 2)),
    refused,
  )
  assert.throws(
    inside(() => cache.add('a', 2)),
    refused,
  )
  assert.throws(
    inside(() => cache.delete('a')),
    refused,
  )
  assert.throws(
    inside(() => cache.update('a', () => 2)),
    refused,
  )
  assert.throws(
    inside(() => cache.clear()),
    refused,
  )
  assert.equal(cache.has('a'), false)
  assert.equal(inside(() => cache.add('b', 2))(), 1)
  assert.deepEqual([cache.get('a'), cache.get('b')], [1, 2])
})

test('the bytes of a cache are those that it has, and not what is set aside for marks of memory that it does not have yet', () => {
  const cache = new SharedCache({ key: string, value: f64, max: 1000 })
  const { bytes: has, usedBytes } = cache.stats()
  assert.ok(usedBytes <= has && has < 4 * 1024 * 1024, `${has} bytes, ${usedBytes} of them used`)
  const full = new SharedCache({ key: f64, value: bytes, maxBytes: 4 * 1024 * 1024 })
  for (let i = 0; i < 6000; i++) full.set(i, new Uint8Array(1000))
  const { bytes: all } = full.stats()
  assert.ok(all > 3.5 * 1024 * 1024 && all <= 4 * 1024 * 1024, `${all} bytes`)
})
