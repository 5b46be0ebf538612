/**
 * linkerd2-proxy with a control plane of ours. It asks the kernel where a connection was going, so it needs redirections, and runs in network
 * namespaces: the client's sidecar in that of the command, the server's in one behind a veth.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { certificateRequest, type Leaf, spiffe } from '../authority/authority.js'
import { LinkerdControl } from '../control/linkerd.js'
import { ProxyError } from '../processes/errors.js'
import { FarNetwork, hasOwnNetwork, networkProblem } from '../processes/network.js'
import { LOOPBACK } from '../processes/ports.js'
import type { Tied } from '../processes/tied.js'
import { ProxyPair } from './proxy-pair.js'
import type { Steps } from './steps.js'
import type { Adapter, Ports, Side } from './subject.js'

const LACKS = {
  revoke: 'linkerd2-proxy reads no revocation lists; its certificates are short-lived instead',
  reload: 'linkerd2-proxy has no restart that keeps its listeners open',
  handshake: 'linkerd2-proxy ends TLS for its own name (SNI) alone, and openssl s_time sends none',
  authority: 'linkerd2-proxy reads its trust anchors once, when it starts',
  routes: 'routes belong to the client of linkerd2-proxy, and this adapter gives it one',
  control: 'the control plane is a stand-in of ours, so its cost is not that of Linkerd',
  tracing: 'linkerd2-proxy adds spans to the traces that requests bring, and begins none',
  retries: 'linkerd2-proxy tries again by policies of a route, which our control plane does not give',
  link: 'its connections are redirected in the kernel, where no link of ours can be put in between',
}
const NAMES = { client: 'client.mesh', server: 'server.mesh' } as const
/** Paths of Destination.Get for the two versions of the server, which are two addresses of one proxy. The proxy ends on a path without a port. */
const STABLE = 'stable.mesh:80'
const CANARY = 'canary.mesh:80'
const WEIGHT = 100
/** Ports in the far namespace, which has nothing else: Linkerd's own. */
const FAR = { inbound: 4143, outbound: 4140, admin: 4191 }
/**
 * Milliseconds of `valid_until`: a proxy asks for its next certificate after 70% of them. Linkerd says a day, by which a rotation would take most of
 * a day to measure. The certificates themselves are valid for an hour, so that a control plane that is away for minutes lets none expire.
 */
const REFRESH_MS = 5000

class LinkerdPair extends ProxyPair {
  readonly #tokens = { client: randomBytes(16).toString('hex'), server: randomBytes(16).toString('hex') }
  #control: LinkerdControl | undefined
  #network: FarNetwork | undefined
  /** The serial number of the server's next certificates; undefined: random ones. */
  #serial: string | undefined

  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<LinkerdPair> {
    const problem = linkerdProblem()
    if (problem !== undefined) throw new ProxyError(problem)
    if (!hasOwnNetwork())
      throw new ProxyError('linkerd2-proxy is started by "threadmap mesh", in a network namespace of its own')
    const pair = new LinkerdPair(binary, plan)
    try {
      await pair.#begin()
    } catch (error) {
      await pair.stop()
      throw error
    }
    return pair.begin()
  }

