import type { MessagePort } from 'node:worker_threads'
import type { StoreAnswer, StoreRequest } from './protocol.js'

const BUSY = 'ERR_STORE_BUSY'
const FAILED = 'ERR_STORE_FAILED'

/** The store's own failure: its shard failed, or no connection was free in time. */
class StoreError extends Error {
  readonly code: string
  constructor(busy: boolean) {
    super(busy ? 'no connection was free in time' : 'the shard failed')
    this.name = 'StoreError'
    this.code = busy ? BUSY : FAILED
  }
}

/**
 * Which of the store's own failures an error is; undefined for another error. By its code: a read that was joined to one of another thread gets a copy
 * of the error, which has no class.
 */
export function failureOf(error: unknown): 'busy' | 'failed' | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === BUSY ? 'busy' : code === FAILED ? 'failed' : undefined
}

/** A worker's way to the store that it shares with the other workers of its server. */
export class StoreClient {
  readonly #port: MessagePort
  readonly #pending = new Map<number, { resolve: (at: number) => void; reject: (error: StoreError) => void }>()
  #id = 0

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', ([id, outcome, at]: StoreAnswer) => {
      const pending = this.#pending.get(id)
      this.#pending.delete(id)
      if (outcome === 'done') pending?.resolve(at)
      else pending?.reject(new StoreError(outcome === 'busy'))
    })
  }

  /** The value of a key is the time at which the store read it, by which its age is known wherever it comes from. */
  load(shard: number): Promise<number> {
    return this.#ask(shard, undefined)
  }

  /** Resolves when the write has taken effect. */
  save(shard: number, write: number): Promise<number> {
    return this.#ask(shard, write)
  }

  #ask(shard: number, write: number | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      const request: StoreRequest = [++this.#id, shard, write]
      this.#pending.set(this.#id, { resolve, reject })
      this.#port.postMessage(request)
    })
  }
}
