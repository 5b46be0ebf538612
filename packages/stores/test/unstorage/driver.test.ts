// What unstorage asks of its own drivers, and two workers over one cache.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { sharedCacheDriver } from '@threadmap/stores/unstorage'
import { createStorage, type Driver, prefixStorage, restoreSnapshot, snapshot } from 'unstorage'
import { Thread } from '../support/threads.js'

const driver = sharedCacheDriver({ max: 10_000 })
// Checked by the compiler: the driver is one of unstorage's.
driver satisfies Driver
const storage = createStorage({ driver })

beforeEach(() => storage.clear())

test('an empty storage has no items and no keys', async () => {
  assert.equal(await storage.hasItem('a:b'), false)
  assert.equal(await storage.getItem('a:b'), null)
  assert.deepEqual(await storage.getKeys(), [])
  await storage.clear()
  assert.deepEqual(await storage.getKeys(), [])
})

test('items are found by their normalized keys', async () => {
  await storage.setItem('users/ada', 'text')
  await storage.setItem('users:bob?page=1', 'other')
  assert.equal(await storage.getItem('users:ada'), 'text')
  assert.equal(await storage.getItem('/users/bob?page=2'), 'other')
  assert.equal(await storage.hasItem('users:bob'), true)
  await storage.removeItem('users:ada')
  assert.equal(await storage.hasItem('users:ada'), false)
  assert.equal(await storage.getItem('users:ada'), null)
})

test('keys are listed by base and by depth', async () => {
  for (const key of ['top', 'a:one', 'a:two', 'a:b:deep', 'ab:other']) await storage.setItem(key, 'x')
  const keys = async (base?: string, maxDepth?: number) =>
    (await storage.getKeys(base, maxDepth === undefined ? {} : { maxDepth })).sort()
  assert.deepEqual(await keys(), ['a:b:deep', 'a:one', 'a:two', 'ab:other', 'top'])
  assert.deepEqual(await keys('a'), ['a:b:deep', 'a:one', 'a:two'])
  assert.deepEqual(await keys(undefined, 0), ['top'])
  assert.deepEqual(await keys(undefined, 1), ['a:one', 'a:two', 'ab:other', 'top'])
  assert.deepEqual(await keys(undefined, 2), ['a:b:deep', 'a:one', 'a:two', 'ab:other', 'top'])
  // A storage clears whole mounts only, and passes a base to drivers that are mounted above it.
  driver.clear('a:')
  assert.deepEqual(await keys(), ['ab:other', 'top'])
})

test('objects, primitives and what has toJSON come back, and what has no JSON is refused', async () => {
  class Point {
    toJSON() {
      return { x: 1 }
    }
  }
  const values: [string, unknown, unknown][] = [
    ['object', { deep: [1, { a: null }] }, { deep: [1, { a: null }] }],
    ['true', true, true],
    ['false', false, false],
    ['zero', 0, 0],
    ['json', new Point(), { x: 1 }],
  ]
  for (const [key, value, expected] of values) {
    await storage.setItem(key, value as never)
    assert.deepEqual(await storage.getItem(key), expected, key)
  }
  class Opaque {}
  await assert.rejects(storage.setItem('opaque', new Opaque() as never), /Cannot stringify value/)
})

test('raw values are copied as they are', async () => {
  const value = new Uint8Array([0, 1, 255, 128])
  await storage.setItemRaw('raw', value)
  const found = (await storage.getItemRaw('raw')) as Uint8Array
  assert.deepEqual([...found], [...value])
  await storage.setItemRaw('object', { map: new Map([['a', 1n]]) })
  assert.deepEqual(await storage.getItemRaw('object'), { map: new Map([['a', 1n]]) })
  await storage.setItemRaw('text', 'plain')
  assert.equal(await storage.getItemRaw('text'), 'plain')
  assert.equal(await storage.getItemRaw('nothing'), null)
})

test('many items are set and read at once', async () => {
  await storage.setItems([
    { key: 't:1', value: 'one' },
    { key: 't:2', value: 'two' },
  ])
  assert.deepEqual(await storage.getItems(['t:1', { key: 't:2?x' }, 'none']), [
    { key: 't:1', value: 'one' },
    { key: 't:2', value: 'two' },
    { key: 'none', value: null },
  ])
})

test('snapshots are taken and restored', async () => {
  await restoreSnapshot(storage, { 'a:1': 'x', 'a:2': { n: 2 } })
  const taken = await snapshot(storage, 'a')
  assert.deepEqual(taken, { 1: 'x', 2: { n: 2 } })
})

test('times are in seconds, for the driver and for one item, and getMeta tells what is left', async () => {
  const short = createStorage({ driver: sharedCacheDriver({ max: 100, ttl: 0.02 }) })
  await short.setItem('default', 'x')
  await short.setItem('own', 'x', { ttl: 600 })
  while (await short.hasItem('default'));
  assert.equal(await short.getItem('default'), null)
  assert.equal(await short.getItem('own'), 'x')
  const { ttl } = await short.getMeta('own')
  assert.ok(ttl !== undefined && ttl > 300 && ttl <= 600, String(ttl))
  await storage.setItem('forever', 'x')
  assert.equal((await storage.getMeta('forever')).ttl, undefined)
})

test('storages of several mounts and prefixes keep apart', async () => {
  const mounted = createStorage()
  mounted.mount('shared', sharedCacheDriver(driver.getInstance()))
  await prefixStorage(mounted, 'shared:users').setItem('ada', 'x')
  await mounted.setItem('local', 'y')
  assert.deepEqual(await storage.getKeys(), ['users:ada'])
  await mounted.dispose()
  assert.equal(await storage.getItem('users:ada'), 'x')
})

test('two workers see the same items', async () => {
  await using a = await Thread.start('unstorage')
  await using b = await Thread.start('unstorage')
  for (const thread of [a, b]) await thread.call('open', driver.handle)
  await a.call('setItem', 'user:ada', { n: 1 })
  assert.deepEqual(await b.call('getItem', 'user:ada'), { n: 1 })
  assert.deepEqual(await storage.getItem('user:ada'), { n: 1 })
  await b.call('removeItem', 'user:ada')
  assert.equal(await a.call('getItem', 'user:ada'), null)
})

test('options are checked', () => {
  assert.throws(() => sharedCacheDriver({}), /needs a bound/)
  assert.throws(() => sharedCacheDriver(undefined as never), /sharedCacheDriver\(\) takes the options/)
})
