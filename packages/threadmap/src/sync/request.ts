/** One call of `lockAsync`, from its options to its end. */
import { OptionError } from '../errors/classes.js'
import type { Guard } from './guard.js'
import { checkTimeout, DEFAULT_TIMEOUT } from './lock-memory.js'

/** The options of `lockAsync`. */
export interface LockAsyncOptions {
  /** How long the call waits at most, in milliseconds. Default 5000. */
  readonly timeout?: number
  /** Ends the waiting; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface Waiting {
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  /** Whether the caller is told of a death, so that later callers need not be. */
  readonly tells: boolean
}

export function checkAsyncOptions(options: LockAsyncOptions): { timeout: number; signal: AbortSignal | undefined } {
  if (typeof options !== 'object' || options === null)
    throw new OptionError(`lockAsync() takes { timeout, signal }, and got ${String(options)}`)
  for (const name of Object.keys(options)) {
    if (name !== 'timeout' && name !== 'signal')
      throw new OptionError(`lockAsync() has no option ${name}; it takes timeout and signal`)
  }
  const { timeout = DEFAULT_TIMEOUT, signal } = options
  if (signal !== undefined && (typeof signal !== 'object' || typeof signal?.addEventListener !== 'function'))
    throw new OptionError('the option signal must be an AbortSignal')
  return { timeout: checkTimeout(timeout), signal }
}

/** One call of `lockAsync`. It is settled once: by the lock, its time-out, its signal, or the lock's disposal. */
export class Request {
  readonly waiting: Waiting
  readonly promise: Promise<Guard>
  readonly began = performance.now()
  /** Runs after the request has failed: takes it out of its line, or ends its competing. */
  left = () => {}
  #settled = false
  #resolve!: (guard: Guard) => void
  #reject!: (reason: unknown) => void
  readonly #timer: unknown
  readonly #abort: () => void

  constructor(waiting: Waiting, timedOut: () => Error) {
    this.waiting = waiting
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The timer also keeps the event loop alive: a pending Atomics.waitAsync does not.
    this.#timer = setTimeout(() => this.fail(timedOut()), waiting.timeout)
    this.#abort = () => this.fail(waiting.signal?.reason)
    waiting.signal?.addEventListener('abort', this.#abort, { once: true })
  }

  resolve(guard: Guard): void {
    this.#end()
    this.#resolve(guard)
  }

  fail(reason: unknown): void {
    if (this.#settled) return
    this.#end()
    this.#reject(reason)
    this.left()
  }

  #end(): void {
    this.#settled = true
    clearTimeout(this.#timer as number)
    this.waiting.signal?.removeEventListener('abort', this.#abort)
  }
}
