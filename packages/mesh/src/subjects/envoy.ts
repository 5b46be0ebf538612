/** Envoy, controlled by files: its certificates come by SDS, its routes by RDS, each from a file that is replaced by a rename. */

import { rmSync } from 'node:fs'
import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME, spiffe } from '../authority/authority.js'
import type { Resource } from '../control/xds.js'
import type { Tied } from '../processes/tied.js'
import { ProxyPair, routePrefixes, text } from './proxy-pair.js'
import { call, Steps } from './steps.js'
import type { Adapter, Side, Trust } from './subject.js'

export const TYPE = 'type.googleapis.com/envoy'
const HTTP2 = `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`
/** What a cluster speaks, unless it is HTTP/1.1. */
export const HTTP2_ONLY = { explicit_http_config: { http2_protocol_options: {} } }
const AS_THE_CLIENT = { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } }
const TLS = `${TYPE}.extensions.transport_sockets.tls.v3`
const ONLY_TLS_1_3 = { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' }
export const WEIGHT = 100
/** No connection, no answer, a broken answer before its head, and 502 to 504. */
export const RETRY_ON = 'connect-failure,refused-stream,reset,gateway-error'
/** Seconds that the old process of a hot restart lives on, and until it drains its connections. */
const RESTART_SECONDS = { parent: 4, drain: 2 }

export class EnvoyPair extends ProxyPair {
  #epoch = 0
  #edition = 0

  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<EnvoyPair> {
    const pair = new EnvoyPair(binary, plan)
    pair.writeResources()
    pair.writeBootstraps()
    return pair.begin()
  }

  protected writeResources(): void {
    const { plan } = this
    this.write('client-secret.json', secret('client', plan.client))
    this.write('server-secret.json', secret('server', plan.server))
    this.write('client-trust.json', trust(plan.authority))
    this.write('server-trust.json', trust(plan.authority, plan.revocations))
    this.write('routes.json', this.#routes())
  }

  protected writeBootstraps(): void {
    this.write('client.json', this.#client())
    this.write('server.json', this.#server())
  }

  protected args(side: Side, epoch = 0): string[] {
    // Two Envoys with one base id would take each other for a hot restart.
    const { parent, drain } = RESTART_SECONDS
    const restart = ['--base-id', String(this.#baseId(side)), '--restart-epoch', String(epoch)]
    const times = ['--drain-time-s', String(drain), '--parent-shutdown-time-s', String(parent)]
    return ['-c', this.path(`${side}.json`), '--concurrency', '1', '--log-level', 'error', ...restart, ...times]
  }

  #baseId(side: Side): number {
    return this.plan.ports.outbound * 2 + (side === 'client' ? 0 : 1)
  }

  override async restart(side: Side): Promise<void> {
    if (side === 'server') {
      this.#epoch = 0
      // The old process of a hot restart would keep its share of the connections, since both listen at one port, and holds the base id.
      await Promise.all(this.others.splice(0).map(old => old.kill()))
    }
    await super.restart(side)
  }

  #client(): object {
    const { outbound, peer: peerPort } = this.plan.ports
    const peer = (name: string, alpn: string) => {
      const context = this.#tlsContext('client', spiffe('server'), [alpn])
      const tls = { '@type': `${TLS}.UpstreamTlsContext`, sni: SERVER_NAME, common_tls_context: context }
      return {
        ...cluster(name, peerPort),
        transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls },
      }
    }
    const routes = [
      { match: { prefix: '/', grpc: {} }, route: { cluster: 'peer-grpc', ...this.#retries() } },
      { match: { prefix: '/' }, route: { cluster: 'peer', ...this.#retries() } },
    ]
    const route_config = { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] }
    return {
      ...this.bootstrap('client'),
      static_resources: {
        listeners: [listener('outbound', outbound, { route_config, ...this.#tracing('client') })],
        clusters: [
          ...this.moreClusters(),
          ...this.#sink(),
          peer('peer', 'http/1.1'),
          speaking(peer('peer-grpc', 'h2'), HTTP2_ONLY),
        ],
      },
    }
  }

  #retries(): object {
    const { retries = 0 } = this.plan
    return retries === 0 ? {} : { retry_policy: { retry_on: RETRY_ON, num_retries: retries } }
  }

  /** Every request has a span: sampling would make its cost smaller, and the count of spans no proof. */
  #tracing(side: Side): object {
    const { telemetry } = this.plan
    if (telemetry?.tracing !== true) return {}
    const uri = `http://127.0.0.1:${telemetry.sink}/v1/traces`
    const config = {
      '@type': `${TYPE}.config.trace.v3.OpenTelemetryConfig`,
      service_name: side,
      http_service: { http_uri: { uri, cluster: 'sink', timeout: '1s' } },
    }
    const provider = { name: 'envoy.tracers.opentelemetry', typed_config: config }
    return { tracing: { random_sampling: { value: 100 }, provider } }
  }

  #sink(): object[] {
    const { telemetry } = this.plan
    return telemetry?.tracing === true ? [cluster('sink', telemetry.sink)] : []
  }

  metricsAt(side: Side): { port: number; path: string } {
    return { port: this.#admin(side), path: '/stats/prometheus' }
  }

  #admin(side: Side): number {
    return this.plan.ports.admin[side === 'client' ? 0 : 1]
  }

  #server(): object {
    const { stable, canary } = this.plan.apps
    const tls = {
      '@type': `${TLS}.DownstreamTlsContext`,
      require_client_certificate: true,
      common_tls_context: this.#tlsContext('server', spiffe('client'), ['h2', 'http/1.1']),
    }
    const routes = { rds: { route_config_name: 'inbound', config_source: this.configSource('routes.json') } }
    const socket = { name: 'envoy.transport_sockets.tls', typed_config: tls }
    return {
      ...this.bootstrap('server'),
      static_resources: {
        listeners: [listener('inbound', this.plan.ports.inbound, { ...routes, ...this.#tracing('server') }, socket)],
        clusters: [
          speaking(cluster('stable', stable), AS_THE_CLIENT),
          speaking(cluster('canary', canary), AS_THE_CLIENT),
          ...this.moreClusters(),
          ...this.#sink(),
        ],
      },
    }
  }

  /** Clusters that a control plane needs. */
  protected moreClusters(): object[] {
    return []
  }

  protected bootstrap(side: Side): object {
    return {
      node: { id: side, cluster: 'mesh' },
      admin: { address: address(this.#admin(side)) },
      // Without a limit Envoy warns, and takes connections until it has no file descriptors left.
      layered_runtime: {
        layers: [{ name: 'limits', static_layer: { 'overload.global_downstream_max_connections': 50_000 } }],
      },
    }
  }

  #tlsContext(side: Side, peer: string, alpn: readonly string[]): object {
    return {
      alpn_protocols: alpn,
      tls_params: ONLY_TLS_1_3,
      tls_certificate_sds_secret_configs: [{ name: side, sds_config: this.configSource(`${side}-secret.json`) }],
      combined_validation_context: {
        default_validation_context: { match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peer } }] },
        validation_context_sds_secret_config: { name: 'trust', sds_config: this.configSource(`${side}-trust.json`) },
      },
    }
  }

  /** Where Envoy gets the resource `resource` from. */
  protected configSource(name: string): object {
    const watched = { path: this.plan.folder }
    return { resource_api_version: 'V3', path_config_source: { path: this.path(name), watched_directory: watched } }
  }

  #routes(): object {
    const share = Math.round(this.canaryShare * WEIGHT)
    const clusters = [
      { name: 'stable', weight: WEIGHT - share },
      { name: 'canary', weight: share },
    ]
    const route = { match: { prefix: '/' }, route: { weighted_clusters: { clusters } } }
    return {
      version_info: String(this.#edition++),
      resources: [
        {
          '@type': `${TYPE}.config.route.v3.RouteConfiguration`,
          name: 'inbound',
          virtual_hosts: [{ name: 'all', domains: ['*'], routes: [...this.moreRoutes(), route] }],
        },
      ],
    }
  }

  protected moreRoutes(): object[] {
    return routePrefixes(this.routeCount).map(prefix => ({ match: { prefix }, route: { cluster: 'stable' } }))
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.write(this.path('server-secret.json'), text(secret('server', leaf)))
  }

  async revoke(list: string, steps: Steps): Promise<void> {
    steps.write(this.path('server-trust.json'), text(trust(this.plan.authority, list)))
  }

  async trust(next: Trust, steps: Steps): Promise<void> {
    this.trustClient(next, steps)
    const files = {
      'server-trust.json': text(trust(next.authority, next.revocations)),
      'server-secret.json': text(secret('server', next.server)),
    }
    this.replace(files, steps)
  }

  protected trustClient(next: Trust, steps: Steps): void {
    const files = {
      'client-trust.json': text(trust(next.authority)),
      'client-secret.json': text(secret('client', next.client)),
    }
    this.replace(files, steps)
  }

  async routes(count: number): Promise<void> {
    this.routeCount = count
    new Steps().write(this.path('routes.json'), text(this.#routes()))
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.write(this.path('routes.json'), text(this.#routes()))
  }

  /** A new process takes over the listeners of the old one, which drains and ends. Returns when the new one serves: until then Envoy refuses another restart. */
  async reload(steps: Steps): Promise<void> {
    const epoch = ++this.#epoch
    steps.note(`start envoy --restart-epoch ${epoch}`)
    const next: Tied = await this.startProcess('server', this.args('server', epoch))
    const draining = this.others.filter(({ isRunning }) => isRunning)
    this.others.splice(0, this.others.length, ...draining, this.processes.server)
    this.processes.server = next
    await next.ready(() => this.#serves(epoch))
  }

  /** Whether the process of this epoch serves. The port would not tell: its predecessor listens there too. */
  async #serves(epoch: number): Promise<boolean> {
    try {
      const { state, command_line_options } = JSON.parse(await call(this.#admin('server'), 'GET', '/server_info'))
      return state === 'LIVE' && command_line_options.restart_epoch === epoch
    } catch {
      return false
    }
  }

  override async stop(): Promise<void> {
    await super.stop()
    // Envoy leaves the memory that its hot restarts share when it is killed.
    for (const side of ['client', 'server'] as const) {
      rmSync(`/dev/shm/envoy_shared_memory_${this.#baseId(side) * 10}`, { force: true })
    }
  }

  async misconfigure(): Promise<void> {
    // A rename, since Envoy takes no notice of a file that is written in place.
    new Steps().write(this.path('routes.json'), '{ "resources": [ { "no-such-word": 1 } ] }')
  }
}

export function secret(name: string, { certificate, key }: Leaf): { readonly resources: readonly Resource[] } {
  const pem = { certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } }
  return { resources: [{ '@type': `${TLS}.Secret`, name, tls_certificate: pem }] }
}

export function trust(authority: string, revocations?: string): { readonly resources: readonly Resource[] } {
  const crl = revocations === undefined ? {} : { crl: { inline_string: revocations } }
  const context = { trusted_ca: { inline_string: authority }, ...crl }
  return { resources: [{ '@type': `${TLS}.Secret`, name: 'trust', validation_context: context }] }
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}

export function cluster(name: string, port: number): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }]
  return { name, connect_timeout: '1s', type: 'STATIC', load_assignment: { cluster_name: name, endpoints } }
}

/** A cluster that speaks something else than HTTP/1.1. */
export function speaking(cluster: object, what: object): object {
  const options = { '@type': HTTP2, ...what }
  return {
    ...cluster,
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options },
  }
}

export function listener(name: string, port: number, routes: object, transport_socket?: object): object {
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` },
  }
  const manager = {
    '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    http_filters: [router],
    ...routes,
  }
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }]
  const chain = transport_socket === undefined ? { filters } : { transport_socket, filters }
  return { name, address: address(port), filter_chains: [chain] }
}

export const envoy: Adapter = { subject: 'envoy', title: 'Envoy', lacks: {}, start: EnvoyPair.start }
