// Keyv 6 over the adapter, in this thread and in a worker: stores.test.mjs runs it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { KeyvSharedCache } from '@threadmap/stores/keyv'
import Keyv, { detectKeyvStorage, KeyvBridgeAdapter } from 'keyv-6'

if (isMainThread) {
  const store = new KeyvSharedCache({ max: 1000 })
  const users = new Keyv({ store, namespace: 'users' })
  users.on('error', error => {
    throw error
  })
  assert.equal(users.store, store)
  assert.ok(!(users.store instanceof KeyvBridgeAdapter))
  assert.equal(store.capabilities.expires, true)
  assert.deepEqual(detectKeyvStorage(store).store, store.capabilities.store)

  assert.equal(await users.set('ada', { n: 1 }), true)
  assert.equal(await users.set('short', 'x', 600_000), true)
  // The time crosses as a date, and is kept by the cache as well as by Keyv.
  const left = store.cache.getRemainingTTL('users:short')
  assert.ok(left > 500_000 && left <= 600_000, String(left))
  assert.equal(store.cache.getRemainingTTL('users:ada'), Number.POSITIVE_INFINITY)
  assert.equal(await store.set('past', 'x', Date.now() - 1), true)
  assert.equal(await store.get('past'), undefined)

  const worker = new Worker(new URL(import.meta.url), { workerData: store.handle })
  const [found] = await once(worker, 'message')
  assert.deepEqual(found, { ada: { n: 1 }, many: [true, true], none: undefined })
  assert.deepEqual(await users.getMany(['x', 'y', 'z']), [1, 2, undefined])
  assert.deepEqual(await users.deleteMany(['x', 'z']), [true, false])
  const entries = []
  for await (const entry of users.iterator()) entries.push(entry)
  assert.deepEqual(entries.sort(), [
    ['ada', { n: 1 }],
    ['short', 'x'],
    ['y', 2],
  ])
  const others = new Keyv({ store: new KeyvSharedCache(store.cache), namespace: 'others' })
  assert.equal(await others.get('own'), 'of the worker')
  await users.clear()
  assert.equal(await users.has('ada'), false)
  assert.equal(await others.has('own'), true)
  console.log('ok')
} else {
  const users = new Keyv({ store: new KeyvSharedCache(workerData), namespace: 'users' })
  const others = new Keyv({ store: new KeyvSharedCache(workerData), namespace: 'others' })
  await others.set('own', 'of the worker')
  const many = await users.setMany([
    { key: 'x', value: 1 },
    { key: 'y', value: 2, ttl: 600_000 },
  ])
  parentPort.postMessage({ ada: await users.get('ada'), many, none: await users.get('none') })
}
