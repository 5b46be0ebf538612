/** When a thread's read cache stands aside, by times that the test sets: no clock is read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

const dist = new URL('../../../dist/maps/cache-worth.js', import.meta.url).href
const { CacheWorth } = (await import(dist)) as typeof import('../../dist/maps/cache-worth.js')

interface Costs {
  hit: number
  miss: number
  direct: number
  /** The share of reads that the cache has. */
  hits: number
}

const LIMIT = 1000
/** As for values that are words inside their entries: the cache has to save 3%. */
const MOST = 0.97

/** A thread that reads; its clock stands still otherwise. */
function reader(limit: number, isJudged = true) {
  const worth = new CacheWorth(limit, isJudged, MOST)
  let countdown = worth.first
  let now = 0
  return {
    worth,
    /** Reads so often; returns the share of reads that used the cache. */
    read(reads: number, { hit, miss, direct, hits }: Costs): number {
      let used = 0
      for (let i = 0; i < reads; i++) {
        if (--countdown <= 0) countdown = worth.step(now)
        if (!worth.isAside) used++
        now += worth.isAside ? direct : used * hits - Math.floor((used - 1) * hits) >= 1 ? hit : miss
      }
      return used / reads
    },
  }
}

test('a cache whose hits cost more than a read stands aside for all but a few reads', () => {
  const { read } = reader(LIMIT)
  const costs = { hit: 60, miss: 150, direct: 40, hits: 1 }
  read(100_000, costs)
  const share = read(1_000_000, costs)
  assert.ok(share < 0.03, `${share}`)
})

test('so does one that costs little more, and one that saves nothing', () => {
  for (const hit of [41, 42, 40]) {
    const { read } = reader(LIMIT)
    const costs = { hit, miss: 150, direct: 40, hits: 1 }
    read(100_000, costs)
    const share = read(2_000_000, costs)
    assert.ok(share < 0.05, `hits of ${hit}: ${share}`)
  }
})

test('a cache without hits stands aside once it had time to fill', () => {
  const { read } = reader(LIMIT)
  const costs = { hit: 10, miss: 150, direct: 40, hits: 0 }
  read(100_000, costs)
  const share = read(2_000_000, costs)
  assert.ok(share < 0.02, `${share}`)
})

test('a cache that pays stays', () => {
  const { read } = reader(LIMIT)
  const share = read(4_000_000, { hit: 20, miss: 60, direct: 40, hits: 0.9 })
  assert.ok(share > 0.97, `${share}`)
})

test('misses of a cache that fills say nothing', () => {
  const { read } = reader(100_000)
  assert.equal(read(190_000, { hit: 20, miss: 80, direct: 40, hits: 0 }), 1)
  assert.ok(read(2_000_000, { hit: 20, miss: 80, direct: 40, hits: 1 }) > 0.97)
})

test('a cache that stood aside comes back when its keys are read again', () => {
  const { worth, read } = reader(LIMIT)
  read(200_000, { hit: 20, miss: 80, direct: 40, hits: 0 })
  assert.ok(worth.isAside)
  read(200_000, { hit: 20, miss: 80, direct: 40, hits: 0.95 })
  assert.ok(read(4_000_000, { hit: 20, miss: 80, direct: 40, hits: 0.95 }) > 0.97)
})

test('single blocks in which the program was interrupted do not count', () => {
  const { read, worth } = reader(LIMIT)
  const costs = { hit: 20, miss: 60, direct: 40, hits: 1 }
  for (let i = 0; i < 2000; i++) read(i % 5 === 0 ? 1 : 400, i % 5 === 0 ? { ...costs, hit: 1e6, direct: 1e6 } : costs)
  assert.equal(worth.isAside, false)
})

test('where values are objects, or the clock is coarse, it always takes part', () => {
  const { read } = reader(LIMIT, false)
  assert.equal(read(100_000, { hit: 60, miss: 150, direct: 40, hits: 0 }), 1)
})
