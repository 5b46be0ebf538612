import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2'
import { connect } from 'node:net'
import { type Connection, FIRST_FAILURE_STATUS, kindOf, type Outcome } from './connection.js'
import { GRPC_CONTENT_TYPE, grpcFrame, grpcMessages } from './grpc.js'
import type { Destination, GrpcMethod } from './protocol.js'
import { TIME_OUT_MS } from './tally.js'

/**
 * One client of gRPC with a connection of its own, on which it has one unary call at a time. It is node:http2 itself and no package of gRPC, since those
 * are built upon it and take more time. A call has succeeded if its status is OK (0) and its answer is one whole message.
 */
export class GrpcConnection implements Connection {
  readonly #destination: Destination
  readonly #headers: Readonly<Record<string, string>>
  readonly #message: Buffer
  #session: ClientHttp2Session | undefined
  #end: ((outcome: Outcome) => void) | undefined
  #deadline = 0

  constructor(destination: Destination, { path, message }: GrpcMethod) {
    this.#destination = destination
    this.#headers = { ':method': 'POST', ':path': path, 'content-type': GRPC_CONTENT_TYPE, te: 'trailers' }
    this.#message = grpcFrame(message)
  }

  send(intended: number, now: number, done: (outcome: Outcome) => void): void {
    this.#deadline = Math.max(intended + TIME_OUT_MS, now)
    const end = (outcome: Outcome) => {
      if (this.#end !== end) return
      this.#end = undefined
      done(outcome)
    }
    this.#end = end
    const stream = this.#open().request(this.#headers)
    follow(stream, end)
    stream.end(this.#message)
  }

  giveUp(now: number): void {
    const end = this.#end
    if (end === undefined || now < this.#deadline) return
    this.close()
    end('timedOut')
  }

  close(): void {
    this.#session?.destroy()
    this.#session = undefined
  }

  /** The session, or a new one if a server has ended it. */
  #open(): ClientHttp2Session {
    const session = this.#session
    if (session !== undefined && !session.closed && !session.destroyed) return session
    const { origin, address } = this.#destination
    const port = Number(new URL(origin).port)
    const next = connectHttp2(origin, { createConnection: () => connect({ host: address, port }) })
    // Its calls have the error.
    next.on('error', () => {})
    this.#session = next
    return next
  }
}

/** Calls `end` with what becomes of a call, but not before this returns. */
function follow(stream: ClientHttp2Stream, end: (outcome: Outcome) => void): void {
  let status = 0
  let grpcStatus: unknown
  let failure: Error | undefined
  const pieces: Buffer[] = []
  stream.on('response', headers => {
    status = Number(headers[constants.HTTP2_HEADER_STATUS])
    // A call that fails at once has its status among the headers, and no message.
    grpcStatus = headers['grpc-status']
  })
  stream.on('trailers', trailers => {
    grpcStatus = trailers['grpc-status']
  })
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.on('error', error => {
    failure = error
  })
  stream.on('close', () => {
    const { rstCode } = stream
    if (failure !== undefined) end(causeOf(failure))
    else if (status >= FIRST_FAILURE_STATUS || (grpcStatus !== undefined && grpcStatus !== '0')) end('status')
    else if (grpcStatus === undefined || rstCode !== constants.NGHTTP2_NO_ERROR) end('closed')
    else end(grpcMessages(Buffer.concat(pieces))?.length === 1 ? 'succeeded' : 'other')
  })
}

function causeOf(error: Error): Outcome {
  // A call that waits for its connection is cancelled, and the reason is the cause.
  const { cause } = error
  if (cause instanceof Error) return kindOf(cause)
  const code = 'code' in error ? String(error.code) : ''
  return code.startsWith('ERR_HTTP2_') ? 'closed' : kindOf(error)
}
