/** A thread that takes what proxies tell about themselves, and counts it: spans by OTLP over HTTP and over gRPC, and metrics by statsd. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { GRPC_CONTENT_TYPE, grpcFrame, grpcMessages } from '@threadmap/workbench/load/grpc'
import { total } from '@threadmap/workbench/statistics'
import { serve } from '@threadmap/workbench/threads/serve'
import { LOOPBACK } from '../processes/ports.js'
import { listenForBoth } from '../topology/two-protocols.js'
import { COUNTED_PATH, type Received, type SinkCommand } from './protocol.js'
import { spansOf } from './spans.js'

await serve<number, SinkCommand, Received>(async port => {
  const traces = new Map<string, { spans: number; isCounted: boolean }>()
  const none = { exports: 0, metrics: 0, unreadable: 0 }
  let counts = { ...none }
  /** @returns whether the export could be read */
  const take = (message: Buffer | undefined): boolean => {
    try {
      if (message === undefined) throw new RangeError('no whole message')
      const spans = spansOf(message, COUNTED_PATH)
      counts.exports++
      for (const { trace, namesPath } of spans) {
        const known = traces.get(trace) ?? { spans: 0, isCounted: false }
        traces.set(trace, { spans: known.spans + 1, isCounted: known.isCounted || namesPath })
      }
      return true
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      counts.unreadable++
      return false
    }
  }
  await listenForBoth(port, {
    http1(request, response) {
      wholeOf(request, body => {
        const isPacked = request.headers['content-encoding'] === 'gzip'
        response
          .writeHead(take(isPacked ? unpacked(body) : body) ? 200 : 400, { 'content-type': 'application/x-protobuf' })
          .end()
      })
    },
    http2(stream) {
      stream.on('error', () => {})
      let status = '0'
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
      wholeOf(stream, body => {
        // 3 is INVALID_ARGUMENT.
        status = take(grpcMessages(body)?.[0]) ? '0' : '3'
        if (stream.destroyed) return
        stream.respond({ ':status': 200, 'content-type': GRPC_CONTENT_TYPE }, { waitForTrailers: true })
        stream.end(grpcFrame(new Uint8Array(0)))
      })
    },
  })
  const datagrams = createSocket('udp4', message => {
    counts.metrics += message.toString('latin1').trim().split('\n').length
  })
  datagrams.bind({ address: LOOPBACK, port })
  await once(datagrams, 'listening')
  return command => {
    const counted = [...traces.values()].filter(({ isCounted }) => isCounted)
    const received = { ...counts, traces: counted.length, spans: total(counted.map(({ spans }) => spans)) }
    if (command === 'empty') {
      counts = { ...none }
      traces.clear()
    }
    return received
  }
})

/** Undefined if it was not packed. */
function unpacked(body: Buffer): Buffer | undefined {
  try {
    return gunzipSync(body)
  } catch {
    return undefined
  }
}

/** Calls `done` with all data of a stream; not if it breaks off. */
function wholeOf(stream: Readable, done: (data: Buffer) => void): void {
  const pieces: Buffer[] = []
  stream.on('data', piece => pieces.push(piece))
  stream.on('end', () => done(Buffer.concat(pieces)))
}
