import type { ThreadTime } from '../threads/time.js'
import type { Counts } from './tally.js'

/** The address for the requests. Its name was resolved once, so that connections go to the address that was allowed. */
export interface Destination {
  /** `http://host:port` */
  readonly origin: string
  readonly address: string
  readonly family: 4 | 6
  /** Clients of this address call this method, over HTTP/2 without TLS, in place of the requests. */
  readonly grpc?: GrpcMethod
}

/** A unary method of gRPC. */
export interface GrpcMethod {
  /** `/package.Service/Method` */
  readonly path: string
  /** The message that is sent, as protocol buffers encode it. */
  readonly message: Uint8Array
}

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

export interface GeneratorSetup {
  /** The addresses; clients connect to them in turns. */
  readonly destinations: readonly Destination[]
  /** The requests, sent one after another, again and again. */
  readonly requests: readonly Request[]
}

export interface StepCommand {
  readonly clients: number
  /** Arrivals per second of this thread; null: a closed loop. */
  readonly rate: number | null
  /** Milliseconds of load before the counted part. */
  readonly warmUpMs: number
  readonly ms: number
  readonly seed: number
}

export interface StepReply {
  readonly counts: Counts
  readonly time: ThreadTime
}
