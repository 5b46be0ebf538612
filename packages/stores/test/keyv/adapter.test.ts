// The adapter in one thread: what Keyv's own suite (tools/peers) does not ask.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyvSharedCache } from '@threadmap/stores/keyv'
import { Keyv, type KeyvStoreAdapter } from 'keyv'
import { string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'

// Checked by the compiler: the adapter is one of Keyv 5's.
new KeyvSharedCache({ max: 1 }) satisfies KeyvStoreAdapter

test('values that Keyv does not serialize come back as they were', async () => {
  const keyv = new Keyv({ store: new KeyvSharedCache({ max: 100 }) })
  keyv.serialize = undefined
  keyv.deserialize = undefined
  const value = { date: new Date(0), map: new Map([[1, new Set(['x'])]]), bytes: Buffer.from([0, 255]), big: 5n }
  await keyv.set('value', value)
  assert.deepEqual(await keyv.get('value'), value)
})

test('text that looks like the marks of other values comes back as it was', async () => {
  const store = new KeyvSharedCache({ max: 100 })
  for (const text of ['', '\u0001', '\u0002x', '\u0001{}', 'ä\u0001', '\u{1F600}']) {
    await store.set('text', text)
    assert.equal(await store.get('text'), text)
  }
})

test('an adapter takes a cache that the program has, and shares its entries', async () => {
  const cache = new SharedCache({ key: string, value: string, max: 10 })
  const keyv = new Keyv({ store: new KeyvSharedCache(cache), namespace: 'a' })
  await keyv.set('key', 1)
  assert.deepEqual([...cache.keys()], ['a:key'])
  await keyv.disconnect()
  assert.equal(await keyv.get('key'), 1)
})

test('options are checked', () => {
  assert.throws(() => new KeyvSharedCache({}), /needs a bound/)
  assert.throws(() => new KeyvSharedCache({ max: 1, size: 1 } as never), /size/)
  assert.throws(() => new KeyvSharedCache(undefined as never), /new KeyvSharedCache\(\) takes the options/)
})

test('deleteMany says whether all keys were there, as Keyv 5 wants it', async () => {
  const store = new KeyvSharedCache({ max: 10 })
  await store.setMany([
    { key: 'a', value: '1' },
    { key: 'b', value: '2', ttl: 60_000 },
  ])
  assert.deepEqual(await store.hasMany(['a', 'b', 'c']), [true, true, false])
  assert.equal(await store.deleteMany(['a', 'c']), false)
  assert.equal(await store.deleteMany(['b']), true)
})
