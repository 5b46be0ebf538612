// Cached responses of a real server on loopback, in two workers.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { SharedCacheStore } from '@threadmap/stores/undici'
import { Thread } from '../support/threads.js'

const store = new SharedCacheStore()
let asked: string[] = []
const server = createServer((request, answer) => {
  const { pathname } = new URL(request.url!, 'http://localhost')
  const language = request.headers['accept-language'] ?? ''
  asked.push(`${request.method} ${pathname} ${language}`.trim())
  const cacheControl = pathname === '/never' ? 'no-store' : 'public, max-age=600'
  answer.setHeader('cache-control', cacheControl)
  if (pathname === '/page') answer.setHeader('vary', 'accept-language')
  if (pathname === '/checked') {
    answer.setHeader('cache-control', 'public, max-age=600, no-cache')
    answer.setHeader('etag', '"one"')
    if (request.headers['if-none-match'] === '"one"') {
      answer.statusCode = 304
      answer.end()
      return
    }
  }
  answer.end(`${pathname} ${language} ${asked.length}`)
})
let base: string
let a: Thread
let b: Thread

interface Answer {
  status: number
  age?: string
  body: string
}
const get = (thread: Thread, path: string, headers = {}, method = 'GET') =>
  thread.call<Answer>('get', base + path, headers, method)

before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  ;[a, b] = await Promise.all([Thread.start('undici'), Thread.start('undici')])
  for (const thread of [a, b]) await thread.call('open', store.handle)
})
beforeEach(() => {
  asked = []
  store.cache.clear()
})
after(async () => {
  await Promise.all([a, b].map(thread => thread.worker.terminate()))
  server.closeAllConnections()
  server.close()
})

test('what one worker has fetched, the other one has', async () => {
  const first = await get(a, '/data')
  assert.deepEqual(first, { status: 200, age: undefined, body: '/data  1' })
  const second = await get(b, '/data')
  assert.equal(second.body, first.body)
  assert.notEqual(second.age, undefined)
  assert.deepEqual(asked, ['GET /data'])
  await get(a, '/never')
  await get(b, '/never')
  assert.deepEqual(asked.slice(1), ['GET /never', 'GET /never'])
})

test('variants are shared', async () => {
  await get(a, '/page', { 'accept-language': 'de' })
  await get(b, '/page', { 'accept-language': 'en' })
  assert.match((await get(b, '/page', { 'accept-language': 'de' })).body, /^\/page de/)
  assert.match((await get(a, '/page', { 'accept-language': 'en' })).body, /^\/page en/)
  assert.deepEqual(asked, ['GET /page de', 'GET /page en'])
})

test('one worker asks the server whether the response of the other one is still valid', async () => {
  const first = await get(a, '/checked')
  assert.equal((await get(b, '/checked')).body, first.body)
  assert.equal(asked.length, 2)
})

test('an unsafe request of one worker removes what the other one has', async () => {
  await get(a, '/data')
  await get(b, '/data', {}, 'POST')
  await get(a, '/data')
  assert.deepEqual(asked, ['GET /data', 'POST /data', 'GET /data'])
})
