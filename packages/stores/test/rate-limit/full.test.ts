import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Limits, LimitsFullError, RateLimit } from '@threadmap/stores/rate-limit'
import { Ticking } from '../support/ticking.js'

test('limits that are over are removed as new keys come, without a timer', () => {
  const clock = new Ticking()
  using limits = Limits.on(clock.now, { max: 100_000 })
  let most = 0
  for (let i = 0; i < 40_000; i++) {
    // 1,000 keys at a time have a window.
    clock.pass(1)
    limits.add(`key ${i}`, 1, 1000)
    most = Math.max(most, limits.size)
  }
  assert.ok(most < 4000, `${most} keys, of which 1,000 have a window`)
})

test('a full table forgets the keys that have counted least: not the limits that are reached, nor blocks', () => {
  const clock = new Ticking()
  using limit = RateLimit.on(clock.now, { limit: 10, window: 60_000, max: 500 })
  for (let i = 0; i < 20; i++) {
    while (limit.check(`reached ${i}`).allowed);
    limit.block(`blocked ${i}`, 50_000)
  }
  let most = 0
  for (let i = 0; i < 20_000; i++) {
    assert.equal(limit.check(`new ${i}`).allowed, true)
    most = Math.max(most, limit.size)
  }
  assert.ok(most <= 500, String(most))
  for (let i = 0; i < 20; i++) {
    assert.equal(limit.check(`reached ${i}`).allowed, false, `reached ${i}`)
    assert.equal(limit.check(`blocked ${i}`).allowed, false, `blocked ${i}`)
  }
})

test("a full table refuses new keys by an error, if whenFull is 'refuse', until some are over", () => {
  const clock = new Ticking()
  using limits = Limits.on(clock.now, { max: 50, whenFull: 'refuse' })
  for (let i = 0; i < 50; i++) limits.add(`key ${i}`, 1, 1000)
  assert.throws(
    () => limits.add('new', 1, 1000),
    error => {
      assert.ok(error instanceof LimitsFullError)
      assert.equal(error.max, 50)
      assert.equal(error.code, 'ERR_THREADMAP_LIMITS_FULL')
      return true
    },
  )
  assert.equal(limits.size, 50)
  assert.equal(limits.add('key 7', 1, 1000).points, 2)
  clock.pass(1001)
  assert.equal(limits.add('new', 1, 1000).points, 1)
})

test('keys that fill the memory before there are max of them count as a full table', () => {
  using limits = new Limits({ max: 1000 })
  const long = 'x'.repeat(400_000)
  for (let i = 0; i < 60; i++) assert.equal(limits.add(`${i} ${long}`, 1, 60_000).points, 1)
  assert.ok(limits.size < 60)
  assert.equal(limits.add('short', 1, 60_000).points, 1)
})
