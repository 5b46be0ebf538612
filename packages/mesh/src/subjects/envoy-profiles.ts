/**
 * Envoy configured as the meshes that use it configure theirs: what their control planes add to a plain proxy, as far as Envoy's own build has it.
 * It is their configuration in our words, not their control plane; docs/mesh.md names the sources and what is left out.
 */
import { spiffe, TRUST_DOMAIN } from '../authority/authority.js'
import { EnvoyPair, TYPE } from './envoy.js'
import type { Adapter, Side } from './subject.js'

type Json = Record<string, unknown>

interface Profile {
  readonly subject: string
  readonly title: string
  /** What the manager of HTTP connections of a side gets beside what it has. */
  manager(side: Side): Json
  /** HTTP filters before the router. */
  filters(side: Side): readonly object[]
  /** Filters of connections before the manager. */
  networkFilters(side: Side): readonly object[]
  readonly tls: Json
  /** What the client's sidecar offers in TLS (ALPN), if it is not the protocol itself. */
  readonly alpn?: readonly string[]
  /** Replaces the check of the peer's name in TLS on the server's side, where the mesh checks it later. */
  readonly trustAnyOfDomain?: boolean
  /** What clusters get, those of the mesh and those of the local server. */
  cluster(side: Side): Json
  /** What each route of a side gets. */
  route(side: Side): Json
}

const NO_LIMIT = 2 ** 32 - 1
const UNLIMITED = {
  thresholds: [
    { max_connections: NO_LIMIT, max_pending_requests: NO_LIMIT, max_requests: NO_LIMIT, max_retries: NO_LIMIT },
  ],
}

function httpFilter(name: string, type: string, config: object = {}): object {
  return {
    name: `envoy.filters.http.${name}`,
    typed_config: { '@type': `${TYPE}.extensions.filters.http.${type}`, ...config },
  }
}

/** Lets the client in, and nobody else, by the name in its certificate. */
const ONLY_THE_CLIENT = {
  action: 'ALLOW',
  policies: {
    client: {
      permissions: [{ any: true }],
      principals: [{ authenticated: { principal_name: { exact: spiffe('client') } } }],
    },
  },
}

const httpRbac = () => httpFilter('rbac', 'rbac.v3.RBAC', { rules: ONLY_THE_CLIENT })

function networkRbac(prefix: string): object {
  const config = {
    '@type': `${TYPE}.extensions.filters.network.rbac.v3.RBAC`,
    stat_prefix: prefix,
    rules: ONLY_THE_CLIENT,
  }
  return { name: 'envoy.filters.network.rbac', typed_config: config }
}

/** The name of the client's certificate for the server behind the sidecar, in the header that Envoy has for it. */
function forwarded(details: object): Json {
  return { forward_client_cert_details: 'APPEND_FORWARD', set_current_client_cert_details: details }
}

/** An access log of one JSON object a request, on standard output. */
function accessLog(fields: Readonly<Record<string, string>>): object {
  const config = {
    '@type': `${TYPE}.extensions.access_loggers.stream.v3.StdoutAccessLog`,
    log_format: { json_format: fields },
  }
  return { name: 'envoy.access_loggers.stdout', typed_config: config }
}

