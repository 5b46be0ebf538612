import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, mock, test } from 'node:test'
import { bytes, FastMap, f64, json, string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import { dump, dumpChunks, load, loadChunks } from 'threadmap/dump'

/** Dumps of a cache: values come back with the time that they have left. */

const folder = mkdtempSync(join(tmpdir(), 'threadmap-dump-cache-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000

test('a cache comes back from a file: values of every length, and what is left of their time', async () => {
  using cache = new SharedCache({ key: string, value: bytes, max: 1000, ttl: HOUR })
  cache.set('an hour', Uint8Array.of(1))
  cache.set('two hours', new Uint8Array(100_000).fill(2), { ttl: 2 * HOUR })
  cache.set('for ever', new Uint8Array(5000).fill(3), { ttl: Number.POSITIVE_INFINITY })
  for (let i = 0; i < 500; i++) cache.set(`${i}`, Uint8Array.of(i, i >> 8), { ttl: HOUR + i })
  const path = join(folder, 'cache.dump')
  assert.equal((await dump(cache, path)).entries, 503)
  using copy = new SharedCache({ key: string, value: bytes, max: 1000 })
  assert.equal((await load(copy, path)).entries, 503)
  assert.equal(copy.size, 503)
  for (const [key, value] of cache) assert.deepEqual(copy.get(key), value)
  for (const [key, ttl] of [
    ['an hour', HOUR],
    ['two hours', 2 * HOUR],
    ['499', HOUR + 499],
  ] as const) {
    const [left, before] = [copy.getRemainingTTL(key), cache.getRemainingTTL(key)]
    // The wall clock counts whole milliseconds, and the dump takes some.
    assert.ok(left <= ttl && Math.abs(left - before) < 60_000 && left > 0, `${key}: ${left}, ${before}`)
  }
  assert.equal(copy.getRemainingTTL('for ever'), Number.POSITIVE_INFINITY)
  assert.deepEqual(copy.audit(), [])
})

test('time between dump and load counts: what is over is not loaded, and the rest has less left', async () => {
  using cache = new SharedCache({ key: string, value: f64, max: 100 })
  cache
    .set('short', 1, { ttl: HOUR })
    .set('long', 2, { ttl: 5 * HOUR })
    .set('for ever', 3)
  const parts = [...dumpChunks(cache)]
  const now = Date.now()
  mock.method(Date, 'now', () => now + 3 * HOUR)
  try {
    using later = new SharedCache({ key: string, value: f64, max: 100, ttl: 10 * HOUR })
    await loadChunks(later, parts)
    assert.equal(later.get('short'), undefined)
    assert.equal(later.get('long'), 2)
    const left = later.getRemainingTTL('long')
    assert.ok(left <= 2 * HOUR && left > 2 * HOUR - 60_000, `${left}`)
    // A value without a deadline gets what this cache gives by default.
    const byDefault = later.getRemainingTTL('for ever')
    assert.ok(byDefault <= 10 * HOUR && byDefault > 9 * HOUR, `${byDefault}`)
    // A clock that was set back makes nothing live longer than it had left.
    mock.method(Date, 'now', () => now - 3 * HOUR)
    later.clear()
    await loadChunks(later, parts)
    assert.ok(later.getRemainingTTL('short') <= HOUR)
  } finally {
    mock.restoreAll()
  }
})

test('values whose time is over are not dumped, and a dump is no hit', async () => {
  using cache = new SharedCache({ key: string, value: f64, max: 100, staleFor: HOUR })
  cache.set('fresh', 1).set('stale', 2, { ttl: 1 })
  const end = performance.now() + 120_000
  while (cache.has('stale') && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 1))
  assert.equal(cache.get('stale', { allowStale: true }), 2)
  const { hits } = cache.stats()
  const parts = [...dumpChunks(cache)]
  assert.equal(cache.stats().hits, hits)
  using map = new FastMap({ key: string, value: f64 })
  await loadChunks(map, parts)
  assert.deepEqual([...map], [['fresh', 1]])
})

test('a dump that is larger than the cache fills it, and never exceeds its bound; weights are asked for', async () => {
  using map = new FastMap({ key: f64, value: json<number[]>() })
  for (let i = 0; i < 1000; i++) map.set(i, [i, i])
  const parts = [...dumpChunks(map)]
  using small = new SharedCache({ key: f64, value: json<number[]>(), max: 100 })
  await loadChunks(small, parts)
  assert.equal(small.size, 100)
  for (const [key, value] of small) assert.deepEqual(value, [key, key])
  using weighed = new SharedCache({
    key: f64,
    value: json<number[]>(),
    maxWeight: 300,
    weigh: value => value.length,
    shards: 1,
  })
  await loadChunks(weighed, parts)
  assert.equal(weighed.size, 150)
  assert.deepEqual([...small.audit(), ...weighed.audit()], [])
})

test('with overwrite: false a fresh value stays', async () => {
  using cache = new SharedCache({ key: string, value: f64, max: 100 })
  const parts = [...dumpChunks(cache.set('a', 1).set('b', 1))]
  cache.set('a', 2)
  cache.delete('b')
  await loadChunks(cache, parts, { overwrite: false })
  assert.deepEqual([cache.get('a'), cache.get('b')], [2, 1])
  await loadChunks(cache, parts)
  assert.equal(cache.get('a'), 1)
})
