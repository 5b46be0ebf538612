import { MessageChannel, Worker } from 'node:worker_threads'
import type { JobInput } from './jobs.js'
import { Peer, type Reference } from './peer.js'

/** A job failed in its thread with this error. */
export class JobError extends Error {
  readonly kind: string
  readonly code: string | undefined
  constructor(failure: { name: string; message: string; stack: string; code?: string }) {
    super(`${failure.message}\n(in the other thread) ${failure.stack}`)
    this.kind = failure.name
    this.code = failure.code
  }
}

interface Pending {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** Another thread that tests drive: operation by operation (`peer`) or a whole job at a time (`run`). */
export class Helper {
  readonly peer: Peer
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #jobs = 0

  constructor() {
    const { port1, port2 } = new MessageChannel()
    const bells = new Int32Array(new SharedArrayBuffer(8))
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { port: port2, bells },
      transferList: [port2],
    })
    this.peer = new Peer(port1, bells, 0)
    this.#worker.on('message', ({ id, result, failure }) => {
      const pending = this.#pending.get(id)
      this.#pending.delete(id)
      if (this.#pending.size === 0) this.#worker.unref()
      if (failure === undefined) pending?.resolve(result)
      else pending?.reject(new JobError(failure))
    })
    this.#worker.on('error', error => {
      for (const { reject } of this.#pending.values()) reject(error)
    })
    // Idle helpers must not keep the process alive: there is no one moment at which all tests of a file are over.
    this.#worker.unref()
    port1.unref()
  }

  /** Runs a job of `jobs.ts` there; resolves with what it returns. */
  run(name: string, input: JobInput): Promise<unknown> {
    const id = this.#jobs++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#worker.ref()
      this.peer.start(id, name, input)
    })
  }

  /** Attaches a map over there; returns its number for `peer`. */
  attach(kind: string, pair: string, handle: unknown): number {
    return this.peer.call(1, 'attach', [kind, pair, handle]) as number
  }

  forget(): void {
    this.peer.call(1, 'forget', [])
    this.peer.forget()
  }
}

export type { Reference }

const helpers: Helper[] = []

/** The first `count` helpers of this process: started once, used by all its tests. */
export function helperThreads(count: number): readonly Helper[] {
  while (helpers.length < count) helpers.push(new Helper())
  return helpers.slice(0, count)
}
