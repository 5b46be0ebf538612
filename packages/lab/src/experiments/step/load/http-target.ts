import { Team } from '../../../threads/team.js'
import type { Step } from '../series.js'
import { OrderServer, type OrderServerOptions } from '../server/order-server.js'
import { orderRequests } from '../server/orders.js'
import type { Load, Target } from '../target.js'
import { ProcessorWatch } from '../thread-time.js'
import type { Destination, GeneratorSetup, Request, StepCommand, StepReply } from './protocol.js'
import { stepOf } from './tally.js'

export interface HttpOptions {
  readonly name: string
  readonly destinations: readonly Destination[]
  readonly requests: readonly Request[]
  /** Threads that send. */
  readonly generators: number
  readonly signal: AbortSignal
}

/** Anything that answers HTTP, with threads of its own that send the requests. */
export class HttpTarget implements Target {
  readonly name: string
  readonly workers: number
  readonly #generators: number
  readonly #team: Team<StepCommand, StepReply>
  readonly #server: OrderServer | undefined

  private constructor(
    { name, generators }: HttpOptions,
    workers: number,
    team: Team<StepCommand, StepReply>,
    server?: OrderServer,
  ) {
    this.name = name
    this.workers = workers
    this.#generators = generators
    this.#team = team
    this.#server = server
  }

  /** A server that somebody else runs: nothing is known of its inside. */
  static async foreign(options: HttpOptions): Promise<HttpTarget> {
    return new HttpTarget(options, 0, await generatorTeam(options))
  }

  /** The order API, started for this. */
  static async orders(server: OrderServerOptions, generators: number, name: string): Promise<HttpTarget> {
    const running = await OrderServer.start(server)
    const { destinations } = running
    const { planted } = server
    const requests = orderRequests(planted?.what === 'lock' ? { hot: planted.hot ?? 0, shards: planted.locks } : {})
    const options = { name, destinations, requests, generators, signal: server.signal }
    try {
      return new HttpTarget(options, server.workers, await generatorTeam(options), running)
    } catch (error) {
      await running.stop()
      throw error
    }
  }

  async step({ clients, rate, warmUpMs, ms, seed }: Load): Promise<Step> {
    const share = (index: number) =>
      Math.floor(clients / this.#generators) + (index < clients % this.#generators ? 1 : 0)
    await this.#server?.watch()
    const processors = new ProcessorWatch()
    const replies = await this.#team.askEach(index => ({
      clients: share(index),
      rate: rate === null ? null : (rate * share(index)) / clients,
      warmUpMs,
      ms,
      seed: seed + index,
    }))
    const processorTime = processors.stop()
    const inside = (await this.#server?.figures()) ?? { workers: [] }
    const generators = replies.map(({ time }) => time)
    const counts = replies.map(reply => reply.counts)
    return stepOf({ clients, offered: rate, resources: { ...processorTime, generators, ...inside } }, counts)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#team.stop(), this.#server?.stop()])
  }
}

function generatorTeam({ destinations, requests, generators, name, signal }: HttpOptions) {
  return Team.start<GeneratorSetup, StepCommand, StepReply>({
    name: `the load generator of ${name}`,
    program: new URL('./generator.js', import.meta.url),
    members: generators,
    setup: () => ({ destinations, requests }),
    signal,
  })
}
