import type { Server } from '@threadmap/workbench/load/http-target'
import type { Destination } from '@threadmap/workbench/load/protocol'
import { createMap } from '@threadmap/workbench/subjects/maps'
import { Team } from '@threadmap/workbench/threads/team'
import { type ConcurrentMap, type MapKind, string } from 'threadmap'
import { Histogram } from 'threadmap/histogram'
import { Mutex } from 'threadmap/sync'
import { MapLockWatch } from '../map-locks.js'
import type { LockTimes, Resources } from '../series.js'
import { CAPACITY, type Entry, entry, stock } from './orders.js'
import type { Planted, ServerCommand, ServerFigures, ServerReply, ServerSetup } from './protocol.js'

export interface OrderServerOptions {
  readonly kind: MapKind
  readonly workers: number
  readonly planted?: Planted | undefined
  readonly signal: AbortSignal
}

/** The resources that the server reports. */
export type OrderFigures = Pick<Resources, 'workers' | 'locks' | 'pool' | 'mapLocks'>

/**
 * The lab's own server: an order API whose workers share one map. Threads cannot share a listening socket in Node 20, so
 * each worker has a port, and clients are spread over the ports.
 */
export class OrderServer implements Server<OrderFigures> {
  readonly workers: number
  readonly destinations: readonly Destination[]
  readonly #team: Team<ServerCommand, ServerReply>
  readonly #backend: Team<undefined, number> | undefined
  readonly #map: ConcurrentMap<string, Entry>
  readonly #planted: Planted | undefined
  #mapLocks: MapLockWatch | undefined

  private constructor(
    ports: readonly number[],
    team: Team<ServerCommand, ServerReply>,
    backend: Team<undefined, number> | undefined,
    map: ConcurrentMap<string, Entry>,
    planted: Planted | undefined,
  ) {
    this.workers = ports.length
    this.destinations = ports.map(port => ({ origin: `http://127.0.0.1:${port}`, address: '127.0.0.1', family: 4 }))
    this.#team = team
    this.#backend = backend
    this.#map = map
    this.#planted = planted
  }

  static async start({ kind, workers, planted, signal }: OrderServerOptions): Promise<OrderServer> {
    const name = `order API on ${kind}`
    const map = createMap<string, Entry>(kind, { key: string, value: entry, capacity: CAPACITY })
    stock(map)
    const locks = Array.from({ length: planted?.what === 'lock' ? planted.locks : 0 }, () => new Mutex())
    let backend: Team<undefined, number> | undefined
    let team: Team<ServerCommand, ServerReply> | undefined
    try {
      if (planted?.what === 'pool') {
        const { ms } = planted
        const program = new URL('./backend.js', import.meta.url)
        backend = await Team.start({ name: 'the server behind', program, members: 1, setup: () => ({ ms }), signal })
      }
      const port = (await backend?.ask(undefined))?.[0]
      team = await Team.start<ServerSetup, ServerCommand, ServerReply>({
        name,
        program: new URL('./worker.js', import.meta.url),
        members: workers,
        setup: () => ({
          handle: map.handle as ServerSetup['handle'],
          planted,
          locks: locks.map(lock => lock.handle),
          backend: port,
        }),
        signal,
      })
      const ports = (await team.ask('address')).map(reply => reply.port)
      return new OrderServer(ports, team, backend, map, planted)
    } catch (error) {
      await Promise.all([team?.stop(), backend?.stop()])
      map[Symbol.dispose]()
      throw error
    }
  }

  async watch(): Promise<void> {
    await this.#team.ask('watch')
    this.#mapLocks = new MapLockWatch(this.#map)
  }

  /** The resources in use since `watch`. */
  async figures(): Promise<OrderFigures> {
    const replies = await this.#team.ask('figures')
    const all = replies.flatMap(({ figures }) => (figures === undefined ? [] : [figures]))
    const requests = all.reduce((sum, each) => sum + each.requests, 0)
    const workers = all.map(({ time }) => time)
    const planted = this.#planted
    return {
      workers,
      mapLocks: this.#mapLocks?.stop(requests),
      ...(planted?.what === 'lock'
        ? {
            locks: {
              held: byLock(all, each => each.heldMs),
              waiting: byLock(all, each => each.waitedMs),
              ...latencies(all),
            },
          }
        : {}),
      ...(planted?.what === 'pool'
        ? {
            pool: {
              size: planted.size * all.length,
              inUse: all.reduce((sum, each) => sum + each.poolInUseMs / each.ms, 0),
              waiting: all.reduce((sum, each) => sum + each.poolWaitingMs / each.ms, 0),
            },
          }
        : {}),
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#team.stop(), this.#backend?.stop()])
    this.#map[Symbol.dispose]()
  }
}

function byLock(all: readonly ServerFigures[], of: (each: ServerFigures) => readonly number[]): number[] {
  return of(all[0]).map((_, lock) => all.reduce((sum, each) => sum + of(each)[lock] / each.ms, 0))
}

function latencies(all: readonly ServerFigures[]): Pick<LockTimes, 'p99' | 'p99OfRest' | 'p99OfAll'> {
  const p99 = (histogram: Histogram) => (histogram.count === 0 ? null : histogram.percentile(99) / 1e6)
  const byShard = all[0].lockLatencies.map((_, lock) =>
    Histogram.sum(all.map(({ lockLatencies }) => lockLatencies[lock])),
  )
  return {
    p99: byShard.map(p99),
    p99OfRest: byShard.map(shard => p99(Histogram.sum(byShard.filter(each => each !== shard)))),
    p99OfAll: p99(Histogram.sum(byShard)),
  }
}
