/** What the adapters share: a folder, two processes that are started alike, and that they end. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Leaf } from '../authority/authority.js'
import type { Binary } from '../install/installed.js'
import { LOOPBACK } from '../processes/ports.js'
import { Tied } from '../processes/tied.js'
import { call, type Steps } from './steps.js'
import type { Pair, PairPlan, Side, Trust } from './subject.js'

export abstract class ProxyPair implements Pair {
  readonly subject: string
  readonly plan: PairPlan
  readonly processes: Record<Side, Tied>
  readonly others: Tied[] = []
  protected readonly binary: Binary
  protected canaryShare: number
  /** Routes of the server's sidecar beside the one for all paths. */
  protected routeCount = 0
  #starts = 0

  protected constructor(binary: Binary, plan: PairPlan) {
    this.subject = binary.subject
    this.binary = binary
    this.plan = plan
    this.canaryShare = plan.canary
    // Both are there once `begin` has returned; nobody gets the pair before.
    this.processes = {} as Record<Side, Tied>
    mkdirSync(plan.folder, { recursive: true, mode: 0o700 })
    const { authority, server, client, revocations } = plan
    this.write('authority.crt', authority)
    this.write('server.crt', server.certificate)
    this.write('server.key', server.key)
    this.write('client.crt', client.certificate)
    this.write('client.key', client.key)
    this.write('revoked.crl', revocations)
  }

  get grpcPort(): number {
    return this.plan.ports.outbound
  }

  /** Variables of the environment, beside those that the binary needs. */
  protected environment(): Readonly<Record<string, string>> {
    return {}
  }

  /** Arguments of the program for a side; called for each start. */
  protected abstract args(side: Side): readonly string[]
  abstract rotate(leaf: Leaf, steps: Steps): Promise<void>
  abstract revoke(list: string, steps: Steps): Promise<void>
  abstract canary(share: number, steps: Steps): Promise<void>
  abstract reload(steps: Steps): Promise<void>
  abstract misconfigure(): Promise<void>

  /** Starts both sidecars. Ends them if one fails. */
  protected async begin(): Promise<this> {
    try {
      await this.restart('server')
      await this.restart('client')
      // Accepting a connection is not yet carrying a request: a control plane may have to tell where the server is.
      await this.processes.client.ready(() => isAnswered(this.plan.ports.outbound))
      return this
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async restart(side: Side): Promise<void> {
    const process = await this.startProcess(side, this.args(side))
    this.processes[side] = process
    const { inbound, outbound } = this.plan.ports
    await process.ready(() => accepts(side === 'server' ? inbound : outbound))
  }

  protected startProcess(
    name: string,
    args: readonly string[],
    program = this.binary.path,
    env = this.binary.env,
  ): Promise<Tied> {
    this.#starts++
    return Tied.start({
      name: `${this.subject}, ${name}`,
      program,
      args,
      folder: this.plan.folder,
      log: this.path(`${name}-${this.#starts}.log`),
      env: { ...env, ...this.environment() },
    })
  }

  protected path(name: string): string {
    return join(this.plan.folder, name)
  }

  protected write(name: string, content: string | object): void {
    writeFileSync(this.path(name), text(content), { mode: 0o600 })
  }

  /** Writes those of the files that are not there yet as they should be. @returns the names of these */
  protected replace(files: Readonly<Record<string, string>>, steps: Steps): string[] {
    const names = Object.keys(files).filter(name => readFileSync(this.path(name), 'utf8') !== files[name])
    for (const name of names) steps.write(this.path(name), files[name])
    return names
  }

  configuration(): Record<string, string> {
    // Some proxies have a folder for each side; other folders have what a proxy keeps for itself.
    const isShown = (name: string) =>
      /^((client|server)\/)?[^/]+\.(json|cfg|conf|yaml)$/.test(name) && statSync(this.path(name)).isFile()
    return Object.fromEntries(
      readdirSync(this.plan.folder, { recursive: true, encoding: 'utf8' })
        .filter(isShown)
        // Keys are nobody's business, and a folder's path is not part of a configuration.
        .map(name => [name, withoutKeys(readFileSync(this.path(name), 'utf8')).replaceAll(this.plan.folder, 'FOLDER')]),
    )
  }

  async stop(): Promise<void> {
    await Promise.all([...Object.values(this.processes), ...this.others].map(process => process.kill()))
  }
}

/** Authority, certificates and keys of both sides in the files that each pair begins with. */
export function trustFiles({ authority, server, client }: Trust): Record<string, string> {
  return {
    'authority.crt': authority,
    'server.crt': server.certificate,
    'server.key': server.key,
    'client.crt': client.certificate,
    'client.key': client.key,
  }
}

/** What each of `count` routes is for, as a prefix of the path. */
export function routePrefixes(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `/route-${at}/`)
}

/** A text as it is, an object as JSON. */
export function text(content: string | object): string {
  return typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`
}

function withoutKeys(configuration: string): string {
  return configuration.replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----/gs, 'KEY')
}

function isAnswered(port: number): Promise<boolean> {
  return call(port, 'GET', '/').then(
    () => true,
    () => false,
  )
}

/** Whether somebody accepts connections at a port. */
export function accepts(port: number, host = LOOPBACK): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}
