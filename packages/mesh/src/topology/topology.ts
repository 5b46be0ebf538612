/** Everything that runs for a measurement: the server, and a pair of sidecars for each subject in front of it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SubjectError } from '@threadmap/workbench/errors'
import { Authority, type Leaf } from '../authority/authority.js'
import type { Binary } from '../install/installed.js'
import { ProxyError } from '../processes/errors.js'
import { isInOurNetwork, listenersOf } from '../processes/listeners.js'
import { freePorts, nextFreePorts } from '../processes/ports.js'
import { treeOf } from '../processes/tied.js'
import { ADAPTERS } from '../subjects/index.js'
import { type Adapter, type Pair, type PairPlan, PORTS_PER_PAIR, type Ports } from '../subjects/subject.js'
import { Origin } from './origin.js'
import { RunFolder } from './run-folder.js'

/** The certificates of a run. */
export interface Identities {
  readonly authority: Authority
  readonly server: Leaf
  readonly client: Leaf
  readonly other: Leaf
  readonly expired: Leaf
  readonly revoked: Leaf
  readonly sha1: Leaf
  /** Of an authority that nobody trusts. */
  readonly foreign: Leaf
}

/** A subject that runs. */
export interface Running {
  readonly adapter: Adapter
  readonly binary: Binary
  readonly pair: Pair
}

export interface TopologyOptions {
  readonly binaries: readonly Binary[]
  /** The first of the ports; all are on the loopback interface. */
  readonly firstPort: number
  readonly signal: AbortSignal
  /** Share of the canary at the begin. */
  readonly canary?: number
  /** Called for a subject that did not start. */
  leaveOut(what: string, why: string): void
}

export const DEFAULT_FIRST_PORT = 18_400

export class Topology {
  readonly origin: Origin
  readonly identities: Identities
  readonly #running: readonly Running[]
  readonly #folder: RunFolder
  /** The experiment that runs; undefined: subjects that take part in few are there, too. */
  experiment: string | undefined
  /** From here on no port belongs to a pair. */
  #nextPort: number
  #others = 0

  private constructor(
    origin: Origin,
    identities: Identities,
    running: readonly Running[],
    { folder, nextPort }: { readonly folder: RunFolder; readonly nextPort: number },
  ) {
    this.origin = origin
    this.identities = identities
    this.#running = running
    this.#folder = folder
    this.#nextPort = nextPort
  }

