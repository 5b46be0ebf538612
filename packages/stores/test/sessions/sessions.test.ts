// Sessions of express and fastify that two workers share, over HTTP, and the stores by themselves.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { FastifySessionOptions } from '@fastify/session'
import { SharedSessionStore as ExpressStore } from '@threadmap/stores/express-session'
import { SharedSessionStore as FastifyStore } from '@threadmap/stores/fastify-session'
import type { SessionData, Store } from 'express-session'
import { Thread } from '../support/threads.js'

const HOUR = 3_600_000

// Checked by the compiler: each store is one of its package's.
new ExpressStore({ max: 1 }) satisfies Store
new FastifyStore({ max: 1 }) satisfies NonNullable<FastifySessionOptions['store']>

let a: Thread
let b: Thread
before(async () => {
  ;[a, b] = await Promise.all([Thread.start('sessions'), Thread.start('sessions')])
})
after(() => Promise.all([a, b].map(({ worker }) => worker.terminate())))

/** A visitor with a cookie. */
class Visitor {
  #cookie = ''

  async get(port: number, path: string): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie: this.#cookie } })
    const [cookie] = answer.headers.getSetCookie()
    if (cookie !== undefined) this.#cookie = cookie.split(';')[0]
    return answer.json()
  }
}

for (const [name, program, Store] of [
  ['express-session', 'serveExpress', ExpressStore],
  ['@fastify/session', 'serveFastify', FastifyStore],
] as const) {
  test(`${name}: a session goes on in the other worker, and ends for both`, async () => {
    const store = new Store({ max: 1000 })
    const [one, two] = await Promise.all([a, b].map(each => each.call<number>(program, store.handle, HOUR)))
    const visitor = new Visitor()
    assert.equal(await visitor.get(one, '/count'), 1)
    assert.equal(await visitor.get(two, '/count'), 2)
    assert.equal(await visitor.get(one, '/look'), 2)
    assert.equal(await new Visitor().get(two, '/look'), null)
    const [id] = store.cache.keys()
    const left = store.cache.getRemainingTTL(id)
    assert.ok(left > HOUR / 2 && left <= HOUR, String(left))
    assert.equal(await visitor.get(two, '/leave'), 'left')
    assert.equal(await visitor.get(one, '/look'), null)
    assert.equal(store.cache.has(id), false)
  })
}

function data(views: number, expires?: Date): SessionData {
  return { cookie: { originalMaxAge: null, ...(expires ? { expires } : {}) }, views } as SessionData
}

test('express-session: touch prolongs a session and changes nothing else, and a session that is gone stays so', async () => {
  const store = new ExpressStore({ max: 100 })
  const get = promisify(store.get.bind(store)) as (id: string) => Promise<SessionData | null>
  const set = promisify(store.set.bind(store)) as (id: string, session: SessionData) => Promise<void>
  const touch = promisify(store.touch.bind(store)) as (id: string, session: SessionData) => Promise<void>
  const before = data(1, new Date(Date.now() + HOUR))
  await set('a', before)
  await set('a', data(2, new Date(Date.now() + HOUR)))
  const later = new Date(Date.now() + 2 * HOUR)
  await touch('a', { ...before, cookie: { originalMaxAge: null, expires: later } } as SessionData)
  const found = (await get('a')) as SessionData & { views: number }
  assert.equal(found.views, 2)
  assert.equal(new Date(found.cookie.expires as Date).getTime(), later.getTime())
  assert.ok(store.cache.getRemainingTTL('a') > 1.5 * HOUR)
  await touch('gone', before)
  assert.equal(await get('gone'), null)
  await touch('a', data(2, new Date(Date.now() - 1)))
  assert.equal(await get('a'), null)
})

test('express-session: a session without an end lives for the ttl, one that is over is not kept, and all can be listed', async () => {
  const store = new ExpressStore({ max: 100, ttl: HOUR })
  const set = promisify(store.set.bind(store)) as (id: string, session: SessionData) => Promise<void>
  await set('a', data(1))
  await set('b', data(2))
  await set('over', data(3, new Date(Date.now() - 1)))
  const left = store.cache.getRemainingTTL('a')
  assert.ok(left > HOUR / 2 && left <= HOUR)
  const all = (await promisify(store.all.bind(store))()) as Record<string, { views: number }>
  assert.deepEqual([all.a.views, all.b.views, Object.keys(all).length], [1, 2, 2])
  assert.equal(await promisify(store.length.bind(store))(), 2)
  await promisify(store.clear.bind(store))()
  assert.equal(await promisify(store.length.bind(store))(), 0)
})

test('what the cache refuses is an error of the call', async () => {
  const store = new ExpressStore({ maxBytes: 1024 * 1024 })
  const set = promisify(store.set.bind(store)) as (id: string, session: unknown) => Promise<void>
  await assert.rejects(set('a', { ...data(1), text: 'x'.repeat(1024 * 1024) }), {
    code: 'ERR_THREADMAP_VALUE_TOO_LARGE',
  })
  assert.throws(() => new ExpressStore({ max: 1, ttl: 0 }), /ttl must be milliseconds above 0/)
})
