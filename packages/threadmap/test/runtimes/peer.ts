import type { Job } from './jobs.js'
import { isNode } from './library.js'
import type { Reply } from './worker.js'

/** A worker that does jobs one after the other; this side of it. */
export class Peer {
  readonly #post: (message: unknown) => void
  readonly #kill: () => unknown
  readonly #open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  readonly #ready: Promise<unknown>
  #last = 0

  private constructor(
    post: (message: unknown) => void,
    kill: () => unknown,
    listen: (onReply: (reply: Reply) => void, onError: (message: string) => void) => void,
  ) {
    this.#post = post
    this.#kill = kill
    this.#ready = new Promise((resolve, reject) => this.#open.set(0, { resolve, reject }))
    listen(
      reply => {
        const call = this.#open.get(reply.id)
        this.#open.delete(reply.id)
        if (reply.error === undefined) call?.resolve(reply.result)
        else call?.reject(new Error(`in the worker: ${reply.error}`))
      },
      message => {
        for (const { reject } of this.#open.values()) reject(new Error(`the worker failed: ${message}`))
        this.#open.clear()
      },
    )
  }

  /** Resolves when the worker has loaded the library. */
  static async start(): Promise<Peer> {
    const url = new URL('./worker.js', import.meta.url)
    const peer = isNode ? await Peer.#ofNode(url) : Peer.#ofWeb(url)
    await peer.#ready
    return peer
  }

  static #ofWeb(url: URL): Peer {
    const worker = new Worker(url, { type: 'module' })
    return new Peer(
      message => worker.postMessage(message),
      () => worker.terminate(),
      (onReply, onError) => {
        worker.onmessage = event => onReply(event.data as Reply)
        worker.onerror = event => onError(event.message)
      },
    )
  }

  static async #ofNode(url: URL): Promise<Peer> {
    const { Worker } = await import('node:worker_threads')
    const worker = new Worker(url)
    return new Peer(
      message => worker.postMessage(message),
      () => worker.terminate(),
      (onReply, onError) => {
        worker.on('message', onReply).on('error', error => onError(String(error)))
      },
    )
  }

  call(job: Job): Promise<unknown> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject })
      this.#post({ id, ...job })
    })
  }

  terminate(): void {
    void this.#kill()
  }
}