  /** Starts the server and the pairs, in a temporary folder. */
  static async start({ binaries, firstPort, signal, canary = 0.1, leaveOut }: TopologyOptions): Promise<Topology> {
    const ports = await freePorts(firstPort, 2 + binaries.length * PORTS_PER_PAIR)
    const folder = await RunFolder.create()
    const running: Running[] = []
    let origin: Origin | undefined
    try {
      origin = await Origin.start(ports[0], ports[1], signal)
      const identities = await newIdentities()
      const apps = { stable: ports[0], canary: ports[1] }
      const common = { apps, canary, revocations: await identities.authority.revocationList([]) }
      const start = async (binary: Binary, at: number) => {
        const adapter = ADAPTERS.find(({ subject }) => subject === binary.subject)
        if (adapter === undefined) return
        const plan: PairPlan = {
          ...common,
          folder: join(folder.path, binary.subject),
          ports: portsOf(ports.slice(2 + at * PORTS_PER_PAIR)),
          authority: identities.authority.certificate,
          certify: (workload, request, serial) => identities.authority.certify(workload, request, serial),
          server: identities.server,
          client: identities.client,
        }
        mkdirSync(plan.folder, { recursive: true, mode: 0o700 })
        try {
          running.push({ adapter, binary, pair: await startHidden(adapter, binary, plan) })
        } catch (error) {
          leaveOut(binary.subject, `it does not start: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
      // All at once, since each waits more than it works: Consul's agent for ten seconds.
      await Promise.all(binaries.map(start))
      signal.throwIfAborted()
      running.sort((a, b) => binaries.indexOf(a.binary) - binaries.indexOf(b.binary))
      if (running.length === 0) throw new SubjectError('no proxy started; the reasons are above')
      return new Topology(origin, identities, running, { folder, nextPort: firstPort + ports.length })
    } catch (error) {
      await Promise.all(running.map(({ pair }) => pair.stop()))
      await origin?.stop()
      folder.remove()
      throw error
    }
  }

  /** The subjects that take part in the experiment. */
  get running(): readonly Running[] {
    return this.in(this.experiment)
  }

  /** The subjects that take part in an experiment; all without one. */
  in(experiment: string | undefined): readonly Running[] {
    return experiment === undefined
      ? this.#running
      : this.#running.filter(({ adapter }) => adapter.onlyIn?.includes(experiment) ?? true)
  }

  /** Ports on the loopback interface that no pair has. */
  async ports(count: number): Promise<readonly number[]> {
    const ports = await nextFreePorts(this.#nextPort, count)
    this.#nextPort = ports[ports.length - 1] + 1
    return ports
  }

  /**
   * Starts a further pair of a subject that runs, as the plan of the first with these changes, which may depend on its ports. The caller
   * stops it.
   */
  async another(
    { adapter, binary, pair }: Running,
    changes: Partial<PairPlan> | ((ports: Ports) => Promise<Partial<PairPlan>>),
  ): Promise<Running> {
    const folder = join(this.#folder.path, `${binary.subject}-${++this.#others}`)
    const ports = portsOf(await this.ports(PORTS_PER_PAIR))
    const changed = typeof changes === 'function' ? await changes(ports) : changes
    return { adapter, binary, pair: await startHidden(adapter, binary, { ...pair.plan, folder, ports, ...changed }) }
  }

  /** A plan for what an experiment starts beside the pairs, such as a control plane: with a folder and ports of its own. */
  async spare(): Promise<PairPlan> {
    const [{ pair }] = this.#running
    const folder = join(this.#folder.path, `spare-${++this.#others}`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return { ...pair.plan, folder, ports: portsOf(await this.ports(PORTS_PER_PAIR)) }
  }

  /** Ends everything, and deletes the folder with the keys. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map(({ pair }) => pair.stop()))
    await this.origin.stop()
    this.#folder.remove()
  }
}

/** Starts a pair that only this machine can reach. `ProxyError` if a part of it listens beyond the loopback interface; then it is stopped. */
async function startHidden(adapter: Adapter, binary: Binary, plan: PairPlan): Promise<Pair> {
  const pair = await adapter.start(binary, plan)
  const pids = [...Object.values(pair.processes), ...pair.others].flatMap(({ pid }) => treeOf(pid))
  const open = listenersOf(pids.filter(isInOurNetwork)).find(({ isLoopback }) => !isLoopback)
  if (open === undefined) return pair
  await pair.stop()
  throw new ProxyError(
    `it listens beyond the loopback interface, at port ${open.port} (${open.protocol}), so it was stopped`,
  )
}

/** The ports of a pair, from `PORTS_PER_PAIR` of them. */
export function portsOf([outbound, inbound, ...admin]: readonly number[]): PairPlan['ports'] {
  return { outbound, inbound, peer: inbound, admin: [admin[0], admin[1], admin[2], admin[3]] }
}

async function newIdentities(): Promise<Identities> {
  const [authority, stranger] = await Promise.all([Authority.create(), Authority.create('another authority')])
  return {
    authority,
    server: await authority.issue('server'),
    client: await authority.issue('client'),
    other: await authority.issue('other'),
    expired: await authority.issueExpired('client'),
    revoked: await authority.issue('client'),
    sha1: await authority.issue('client', { hash: 'SHA-1' }),
    foreign: await stranger.issue('client'),
  }
}