  async #begin(): Promise<void> {
    const { ports, apps } = this.plan
    const { outbound, inbound, admin } = ports
    this.#network = await FarNetwork.start(this.plan.folder, this.path('network.log'), {
      outbound: { port: outbound, proxy: admin[0] },
      inbound: { port: inbound, proxy: FAR.inbound },
      apps: [apps.stable, apps.canary],
      admin: { port: admin[1], proxy: FAR.admin },
      shared: [this.#controlPort],
    })
    for (const [side, leaf] of [
      ['client', this.plan.client],
      ['server', this.plan.server],
    ] as const) {
      await this.#writeIdentity(side, leaf)
      this.write(`${side}.json`, this.#environment(side, this.#network))
    }
    await this.#startControl(this.#network)
  }

  /** Key, request and token of a proxy, which Linkerd's helper writes before the proxy starts. */
  async #writeIdentity(side: Side, { key }: Leaf): Promise<void> {
    const folder = this.path(side)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const secret = { mode: 0o600 }
    writeFileSync(`${folder}/key.p8`, createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }), secret)
    writeFileSync(`${folder}/csr.der`, await certificateRequest(NAMES[side], key))
    writeFileSync(`${folder}/token`, this.#tokens[side], secret)
  }

  #environment(side: Side, { near, far }: FarNetwork): Record<string, string> {
    const { admin } = this.plan.ports
    const listen =
      side === 'client'
        ? // Nobody calls the client, so any port does for its inbound side.
          { outbound: `${LOOPBACK}:${admin[0]}`, inbound: `${LOOPBACK}:0`, admin: `${LOOPBACK}:${admin[2]}` }
        : {
            outbound: `${LOOPBACK}:${FAR.outbound}`,
            // What comes over the veth ends at its address.
            inbound: `0.0.0.0:${FAR.inbound}`,
            admin: `0.0.0.0:${FAR.admin}`,
          }
    const control = `${LOOPBACK}:${this.#controlPort}`
    const own = {
      OUTBOUND_LISTEN_ADDR: listen.outbound,
      INBOUND_LISTEN_ADDR: listen.inbound,
      ADMIN_LISTEN_ADDR: listen.admin,
      // An endpoint with an address of this list would be spoken to in plaintext.
      INBOUND_IPS: side === 'client' ? near : far.join(','),
      INBOUND_PORTS: String(this.plan.ports.inbound),
      INBOUND_DEFAULT_POLICY: 'deny',
      DESTINATION_SVC_ADDR: control,
      DESTINATION_PROFILE_NETWORKS: '127.0.0.0/8,10.0.0.0/8',
      POLICY_SVC_ADDR: control,
      POLICY_WORKLOAD: side,
      IDENTITY_SVC_ADDR: control,
      IDENTITY_LOCAL_NAME: NAMES[side],
      IDENTITY_TRUST_ANCHORS: this.plan.authority,
      IDENTITY_DIR: this.path(side),
      IDENTITY_TOKEN_FILE: `${this.path(side)}/token`,
      IDENTITY_MIN_REFRESH: '1s',
      // One thread, as all subjects have.
      CORES: '1',
      LOG: 'error',
    }
    return Object.fromEntries(Object.entries(own).map(([name, value]) => [`LINKERD2_PROXY_${name}`, value]))
  }

  /** Where the sidecars reach the control plane. */
  get #controlPort(): number {
    const { ports } = this.plan
    return ports.control ?? controlPort(ports)
  }

  async killControl(): Promise<void> {
    this.#control?.stop()
  }

  async restartControl(): Promise<void> {
    await this.#startControl(this.#network!)
  }

  async #startControl({ far }: FarNetwork): Promise<void> {
    const { inbound } = this.plan.ports
    const control = await LinkerdControl.start({
      port: controlPort(this.plan.ports),
      tokens: new Map([
        [NAMES.client, this.#tokens.client],
        [NAMES.server, this.#tokens.server],
      ]),
      refreshMs: REFRESH_MS,
      certify: async (name, request) => {
        const serial = name === NAMES.server ? this.#serial : undefined
        const pem = await this.plan.certify(name === NAMES.server ? 'server' : 'client', request, serial)
        return new X509Certificate(pem).raw
      },
    })
    this.#control = control
    for (const [at, path] of [STABLE, CANARY].entries()) {
      control.setEndpoints(path, [{ address: far[at], port: inbound, identity: NAMES.server }])
    }
    this.#permit(control)
    this.#route(control)
  }

  /** The proxy takes the first alternative name of a certificate for the identity, here the SPIFFE URI. */
  #permit(control: LinkerdControl): void {
    control.permit(this.plan.ports.inbound, [NAMES.client, spiffe('client')])
  }

  #route(control: LinkerdControl): void {
    const share = Math.round(this.canaryShare * WEIGHT)
    control.setRoute(this.plan.ports.outbound, { [STABLE]: WEIGHT - share, [CANARY]: share })
  }

  protected args(): string[] {
    return []
  }

  protected override startProcess(name: string): Promise<Tied> {
    const side = name as Side
    const env = this.#environment(side, this.#network!)
    const { program, args } =
      side === 'server' ? this.#network!.inside(this.binary.path, []) : { program: this.binary.path, args: [] }
    return super.startProcess(name, args, program, env)
  }

  metricsAt(side: Side): { port: number; path: string } {
    const { admin } = this.plan.ports
    return { port: side === 'client' ? admin[2] : admin[1], path: '/metrics' }
  }

  /** The proxy's key stays, so its next certificate, for which it asks by its own clock, gets the serial number of this one. */
  async rotate({ serial }: Leaf, steps: Steps): Promise<void> {
    steps.note('issue another certificate at the next Certify')
    this.#serial = serial
  }

  async revoke(): Promise<void> {
    throw new ProxyError(LACKS.revoke)
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.note('push an outbound policy')
    this.#permit(this.#control!)
    this.#route(this.#control!)
  }

  async reload(): Promise<void> {
    throw new ProxyError(LACKS.reload)
  }

  async misconfigure(): Promise<void> {
    this.#control!.sendWrongPolicy(this.plan.ports.inbound)
  }

  override async stop(): Promise<void> {
    await super.stop()
    this.#control?.stop()
    await this.#network?.stop()
  }
}

function controlPort({ admin }: Ports): number {
  return admin[3]
}

/** Why linkerd2-proxy cannot run here, or undefined. */
export function linkerdProblem(): string | undefined {
  // Inside the namespace it was asked before, and no second one may be nested.
  const problem = hasOwnNetwork() ? undefined : networkProblem()
  return problem === undefined ? undefined : `linkerd2-proxy needs network namespaces: ${problem}`
}

export const linkerd: Adapter = {
  subject: 'linkerd2-proxy',
  title: 'linkerd2-proxy, controlled by our server of its API',
  lacks: LACKS,
  start: LinkerdPair.start,
  controlPort,
}
