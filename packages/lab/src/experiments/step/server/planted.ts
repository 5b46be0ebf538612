import { Agent, type ClientRequest, get } from 'node:http'
import { performance } from 'node:perf_hooks'
import { Histogram } from 'threadmap/histogram'
import { type LockHandle, Mutex } from 'threadmap/sync'

const asleep = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

/** Blocks this thread's event loop, as a synchronous read or query does. The thread sleeps, so the block takes no core from others. */
export function block(ms: number): void {
  Atomics.wait(asleep, 0, 0, ms)
}

/** A lock per shard, which all workers share. Each request holds one of them for a while. */
export class PlantedLocks {
  readonly #locks: readonly Mutex[]
  readonly #ms: number
  heldMs: number[] = []
  waitedMs: number[] = []
  latencies: Histogram[] = []

  constructor(handles: readonly LockHandle<'Mutex'>[], ms: number) {
    this.#locks = handles.map(handle => Mutex.attach(handle))
    this.#ms = ms
    this.reset()
  }

  within<T>(id: number, work: () => T): T {
    const shard = id % this.#locks.length
    const lock = this.#locks[shard]
    const wanted = performance.now()
    lock.lock()
    const got = performance.now()
    this.waitedMs[shard] += got - wanted
    try {
      block(this.#ms)
      return work()
    } finally {
      lock.unlock()
      const now = performance.now()
      this.heldMs[shard] += now - got
      this.latencies[shard].record((now - wanted) * 1e6)
    }
  }

  reset(): void {
    this.heldMs = this.#locks.map(() => 0)
    this.waitedMs = this.#locks.map(() => 0)
    this.latencies = this.#locks.map(() => new Histogram())
  }
}

/** A pool of connections to the server behind. Each request needs one connection for a while. */
export class PlantedPool {
  readonly size: number
  readonly #agent: Agent
  readonly #port: number
  #inUseMs = 0
  #waitingMs = 0

  constructor(size: number, port: number) {
    this.size = size
    this.#port = port
    this.#agent = new Agent({ keepAlive: true, maxSockets: size })
  }

  /** Sends a request to the server behind as soon as a connection is free. */
  ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      const wanted = performance.now()
      let got = wanted
      const request: ClientRequest = get({ agent: this.#agent, host: '127.0.0.1', port: this.#port }, response => {
        response.resume()
        response.on('end', () => {
          this.#waitingMs += got - wanted
          this.#inUseMs += performance.now() - got
          resolve()
        })
      })
      request.on('socket', () => {
        got = performance.now()
      })
      request.on('error', reject)
    })
  }

  reset(): void {
    this.#inUseMs = 0
    this.#waitingMs = 0
  }

  times(): { readonly inUseMs: number; readonly waitingMs: number } {
    return { inUseMs: this.#inUseMs, waitingMs: this.#waitingMs }
  }
}
