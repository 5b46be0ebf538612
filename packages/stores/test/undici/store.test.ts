// What undici asks of its own cache stores, and what is particular to this one.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type CacheKey, type CacheValue, SharedCacheStore } from '@threadmap/stores/undici'
import { cacheStores, type interceptors } from 'undici'

type UndiciStore = NonNullable<NonNullable<Parameters<typeof interceptors.cache>[0]>['store']>
type MemoryOptions = NonNullable<ConstructorParameters<typeof cacheStores.MemoryCacheStore>[0]>

// Checked by the compiler: the store is one of undici's, and takes the options of its memory store.
new SharedCacheStore() satisfies UndiciStore
;({}) as Omit<MemoryOptions, 'errorCallback'> satisfies ConstructorParameters<typeof SharedCacheStore>[0]

const KEY: CacheKey = { origin: 'http://localhost', path: '/', method: 'GET', headers: {} }

function response(changes: Partial<CacheValue> = {}): CacheValue {
  const now = Date.now()
  const times = { cachedAt: now, staleAt: now + 10_000, deleteAt: now + 20_000 }
  return {
    statusCode: 200,
    statusMessage: 'OK',
    headers: { foo: 'bar' },
    cacheControlDirectives: {},
    ...times,
    ...changes,
  }
}

async function write(store: UndiciStore, key: CacheKey, value: CacheValue, ...body: string[]): Promise<void> {
  const stream = store.createWriteStream(key, value)!
  for (const chunk of body) stream.write(chunk)
  stream.end()
  await once(stream, 'close')
}

async function found(store: UndiciStore, key: CacheKey) {
  const result = await store.get(key)
  if (result === undefined) return undefined
  const { body, ...rest } = result
  const set = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as typeof rest
  return { ...set, body: Buffer.concat((body ?? []) as Buffer[]).toString() }
}

// undici's own store shows that the test asks what undici does.
for (const [name, make] of [
  ['SharedCacheStore', () => new SharedCacheStore()],
  ['MemoryCacheStore of undici', () => new cacheStores.MemoryCacheStore() as UndiciStore],
] as const) {
  test(`${name}: a response is found for its origin, path and method, and no other`, async () => {
    const store = make()
    assert.equal(await found(store, KEY), undefined)
    const value = response({ etag: '"x"', cacheControlDirectives: { 'max-age': 10, public: true } })
    await write(store, KEY, value, 'asd', '123')
    assert.deepEqual(await found(store, structuredClone(KEY)), { ...value, body: 'asd123' })
    for (const other of [{ path: '/other' }, { method: 'HEAD' }, { origin: 'http://other' }]) {
      assert.equal(await found(store, { ...KEY, ...other }), undefined)
    }
  })

  test(`${name}: a response without a body, and one of bytes that are no text`, async () => {
    const store = make()
    await write(store, KEY, response({ statusCode: 204 }))
    assert.equal((await found(store, KEY))!.body, '')
    const bytes = Buffer.from([0, 128, 255, 10])
    const stream = store.createWriteStream({ ...KEY, path: '/bytes' }, response())!
    stream.end(bytes)
    await once(stream, 'close')
    const { body } = (await store.get({ ...KEY, path: '/bytes' }))!
    assert.deepEqual(Buffer.concat(body as Buffer[]), bytes)
  })

  test(`${name}: a stale response is found until deleteAt, and a newer one takes its place`, async t => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const store = make()
    const now = Date.now()
    await write(store, KEY, response({ staleAt: now + 1000, deleteAt: now + 5000 }), 'old')
    t.mock.timers.tick(1500)
    assert.equal((await found(store, KEY))!.body, 'old')
    const value = response({ headers: { foo: 'baz' }, staleAt: now + 9000, deleteAt: now + 9000 })
    await write(store, KEY, value, 'new')
    assert.equal((await found(store, KEY))!.body, 'new')
    assert.deepEqual((await found(store, KEY))!.headers, { foo: 'baz' })
    t.mock.timers.tick(6000)
    assert.equal((await found(store, KEY))!.body, 'new')
    t.mock.timers.tick(2000)
    assert.equal(await found(store, KEY), undefined)
  })

  test(`${name}: Vary decides which response a request gets`, async () => {
    const store = make()
    const of = (language: string | string[] | undefined): CacheKey => ({
      ...KEY,
      headers: language === undefined ? {} : { 'accept-language': language },
    })
    const varying = (language: string | string[] | null) => response({ vary: { 'accept-language': language } })
    await write(store, of('de'), varying('de'), 'Hallo')
    assert.equal((await found(store, of('de')))!.body, 'Hallo')
    assert.equal(await found(store, of('en')), undefined)
    await write(store, of('en'), varying('en'), 'Hello')
    await write(store, of(['en', 'de']), varying(['en', 'de']), 'both')
    await write(store, of(undefined), varying(null), 'none')
    for (const [language, body] of [
      ['de', 'Hallo'],
      ['en', 'Hello'],
      [['en', 'de'], 'both'],
      [undefined, 'none'],
    ] as const) {
      assert.equal((await found(store, of(language as string)))!.body, body)
    }
    await write(store, of('en'), varying('en'), 'Hello again')
    assert.equal((await found(store, of('en')))!.body, 'Hello again')
    assert.equal((await found(store, of('de')))!.body, 'Hallo')
    // A response may vary by other headers than those before it.
    const both = { ...KEY, headers: { 'accept-language': 'fr', accept: 'text/html' } }
    await write(store, both, response({ vary: { 'accept-language': 'fr', accept: 'text/html' } }), 'Bonjour')
    assert.equal((await found(store, both))!.body, 'Bonjour')
    assert.equal(await found(store, { ...both, headers: { ...both.headers, accept: 'text/plain' } }), undefined)
    assert.equal((await found(store, of('de')))!.body, 'Hallo')
    assert.deepEqual((await found(store, of('de')))!.vary, { 'accept-language': 'de' })
    await store.delete(of('de'))
    for (const key of [of('de'), of('en'), both]) assert.equal(await found(store, key), undefined)
  })

  test(`${name}: delete removes the responses of all methods`, async () => {
    const store = make()
    await write(store, KEY, response(), 'x')
    await write(store, { ...KEY, method: 'HEAD' }, response())
    await store.delete({ ...KEY, method: 'POST' })
    assert.equal(await found(store, KEY), undefined)
    assert.equal(await found(store, { ...KEY, method: 'HEAD' }), undefined)
  })

  test(`${name}: keys and responses of the wrong type are refused`, () => {
    const store = make()
    assert.throws(() => store.get({ ...KEY, path: undefined as never }), /expected key.path to be string/)
    assert.throws(() => store.get('x' as never), /expected key to be object/)
    assert.throws(() => store.createWriteStream(KEY, response({ staleAt: 'x' as never })), /expected value.staleAt/)
  })
}

