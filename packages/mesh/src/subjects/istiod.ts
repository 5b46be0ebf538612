/**
 * Istio's control plane without Kubernetes: it reads its resources from files and configures two plain Envoys. A server of ours stands in for its
 * agent, which gives certificates to Envoy. What only Istio's build of Envoy has (metadata exchange, its ALPN filter) is switched off.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME, TRUST_DOMAIN } from '../authority/authority.js'
import { ControlPlane } from '../control/xds.js'
import { ProxyError } from '../processes/errors.js'
import { LOOPBACK } from '../processes/ports.js'
import type { Tied } from '../processes/tied.js'
import { HTTP2_ONLY, RETRY_ON, secret, speaking, trust } from './envoy.js'
import { bootstrap, discovery, ISTIOD_PATIENCE_MS, MESH_FILE, nodeId, RESOURCES, resource } from './istiod-process.js'
import { startIstiodServices } from './istiod-services.js'
import { accepts, ProxyPair, text } from './proxy-pair.js'
import { Steps } from './steps.js'
import type { Adapter, Ports, Side, Trust } from './subject.js'

const LACKS = {
  routes: 'routes belong to the client of Istio, and this adapter gives it one',
  reload: "Istio's agent starts Envoy anew; it has no restart that keeps the listeners open",
  link: 'the client finds two endpoints by name, one for each version, and a link of ours stands for one port',
}
/** The names under which Istio's configuration asks for certificates. */
const SECRETS = { own: 'default', trust: 'ROOTCA' } as const
/**
 * Istio takes what it knows of an endpoint at a sidecar's address for the sidecar's own: two sidecars with one address would get each other's
 * listeners, and one with the address of all endpoints the labels of any of them. So each says that it is where nothing else is.
 */
const ADDRESS = { client: '127.0.0.2', server: '127.0.0.3' } as const
const WEIGHT = 100
const SINK = 'sink.mesh'
const VIRTUAL_SERVICE = join(RESOURCES, 'virtual-service.yaml')
/** HTTP/2 goes on as HTTP/2 for gRPC, and HTTP/1.1 as HTTP/1.1. */
const AS_THE_CLIENT = { http: { useClientProtocol: true } }

class IstiodPair extends ProxyPair {
  #agent: ControlPlane | undefined

  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<IstiodPair> {
    const pair = new IstiodPair(binary, plan)
    try {
      await pair.#begin()
    } catch (error) {
      await pair.stop()
      throw error
    }
    return pair.begin()
  }

