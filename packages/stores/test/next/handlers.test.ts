// Next.js's handlers without Next.js: what they store, find and revalidate. tools/next serves a real program with them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { beforeEach, test } from 'node:test'
import { isMainThread, Worker } from 'node:worker_threads'
import { SharedCacheHandler, shareNextCache, useCacheHandler } from '@threadmap/stores/next'
import handler from '@threadmap/stores/next/cache-handler'
import handlers from '@threadmap/stores/next/cache-handlers'

assert.ok(isMainThread)
const entries = shareNextCache({ maxBytes: 4 * 1024 * 1024 })
beforeEach(() => entries.clear())

const page = (html: string, tags = '') => ({
  kind: 'APP_PAGE',
  html,
  rscData: Buffer.from(html),
  headers: { 'x-next-cache-tags': tags },
  postponed: undefined,
  status: 200,
  segmentData: new Map([['/_tree', Buffer.from('tree')]]),
})
const PAGE = { kind: 'APP_PAGE', isFallback: false }
const make = (revalidatedTags: string[] = []) => new SharedCacheHandler({ revalidatedTags })

test('the modules for next.config have the handlers as their defaults', () => {
  assert.equal(handler, SharedCacheHandler)
  assert.equal(handlers, useCacheHandler)
})

test('a page comes back with its buffers, its map and its lifetime', async () => {
  const value = page('<p>')
  await make().set('/page', value, { cacheControl: { revalidate: 60, expire: 3600 } })
  const found = await make().get('/page', PAGE)
  assert.deepEqual(found.value, value)
  assert.deepEqual(found.cacheControl, { revalidate: 60, expire: 3600 })
  assert.ok(Math.abs(found.lastModified - Date.now()) < 60_000)
  assert.equal(await make().get('/other', PAGE), null)
  await make().set('/none', null, {})
  assert.equal((await make().get('/none', PAGE)).value, null)
})

test('a page with an expired tag is not served, one with a stale tag once more', async () => {
  await make().set('/a', page('a', 'x,_N_T_/a'), { cacheControl: { revalidate: 3600, expire: 7200 } })
  await make().set('/b', page('b', 'y'), { cacheControl: { revalidate: false, expire: undefined } })
  await make().revalidateTag('x')
  assert.equal(await make().get('/a', PAGE), null)
  await make().revalidateTag(['y', 'z'], { expire: 3600 })
  const stale = await make().get('/b', PAGE)
  assert.equal(stale.value.html, 'b')
  // Next.js makes a page anew whose time is over.
  assert.ok(stale.lastModified + stale.cacheControl.revalidate * 1000 < Date.now())
  await make().set('/a', page('new', 'x'), {})
  assert.equal((await make().get('/a', PAGE)).value.html, 'new')
  assert.equal(await make(['x']).get('/a', PAGE), null)
  await make().revalidateTag('y', { expire: 0 })
  assert.equal(await make().get('/b', PAGE), null)
})

test('a fetch is found by its key, and revalidated by its own tags, those asked for and soft ones', async () => {
  const value = { kind: 'FETCH', data: { headers: {}, body: 'x', url: 'http://x' }, revalidate: 60 }
  const set = () => make().set('hash', value, { fetchCache: true, tags: ['own'] })
  const get = (tags: string[] = [], softTags: string[] = []) => make().get('hash', { kind: 'FETCH', tags, softTags })
  for (const [tag, tags, softTags] of [
    ['own', [], []],
    ['asked', ['asked'], []],
    ['soft', [], ['soft']],
  ] as [string, string[], string[]][]) {
    await set()
    assert.equal((await get(tags, softTags)).value.data.body, 'x')
    await make().revalidateTag(tag)
    assert.equal(await get(tags, softTags), null, tag)
  }
  await set()
  await make().revalidateTag('own', { expire: 60 })
  assert.equal((await get()).lastModified, 0)
  assert.equal(await make().get('hash', PAGE), null)
})

function entry(text: string, changes = {}) {
  const value = new Blob([text]).stream() as ReadableStream<Uint8Array>
  const timestamp = performance.timeOrigin + performance.now()
  return { value, tags: ['t'], stale: 0, timestamp, expire: 3600, revalidate: 60, ...changes }
}
async function text(key: string): Promise<string | undefined> {
  const found = await useCacheHandler.get(key, [])
  return found && new Response(found.value as BodyInit).text()
}

test('use cache: an entry can be read many times, and a read waits for one that is being made', async () => {
  let finish!: (value: ReturnType<typeof entry>) => void
  const stored = useCacheHandler.set(
    'key',
    new Promise(resolve => {
      finish = resolve
    }),
  )
  const early = text('key')
  finish(entry('made'))
  await stored
  assert.equal(await early, 'made')
  assert.equal(await text('key'), 'made')
  assert.equal(await text('none'), undefined)
  const { stale, expire, revalidate, tags } = (await useCacheHandler.get('key', []))!
  assert.deepEqual({ stale, expire, revalidate, tags }, { stale: 0, expire: 3600, revalidate: 60, tags: ['t'] })
})

test('use cache: entries that failed, broke off, or may not be kept are not stored', async () => {
  await useCacheHandler.set('failed', Promise.reject(new Error('failed')))
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error('broken'))
    },
  })
  await useCacheHandler.set('broken', Promise.resolve(entry('', { value: broken })))
  await useCacheHandler.set('dynamic', Promise.resolve(entry('x', { expire: 0 })))
  await useCacheHandler.set('large', Promise.resolve(entry('x'.repeat(1024 * 1024))))
  for (const key of ['failed', 'broken', 'dynamic', 'large']) assert.equal(await text(key), undefined, key)
})

test('use cache: tags expire entries, make them stale, and tell when they were revalidated', async () => {
  await useCacheHandler.set('key', Promise.resolve(entry('x', { tags: ['u'] })))
  assert.equal(await useCacheHandler.getExpiration(['u', 'never']), 0)
  await useCacheHandler.updateTags(['u'], { expire: 3600 })
  assert.equal((await useCacheHandler.get('key', []))!.revalidate, -1)
  await useCacheHandler.updateTags(['u'])
  assert.equal(await useCacheHandler.get('key', []), undefined)
  assert.ok((await useCacheHandler.getExpiration(['u'])) > Date.now() - 60_000)
  await useCacheHandler.set('key', Promise.resolve(entry('new', { tags: ['u'] })))
  assert.equal(await text('key'), 'new')
})

test('a worker that is started later has the memory without being told', async () => {
  await make().set('/page', page('shared'), {})
  const code = `
    import(${JSON.stringify(import.meta.resolve('@threadmap/stores/next'))}).then(async ({ SharedCacheHandler }) => {
      const { value } = await new SharedCacheHandler({}).get('/page', { kind: 'APP_PAGE' })
      await new SharedCacheHandler({}).revalidateTag('of the worker')
      require('node:worker_threads').parentPort.postMessage(value.html)
    })`
  const worker = new Worker(code, { eval: true })
  assert.deepEqual(await once(worker, 'message'), ['shared'])
  await worker.terminate()
  assert.ok((await useCacheHandler.getExpiration(['of the worker'])) > 0)
})
