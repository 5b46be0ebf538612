import type { StepCommand, StepReply } from '@threadmap/workbench/load/protocol'
import { stepOf } from '@threadmap/workbench/load/tally'
import type { Load, Target } from '@threadmap/workbench/load/target'
import { createMap } from '@threadmap/workbench/subjects/maps'
import { Team } from '@threadmap/workbench/threads/team'
import { ProcessorWatch } from '@threadmap/workbench/threads/time'
import { type ConcurrentMap, type MapKind, string } from 'threadmap'
import { MapLockWatch } from '../map-locks.js'
import type { Resources, Step } from '../series.js'
import { CAPACITY, type Entry, entry, stock } from '../server/orders.js'
import type { ProcessSetup } from './worker.js'

/** A map that the workers of this process share, under the load of clients that need no network. */
export class MapInProcess implements Target<Resources> {
  readonly name: string
  readonly workers: number
  readonly #map: ConcurrentMap<string, Entry>
  readonly #team: Team<StepCommand, StepReply>

  private constructor(
    name: string,
    workers: number,
    map: ConcurrentMap<string, Entry>,
    team: Team<StepCommand, StepReply>,
  ) {
    this.name = name
    this.workers = workers
    this.#map = map
    this.#team = team
  }

  static async start(kind: MapKind, workers: number, signal: AbortSignal): Promise<MapInProcess> {
    const name = `${kind} in process`
    const map = createMap<string, Entry>(kind, { key: string, value: entry, capacity: CAPACITY })
    try {
      stock(map)
      const team = await Team.start<ProcessSetup, StepCommand, StepReply>({
        name,
        program: new URL('./worker.js', import.meta.url),
        members: workers,
        setup: () => ({ handle: map.handle as ProcessSetup['handle'] }),
        signal,
      })
      return new MapInProcess(name, workers, map, team)
    } catch (error) {
      map[Symbol.dispose]()
      throw error
    }
  }

  async step({ clients, rate, warmUpMs, ms, seed }: Load): Promise<Step> {
    const locks = new MapLockWatch(this.#map)
    const processors = new ProcessorWatch()
    const share = rate === null ? null : rate / this.workers
    const replies = await this.#team.ask({ clients, rate: share, warmUpMs, ms, seed })
    const counts = replies.map(reply => reply.counts)
    const requests = counts.reduce((sum, each) => sum + each.requests, 0)
    return stepOf(
      {
        clients,
        offered: rate,
        resources: {
          ...processors.stop(),
          generators: [],
          workers: replies.map(({ time }) => time),
          mapLocks: locks.stop(requests),
        },
      },
      counts,
    )
  }

  async stop(): Promise<void> {
    await this.#team.stop()
    this.#map[Symbol.dispose]()
  }
}
