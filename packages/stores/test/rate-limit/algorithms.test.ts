import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AlgorithmName, Limits, RateLimit } from '@threadmap/stores/rate-limit'
import { AttachError, OptionError } from 'threadmap'
import { Ticking } from '../support/ticking.js'

const ALGORITHMS: AlgorithmName[] = ['fixed-window', 'sliding-window', 'token-bucket']

/** How many of `count` checks pass. */
function passes(limit: RateLimit, key: string, count: number): number {
  let passed = 0
  for (let i = 0; i < count; i++) if (limit.check(key).allowed) passed++
  return passed
}

for (const algorithm of ALGORITHMS) {
  test(`${algorithm}: as many points pass as the limit has, and all of them again a while later`, () => {
    const clock = new Ticking()
    using limit = RateLimit.on(clock.now, { limit: 10, window: 1000, algorithm })
    for (let round = 0; round < 20; round++) {
      assert.equal(passes(limit, 'a', 25), 10)
      const refused = limit.check('a')
      assert.equal(refused.allowed, false)
      assert.equal(refused.remaining, 0)
      assert.ok(refused.retryAfter > 0 && refused.retryAfter <= 2000, String(refused.retryAfter))
      assert.equal(passes(limit, `other ${round}`, 3), 3)
      clock.pass(limit.peek('a').resetAfter)
      assert.deepEqual(limit.peek('a'), { allowed: true, remaining: 10, retryAfter: 0, resetAfter: 0 })
    }
  })

  test(`${algorithm}: a check is refused until its retryAfter, and not after`, () => {
    const clock = new Ticking()
    using limit = RateLimit.on(clock.now, { limit: 7, window: 60_000, algorithm })
    for (const cost of [1, 3, 7]) {
      for (let i = 0; i < 30; i++) {
        const { allowed, retryAfter } = limit.check('a', cost)
        assert.equal(retryAfter === 0, allowed)
        if (allowed) clock.pass(1 + (i % 5) * 777)
        else {
          clock.pass(Math.max(0, retryAfter - 1))
          assert.equal(limit.peek('a', cost).allowed, false, `${cost} points, 1 ms too early`)
          clock.pass(1.001)
          assert.equal(limit.peek('a', cost).allowed, true, `${cost} points, in time`)
        }
      }
    }
    assert.deepEqual(
      { ...limit.check('a', 8), remaining: 0, resetAfter: 0 },
      { allowed: false, remaining: 0, retryAfter: Number.POSITIVE_INFINITY, resetAfter: 0 },
    )
  })

  test(`${algorithm}: penalties, rewards and blocks`, () => {
    const clock = new Ticking()
    using limit = RateLimit.on(clock.now, { limit: 10, window: 1000, algorithm })
    assert.equal(limit.penalty('a', 8).remaining, 2)
    assert.equal(passes(limit, 'a', 5), 2)
    assert.equal(limit.reward('a', 4).remaining, 4)
    assert.equal(limit.reward('a', 400).remaining, 10)
    assert.equal(limit.penalty('a', 15).remaining, 0)
    assert.equal(limit.reward('a', 5).remaining, 0)
    assert.equal(limit.reward('a', 1).remaining, 1)
    limit.block('a', 5000)
    assert.equal(limit.penalty('a', 3).allowed, false)
    assert.deepEqual(limit.check('a'), { allowed: false, remaining: 0, retryAfter: 5000, resetAfter: 5000 })
    clock.pass(4999)
    assert.equal(passes(limit, 'a', 3), 0)
    clock.pass(1)
    assert.equal(passes(limit, 'a', 30), 10)
    limit.block('a', Number.POSITIVE_INFINITY)
    clock.pass(1e10)
    assert.equal(limit.check('a').retryAfter, Number.POSITIVE_INFINITY)
    assert.equal(limit.delete('a'), true)
    assert.equal(passes(limit, 'a', 30), 10)
  })
}

test('sliding-window: what the last window counted fades away evenly', () => {
  const clock = new Ticking()
  using limit = RateLimit.on(clock.now, { limit: 100, window: 1000, algorithm: 'sliding-window' })
  assert.equal(passes(limit, 'a', 200), 100)
  // The windows of all keys begin at multiples of 1,000 ms after the limit was made.
  clock.pass(1000)
  assert.equal(passes(limit, 'a', 200), 0)
  clock.pass(250)
  assert.equal(passes(limit, 'a', 200), 25)
  clock.pass(250)
  assert.equal(passes(limit, 'a', 200), 25)
  clock.pass(1500)
  assert.equal(passes(limit, 'a', 200), 100)
})

