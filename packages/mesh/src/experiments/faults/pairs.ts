/** The pairs that faults are planted into, beside those of all experiments. */
import { Link } from '../../links/link.js'
import type { Running } from '../../topology/topology.js'
import type { MeshContext } from '../experiment.js'
import { type Fault, RETRIES, type Target } from './fault.js'

export type Retries = 'off' | 'on'

/** A pair for a fault, and how often its client's sidecar tries. */
export interface Prepared extends Omit<Target, 'stream'> {
  readonly retries: Retries | undefined
}

/** Starts pairs of one subject when the first fault needs them, and ends them all. */
export class Pairs {
  readonly #main: Running
  readonly #context: MeshContext
  readonly #started: { stop(): Promise<void> }[] = []
  #retrying: Promise<readonly Prepared[]> | undefined
  #linked: Promise<Prepared> | undefined

  constructor(main: Running, context: MeshContext) {
    this.#main = main
    this.#context = context
  }

  /** The pairs of a fault, one after another. A subject without retries has one pair for each, as it comes. */
  async for({ pair }: Fault): Promise<readonly Prepared[]> {
    if (pair === 'linked') {
      this.#linked ??= this.#startLinked()
      return [await this.#linked]
    }
    if (pair === 'retries' && this.#main.adapter.lacks.retries === undefined) {
      this.#retrying ??= this.#startRetrying()
      return this.#retrying
    }
    return [{ running: this.#main, links: {}, retries: undefined }]
  }

  async #startRetrying(): Promise<readonly Prepared[]> {
    const prepared: Prepared[] = []
    for (const [name, retries] of [
      ['off', 0],
      ['on', RETRIES],
    ] as const) {
      const running = await this.#context.topology.another(this.#main, { retries })
      this.#started.push(running.pair)
      prepared.push({ running, links: {}, retries: name })
    }
    return prepared
  }

  async #startLinked(): Promise<Prepared> {
    const { adapter, pair } = this.#main
    const { folder } = pair.plan
    const links: { peer?: Link; control?: Link } = {}
    const running = await this.#context.topology.another(this.#main, async ports => {
      const link = async (name: 'peer' | 'control', target: number) => {
        const [port] = await this.#context.topology.ports(1)
        const started = await Link.start({ folder, name: `${name}-${port}`, routes: [{ port, target }] })
        this.#started.push(started)
        links[name] = started
        return port
      }
      const peer = adapter.lacks.link === undefined ? { peer: await link('peer', ports.inbound) } : {}
      const control =
        adapter.controlPort === undefined ? {} : { control: await link('control', adapter.controlPort(ports)) }
      return { ports: { ...ports, ...peer, ...control } }
    })
    this.#started.push(running.pair)
    return { running, links, retries: undefined }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.map(each => each.stop()))
  }
}
