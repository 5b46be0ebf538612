import { Team } from '../threads/team.js'
import { ProcessorWatch } from '../threads/time.js'
import type { Destination, GeneratorSetup, Request, StepCommand, StepReply } from './protocol.js'
import type { Resources, Step } from './step.js'
import { stepOf } from './tally.js'
import type { Load, Target } from './target.js'

/** The report of a server of our own about a step: the time of its threads, and other resources in use. */
export type Inside = Pick<Resources, 'workers'>

/** A server of our own: the target asks it before and after each step, and stops it at the end. */
export interface Server<R extends Inside> {
  /** Threads that do the work. */
  readonly workers: number
  /** Begins to watch the resources. */
  watch(): Promise<void>
  /** The resources in use since `watch`. */
  figures(): Promise<R>
  stop(): Promise<void>
}

export interface HttpOptions<R extends Inside> {
  readonly name: string
  readonly destinations: readonly Destination[]
  /** The requests, sent one after another, again and again. */
  readonly requests: readonly Request[]
  /** Threads that send requests. */
  readonly generators: number
  readonly signal: AbortSignal
  /** Left out for a server of another program, whose resources cannot be seen. It is stopped if the start fails. */
  readonly server?: Server<R> | undefined
}

/** Anything that answers HTTP, with threads of its own that send the requests. */
export class HttpTarget<R extends Inside = Inside> implements Target<Resources & R> {
  readonly name: string
  readonly workers: number
  readonly #generators: number
  readonly #team: Team<StepCommand, StepReply>
  readonly #server: Server<R> | undefined

  private constructor({ name, generators, server }: HttpOptions<R>, team: Team<StepCommand, StepReply>) {
    this.name = name
    this.workers = server?.workers ?? 0
    this.#generators = generators
    this.#team = team
    this.#server = server
  }

  static async start<R extends Inside = Inside>(options: HttpOptions<R>): Promise<HttpTarget<R>> {
    const { destinations, requests, generators, name, signal, server } = options
    try {
      const team = await Team.start<GeneratorSetup, StepCommand, StepReply>({
        name: `the load generator of ${name}`,
        program: new URL('./generator.js', import.meta.url),
        members: generators,
        setup: () => ({ destinations, requests }),
        signal,
      })
      return new HttpTarget(options, team)
    } catch (error) {
      await server?.stop()
      throw error
    }
  }

  async step({ clients, rate, warmUpMs, ms, seed }: Load): Promise<Step<Resources & R>> {
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
    // Without a server of our own, `Inside` has no threads and no other resources.
    const inside = (await this.#server?.figures()) ?? ({ workers: [] as const } as unknown as R)
    const generators = replies.map(({ time }) => time)
    const counts = replies.map(reply => reply.counts)
    return stepOf({ clients, offered: rate, resources: { ...processorTime, generators, ...inside } }, counts)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#team.stop(), this.#server?.stop()])
  }
}
