import type { ThreadTime } from '../threads/time.js'
import type { Counts } from './tally.js'

/** Where the requests go. The name was looked up once, so that what was allowed is what is connected to. */
export interface Destination {
  /** `http://host:port` */
  readonly origin: string
  readonly address: string
  readonly family: 4 | 6
}

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

export interface GeneratorSetup {
  /** Clients take turns in which of these they connect to. */
  readonly destinations: readonly Destination[]
  /** Sent one after another, again and again. */
  readonly requests: readonly Request[]
}

export interface StepCommand {
  readonly clients: number
  /** Arrivals per second of this thread; null: a closed loop. */
  readonly rate: number | null
  /** Load that comes before the counted part. */
  readonly warmUpMs: number
  readonly ms: number
  readonly seed: number
}

export interface StepReply {
  readonly counts: Counts
  readonly time: ThreadTime
}