test('sliding-window: limits beyond 65,535, whose counters have 20 bits', () => {
  const clock = new Ticking()
  using limit = RateLimit.on(clock.now, { limit: 1_000_000, window: 60_000, algorithm: 'sliding-window' })
  assert.equal(limit.check('a', 999_999).allowed, true)
  assert.equal(passes(limit, 'a', 5), 1)
  clock.pass(60_000 + 30_000)
  assert.equal(limit.check('a', 500_001).allowed, false)
  assert.equal(limit.check('a', 500_000).allowed, true)
  assert.equal(limit.peek('a').remaining, 0)
  clock.pass(60_000)
  assert.equal(limit.peek('a').remaining, 750_000)
})

test('token-bucket: a token comes back every window / limit', () => {
  const clock = new Ticking()
  using limit = RateLimit.on(clock.now, { limit: 50, window: 1000, algorithm: 'token-bucket' })
  assert.equal(passes(limit, 'a', 100), 50)
  for (let i = 0; i < 200; i++) {
    clock.pass(20)
    assert.equal(passes(limit, 'a', 3), 1)
  }
  clock.pass(100)
  assert.equal(passes(limit, 'a', 10), 5)
})

test('a clock that is set back leaves no limit refused for longer than its window', () => {
  // The clock of the limits is monotonic, so the system's clock may say what it likes.
  const { now } = Date
  using limit = new RateLimit({ limit: 1, window: 30 })
  using limits = new Limits()
  try {
    Date.now = () => 4e12
    assert.equal(limit.check('a').allowed, true)
    limits.add('a', 1, 30)
    Date.now = () => 1e12
    assert.ok(limit.check('a').retryAfter <= 31)
    assert.ok((limits.get('a')?.endsIn ?? 0) <= 31)
  } finally {
    Date.now = now
  }
})

test('a thread whose clock lags behind that of another one takes part in the later window', () => {
  const clock = new Ticking()
  for (const algorithm of ALGORITHMS) {
    using limit = RateLimit.on(clock.now, { limit: 10, window: 1000, algorithm })
    clock.pass(1000)
    assert.equal(passes(limit, 'a', 10), 10)
    // The reading of the clock from before the window began.
    clock.pass(-0.5)
    assert.equal(passes(limit, 'a', 10), 0, algorithm)
    clock.pass(0.5)
    assert.equal(passes(limit, 'a', 10), 0, algorithm)
  }
})

test('Limits count in windows of any length, also below 0, and never beyond 8,388,607', () => {
  const clock = new Ticking()
  using limits = Limits.on(clock.now)
  assert.deepEqual(limits.add('a', 3, 1000), { points: 3, endsIn: 1000, first: true })
  clock.pass(400)
  assert.deepEqual(limits.add('a', -5, 9000), { points: -2, endsIn: 600, first: false })
  limits.takeBack('a', 1)
  assert.deepEqual(limits.get('a'), { points: -2, endsIn: 600, first: false })
  clock.pass(600)
  assert.equal(limits.get('a'), undefined)
  limits.takeBack('a', 1)
  assert.equal(limits.get('a'), undefined)
  assert.deepEqual(limits.add('a', 8_388_607, Number.POSITIVE_INFINITY), {
    points: 8_388_607,
    endsIn: Number.POSITIVE_INFINITY,
    first: true,
  })
  assert.equal(limits.add('a', 1, 5).points, 8_388_607)
  clock.pass(1e10)
  assert.equal(limits.get('a')?.endsIn, Number.POSITIVE_INFINITY)
  assert.equal(limits.add('a', -8_388_607, 5).points, 0)
  assert.deepEqual(
    limits.set('b', 4, 2500.5),
    { points: 4, endsIn: 2501, first: true },
    'an end is rounded up to a millisecond',
  )
})

test('options out of range, and handles of something else, are refused by name', () => {
  assert.throws(
    () => new RateLimit({ limit: 0, window: 1000 }),
    /limit must be a whole number from 1 to 8388607, and is 0/,
  )
  assert.throws(() => new RateLimit({ limit: 5, window: 0 }), OptionError)
  assert.throws(() => new RateLimit({ limit: 5, window: 10, algorithm: 'sliding-window' }), /16 milliseconds at least/)
  assert.throws(
    () => new RateLimit({ limit: 2e6, window: 1e5, algorithm: 'sliding-window' }),
    /limit of 2000000 .* lower the limit to 1048575/,
  )
  assert.throws(() => new RateLimit({ limit: 5, window: 10, algorithm: 'leaky' as never }), /and is leaky/)
  assert.throws(() => new Limits({ maximum: 5 } as never), /no option 'maximum'. It takes max, whenFull/)
  assert.throws(() => new Limits({ max: 0 }), /max must be a whole number from 1 to/)
  assert.throws(() => new Limits({ whenFull: 'wait' as never }), /'forget' or 'refuse', and is wait/)
  using limits = new Limits()
  assert.throws(() => RateLimit.attach(limits.handle as never), AttachError)
  assert.throws(() => limits.add('a', 0.5, 1000), /points must be a whole number/)
  assert.throws(() => limits.add('a', 1, Number.NaN), /a window has milliseconds/)
})
