import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { grpcFrame } from '@threadmap/workbench/load/grpc'
import { nextFreePorts } from '#mesh/processes/ports.js'
import { COUNTED_PATH } from '#mesh/sink/protocol.js'
import { Sink } from '#mesh/sink/sink.js'
import { spansOf } from '#mesh/sink/spans.js'
import { exported, field, span, TRACES } from '../support/otlp.js'

const { signal } = new AbortController()
const PATIENCE_MS = 30_000
let nextPort = 19_700

async function started(t: TestContext): Promise<Sink> {
  const [port] = await nextFreePorts(nextPort, 1)
  nextPort = port + 1
  const sink = await Sink.start(port, signal)
  t.after(() => sink.stop())
  return sink
}

/** @returns the status */
async function post(port: number, body: Buffer, headers: Record<string, string> = {}): Promise<number | undefined> {
  const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/traces', agent: false, headers })
  sent.end(body)
  const [answer] = await once(sent, 'response')
  answer.resume()
  return answer.statusCode
}

test('the spans of an export are found with their traces, whatever else they have', () => {
  const [one, other] = TRACES
  const tracesOf = (data: Buffer) => spansOf(data, COUNTED_PATH).map(({ trace }) => trace)
  assert.deepEqual(tracesOf(exported(span(one), span(other), span(one))), [one, other, one])
  assert.deepEqual(tracesOf(Buffer.concat([exported(span(one)), exported(span(other))])), [one, other])
  assert.deepEqual(tracesOf(exported(span(one, 'x'.repeat(100_000)))), [one])
  assert.deepEqual(tracesOf(Buffer.alloc(0)), [])
  // An export of metrics has other messages in the same places, and no spans.
  assert.deepEqual(tracesOf(field(3, Buffer.from('else'))), [])
  const named = spansOf(exported(span(one, `GET ${COUNTED_PATH}`), span(one, 'GET /')), COUNTED_PATH)
  assert.deepEqual(
    named.map(({ namesPath }) => namesPath),
    [true, false],
  )
})

test('bytes that are no export are refused', () => {
  const whole = exported(span(TRACES[0]))
  for (const bytes of [whole.subarray(0, whole.length - 1), Buffer.from('no export'), Buffer.alloc(20, 0xff)]) {
    assert.throws(() => spansOf(bytes, COUNTED_PATH), RangeError, bytes.toString('hex'))
  }
})

const counted = (trace: string) => span(trace, `GET ${COUNTED_PATH}`)

test('a sink counts spans and traces that come by HTTP, plain and packed', async t => {
  const sink = await started(t)
  const [one, other] = TRACES
  assert.equal(await post(sink.port, exported(counted(one), counted(other))), 200)
  assert.equal(await post(sink.port, gzipSync(exported(counted(one))), { 'content-encoding': 'gzip' }), 200)
  assert.deepEqual(await sink.received(), { spans: 3, traces: 2, exports: 2, metrics: 0, unreadable: 0 })
  assert.equal(await post(sink.port, Buffer.from('no export')), 400)
  assert.equal(await post(sink.port, Buffer.from('not packed'), { 'content-encoding': 'gzip' }), 400)
  assert.equal((await sink.received()).unreadable, 2)
  await sink.empty()
  assert.deepEqual(await sink.received(), { spans: 0, traces: 0, exports: 0, metrics: 0, unreadable: 0 })
})

test('a trace counts with all its spans if one of them names the path, and not at all otherwise', async t => {
  const sink = await started(t)
  const [one, other] = TRACES
  await post(sink.port, exported(span(one, 'router'), span(other, 'GET /')))
  assert.deepEqual(await sink.received(), { spans: 0, traces: 0, exports: 1, metrics: 0, unreadable: 0 })
  await post(sink.port, exported(counted(one), span(one, 'upstream')))
  assert.deepEqual(await sink.received(), { spans: 3, traces: 1, exports: 2, metrics: 0, unreadable: 0 })
})

test('a sink counts what comes by gRPC, and tells the status', async t => {
  const sink = await started(t)
  const session = connect(`http://127.0.0.1:${sink.port}`)
  t.after(() => session.destroy())
  const call = async (data: Buffer) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.end(data)
    stream.resume()
    const [trailers] = await once(stream, 'trailers')
    return trailers['grpc-status']
  }
  assert.equal(await call(grpcFrame(exported(counted(TRACES[0]), counted(TRACES[1])))), '0')
  assert.equal(await call(grpcFrame(Buffer.from('no export'))), '3')
  assert.equal(await call(Buffer.from([0, 0, 0, 0, 9])), '3')
  assert.deepEqual(await sink.received(), { spans: 2, traces: 2, exports: 1, metrics: 0, unreadable: 2 })
})

test('a sink counts the lines of statsd, and waits until there is enough', async t => {
  const sink = await started(t)
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  const waiting = sink.until(({ metrics }) => metrics >= 3, PATIENCE_MS)
  socket.send('proxy.inbound:1|c\nproxy.bytes:20|g\n', sink.port, '127.0.0.1')
  socket.send('proxy.outbound:1|c', sink.port, '127.0.0.1')
  assert.equal((await waiting).metrics, 3)
  assert.equal((await sink.until(() => false, 60)).metrics, 3, 'it gives up after its patience')
})
