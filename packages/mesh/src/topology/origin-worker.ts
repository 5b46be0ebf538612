/** A thread with the server behind the sidecars: two versions, each at a port of its own, for HTTP/1.1 and for gRPC. */
import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { GRPC_CONTENT_TYPE, grpcFrame } from '@threadmap/workbench/load/grpc'
import { serve } from '@threadmap/workbench/threads/serve'
import {
  BODY_BYTES,
  CLOSING_EVERY,
  type Mode,
  pageMessage,
  SLOW_MS,
  TRICKLE_MS,
  TRICKLE_PIECES,
  VERSION_HEADER,
} from './protocol.js'
import { listenForBoth } from './two-protocols.js'

const BODY = Buffer.alloc(BODY_BYTES, 'x')
const MESSAGE = grpcFrame(pageMessage(BODY))

await serve<readonly [number, number], Mode, 'done'>(async ([stable, canary]) => {
  let mode: Mode = 'normal'
  const versions: [string, number][] = [
    ['stable', stable],
    ['canary', canary],
  ]
  for (const [version, port] of versions) {
    await listenForBoth(port, {
      http1: (_, response) => answerPage(response, version, mode),
      http2: stream => answerCall(stream, version, mode),
    })
  }
  return command => {
    mode = command
    return 'done'
  }
})

/** Requests that a closing server has had. */
let closing = 0

function answerPage(response: ServerResponse, version: string, mode: Mode): void {
  const head = { 'content-type': 'text/plain', 'content-length': BODY_BYTES, [VERSION_HEADER]: version }
  const answer = () => response.writeHead(200, head).end(BODY)
  const answerHalf = () => response.writeHead(200, head).write(BODY.subarray(0, BODY_BYTES / 2))
  switch (mode) {
    case 'normal':
      answer()
      break
    case 'slow':
      setTimeout(answer, SLOW_MS)
      break
    case 'trickle':
      response.writeHead(200, head)
      trickle(response, 0)
      break
    case 'closing':
      if (closing++ % CLOSING_EVERY === 0) response.socket?.destroy()
      else answer()
      break
    case 'half-closed':
      answerHalf()
      setImmediate(() => response.socket?.end())
      break
    case 'reset':
      answerHalf()
      setImmediate(() => response.socket?.resetAndDestroy())
  }
}

function trickle(response: ServerResponse, piece: number): void {
  if (response.destroyed) return
  const bytes = BODY_BYTES / TRICKLE_PIECES
  response.write(BODY.subarray(piece * bytes, (piece + 1) * bytes))
  if (piece + 1 === TRICKLE_PIECES) response.end()
  else setTimeout(() => trickle(response, piece + 1), TRICKLE_MS / TRICKLE_PIECES)
}

/** A unary call: the message of the request is read to its end, and not looked at. */
function answerCall(stream: ServerHttp2Stream, version: string, mode: Mode): void {
  // Whoever called may have gone.
  stream.on('error', () => {})
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  const head = { ':status': 200, 'content-type': GRPC_CONTENT_TYPE, [VERSION_HEADER]: version }
  const answer = () => {
    if (stream.destroyed) return
    stream.respond(head, { waitForTrailers: true })
    stream.end(MESSAGE)
  }
  stream.resume()
  stream.on('end', () => {
    if (mode === 'normal') answer()
    else if (mode === 'slow') setTimeout(answer, SLOW_MS)
    else if (!stream.destroyed) {
      stream.respond(head)
      stream.write(MESSAGE.subarray(0, MESSAGE.length / 2))
      setImmediate(() => stream.session?.destroy(undefined, constants.NGHTTP2_INTERNAL_ERROR))
    }
  })
}
