// The stores in one thread, beside each package's own memory store: both are asked alike, and answer alike.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import rateLimitOfFastify from '@fastify/rate-limit'
import { Limits, RateLimit } from '@threadmap/stores/rate-limit'
import { SharedStore } from '@threadmap/stores/rate-limit/express'
import { sharedStore } from '@threadmap/stores/rate-limit/fastify'
import { RateLimiterShared } from '@threadmap/stores/rate-limit/flexible'
import express from 'express'
import { MemoryStore, type Options, rateLimit, type Store } from 'express-rate-limit'
import Fastify from 'fastify'
import flexible, { type RateLimiterMemory } from 'rate-limiter-flexible'
import { OptionError } from 'threadmap'
import { Ticking } from '../support/ticking.js'

test('express-rate-limit: increment, get, decrement, resetKey and resetAll as its MemoryStore', async () => {
  using limits = new Limits()
  const stores: Store[] = [new MemoryStore(), new SharedStore({ limits })]
  const [theirs, ours] = await Promise.all(
    stores.map(async store => {
      await store.init?.({ windowMs: 60_000, limit: 5 } as Options)
      const seen: (number | undefined)[] = []
      const hit = async (key: string) => {
        const { totalHits, resetTime } = await store.increment(key)
        const left = (resetTime as Date).getTime() - Date.now()
        assert.ok(left > 50_000 && left <= 60_002, String(left))
        seen.push(totalHits)
      }
      const look = async (key: string) => seen.push((await store.get?.(key))?.totalHits)
      for (let i = 0; i < 3; i++) await hit('a')
      await hit('b')
      await look('a')
      await look('c')
      await store.decrement('a')
      await look('a')
      for (let i = 0; i < 4; i++) await store.decrement('a')
      await hit('a')
      await store.resetKey('a')
      await look('a')
      await hit('a')
      await store.resetAll?.()
      await look('a')
      await look('b')
      await store.shutdown?.()
      return seen
    }),
  )
  assert.deepEqual(ours, theirs)
})

test('express-rate-limit: prefixes keep the keys of two middlewares apart, and resetAll resets one of them', () => {
  using limits = new Limits()
  const [a, b] = ['a:', 'b:'].map(prefix => new SharedStore({ limits: limits.handle, prefix }))
  a.increment('key')
  b.increment('key')
  assert.equal(b.increment('key').totalHits, 2)
  a.resetAll()
  assert.equal(a.get('key'), undefined)
  assert.equal(b.get('key')?.totalHits, 2)
})

test('express-rate-limit: its own validations find nothing to complain about, and headers say what is left', async t => {
  using limits = new Limits()
  const complaints = mock.method(console, 'error', () => {})
  const app = express()
  const store = new SharedStore({ limits })
  app.use(rateLimit({ windowMs: 60_000, limit: 2, standardHeaders: 'draft-6', legacyHeaders: false, store }))
  app.get('/', (_request, response) => {
    response.send('passed')
  })
  const server = app.listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise(resolve => server.on('listening', resolve))
  const { port } = server.address() as { port: number }
  const answers = []
  for (let i = 0; i < 3; i++) answers.push(await fetch(`http://127.0.0.1:${port}/`))
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, headers.get('ratelimit-remaining'), headers.get('ratelimit-limit')]),
    [
      [200, '1', '2'],
      [200, '0', '2'],
      [429, '0', '2'],
    ],
  )
  assert.deepEqual(
    complaints.mock.calls.map(call => call.arguments),
    [],
  )
  complaints.mock.restore()
})

test('express-rate-limit: a RateLimit brings its algorithm, and must have the limit and window of the middleware', () => {
  const clock = new Ticking()
  using limits = RateLimit.on(clock.now, { limit: 3, window: 3000, algorithm: 'token-bucket' })
  const store = new SharedStore({ limits })
  store.init({ windowMs: 3000, limit: 3 } as Options)
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => store.increment('a').totalHits),
    [1, 2, 3, 4, 4],
  )
  clock.pass(1000)
  assert.deepEqual([store.increment('a').totalHits, store.increment('a').totalHits], [3, 4])
  store.decrement('a')
  assert.equal(store.get('a')?.totalHits, 2)
  assert.throws(
    () => store.init({ windowMs: 3000, limit: 4 } as Options),
    /limit 3 and window 3000 ms, .* told limit 4 and windowMs 3000/,
  )
})

test('@fastify/rate-limit: current and ttl as its own store, routes with counts of their own, continueExceeding', async t => {
  using limits = new Limits()
  const apps = await Promise.all(
    [undefined, sharedStore({ limits })].map(async store => {
      const app = Fastify()
      const common = { max: 2, timeWindow: '1 minute', continueExceeding: true, ...(store && { store }) }
      await app.register(rateLimitOfFastify, common)
      app.get('/', async () => 'passed')
      app.get('/route', { config: { rateLimit: { max: 1 } } }, async () => 'passed')
      const look = app.createRateLimit({ max: 2 })
      app.get('/look', { config: { rateLimit: false } }, async request => {
        const found = await look(request, { increment: false })
        return found.isAllowed ? found : { remaining: found.remaining, isExceeded: found.isExceeded }
      })
      await app.ready()
      t.after(() => app.close())
      const seen = []
      for (const url of ['/', '/', '/', '/route', '/route', '/look', '/']) {
        const { statusCode, headers, body } = await app.inject(url)
        const { 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset, 'x-ratelimit-limit': limit } = headers
        assert.ok(url === '/look' || Number(reset) >= 59, String(reset))
        seen.push([url, statusCode, remaining, limit, body])
      }
      return seen
    }),
  )
  assert.deepEqual(apps[1], apps[0])
})