test('a body beyond maxEntrySize, and one that the cache refuses, are not stored', async () => {
  const store = new SharedCacheStore({ maxEntrySize: 1000 })
  await write(store, KEY, response(), 'x'.repeat(600), 'x'.repeat(600))
  assert.equal(await found(store, KEY), undefined)
  await write(store, KEY, response(), 'x'.repeat(600))
  assert.equal((await found(store, KEY))!.body.length, 600)
  const small = new SharedCacheStore({ maxSize: 1024 * 1024 })
  await write(small, KEY, response(), 'x'.repeat(1024 * 1024))
  assert.equal(await found(small, KEY), undefined)
})

test('a stream that is destroyed stores nothing', async () => {
  const store = new SharedCacheStore()
  const stream = store.createWriteStream(KEY, response())
  stream.write('half of it')
  stream.destroy()
  await once(stream, 'close')
  assert.equal(store.get(KEY), undefined)
})

test('maxCount bounds the responses', async () => {
  const store = new SharedCacheStore({ maxCount: 100 })
  for (let i = 0; i < 1000; i++) await write(store, { ...KEY, path: `/${i}` }, response(), 'x')
  assert.ok(store.cache.size <= 100 && store.cache.size > 10, String(store.cache.size))
})

test('a response whose time is over before it is stored removes the one before', async () => {
  const store = new SharedCacheStore()
  await write(store, KEY, response(), 'old')
  await write(store, KEY, response({ deleteAt: Date.now() - 1 }), 'new')
  assert.equal(await found(store, KEY), undefined)
  assert.equal(store.cache.size, 0)
})

test('options are checked', () => {
  assert.throws(() => new SharedCacheStore({ maxEntrySize: 1.5 }), /maxEntrySize must be a whole number/)
  assert.throws(() => new SharedCacheStore({ maxCount: 0 }), /max/)
  assert.throws(() => new SharedCacheStore({ maxBytes: 1 } as never), /takes maxCount and maxSize, and got maxBytes/)
})
