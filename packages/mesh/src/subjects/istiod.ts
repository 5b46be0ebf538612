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
import { cluster, RETRY_ON, secret, TYPE, trust } from './envoy.js'
import { accepts, ProxyPair, text } from './proxy-pair.js'
import { Steps } from './steps.js'
import type { Adapter, Ports, Side } from './subject.js'

const LACKS = {
  authority: 'this adapter gives the stand-in of its agent one authority',
  routes: 'routes belong to the client of Istio, and this adapter gives it one',
  control: 'this adapter starts istiod with one service',
  grpc: 'this adapter calls its port one of HTTP, so that Istio has HTTP/1.1 spoken to the server',
  tracing: 'this adapter names no provider of tracing to Istio',
  reload: "Istio's agent starts Envoy anew; it has no restart that keeps the listeners open",
  link: 'the client finds two endpoints by name, one for each version, and a link of ours stands for one port',
}
const HTTP2 = `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`
/** The names under which Istio's configuration asks for certificates. */
const SECRETS = { own: 'default', trust: 'ROOTCA' } as const
/** Two sidecars with one address would get each other's listeners. */
const ADDRESS = { client: '127.0.0.2', server: LOOPBACK } as const
const WEIGHT = 100
/** Istiod reads files again after a pause, and checks all of its configuration first. */
const PATIENCE_MS = 60_000

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
    mkdirSync(this.path('config'), { recursive: true, mode: 0o700 })
    this.write('mesh.yaml', { trustDomain: TRUST_DOMAIN, defaultConfig: { discoveryAddress: this.#discovery } })
    for (const [name, resource] of Object.entries(this.#resources())) this.write(`config/${name}.yaml`, resource)
    this.#agent = await ControlPlane.start(`unix:${this.path('agent.sock')}`)
    for (const side of ['client', 'server'] as const) {
      this.write(`${side}.json`, this.#bootstrap(side))
      this.#give(side, this.plan[side])
      this.#trust(side, this.plan.revocations)
    }
    await this.restartControl()
  }

  get #discovery(): string {
    return `${LOOPBACK}:${controlPort(this.plan.ports)}`
  }

  async killControl(): Promise<void> {
    await Promise.all(this.others.map(istiod => istiod.kill()))
  }

  async restartControl(): Promise<void> {
    const flags = [
      '--registries=',
      `--configDir=${this.path('config')}`,
      `--meshConfig=${this.path('mesh.yaml')}`,
      `--grpcAddr=${this.#discovery}`,
      // Ports that nobody needs: the kernel chooses them, on the loopback interface.
      `--httpAddr=${LOOPBACK}:0`,
      `--monitoringAddr=${LOOPBACK}:0`,
      '--secureGRPCAddr=',
      '--httpsAddr=',
      '--ctrlz_port=0',
      '--log_output_level=default:error',
    ]
    const istiod = await this.startProcess('istiod', ['discovery', ...flags], this.binary.path, {
      PILOT_ENABLE_METADATA_EXCHANGE: 'false',
      PILOT_ENABLE_ALPN_FILTER: 'false',
      ENABLE_CA_SERVER: 'false',
      POD_NAMESPACE: 'istio-system',
    })
    this.others.splice(0, this.others.length, istiod)
    await istiod.ready(() => accepts(controlPort(this.plan.ports)), PATIENCE_MS)
  }

  protected args(side: Side): string[] {
    const base = this.plan.ports.outbound * 2 + (side === 'client' ? 0 : 1)
    return ['-c', this.path(`${side}.json`), '--concurrency', '1', '--log-level', 'error', '--base-id', String(base)]
  }

  protected override startProcess(
    name: string,
    args: readonly string[],
    program = this.binary.helper!,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Tied> {
    return super.startProcess(name, args, program, env)
  }

  /** What an operator gives to Istio. Weights of the canary are those of a VirtualService, so the client's sidecar splits. */
  #resources(): Record<string, object> {
    const { ports, apps } = this.plan
    const canaryPort = ports.admin[3]
    const resource = (kind: string, name: string, group: string, spec: object) => ({
      apiVersion: `${group}.istio.io/v1`,
      kind,
      metadata: { name, namespace: 'default' },
      spec,
    })
    const networking = (kind: string, name: string, spec: object) => resource(kind, name, 'networking', spec)
    const security = (kind: string, name: string, spec: object) => resource(kind, name, 'security', spec)
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
        subsets: [subset('stable'), subset('canary')],
      }),
      'virtual-service': this.#virtualService(),
      'sidecar-server': networking('Sidecar', 'server', {
        workloadSelector: { labels: { app: 'server' } },
        ingress: [ingress(ports.inbound, apps.stable), ingress(canaryPort, apps.canary)],
        egress: [{ hosts: ['~/*'] }],
      }),
      'sidecar-client': networking('Sidecar', 'client', {
        workloadSelector: { labels: { app: 'client' } },
        egress: [
          {
            port: { number: ports.outbound, protocol: 'HTTP', name: 'http' },
            bind: LOOPBACK,
            captureMode: 'NONE',
            hosts: ['./*'],
          },
        ],
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
    return {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'server', namespace: 'default' },
      spec: { hosts: [SERVER_NAME], http: [{ route: [to('stable', WEIGHT - share), to('canary', share)], ...again }] },
    }
  }

  /** Istio's names of sidecars: kind, address, workload and domain. */
  #node(side: Side): string {
    return `sidecar~${ADDRESS[side]}~${side}.default~default.svc.cluster.local`
  }

  #bootstrap(side: Side): object {
    const { ports } = this.plan
    const service = (name: string) => ({
      api_type: 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: name } }],
    })
    const ads = { resource_api_version: 'V3', ads: {} }
    const http2 = {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': HTTP2,
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }
    const pipe = { endpoint: { address: { pipe: { path: this.path('agent.sock') } } } }
    return {
      node: {
        id: this.#node(side),
        cluster: `${side}.default`,
        metadata: {
          NAMESPACE: 'default',
          CLUSTER_ID: 'Kubernetes',
          SERVICE_ACCOUNT: side,
          WORKLOAD_NAME: side,
          INTERCEPTION_MODE: 'NONE',
          INSTANCE_IPS: ADDRESS[side],
          LABELS: { app: side },
        },
      },
      admin: {
        address: {
          socket_address: { address: LOOPBACK, port_value: this.plan.ports.admin[side === 'client' ? 0 : 1] },
        },
      },
      layered_runtime: {
        layers: [{ name: 'limits', static_layer: { 'overload.global_downstream_max_connections': 50_000 } }],
      },
      dynamic_resources: { ads_config: service('xds-grpc'), lds_config: ads, cds_config: ads },
      static_resources: {
        clusters: [
          { ...cluster('xds-grpc', ports.control ?? controlPort(ports)), ...http2 },
          {
            name: 'sds-grpc',
            type: 'STATIC',
            connect_timeout: '1s',
            ...http2,
            load_assignment: { cluster_name: 'sds-grpc', endpoints: [{ lb_endpoints: [pipe] }] },
          },
        ],
      },
    }
  }

  metricsAt(side: Side): { port: number; path: string } {
    return { port: this.plan.ports.admin[side === 'client' ? 0 : 1], path: '/stats/prometheus' }
  }

  #give(side: Side, leaf: Leaf): void {
    this.#agent!.set(this.#node(side), SECRETS.own, secret(SECRETS.own, leaf).resources[0])
  }

  #trust(side: Side, revocations: string): void {
    const [resource] = trust(this.plan.authority, revocations).resources
    this.#agent!.set(this.#node(side), SECRETS.trust, { ...resource, name: SECRETS.trust })
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.note('push a secret')
    this.#give('server', leaf)
  }

  async revoke(list: string, steps: Steps): Promise<void> {
    steps.note('push a validation context')
    this.#trust('server', list)
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.write(this.path('config/virtual-service.yaml'), text(this.#virtualService()))
  }

  async reload(): Promise<void> {
    throw new ProxyError(LACKS.reload)
  }

  async misconfigure(): Promise<void> {
    new Steps().write(this.path('config/virtual-service.yaml'), 'kind: VirtualService\nspec: { http: no-such-word }\n')
  }

  override configuration(): Record<string, string> {
    const files = readdirSync(this.path('config')).filter(name => name.endsWith('.yaml'))
    const resources = files.map(name => [`config/${name}`, readFileSync(join(this.path('config'), name), 'utf8')])
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
  controlPort,
}