test('@fastify/rate-limit: exponentialBackoff doubles the window with each request beyond the limit', () => {
  const clock = new Ticking()
  using limits = Limits.on(clock.now)
  const Store = sharedStore({ limits })
  const store = new Store({ exponentialBackoff: true } as never)
  const seen: unknown[] = []
  const hit = () => store.incr('a', (error, result) => seen.push(error ?? result), 1000, 2)
  for (let i = 0; i < 5; i++) hit()
  assert.deepEqual(seen, [
    { current: 1, ttl: 1000 },
    { current: 2, ttl: 1000 },
    { current: 3, ttl: 1000 },
    { current: 4, ttl: 2000 },
    { current: 5, ttl: 4000 },
  ])
  clock.pass(4000)
  hit()
  assert.deepEqual(seen.at(-1), { current: 1, ttl: 1000 })
  for (let i = 0; i < 2000; i++) hit()
  assert.deepEqual(seen.at(-1), { current: 2001, ttl: Number.POSITIVE_INFINITY })
})

test('@fastify/rate-limit: an error of the store goes to skipOnError', async t => {
  using limits = new Limits({ max: 1, whenFull: 'refuse' })
  limits.add('somebody else', 1, 60_000)
  for (const skipOnError of [true, false]) {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(rateLimitOfFastify, { max: 2, skipOnError, store: sharedStore({ limits }) })
    app.get('/', async () => 'passed')
    assert.equal((await app.inject('/')).statusCode, skipOnError ? 200 : 500)
  }
})

/** What a limiter answers to one call after the other. */
async function conversation(limiter: RateLimiterMemory | RateLimiterShared): Promise<unknown[]> {
  const seen: unknown[] = []
  const say = async (call: Promise<unknown>) => {
    const result = await call.catch(error => ['rejected', error])
    const plain = (value: unknown): unknown => {
      if (!(value instanceof flexible.RateLimiterRes)) return value
      const { remainingPoints, consumedPoints, isFirstInDuration, msBeforeNext } = value
      // Two calls are some milliseconds apart.
      return { remainingPoints, consumedPoints, isFirstInDuration, seconds: Math.ceil(msBeforeNext / 1000) }
    }
    seen.push(Array.isArray(result) ? result.map(plain) : plain(result))
  }
  await say(limiter.get('a'))
  await say(limiter.consume('a', 2))
  await say(limiter.consume('a', 2))
  await say(limiter.get('a'))
  await say(limiter.penalty('a', 3))
  await say(limiter.consume('a'))
  await say(limiter.reward('a', 5))
  await say(limiter.consume('a'))
  await say(limiter.consume('a', 9))
  await say(limiter.consume('a'))
  await say(limiter.reward('b', 2))
  await say(limiter.consume('b', 6))
  await say(limiter.block('c', 300))
  await say(limiter.consume('c'))
  await say(limiter.get('c'))
  await say(limiter.block('d', 0))
  await say(limiter.consume('d'))
  await say(limiter.set('e', 3, 60))
  await say(limiter.consume('e', 1, { customDuration: 7 }))
  await say(limiter.consume('f', 1, { customDuration: 7 }))
  await say(limiter.delete('e'))
  await say(limiter.delete('e'))
  await say(limiter.get('e'))
  await say(limiter.consume(17))
  return seen
}

for (const blockDuration of [0, 900]) {
  test(`rate-limiter-flexible: a conversation as with RateLimiterMemory, blockDuration ${blockDuration}`, async () => {
    using limits = new Limits()
    const options = { points: 5, duration: 600, blockDuration }
    assert.deepEqual(
      await conversation(new RateLimiterShared({ ...options, limits: limits.handle })),
      await conversation(new flexible.RateLimiterMemory(options)),
    )
  })
}

test('rate-limiter-flexible: its unions take the limiter, durations of 0 never end, and what is no point is an Error', async () => {
  using limits = new Limits()
  const limiter = new RateLimiterShared({ keyPrefix: 'x', points: 1, duration: 0, limits })
  const union = new flexible.RateLimiterUnion(
    limiter,
    new flexible.RateLimiterMemory({ keyPrefix: 'y', points: 5, duration: 5 }),
  )
  await union.consume('a')
  await assert.rejects(union.consume('a'), (rejected: Record<string, flexible.RateLimiterRes>) => {
    assert.equal(rejected.x.msBeforeNext, -1)
    return rejected.x.consumedPoints === 2
  })
  await assert.rejects(limiter.consume('a', 0.5), OptionError)
  assert.throws(() => new RateLimiterShared({ points: 1, duration: 1 } as never), /takes limits/)
})
