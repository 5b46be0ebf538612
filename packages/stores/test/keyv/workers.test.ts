// Keyv, and the packages that take a Keyv, in two workers over one cache.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { KeyvSharedCache } from '@threadmap/stores/keyv'
import { Thread } from '../support/threads.js'

const store = new KeyvSharedCache({ max: 10_000 })
let a: Thread
let b: Thread

before(async () => {
  ;[a, b] = await Promise.all([Thread.start('keyv'), Thread.start('keyv')])
  await Promise.all([a, b].map(thread => thread.call('open', store.handle)))
})
beforeEach(() => store.cache.clear())
after(() => Promise.all([a, b].map(thread => thread.worker.terminate())))

test('Keyv: what one worker sets, deletes and clears, the other one sees', async () => {
  const value = { name: 'Ada', tags: ['x'] }
  assert.equal(await a.call('keyvSet', 'user', value), true)
  assert.deepEqual(await b.call('keyvGet', 'user'), value)
  assert.equal(await b.call('keyvDelete', 'user'), true)
  assert.equal(await a.call('keyvGet', 'user'), undefined)
  await a.call('keyvSet', 'one', 1)
  await b.call('keyvSet', 'two', 2)
  assert.deepEqual(await a.call('keyvGet', ['one', 'two', 'three']), [1, 2, undefined])
  await a.call('apolloSet', 'one', 'of another namespace')
  await b.call('keyvClear')
  assert.deepEqual(await a.call('keyvGet', ['one', 'two']), [undefined, undefined])
  assert.deepEqual(await a.call('apolloGet', ['one']), ['of another namespace'])
})

test('Keyv: a value expires for all workers', async () => {
  await a.call('keyvSet', 'short', 'value', 20)
  await a.call('keyvSet', 'long', 'value', 600_000)
  while ((await b.call('keyvGet', 'short')) !== undefined);
  assert.equal(await b.call('keyvGet', 'long'), 'value')
  assert.ok(store.cache.getRemainingTTL('plain:long') > 300_000)
  assert.equal(store.cache.has('plain:short'), false)
})

test('Keyv: a value that is too large is an error, and set says so', async () => {
  const small = new KeyvSharedCache({ maxBytes: 1024 * 1024 })
  await using thread = await Thread.start('keyv')
  await thread.call('open', small.handle)
  await assert.rejects(
    thread.call('keyvSet', 'large', 'x'.repeat(1024 * 1024)),
    /is larger than this SharedCache takes/,
  )
  assert.equal(await thread.call('keyvSet', 'small', 'x'), true)
})

test('cache-manager: wrap computes a value once for both workers, and mset, mget and mdel are shared', async () => {
  const first = await a.call<{ value: unknown; runs: number }>('wrap', 'report')
  assert.deepEqual(first, { value: { made: 1, key: 'report' }, runs: 1 })
  assert.deepEqual(await b.call('wrap', 'report'), { value: first.value, runs: 0 })
  await b.call('managerSet', [
    ['x', 1],
    ['y', { deep: true }],
  ])
  assert.deepEqual(await a.call('managerGet', ['x', 'y', 'z']), [1, { deep: true }, undefined])
  await a.call('managerDelete', ['x', 'report'])
  assert.deepEqual(await b.call('managerGet', ['x', 'y']), [undefined, { deep: true }])
  assert.deepEqual(await b.call('wrap', 'report'), { value: { made: 1, key: 'report' }, runs: 1 })
})

test('cacheable: set, get, getOrSet and delete are shared', async () => {
  await a.call('cacheableSet', 'key', { n: 1 }, '1h')
  assert.deepEqual(await b.call('cacheableGet', 'key'), { n: 1 })
  assert.equal(await b.call('cacheableGetOrSet', 'other', 'from b'), 'from b')
  assert.equal(await a.call('cacheableGetOrSet', 'other', 'from a'), 'from b')
  await b.call('cacheableDelete', 'key')
  assert.equal(await a.call('cacheableGet', 'key'), undefined)
})

test("Apollo's KeyvAdapter: batched reads, times in seconds, deletes are shared", async () => {
  await a.call('apolloSet', 'query', '{"data":1}', 300)
  await a.call('apolloSet', 'forever', '{"data":2}')
  assert.deepEqual(await b.call('apolloGet', ['query', 'forever', 'none']), ['{"data":1}', '{"data":2}', undefined])
  assert.ok(store.cache.getRemainingTTL('apollo:query') > 200_000)
  await b.call('apolloDelete', 'query')
  assert.deepEqual(await a.call('apolloGet', ['query']), [undefined])
})