/** Istio without an access log, which its default installation does not have either. */
const ISTIO: Profile = {
  subject: 'envoy-istio-like',
  title: 'Envoy, configured like Istio',
  manager: side => ({
    normalize_path: true,
    path_with_escaped_slashes_action: 'KEEP_UNCHANGED',
    stream_idle_timeout: '0s',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    ...(side === 'server' ? { server_name: 'istio-envoy', ...forwarded({ subject: true, dns: true, uri: true }) } : {}),
  }),
  filters: side => [
    ...(side === 'server' ? [httpRbac()] : []),
    httpFilter('grpc_stats', 'grpc_stats.v3.FilterConfig', { emit_filter_state: true, stats_for_all_methods: false }),
    httpFilter('fault', 'fault.v3.HTTPFault'),
    httpFilter('cors', 'cors.v3.Cors'),
  ],
  networkFilters: () => [],
  tls: {
    tls_minimum_protocol_version: 'TLSv1_2',
    tls_maximum_protocol_version: 'TLSv1_3',
    cipher_suites: [
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'AES256-GCM-SHA384',
      'AES128-GCM-SHA256',
    ],
  },
  alpn: ['istio-peer-exchange', 'istio'],
  trustAnyOfDomain: true,
  cluster: () => ({ connect_timeout: '10s', circuit_breakers: UNLIMITED }),
  route: side => ({
    timeout: '0s',
    retry_policy:
      side === 'client'
        ? {
            retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
            num_retries: 2,
            host_selection_retry_max_attempts: 5,
            retry_host_predicate: [
              {
                name: 'envoy.retry_host_predicates.previous_hosts',
                typed_config: { '@type': `${TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
              },
            ],
          }
        : { retry_on: 'reset-before-request', num_retries: 2 },
  }),
}

const CONSUL: Profile = {
  subject: 'envoy-consul-like',
  title: 'Envoy, configured like Consul',
  manager: side => ({
    tracing: { random_sampling: { value: 0 } },
    ...(side === 'server' ? forwarded({ subject: true, cert: true, chain: true, dns: true, uri: true }) : {}),
  }),
  filters: side => (side === 'server' ? [httpRbac()] : []),
  networkFilters: () => [],
  // Consul sets no version unless it is told to: Envoy's own default for a server is 1.2 to 1.3.
  tls: {},
  trustAnyOfDomain: true,
  cluster: side => ({
    connect_timeout: '5s',
    circuit_breakers: {},
    outlier_detection: {},
    ...(side === 'client' ? { common_lb_config: { healthy_panic_threshold: {} } } : {}),
  }),
  route: () => ({}),
}

/** OSM notes the service's name in headers, for its statistics. */
const NOTE_SERVICE = `function envoy_on_request(handle)
  handle:headers():add("x-osm-like-service", "server")
end
function envoy_on_response(handle)
  handle:headers():add("x-osm-like-service", "server")
end
`

/** Open Service Mesh, which was archived in 2023: a profile, and no more. Its extension in WebAssembly is left out. */
const OSM: Profile = {
  subject: 'envoy-osm-like',
  title: 'Envoy, configured like Open Service Mesh (archived in 2023)',
  manager: () => ({
    access_log: [
      accessLog({
        start_time: '%START_TIME%',
        method: '%REQ(:METHOD)%',
        path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
        protocol: '%PROTOCOL%',
        response_code: '%RESPONSE_CODE%',
        response_code_details: '%RESPONSE_CODE_DETAILS%',
        response_flags: '%RESPONSE_FLAGS%',
        time_to_first_byte: '%RESPONSE_DURATION%',
        duration: '%DURATION%',
        bytes_received: '%BYTES_RECEIVED%',
        bytes_sent: '%BYTES_SENT%',
        upstream_cluster: '%UPSTREAM_CLUSTER%',
        upstream_host: '%UPSTREAM_HOST%',
        upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
        authority: '%REQ(:AUTHORITY)%',
        user_agent: '%REQ(USER-AGENT)%',
        request_id: '%REQ(X-REQUEST-ID)%',
        x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
        requested_server_name: '%REQUESTED_SERVER_NAME%',
      }),
    ],
  }),
  filters: side => [
    ...(side === 'server' ? [httpRbac()] : []),
    httpFilter('lua', 'lua.v3.Lua', { default_source_code: { inline_string: NOTE_SERVICE } }),
  ],
  networkFilters: side => (side === 'server' ? [networkRbac('network-')] : []),
  tls: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
  alpn: ['osm'],
  trustAnyOfDomain: true,
  cluster: side => (side === 'client' ? { circuit_breakers: UNLIMITED } : {}),
  route: () => ({}),
}

/** The bootstrap of a side, as a mesh would have made it of the plain one. */
export function profiled(profile: Profile, side: Side, bootstrap: object): object {
  const changed = structuredClone(bootstrap) as Json
  const { listeners, clusters } = changed.static_resources as { listeners: Json[]; clusters: Json[] }
  for (const listener of listeners) {
    for (const chain of listener.filter_chains as Json[]) {
      changeTls(profile, side, chain)
      changeManagers(profile, side, chain)
    }
  }
  for (const cluster of clusters) {
    if (!/^(peer|stable|canary)/.test(String(cluster.name))) continue
    Object.assign(cluster, profile.cluster(side))
    changeTls(profile, side, cluster)
  }
  return changed
}

function changeTls({ tls, alpn, trustAnyOfDomain }: Profile, side: Side, holder: Json): void {
  const context = (holder.transport_socket as { typed_config: { common_tls_context: Json } } | undefined)?.typed_config
    .common_tls_context
  if (context === undefined) return
  context.tls_params = tls
  const protocols = context.alpn_protocols as readonly string[]
  // The mark of a mesh comes first; the protocol itself stays, since the server's sidecar chooses among those it knows.
  if (alpn !== undefined && side === 'client') context.alpn_protocols = [...alpn, ...protocols]
  if (trustAnyOfDomain === true && side === 'server') {
    const validation = context.combined_validation_context as { default_validation_context: Json }
    const matcher = { prefix: `spiffe://${TRUST_DOMAIN}/` }
    validation.default_validation_context = { match_typed_subject_alt_names: [{ san_type: 'URI', matcher }] }
  }
}

function changeManagers(profile: Profile, side: Side, chain: Json): void {
  const filters = chain.filters as { name: string; typed_config: Json }[]
  for (const { name, typed_config: manager } of filters) {
    if (name !== 'envoy.filters.network.http_connection_manager') continue
    const own = manager.http_filters as object[]
    const { tracing, ...rest } = profile.manager(side)
    // A run that measures tracing has said where spans go: that stays.
    Object.assign(manager, rest, manager.tracing === undefined && tracing !== undefined ? { tracing } : {})
    manager.http_filters = [...own.slice(0, -1), ...profile.filters(side), own.at(-1)]
    if (manager.route_config !== undefined) changeRoutes(profile, side, manager.route_config as Json)
  }
  chain.filters = [...profile.networkFilters(side), ...filters]
}

function changeRoutes(profile: Profile, side: Side, configuration: Json): void {
  for (const host of configuration.virtual_hosts as { routes: { route?: Json }[] }[]) {
    for (const { route } of host.routes) {
      if (route !== undefined) Object.assign(route, { ...profile.route(side), ...route })
    }
  }
}

function adapter(profile: Profile): Adapter {
  class ProfiledPair extends EnvoyPair {
    protected override write(name: string, content: string | object): void {
      const side = /^(client|server)\.json$/.exec(name)?.[1] as Side | undefined
      super.write(name, side === undefined || typeof content === 'string' ? content : profiled(profile, side, content))
    }

    static override async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<ProfiledPair> {
      const pair = new ProfiledPair(binary, plan)
      pair.writeResources()
      pair.writeBootstraps()
      return pair.begin()
    }
  }
  const { subject, title } = profile
  return { subject, title, lacks: {}, onlyIn: ['latency', 'latency-grpc', 'admission'], start: ProfiledPair.start }
}

export const PROFILES: readonly Profile[] = [ISTIO, CONSUL, OSM]
export const envoyProfiles: readonly Adapter[] = PROFILES.map(adapter)
