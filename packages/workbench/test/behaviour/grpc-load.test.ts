import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { grpcFrame, grpcMessages } from '@threadmap/workbench/load/grpc'
import { HttpTarget } from '@threadmap/workbench/load/http-target'
import type { Destination } from '@threadmap/workbench/load/protocol'

const { signal } = new AbortController()
const LOAD = { clients: 4, rate: 200, warmUpMs: 0, ms: 250, seed: 1 }

type Behaviour = (stream: ServerHttp2Stream) => void

/** Answers as a server of gRPC does: headers, one message, the status in trailers. */
const answering =
  (status: string, message: Uint8Array = new Uint8Array(10)): Behaviour =>
  stream => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.end(grpcFrame(message))
  }

async function serverOf(
  t: TestContext,
  behave: Behaviour,
): Promise<{ port: number; sent: Buffer[]; paths: Set<string> }> {
  const server: Http2Server = createServer()
  const sessions = new Set<ServerHttp2Session>()
  const sent: Buffer[] = []
  const paths = new Set<string>()
  server.on('session', session => {
    sessions.add(session)
  })
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => {
    paths.add(String(headers[':path']))
    stream.on('error', () => {})
    stream.on('data', (piece: Buffer) => sent.push(piece))
    stream.on('end', () => behave(stream))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const session of sessions) session.destroy()
  })
  return { port: (server.address() as AddressInfo).port, sent, paths }
}

const callTo = (port: number): Destination => ({
  origin: `http://server.test:${port}`,
  address: '127.0.0.1',
  family: 4,
  grpc: { path: '/test.Pages/Get', message: Buffer.from('asked') },
})

async function stepAt(destinations: readonly Destination[], load = LOAD) {
  const target = await HttpTarget.start({
    name: 'a server of gRPC',
    destinations,
    requests: [{ method: 'GET', path: '/' }],
    generators: 1,
    signal,
  })
  try {
    return await target.step(load)
  } finally {
    await target.stop()
  }
}

test('messages of gRPC are framed, and found again in their frames', () => {
  const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(70_000, 'x')]
  const data = Buffer.concat(messages.map(grpcFrame))
  assert.deepEqual(grpcMessages(data), messages)
  assert.deepEqual(grpcMessages(Buffer.alloc(0)), [])
  assert.equal(grpcMessages(data.subarray(0, data.length - 1)), undefined, 'cut off')
  assert.equal(grpcMessages(data.subarray(0, 3)), undefined, 'cut off in the header')
  assert.equal(grpcMessages(Buffer.from([1, 0, 0, 0, 0])), undefined, 'compressed')
})

test('unary calls succeed: the path and the framed message arrive, and all have latencies', async t => {
  const { port, sent, paths } = await serverOf(t, answering('0'))
  const step = await stepAt([callTo(port)])
  assert.ok(step.requests > 20, String(step.requests))
  assert.equal(step.success, 1, JSON.stringify(step.failures))
  assert.ok(step.latency.p50 > 0)
  assert.deepEqual([...paths], ['/test.Pages/Get'])
  assert.deepEqual(grpcMessages(Buffer.concat(sent))?.length, step.requests)
  assert.ok(sent.every(piece => piece.equals(grpcFrame(Buffer.from('asked')))))
})

const WRONG: readonly (readonly [string, Behaviour, string])[] = [
  ['a status other than OK in the trailers', answering('13'), 'status'],
  [
    'a status other than OK among the headers, without a message',
    stream =>
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }, { endStream: true }),
    'status',
  ],
  ['an error of HTTP by a proxy', stream => stream.respond({ ':status': 503 }, { endStream: true }), 'status'],
  [
    'no status at all',
    stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.end(grpcFrame(new Uint8Array(10)))
    },
    'closed',
  ],
  ['a stream that is reset', stream => stream.close(2), 'closed'],
  ['a connection that is cut', stream => stream.session?.destroy(), 'closed'],
  [
    'an OK without a whole message',
    stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(grpcFrame(new Uint8Array(10)).subarray(0, 8))
    },
    'other',
  ],
]

for (const [what, behave, kind] of WRONG) {
  test(`a call fails by ${what}`, async t => {
    const { port } = await serverOf(t, behave)
    const { requests, failures } = await stepAt([callTo(port)])
    assert.ok(requests > 20)
    assert.deepEqual(failures, { timedOut: 0, refused: 0, closed: 0, status: 0, other: 0, [kind]: requests })
  })
}

test('a call to a port without a server is refused', async () => {
  const server = createHttp().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const { requests, failures } = await stepAt([callTo(port)])
  assert.ok(requests > 20)
  assert.equal(failures.refused, requests, JSON.stringify(failures))
})

test('a server that ends its connections gets new ones', async t => {
  const sessions = new Set<unknown>()
  const { port } = await serverOf(t, stream => {
    sessions.add(stream.session)
    answering('0')(stream)
    // GOAWAY: calls that are open are answered, new ones need another connection.
    stream.session?.close()
  })
  const { requests, success, failures } = await stepAt([callTo(port)], { ...LOAD, rate: 100 })
  assert.ok(sessions.size > LOAD.clients, String(sessions.size))
  // A call that is on its way when the connection ends fails, and is not sent again.
  assert.ok(success > 0.5, `${requests}: ${JSON.stringify(failures)}`)
})

test('of two destinations each gets half of the requests, by its own protocol', async t => {
  let pages = 0
  let calls = 0
  const { port } = await serverOf(t, stream => {
    calls++
    answering('0')(stream)
  })
  const plain = createHttp((_, response) => {
    pages++
    response.end('x')
  }).listen(0, '127.0.0.1')
  await once(plain, 'listening')
  t.after(() => {
    plain.close()
    plain.closeAllConnections()
  })
  const http: Destination = {
    origin: `http://127.0.0.1:${(plain.address() as AddressInfo).port}`,
    address: '127.0.0.1',
    family: 4,
  }
  const step = await stepAt([http, callTo(port)], { ...LOAD, clients: 10, ms: 500 })
  assert.equal(step.success, 1, JSON.stringify(step.failures))
  assert.equal(pages + calls, step.requests)
  assert.ok(calls > step.requests / 4 && pages > step.requests / 4, `${pages} pages, ${calls} calls`)
})
