// SharedCache under threads that set, read and delete at once: bounds hold at every moment, and no value is wrong or superseded.
import assert from 'node:assert/strict'
import { f64, string } from 'threadmap'
import { type CacheOptions, SharedCache } from 'threadmap/cache'
import { type CachingJobs, textOf } from '../../programs/caching.js'
import { until } from '../../support/patience.js'
import { duration, seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<CachingJobs>('caching')
const WORKERS = 3

const bounds: Record<
  string,
  { options: Partial<CacheOptions<string, string>>; max: number; longest: number; keys: number }
> = {
  'max of one shard': { options: { max: 100, shards: 1 }, max: 100, longest: 60, keys: 200 },
  'max of 8 shards': { options: { max: 1000, shards: 8 }, max: 1000, longest: 60, keys: 2000 },
  'max, and a ttl': { options: { max: 500, shards: 4, ttl: 5 }, max: 500, longest: 60, keys: 500 },
  maxWeight: {
    options: { maxWeight: 8000, weigh: value => value.length, shards: 4 },
    max: 0,
    longest: 60,
    keys: 500,
  },
  maxBytes: { options: { maxBytes: 3 * 1024 * 1024, shards: 2 }, max: 0, longest: 20_000, keys: 300 },
}

for (const [name, { options, max, longest, keys }] of Object.entries(bounds)) {
  seeded(
    `three workers and a cache with ${name}: no value is wrong or superseded, and the bound holds`,
    async random => {
      using cache = new SharedCache<string, string>({ key: string, value: string, ...options } as CacheOptions<
        string,
        string
      >)
      const task = () => ({ cache: cache.handle, workers: WORKERS, keys, seed: random.next(), max, longest })
      const workers = team('race', Array.from({ length: WORKERS }, task))
      const reports = await run(workers, duration(700), () => workers.control.allHaveSeen)
      for (const { hits, misses, sets } of reports)
        assert.ok(hits > 0 && misses > 0 && sets > 0, 'a worker did not do all')
      assert.deepEqual(cache.audit(), [])
      const { hits, misses, evicted, evictedForMemory, expired } = cache.stats()
      assert.ok(hits > 0 && misses > 0)
      assert.ok(evicted + evictedForMemory + expired > 0, 'nothing went')
      const { maxWeight, weigh } = options
      if (maxWeight !== undefined && weigh !== undefined) {
        // Every entry weighs what the audit added up; here are the values.
        const weight = [...cache].reduce((sum, [key, value]) => sum + weigh(value, key), 0)
        assert.ok(weight <= maxWeight && weight > maxWeight / 2, `weight ${weight}`)
      }
      if (options.maxBytes !== undefined) assert.ok(cache.stats().bytes <= options.maxBytes)
    },
  )
}

seeded('the clocks of two threads agree, so that a deadline is one moment for both', async () => {
  using cache = new SharedCache({ key: string, value: string, max: 10, ttl: 1e9 })
  const before = performance.now()
  cache.set('a', 'value')
  const after = performance.now()
  const [remaining] = await run(team('remaining', [{ cache: cache.handle, key: 'a' }]), 0)
  const passed = 1e9 - remaining!
  const most = performance.now() - before
  // A millisecond for the one reading of the shared clock in each thread.
  assert.ok(
    passed > -1 && passed < most + 1,
    `${passed} ms had passed of ${most}, and the value was set in ${after - before} ms`,
  )
})

seeded('additions of four threads to one key are all there', async () => {
  using cache = new SharedCache({ key: string, value: f64, max: 100 })
  const task = { cache: cache.handle, times: 5000 }
  const sums = await run(team('adding', [task, task, task, task]))
  assert.equal(cache.get('key'), 20_000)
  assert.equal(Math.max(...sums), 20_000)
})

const ROUNDS = 8

for (const [name, { options, longest, keys }] of Object.entries(bounds)) {
  seeded(`workers that are terminated while they use a cache with ${name} leave it whole`, async random => {
    using cache = new SharedCache<string, string>({ key: string, value: string, ...options } as CacheOptions<
      string,
      string
    >)
    for (let round = 0; round < ROUNDS; round++) {
      const task = () => ({ cache: cache.handle, workers: 2, keys, seed: random.next(), max: 0, longest })
      const workers = team('race', [task(), task()])
      try {
        await workers.ready()
        workers.open()
        await until(() => workers.control.allHaveSeen, 'both have begun')
      } finally {
        await workers.terminate()
      }
      await until(() => cache.stats().threads === 1, 'their deaths are known')
      assert.deepEqual(cache.audit(), [])
      for (const [key, value] of cache) assert.equal(value, textOf(key, Number(/=(\d+);/.exec(value)?.[1]), longest))
      // The next workers begin with their first versions.
      cache.clear()
      assert.equal(cache.size, 0)
    }
    assert.ok(cache.stats().hits > 0)
  })
}