  async #begin(): Promise<void> {
    mkdirSync(this.path(RESOURCES), { recursive: true, mode: 0o700 })
    const discoveryAddress = `${LOOPBACK}:${controlPort(this.plan.ports)}`
    const { extensionProviders } = this.#tracing
    this.write(MESH_FILE, { trustDomain: TRUST_DOMAIN, defaultConfig: { discoveryAddress }, extensionProviders })
    for (const [name, resource] of Object.entries(this.#resources()))
      this.write(join(RESOURCES, `${name}.yaml`), resource)
    this.#agent = await ControlPlane.start(`unix:${this.path('agent.sock')}`)
    for (const side of ['client', 'server'] as const) {
      this.write(`${side}.json`, this.#bootstrap(side))
      this.#give(side, this.plan[side])
      this.#trust(side, this.plan)
    }
    await this.restartControl()
  }

  async killControl(): Promise<void> {
    await Promise.all(this.others.map(istiod => istiod.kill()))
  }

  async restartControl(): Promise<void> {
    const { args, env } = discovery(this.plan.folder, controlPort(this.plan.ports))
    const istiod = await this.startProcess('istiod', args, this.binary.path, env)
    this.others.splice(0, this.others.length, istiod)
    await istiod.ready(() => accepts(controlPort(this.plan.ports)), ISTIOD_PATIENCE_MS)
  }

  protected args(side: Side): string[] {
    // As Istio's agent starts it: a connection that came under an older policy ends with its next answer.
    const drain = ['--drain-time-s', '45', '--drain-strategy', 'immediate']
    const log = ['--log-level', 'error']
    return ['-c', this.path(`${side}.json`), '--concurrency', '1', ...log, '--disable-hot-restart', ...drain]
  }

  protected override startProcess(
    name: string,
    args: readonly string[],
    program = this.binary.helper!,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Tied> {
    return super.startProcess(name, args, program, env)
  }

  /** A span of every request goes to the sink, which Istio knows as one more service at the port of the first: it needs no listener of its own. */
  get #tracing(): { readonly extensionProviders: object[]; readonly resources: object } {
    const { telemetry, ports } = this.plan
    if (telemetry?.tracing !== true) return { extensionProviders: [], resources: {} }
    const opentelemetry = { service: SINK, port: ports.outbound, http: { path: '/v1/traces', timeout: '1s' } }
    const spans = { providers: [{ name: SINK }], randomSamplingPercentage: 100 }
    const resources = {
      telemetry: resource('telemetry', 'Telemetry', 'tracing', { tracing: [spans] }),
      sink: resource('networking', 'ServiceEntry', 'sink', {
        hosts: [SINK],
        ports: [{ number: ports.outbound, name: 'http', protocol: 'HTTP' }],
        resolution: 'STATIC',
        location: 'MESH_EXTERNAL',
        endpoints: [{ address: LOOPBACK, ports: { http: telemetry.sink } }],
      }),
    }
    return { extensionProviders: [{ name: SINK, opentelemetry }], resources }
  }

  /** What an operator gives to Istio. Weights of the canary are those of a VirtualService, so the client's sidecar splits. */
  #resources(): Record<string, object> {
    const { ports, apps } = this.plan
    const egress = (bind: string, hosts: string) => ({
      port: { number: ports.outbound, protocol: 'HTTP', name: 'http' },
      bind,
      captureMode: 'NONE',
      hosts: [hosts],
    })
    // The server calls nobody; its sidecar calls the sink.
    const nothing = { hosts: ['~/*'] }
    const toSink = egress(ADDRESS.client, `./${SINK}`)
    const canaryPort = ports.admin[3]
    const networking = (kind: string, name: string, spec: object) => resource('networking', kind, name, spec)
    const security = (kind: string, name: string, spec: object) => resource('security', kind, name, spec)
    const labels = (version: string) => ({ app: 'server', version, 'security.istio.io/tlsMode': 'istio' })
    const entry = (version: string, port: number) =>
      networking('WorkloadEntry', `server-${version}`, {
        address: LOOPBACK,
        ports: { http: port },
        serviceAccount: 'server',
        labels: labels(version),
      })
    const ingress = (port: number, app: number) => ({
      port: { number: port, protocol: 'HTTP', name: `http-${port}` },
      bind: LOOPBACK,
      captureMode: 'NONE',
      defaultEndpoint: `${LOOPBACK}:${app}`,
    })
    const subset = (name: string) => ({ name, labels: { version: name } })
    return {
      ...this.#tracing.resources,
      'service-entry': networking('ServiceEntry', 'server', {
        hosts: [SERVER_NAME],
        // Requests that name the address of the listener as their host are for the same service.
        addresses: [LOOPBACK],
        ports: [{ number: ports.outbound, name: 'http', protocol: 'HTTP', targetPort: ports.inbound }],
        resolution: 'STATIC',
        location: 'MESH_INTERNAL',
        workloadSelector: { labels: { app: 'server' } },
      }),
      'workload-stable': entry('stable', ports.inbound),
      'workload-canary': entry('canary', canaryPort),
      'destination-rule': networking('DestinationRule', 'server', {
        host: SERVER_NAME,
        trafficPolicy: { connectionPool: AS_THE_CLIENT },
        subsets: [subset('stable'), subset('canary')],
      }),
      'virtual-service': this.#virtualService(),
      'sidecar-server': networking('Sidecar', 'server', {
        workloadSelector: { labels: { app: 'server' } },
        ingress: [ingress(ports.inbound, apps.stable), ingress(canaryPort, apps.canary)],
        inboundConnectionPool: AS_THE_CLIENT,
        egress: [this.plan.telemetry?.tracing === true ? toSink : nothing],
      }),
      'sidecar-client': networking('Sidecar', 'client', {
        workloadSelector: { labels: { app: 'client' } },
        egress: [egress(LOOPBACK, './*')],
      }),
      'peer-authentication': security('PeerAuthentication', 'default', { mtls: { mode: 'STRICT' } }),
      'authorization-policy': security('AuthorizationPolicy', 'only-the-client', {
        selector: { matchLabels: { app: 'server' } },
        action: 'ALLOW',
        rules: [{ from: [{ source: { principals: [`${TRUST_DOMAIN}/ns/default/sa/client`] } }] }],
      }),
    }
  }

  #virtualService(): object {
    const share = Math.round(this.canaryShare * WEIGHT)
    const to = (name: string, weight: number) => ({ destination: { host: SERVER_NAME, subset: name }, weight })
    const { retries } = this.plan
    // Without a word about them, Istio has two for failures to connect.
    const again =
      retries === undefined ? {} : { retries: { attempts: retries, ...(retries === 0 ? {} : { retryOn: RETRY_ON }) } }
    const http = [{ route: [to('stable', WEIGHT - share), to('canary', share)], ...again }]
    return resource('networking', 'VirtualService', 'server', { hosts: [SERVER_NAME], http })
  }

