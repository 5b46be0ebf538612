import { MessageChannel } from 'node:worker_threads'
import { SubjectError } from '@threadmap/workbench/errors'
import { Team, type TeamOptions } from '@threadmap/workbench/threads/team'
import { newGovernor } from './guards/governor.js'
import type { GuardName } from './guards/guard.js'
import { type Answers, Came, type LoadCommand, type LoadReply, type LoadSetup } from './load/protocol.js'
import type { FaultName, Plan } from './plan.js'
import type { Levels } from './series/levels.js'
import { checkWrites, type WriteCheck } from './series/recovery.js'
import { LevelWatch } from './series/watch.js'
import type { ServerCommand, ServerSetup } from './server/protocol.js'
import type { StoreCommand, StoreReply, StoreSetup } from './store/protocol.js'
import { type Traffic, trafficOf } from './traffic.js'

/** What the clients of a server saw, and whether its writes are in its store. */
export interface Served {
  readonly guard: GuardName
  readonly answers: Answers
  readonly writes: WriteCheck
  /** Of the governor only. */
  readonly levels: Levels | undefined
}

/** A run of all servers under a fault; without a fault, a run to warm the servers up. */
export interface FaultRun<Fault extends FaultName | undefined = FaultName> {
  readonly fault: Fault
  readonly plan: Plan
  readonly traffic: Traffic
  readonly served: readonly Served[]
  /** How late each request left the load generator, in ms. */
  readonly lateness: Float32Array
}

export interface ServersOptions {
  readonly guards: readonly GuardName[]
  /** Threads of each server. */
  readonly workers: number
  readonly seed: number
  readonly signal: AbortSignal
}

/** Time in ms from the command to the first request: all threads have heard of the run by then. */
const START_MS = 200
const PROGRESS_MS = 250

type Ports = readonly (readonly number[])[]

/** The servers that are compared, their stores and the load generator, in threads that serve for all faults. */
export class Servers {
  readonly #options: ServersOptions
  readonly #stores: Team<StoreCommand, StoreReply>
  readonly #servers: readonly Team<ServerCommand, number>[]
  readonly #load: Team<LoadCommand, LoadReply>

  private constructor(
    options: ServersOptions,
    stores: Team<StoreCommand, StoreReply>,
    servers: readonly Team<ServerCommand, number>[],
    load: Team<LoadCommand, LoadReply>,
  ) {
    this.#options = options
    this.#stores = stores
    this.#servers = servers
    this.#load = load
  }

  static async start(options: ServersOptions): Promise<Servers> {
    const { guards, workers, seed, signal } = options
    const channels = guards.map(() => Array.from({ length: workers }, () => new MessageChannel()))
    const teams: { stop(): Promise<void> }[] = []
    const start = async <Setup, Command, Reply>(team: Omit<TeamOptions<Setup>, 'signal'>) => {
      const started = await Team.start<Setup, Command, Reply>({ ...team, signal })
      teams.push(started)
      return started
    }
    try {
      const stores = await start<StoreSetup, StoreCommand, StoreReply>({
        name: 'the stores',
        program: new URL('./store/worker.js', import.meta.url),
        members: 1,
        setup: () => ({ seed, ports: channels.map(own => own.map(({ port1 }) => port1)) }),
        transfer: () => channels.flat().map(({ port1 }) => port1),
      })
      const servers: Team<ServerCommand, number>[] = []
      for (const [at, guard] of guards.entries()) {
        servers.push(
          await start<ServerSetup, ServerCommand, number>({
            name: `the server with ${guard}`,
            program: new URL('./server/worker.js', import.meta.url),
            members: workers,
            setup: index => ({ guard, port: channels[at][index].port2 }),
            transfer: index => [channels[at][index].port2],
          }),
        )
      }
      const ports: Ports = await Promise.all(servers.map(server => server.ask('address')))
      const load = await start<LoadSetup, LoadCommand, LoadReply>({
        name: 'the load generator',
        program: new URL('./load/generator.js', import.meta.url),
        members: 1,
        setup: () => ({ servers: ports }),
      })
      return new Servers(options, stores, servers, load)
    } catch (error) {
      await Promise.all(teams.map(team => team.stop()))
      throw error
    }
  }

  /**
   * A run of all servers at the same time, with new guards and empty stores. Each gets the same requests at the same moments. `onProgress` is
   * called now and then with the share that is done.
   */
  async run<Fault extends FaultName | undefined>(
    fault: Fault,
    plan: Plan,
    onProgress: (share: number) => void,
  ): Promise<FaultRun<Fault>> {
    const { guards, seed } = this.#options
    const traffic = trafficOf(fault, plan, seed)
    const timers: NodeJS.Timeout[] = []
    const governor = guards.includes('governor') ? newGovernor(plan.scale) : undefined
    try {
      await this.#stores.ask('empty')
      const guard = { scale: plan.scale, governor: governor?.handle }
      await Promise.all(this.#servers.map(server => server.ask(guard)))
      const begin = performance.timeOrigin + performance.now() + START_MS
      if (fault !== undefined) {
        const plant = (planted: FaultName | undefined) => void this.#stores.ask({ fault: planted }).catch(() => {})
        timers.push(setTimeout(() => plant(fault), START_MS + plan.faultFrom))
        timers.push(setTimeout(() => plant(undefined), START_MS + plan.faultUntil))
      }
      const watch = governor === undefined ? undefined : new LevelWatch(governor, plan, begin)
      const done = () => Math.min(1, (performance.timeOrigin + performance.now() - begin) / plan.until)
      timers.push(setInterval(() => onProgress(done()), PROGRESS_MS))
      const [{ answers, lateness, problem }] = await this.#load.ask({ traffic, begin }, plan.until / 1000 + 60)
      if (problem !== undefined) throw new SubjectError(`a server failed: ${problem}`)
      const [logs] = await this.#stores.ask('logs')
      const levels = watch?.stop()
      const served = guards.map((name, at) => ({
        guard: name,
        answers: answers[at],
        writes: checkWrites(acknowledged(traffic, answers[at]), logs[at]),
        levels: name === 'governor' ? levels : undefined,
      }))
      return { fault, plan, traffic, served, lateness }
    } finally {
      for (const timer of timers) clearInterval(timer)
      governor?.dispose()
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#load, ...this.#servers, this.#stores].map(team => team.stop()))
  }
}

/** The numbers of the writes that were answered. */
function acknowledged({ writes }: Traffic, { came }: Answers): number[] {
  return [...writes.keys()].filter(request => writes[request] === 1 && came[request] === Came.answered)
}
