/** Workers whose functions the tests call: the exports of a module in `programs/`. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export class Thread implements AsyncDisposable {
  readonly worker: Worker
  #calls = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  #next = 0

  private constructor(worker: Worker) {
    this.worker = worker
    worker.on('message', ({ id, result, error }) => {
      const call = this.#calls.get(id)
      this.#calls.delete(id)
      if (error !== undefined) call?.reject(error)
      else call?.resolve(result)
    })
    worker.on('error', error => this.#fail(error))
    worker.on('exit', code => this.#fail(new Error(`the worker ended with code ${code}`)))
  }

  /** Starts a worker with the program `programs/NAME.ts`. */
  static async start(name: string): Promise<Thread> {
    const program = new URL(`../programs/${name}.js`, import.meta.url).href
    const worker = new Worker(new URL('../programs/thread.js', import.meta.url), { workerData: { program } })
    await once(worker, 'message')
    return new Thread(worker)
  }

  /** Calls an export of the program with these arguments, and returns what it returns. */
  call<T = unknown>(name: string, ...args: unknown[]): Promise<T> {
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.worker.postMessage({ id, name, args })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate()
  }

  #fail(error: Error): void {
    for (const { reject } of this.#calls.values()) reject(error)
    this.#calls.clear()
  }
}
