/** A steady stream of requests through a sidecar, each of which is remembered: what a change or a fault does to single requests. */
import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { LOOPBACK } from '../processes/ports.js'
import { VERSION_HEADER } from '../topology/protocol.js'

export interface Answer {
  /** The intended time of the request, in ms of `performance.now()`. */
  readonly at: number
  /** From the intended time to the end of the answer, or to the failure. */
  readonly ms: number
  /** Status below 400 and the whole body. */
  readonly isGood: boolean
  /** The status, or the system's code of the failure. */
  readonly outcome: number | string
  /** The version of the server that answered. */
  readonly version: string | undefined
}

export interface StreamOptions {
  readonly port: number
  /** Requests per second. */
  readonly rate: number
  /** `open`: a few connections that stay; `new`: one for each request. */
  readonly connections: 'open' | 'new'
  readonly signal: AbortSignal
}

/** A request without an answer for this long has failed, in ms. */
export const GIVE_UP_MS = 2000
const OPEN_CONNECTIONS = 16

export class Stream {
  readonly #options: StreamOptions
  readonly #agent: Agent
  readonly #answers: Answer[] = []
  readonly #timer: NodeJS.Timeout
  #pending = 0
  #due = performance.now()

  constructor(options: StreamOptions) {
    this.#options = options
    this.#agent = new Agent({ keepAlive: options.connections === 'open', maxSockets: OPEN_CONNECTIONS })
    this.#timer = setInterval(() => this.#pump(), 1)
  }

  /** The answers so far, in the order in which they came. */
  get answers(): readonly Answer[] {
    return this.#answers
  }

  #pump(): void {
    const now = performance.now()
    for (; this.#due <= now; this.#due += 1000 / this.#options.rate) this.#send(this.#due)
  }

  #send(at: number): void {
    this.#pending++
    let isOver = false
    const end = (outcome: number | string, isGood: boolean, version?: string | string[]) => {
      if (isOver) return
      isOver = true
      this.#pending--
      this.#answers.push({ at, ms: performance.now() - at, isGood, outcome, version: version?.toString() })
    }
    const sent = request({ host: LOOPBACK, port: this.#options.port, path: '/', agent: this.#agent }, answer => {
      const status = answer.statusCode ?? 0
      answer.on('error', error => end(codeOf(error), false))
      answer.on('end', () => end(status, status < 400 && answer.complete, answer.headers[VERSION_HEADER]))
      answer.resume()
    })
    sent.setTimeout(GIVE_UP_MS, () => sent.destroy(Object.assign(new Error('no answer'), { code: 'timed out' })))
    sent.on('error', error => end(codeOf(error), false))
    sent.on('close', () => end('closed', false))
    sent.end()
  }

  /** Waits until `isSo` holds of the answers, or for `patienceMs`. @returns whether it holds */
  async until(isSo: (answers: readonly Answer[]) => boolean, patienceMs: number): Promise<boolean> {
    const until = performance.now() + patienceMs
    while (!isSo(this.#answers)) {
      this.#options.signal.throwIfAborted()
      if (performance.now() > until) return false
      await delay(5)
    }
    return true
  }

  /** Lets it flow for a while. */
  async flow(ms: number): Promise<void> {
    await this.until(() => false, ms)
  }

  /** Ends it, and waits for the answers that are missing. @returns all answers, by their intended times */
  async stop(): Promise<readonly Answer[]> {
    clearInterval(this.#timer)
    const until = performance.now() + GIVE_UP_MS + 500
    while (this.#pending > 0 && performance.now() < until) await delay(5)
    this.#agent.destroy()
    return this.#answers.sort((a, b) => a.at - b.at)
  }
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}
