import type { Traffic } from '../traffic.js'

export interface LoadSetup {
  /** For each server the ports of its workers. */
  readonly servers: readonly (readonly number[])[]
}

export interface LoadCommand {
  readonly traffic: Traffic
  /** When the run begins, in ms since the epoch. */
  readonly begin: number
}

/** What came of a request. `busy`: the store had no free connection in time. `timedOut`: no answer in time, or the connection broke. */
export const Came = { answered: 0, refused: 1, failed: 2, busy: 3, timedOut: 4 } as const

/** What a server's clients saw, request by request in the order of the traffic. */
export interface Answers {
  /** Ms from the intended send time to the end of the answer, or to when the client gave up. */
  readonly latency: Float32Array
  /** A number of `Came`. */
  readonly came: Uint8Array
  /** The age of the value that was answered, in ms; 0 for one that the store read for this request. */
  readonly age: Float32Array
}

export interface LoadReply {
  readonly answers: readonly Answers[]
  /** How late each request left, in ms: the load generator's own part of its latency. */
  readonly lateness: Float32Array
  /** An unexpected failure of a server, in words. */
  readonly problem: string | undefined
}
