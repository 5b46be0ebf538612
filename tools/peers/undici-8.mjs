// undici 8 fetches over the shared store, in this thread and in a worker: stores.test.mjs runs it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { SharedCacheStore } from '@threadmap/stores/undici'
import { Agent, interceptors, request } from 'undici-8'

const store = new SharedCacheStore(workerData?.handle)
const dispatcher = new Agent().compose(interceptors.cache({ store }))
const get = async (url, headers = {}) => {
  const answer = await request(url, { dispatcher, headers })
  return { body: await answer.body.text(), cached: answer.headers.age !== undefined }
}

if (isMainThread) {
  const asked = []
  const server = createServer((request, answer) => {
    asked.push(request.url)
    answer.setHeader('cache-control', 'public, max-age=600')
    if (request.url === '/page') answer.setHeader('vary', 'accept-language')
    answer.end(`${request.url} ${request.headers['accept-language'] ?? ''}`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${server.address().port}`
  assert.deepEqual(await get(`${base}/data`), { body: '/data ', cached: false })
  assert.deepEqual(await get(`${base}/page`, { 'accept-language': 'de' }), { body: '/page de', cached: false })
  const worker = new Worker(new URL(import.meta.url), { workerData: { handle: store.handle, base } })
  const [found] = await once(worker, 'message')
  assert.deepEqual(found, [
    { body: '/data ', cached: true },
    { body: '/page de', cached: true },
    { body: '/page en', cached: false },
  ])
  assert.deepEqual(await get(`${base}/page`, { 'accept-language': 'en' }), { body: '/page en', cached: true })
  assert.deepEqual(asked, ['/data', '/page', '/page'])
  server.closeAllConnections()
  server.close()
  await dispatcher.close()
  console.log('ok')
} else {
  const { base } = workerData
  parentPort.postMessage([
    await get(`${base}/data`),
    await get(`${base}/page`, { 'accept-language': 'de' }),
    await get(`${base}/page`, { 'accept-language': 'en' }),
  ])
  await dispatcher.close()
}
