/**
 * Workers with HTTP servers behind one port. Node 20 cannot let threads listen on one port, and whether newer versions can is not what these tests are about: this
 * thread relays the bytes of each connection to the workers in turn, those that are gone left out.
 */
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { Worker } from 'node:worker_threads'

export class OnePort implements AsyncDisposable {
  readonly workers: Worker[]
  readonly port: number
  readonly #close: () => void

  private constructor(workers: Worker[], port: number, close: () => void) {
    this.workers = workers
    this.port = port
    this.#close = close
  }

  /** Starts `count` workers with `programs/NAME.ts`, which post the port at which they listen. */
  static async start(name: string, count: number, workerData: unknown): Promise<OnePort> {
    const workers = Array.from(
      { length: count },
      () => new Worker(new URL(`../programs/${name}.js`, import.meta.url), { workerData }),
    )
    const ports = new Map<Worker, number>()
    await Promise.all(
      workers.map(async worker => {
        const [port] = await once(worker, 'message')
        ports.set(worker, port as number)
      }),
    )
    for (const worker of workers) worker.on('exit', () => ports.delete(worker))
    let turn = 0
    const relay = createServer(socket => {
      const living = [...ports.values()]
      const upstream = connect(living[turn++ % living.length], '127.0.0.1')
      socket.pipe(upstream).pipe(socket)
      for (const side of [socket, upstream]) {
        side.on('error', () => {
          socket.destroy()
          upstream.destroy()
        })
      }
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    return new OnePort(workers, (relay.address() as AddressInfo).port, () => relay.close())
  }

  /** The status of one request; 0 if its connection broke. */
  ask(path: string, agent: Agent): Promise<number> {
    return new Promise(resolve => {
      request({ host: '127.0.0.1', port: this.port, path, agent }, response => {
        response.resume().on('close', () => resolve(response.complete ? (response.statusCode ?? 0) : 0))
      })
        .on('error', () => resolve(0))
        .end()
    })
  }

  /** Sends `count` requests over connections of their own, `together` at a time, and returns how many had each status. `each` hears of each answer. */
  async hammer(
    path: string,
    count: number,
    together: number,
    each: (answered: number) => void = () => {},
  ): Promise<Map<number, number>> {
    const agent = new Agent({ keepAlive: false })
    const statuses = new Map<number, number>()
    let left = count
    let answered = 0
    const client = async () => {
      while (left > 0) {
        left--
        const status = await this.ask(path, agent)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        each(++answered)
      }
    }
    await Promise.all(Array.from({ length: together }, client))
    return statuses
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
    await Promise.all(this.workers.map(worker => worker.terminate()))
  }
}
