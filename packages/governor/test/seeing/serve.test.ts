import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { metricsListener, type ServeOptions, type StatusServer, serve, statusListener } from '@threadmap/governor/serve'
import { prometheus } from '#governor/seeing/prometheus.js'
import { isAllowedHost } from '#governor/seeing/server/hosts.js'
import { ask } from '../support/http.js'
import { HOSTILE, Shown, trouble } from '../support/seen.js'

async function served(t: TestContext, options: ServeOptions = {}, shown = new Shown()): Promise<StatusServer> {
  const server = await serve(shown, { port: 0, ...options })
  t.after(() => server.close())
  return server
}

test('it listens on loopback, and gives page, metrics and snapshot', async t => {
  const shown = new Shown()
  const { url, port } = await served(t, {}, shown)
  assert.equal(url, `http://127.0.0.1:${port}/`)
  const page = await ask(port, '/')
  assert.equal(page.status, 200)
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  assert.match(page.body, /^<!doctype html>/)
  const metrics = await ask(port, '/metrics')
  assert.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(metrics.body, prometheus(shown))
  const snapshot = await ask(port, '/snapshot.json')
  assert.equal(snapshot.headers['content-type'], 'application/json; charset=utf-8')
  assert.deepEqual(JSON.parse(snapshot.body), JSON.parse(JSON.stringify(shown.current)))
  const view = await ask(port, '/view?anything')
  assert.match(view.body, /^<p class="verdict">4 of 64 shards need attention/)
  const head = await ask(port, '/metrics', { method: 'HEAD' })
  assert.equal(head.body, '')
  assert.equal(head.headers['content-length'], String(Buffer.byteLength(metrics.body)))
})

test('no answer may be used by pages of others, or load anything', async t => {
  const { port } = await served(t)
  for (const path of ['/', '/metrics', '/snapshot.json', '/view', '/nothing']) {
    const { headers } = await ask(port, path, { headers: { origin: 'http://evil.example' } })
    assert.equal(headers['access-control-allow-origin'], undefined)
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cache-control'], 'no-store')
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/)
    assert.match(policy, /frame-ancestors 'none'/)
  }
})

test('a name that a page of the web could have rebound is refused', async t => {
  const { port } = await served(t, { hosts: ['app.internal'] })
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'app.internal.evil',
  ]) {
    for (const path of ['/', '/snapshot.json', '/metrics']) {
      const { status, body } = await ask(port, path, { host })
      assert.equal(status, 421, host)
      assert.ok(!body.includes('shard'))
    }
  }
  for (const host of [
    'localhost',
    `localhost:${port}`,
    'LOCALHOST.',
    'me.localhost',
    '127.0.0.1',
    `[::1]:${port}`,
    'App.Internal:80',
    '192.0.2.1',
  ]) {
    assert.equal((await ask(port, '/metrics', { host })).status, 200, host)
  }
  assert.equal(isAllowedHost(undefined, []), false)
  assert.equal(isAllowedHost('[::1', []), false)
  assert.equal(isAllowedHost('a:b', ['a']), false)
})

test('other paths and methods are refused with what there is', async t => {
  const { port } = await served(t)
  for (const path of ['/nothing', '/metrics/', '/__proto__', '/constructor', '//evil.example/', '/..%2f']) {
    const { status, body } = await ask(port, path)
    assert.equal(status, 404, path)
    assert.match(body, /metrics/)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers } = await ask(port, '/', { method })
    assert.equal(status, 405, method)
    assert.equal(headers.allow, 'GET, HEAD')
  }
})

test('keys of users are text: escaped in the page, whole in the snapshot', async t => {
  const { port } = await served(t)
  for (const path of ['/', '/view']) {
    const { body } = await ask(port, path)
    assert.ok(!body.includes('<img src=x'), path)
    assert.ok(!body.includes('<script>hacked'), path)
    assert.ok(body.includes('&lt;/script&gt;&lt;script&gt;hacked=1'), path)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u202e]/.test(body), `${path} has control characters`)
    assert.ok(body.includes('\\u{1b}[2J\\u{202e}'), path)
  }
  assert.equal(JSON.parse((await ask(port, '/snapshot.json')).body).topKeys[1].key, HOSTILE)
})

test('a long key is cut in the page', async t => {
  const { topKeys } = new Shown().current
  const long = { ...topKeys[0], key: '鍵'.repeat(5000) }
  const { port } = await served(t, {}, new Shown(trouble({ topKeys: [long] })))
  const { body } = await ask(port, '/view')
  assert.ok(body.includes(`${'鍵'.repeat(160)}… (5000 characters)`))
  assert.ok(!body.includes('鍵'.repeat(161)))
})

test('a governor that gives no figures any more costs the request, not the program', async t => {
  class Disposed extends Shown {
    override snapshot(): never {
      throw new Error('the governor was disposed of')
    }
  }
  const { port } = await served(t, {}, new Disposed())
  for (const path of ['/', '/metrics', '/snapshot.json', '/view']) {
    const { status, body } = await ask(port, path)
    assert.equal(status, 503)
    assert.match(body, /disposed of/)
  }
})

test('bad options and a port in use are refused with the reason; close() ends it all', async t => {
  const shown = new Shown()
  await assert.rejects(serve(shown, { port: 70_000 }), /from 0 to 65535, and got 70000/)
  await assert.rejects(serve(shown, { prot: 1 } as ServeOptions), /has the options .* and got prot/)
  const first = await serve(shown, { port: 0 })
  t.after(() => first.close())
  await assert.rejects(serve(shown, { port: first.port }), {
    code: 'EADDRINUSE',
    message: /is in use; give serve\(\) another/,
  })
  await first.close()
  await assert.rejects(ask(first.port, '/'), { code: 'ECONNREFUSED' })
  const second = await serve(shown, { port: first.port })
  assert.equal(second.port, first.port)
  await second[Symbol.asyncDispose]()
})

test('the listeners work in a server of the program: all paths, or the metrics alone', async t => {
  const shown = new Shown()
  const [all, metrics] = [statusListener(shown), metricsListener(shown, { perShard: false })]
  const server = createServer((request, response) =>
    (request.url === '/internal/metrics' ? metrics : all)(request, response),
  )
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const own = await ask(port, '/internal/metrics', { host: 'any.example' })
  assert.equal(own.status, 200)
  assert.equal(own.body, prometheus(shown, { perShard: false }))
  assert.equal((await ask(port, '/internal/metrics', { method: 'POST' })).status, 405)
  assert.equal((await ask(port, '/snapshot.json')).status, 200)
})
