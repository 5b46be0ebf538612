import type { LookupFunction } from 'node:net'
import { Client, type Dispatcher } from 'undici'
import type { Destination, Request } from './protocol.js'
import type { FailureKind } from './step.js'
import { TIME_OUT_MS } from './tally.js'

export type Outcome = 'succeeded' | FailureKind

/** One client with one connection, on which it has one request at a time. */
export interface Connection {
  /** Sends the next request. `done` is called once; never before this returns. */
  send(intended: number, now: number, done: (outcome: Outcome) => void): void
  /** Fails the request that is in progress if its time is over, and drops its connection. */
  giveUp(now: number): void
  close(): void
}

/** The lowest HTTP status that counts as a failure. */
export const FIRST_FAILURE_STATUS = 400

/**
 * A client of HTTP/1.1. It uses undici's `dispatch`, because a load generator must take less time than the server
 * that it measures: 15 us of processor time for a request, where node:http with an agent takes 29 us (decision 0004).
 */
export class HttpConnection implements Connection {
  readonly #destination: Destination
  readonly #requests: readonly Request[]
  #next: number
  #client: Client
  /** Ends the request that is in progress; undefined: no request is. */
  #end: ((outcome: Outcome) => void) | undefined
  #deadline = 0

  constructor(destination: Destination, requests: readonly Request[], first: number) {
    this.#destination = destination
    this.#requests = requests
    this.#next = first % requests.length
    this.#client = clientFor(destination)
  }

  send(intended: number, now: number, done: (outcome: Outcome) => void): void {
    const { method, path, body } = this.#requests[this.#next]
    this.#next = (this.#next + 1) % this.#requests.length
    let status = 0
    const end = (outcome: Outcome) => {
      if (this.#end !== end) return
      this.#end = undefined
      done(outcome)
    }
    this.#end = end
    this.#deadline = Math.max(intended + TIME_OUT_MS, now)
    const handler: Dispatcher.DispatchHandlers = {
      onConnect() {},
      onHeaders(code) {
        status = code
        return true
      },
      onData: () => true,
      onComplete: () => end(status < FIRST_FAILURE_STATUS ? 'succeeded' : 'status'),
      onError: error => end(kindOf(error)),
    }
    const headers = body === undefined ? null : { 'content-type': 'application/json' }
    this.#client.dispatch({ method, path, body: body ?? null, headers }, handler)
  }

  giveUp(now: number): void {
    const end = this.#end
    if (end === undefined || now < this.#deadline) return
    const dropped = this.#client
    this.#client = clientFor(this.#destination)
    end('timedOut')
    dropped.destroy().catch(() => {})
  }

  close(): void {
    this.#client.destroy().catch(() => {})
  }
}

function clientFor({ origin, address, family }: Destination): Client {
  const lookup: LookupFunction = (_, options, callback) => {
    if (options.all) callback(null, [{ address, family }])
    else callback(null, address, family)
  }
  return new Client(origin, {
    pipelining: 1,
    // No time-out of undici: ours counts from the intended time, which undici does not know.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
    connect: { timeout: TIME_OUT_MS, lookup },
  })
}

/** The kind of failure that an error of the system or of undici is. */
export function kindOf(error: Error): FailureKind {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timedOut'
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(code) ? 'closed' : 'other'
}