  #bootstrap(side: Side): object {
    const { ports } = this.plan
    const pipe = { endpoint: { address: { pipe: { path: this.path('agent.sock') } } } }
    const load_assignment = { cluster_name: 'sds-grpc', endpoints: [{ lb_endpoints: [pipe] }] }
    const agent = speaking({ name: 'sds-grpc', type: 'STATIC', connect_timeout: '1s', load_assignment }, HTTP2_ONLY)
    const { port } = this.metricsAt(side)
    return {
      ...bootstrap(side, ADDRESS[side], ports.control ?? controlPort(ports), [agent]),
      admin: { address: { socket_address: { address: LOOPBACK, port_value: port } } },
    }
  }

  metricsAt(side: Side): { port: number; path: string } {
    return { port: this.plan.ports.admin[side === 'client' ? 0 : 1], path: '/stats/prometheus' }
  }

  #give(side: Side, leaf: Leaf): void {
    this.#agent!.set(nodeId(side, ADDRESS[side]), SECRETS.own, secret(SECRETS.own, leaf).resources[0])
  }

  #trust(side: Side, { authority, revocations }: Pick<Trust, 'authority' | 'revocations'>): void {
    const [resource] = trust(authority, revocations).resources
    this.#agent!.set(nodeId(side, ADDRESS[side]), SECRETS.trust, { ...resource, name: SECRETS.trust })
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.note('push a secret')
    this.#give('server', leaf)
  }

  async revoke(list: string, steps: Steps): Promise<void> {
    steps.note('push a validation context')
    this.#trust('server', { authority: this.plan.authority, revocations: list })
  }

  async trust(next: Trust, steps: Steps): Promise<void> {
    for (const side of ['client', 'server'] as const) {
      steps.note('push a validation context')
      this.#trust(side, next)
      steps.note('push a secret')
      this.#give(side, next[side])
    }
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.write(this.path(VIRTUAL_SERVICE), text(this.#virtualService()))
  }

  async reload(): Promise<void> {
    throw new ProxyError(LACKS.reload)
  }

  async misconfigure(): Promise<void> {
    new Steps().write(this.path(VIRTUAL_SERVICE), 'kind: VirtualService\nspec: { http: no-such-word }\n')
  }

  override configuration(): Record<string, string> {
    const files = readdirSync(this.path(RESOURCES)).filter(name => name.endsWith('.yaml'))
    const resources = files.map(name => [join(RESOURCES, name), readFileSync(this.path(join(RESOURCES, name)), 'utf8')])
    return { ...super.configuration(), ...Object.fromEntries(resources) }
  }

  override async stop(): Promise<void> {
    await super.stop()
    this.#agent?.stop()
  }
}

function controlPort({ admin }: Ports): number {
  return admin[2]
}

export const istiod: Adapter = {
  subject: 'istiod',
  title: 'Istio-generated configuration on plain Envoy',
  lacks: LACKS,
  start: IstiodPair.start,
  control: startIstiodServices,
  controlPort,
}
