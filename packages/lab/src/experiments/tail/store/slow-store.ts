import { random } from '@threadmap/workbench/workload'
import {
  ACQUIRE_MS,
  AT_ONCE,
  CONNECTIONS,
  FAILING,
  FAILING_SLOW,
  type FaultName,
  HOT_SHARD,
  SERVICE_MS,
  SHARDS,
  SLOW,
  STATEMENT_MS,
} from '../plan.js'

/** `failed`: the shard's own failure. `busy`: no connection was free in time. */
export type StoreOutcome = 'done' | 'failed' | 'busy'

interface Waiting {
  /** Since when it waits: for a connection, then in its shard. */
  since: number
  readonly shard: number
  /** The number of a write; undefined for a read. */
  readonly write: number | undefined
  readonly done: (outcome: StoreOutcome) => void
}

/** How often the store looks for requests that have waited too long for a connection, in ms. */
const SWEEP_MS = 50

/**
 * A store of 64 shards behind one pool of connections. Its work is to wait for timers, so it takes next to no processor time. A
 * request first waits for a connection and then, with its connection, in its shard: a shard that is too slow for its requests ends up
 * with all connections, and then everyone waits.
 */
export class SlowStore {
  /** The numbers of the writes that took effect, in their order. */
  readonly log: number[] = []
  readonly #pool: Waiting[] = []
  #first = 0
  #connections = CONNECTIONS
  readonly #active = new Uint8Array(SHARDS)
  readonly #queues: Waiting[][] = Array.from({ length: SHARDS }, () => [])
  readonly #next: () => number
  readonly #sweep: NodeJS.Timeout
  /** The fault that is planted now, if it is one of the store. */
  fault: FaultName | undefined

  constructor(seed: number) {
    this.#next = random(seed)
    this.#sweep = setInterval(() => this.#giveUp(), SWEEP_MS)
  }

  /** `done` is called once. A write takes effect before it is called with `done`, or never. */
  request(shard: number, write: number | undefined, done: (outcome: StoreOutcome) => void): void {
    this.#pool.push({ since: performance.now(), shard, write, done })
    this.#connect()
  }

  /** Gives free connections to those who wait for one, in order. */
  #connect(): void {
    while (this.#connections > 0 && this.#first < this.#pool.length) {
      const waiting = this.#pool[this.#first++]
      this.#connections--
      if (this.#active[waiting.shard] < AT_ONCE) this.#serve(waiting)
      else this.#queue(waiting)
    }
    if (this.#first > 1000 && this.#first * 2 > this.#pool.length) {
      this.#pool.splice(0, this.#first)
      this.#first = 0
    }
  }

  #queue(waiting: Waiting): void {
    waiting.since = performance.now()
    this.#queues[waiting.shard].push(waiting)
  }

  #serve({ shard, write, done }: Waiting): void {
    this.#active[shard]++
    // Both numbers are drawn for each operation, so that a fault does not change the times of the operations after it.
    const ms = SERVICE_MS * (0.5 + this.#next())
    const unlucky = this.#next() < FAILING
    const isPlanted = shard === HOT_SHARD
    const fails = isPlanted && this.fault === 'failing shard' && unlucky
    const slower = fails ? FAILING_SLOW : isPlanted && this.fault === 'slow shard' ? SLOW : 1
    setTimeout(() => {
      this.#active[shard]--
      if (write !== undefined && !fails) this.log.push(write)
      done(fails ? 'failed' : 'done')
      this.#connections++
      const next = this.#queues[shard].shift()
      if (next !== undefined) this.#serve(next)
      this.#connect()
    }, ms * slower)
  }

  /** Fails the requests that have waited too long for a connection, or in their shard. */
  #giveUp(): void {
    const now = performance.now()
    while (this.#first < this.#pool.length && now - this.#pool[this.#first].since >= ACQUIRE_MS) {
      this.#pool[this.#first++].done('busy')
    }
    for (const queue of this.#queues) {
      while (queue.length > 0 && now - queue[0].since >= STATEMENT_MS) {
        queue.shift()?.done('failed')
        this.#connections++
      }
    }
    this.#connect()
  }

  close(): void {
    clearInterval(this.#sweep)
  }
}
