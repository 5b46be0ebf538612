/** When a thread's read cache stands aside, by costs that the test sets: no clock is read. */
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

/** Reads so often; returns the share of reads that used the cache. */
function read(worth: InstanceType<typeof CacheWorth>, reads: number, { hit, miss, direct, hits }: Costs): number {
  let cached = 0
  let credit = 0
  const use = (): boolean => {
    cached++
    credit += hits
    if (credit < 1) return false
    credit--
    return true
  }
  for (let i = 0; i < reads; i++) {
    const isMeasured = --worth.countdown < 0 && worth.measures()
    if (worth.isAside) {
      if (isMeasured) worth.took('passed by', direct)
    } else {
      const isHit = use()
      if (isMeasured) worth.took(isHit ? 'hit' : 'miss', isHit ? hit : miss)
    }
  }
  return cached / reads
}

test('a cache whose hits cost more than a read stands aside for all but a few reads', () => {
  const share = read(new CacheWorth(LIMIT, true), 1_000_000, { hit: 60, miss: 150, direct: 40, hits: 1 })
  assert.ok(share < 0.03, `${share}`)
})

test('a cache without hits stands aside once it had time to fill', () => {
  const share = read(new CacheWorth(LIMIT, true), 2_000_000, { hit: 10, miss: 150, direct: 40, hits: 0 })
  assert.ok(share < 0.05, `${share}`)
})

test('a cache that pays stays', () => {
  const share = read(new CacheWorth(LIMIT, true), 1_000_000, { hit: 20, miss: 60, direct: 40, hits: 0.9 })
  assert.ok(share > 0.97, `${share}`)
})

test('misses of a cache that fills say nothing', () => {
  const worth = new CacheWorth(100_000, true)
  assert.ok(read(worth, 100_000, { hit: 20, miss: 80, direct: 40, hits: 0 }) > 0.95)
  assert.ok(read(worth, 1_000_000, { hit: 20, miss: 80, direct: 40, hits: 1 }) > 0.97)
})

test('a cache that stood aside comes back when its keys are read again', () => {
  const worth = new CacheWorth(LIMIT, true)
  read(worth, 200_000, { hit: 20, miss: 80, direct: 40, hits: 0 })
  assert.ok(worth.isAside)
  assert.ok(read(worth, 4_000_000, { hit: 20, miss: 80, direct: 40, hits: 0.95 }) > 0.9)
})

test('where values are objects, or the clock is coarse, it always takes part', () => {
  assert.equal(read(new CacheWorth(LIMIT, false), 100_000, { hit: 60, miss: 150, direct: 40, hits: 0 }), 1)
})
