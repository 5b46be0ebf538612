/** Caddy: one JSON document, changed through its administration port. */

import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME, spiffe } from '../authority/authority.js'
import { ProxyError } from '../processes/errors.js'
import { ProxyPair, routePrefixes, trustFiles } from './proxy-pair.js'
import { call, type Steps } from './steps.js'
import type { Adapter, Side, Trust } from './subject.js'

const NO_LIST = 'Caddy reads no revocation lists'
const WEIGHT = 10
/** Between two tries, in nanoseconds as Caddy counts them: 25 ms, as Envoy begins. */
const RETRY_INTERVAL = 25e6
const GRPC = { header: { 'Content-Type': ['application/grpc*'] } }
/** Certificates of files are read again only then. */
const AGAIN = { 'cache-control': 'must-revalidate' }

class CaddyPair extends ProxyPair {
  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<CaddyPair> {
    const pair = new CaddyPair(binary, plan)
    pair.write('client.json', pair.#client())
    pair.write('server.json', pair.#server())
    return pair.begin()
  }

  protected args(side: Side): string[] {
    return ['run', '--config', this.path(`${side}.json`)]
  }

  protected override environment(): Record<string, string> {
    const { telemetry } = this.plan
    if (telemetry?.tracing !== true) return {}
    return {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_INSECURE: 'true',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${telemetry.sink}`,
    }
  }

  #around(side: Side, { http, ...apps }: { readonly http: object; readonly tls?: object }): object {
    const port = this.#admin(side)
    const metrics = this.plan.telemetry?.metrics === true ? { metrics: {} } : {}
    return {
      admin: { listen: `127.0.0.1:${port}`, config: { persist: false } },
      logging: { logs: { default: { level: 'WARN' } } },
      apps: { ...apps, http: { ...http, ...metrics } },
    }
  }

  /** The handlers of a route, behind that for tracing. */
  #traced(side: Side, handler: object): object[] {
    return this.plan.telemetry?.tracing === true ? [{ handler: 'tracing', span: side }, handler] : [handler]
  }

  metricsAt(side: Side): { port: number; path: string } {
    return { port: this.#admin(side), path: '/metrics' }
  }

  #admin(side: Side): number {
    return this.plan.ports.admin[side === 'client' ? 0 : 1]
  }

  #client(): object {
    const transport = (version: string) => ({
      protocol: 'http',
      versions: [version],
      keep_alive: { max_idle_conns_per_host: 64 },
      tls: {
        client_certificate_file: this.path('client.crt'),
        client_certificate_key_file: this.path('client.key'),
        server_name: SERVER_NAME,
        ca: { provider: 'file', pem_files: [this.path('authority.crt')] },
      },
    })
    const peer = (version: string) => ({
      handler: 'reverse_proxy',
      upstreams: [{ dial: `127.0.0.1:${this.plan.ports.peer}` }],
      ...this.#retries(),
      // Otherwise the name of the upstream is sent.
      headers: { request: { set: { Host: ['{http.request.host}'] } } },
      transport: transport(version),
    })
    const server = {
      listen: [`127.0.0.1:${this.plan.ports.outbound}`],
      automatic_https: { disable: true },
      protocols: ['h1', 'h2c'],
      routes: [
        { match: [GRPC], handle: this.#traced('client', peer('2')), terminal: true },
        { handle: this.#traced('client', peer('1.1')) },
      ],
    }
    return this.#around('client', { http: { servers: { outbound: server } } })
  }

  #retries(): object {
    const { retries = 0 } = this.plan
    // Caddy tries again after failures to connect, and after others of requests that can be repeated, such as GET.
    return retries === 0 ? {} : { load_balancing: { retries, try_interval: RETRY_INTERVAL } }
  }

  #server(): object {
    const server = {
      listen: [`127.0.0.1:${this.plan.ports.inbound}`],
      automatic_https: { disable: true },
      protocols: ['h1', 'h2'],
      // Otherwise a Host header other than the name in TLS is answered 421.
      strict_sni_host: false,
      tls_connection_policies: [
        {
          alpn: ['h2', 'http/1.1'],
          protocol_min: 'tls1.3',
          protocol_max: 'tls1.3',
          certificate_selection: { any_tag: ['server'] },
          client_authentication: {
            mode: 'require_and_verify',
            ca: { provider: 'file', pem_files: [this.path('authority.crt')] },
          },
        },
      ],
      routes: this.#serverRoutes(),
    }
    const files = [{ certificate: this.path('server.crt'), key: this.path('server.key'), tags: ['server'] }]
    return this.#around('server', {
      tls: { certificates: { load_files: files } },
      http: { servers: { inbound: server } },
    })
  }

  #serverRoutes(): object[] {
    const { stable, canary } = this.plan.apps
    const isClient = {
      vars_regexp: { '{http.request.tls.client.san.uris.0}': { pattern: `^${spiffe('client')}$` } },
    }
    const share = Math.round(this.canaryShare * WEIGHT)
    const selection_policy = { policy: 'weighted_round_robin', weights: [WEIGHT - share, share] }
    const app = (version: string) => ({
      handler: 'reverse_proxy',
      upstreams: [{ dial: `127.0.0.1:${stable}` }, { dial: `127.0.0.1:${canary}` }],
      load_balancing: { selection_policy },
      transport: { protocol: 'http', versions: [version] },
    })
    return [
      { match: [{ not: [isClient] }], handle: [{ handler: 'static_response', status_code: 403 }], terminal: true },
      { match: [GRPC], handle: this.#traced('server', app('h2c')), terminal: true },
      ...routePrefixes(this.routeCount).map(prefix => ({
        match: [{ path: [`${prefix}*`] }],
        handle: this.#traced('server', app('1.1')),
        terminal: true,
      })),
      { handle: this.#traced('server', app('1.1')) },
    ]
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.write(this.path('server.crt'), leaf.certificate)
    steps.write(this.path('server.key'), leaf.key)
    await steps.call(this.#admin('server'), 'POST', '/load', this.#server(), AGAIN)
  }

  async revoke(): Promise<void> {
    throw new ProxyError(NO_LIST)
  }

  async trust(next: Trust, steps: Steps): Promise<void> {
    this.replace(trustFiles(next), steps)
    await steps.call(this.#admin('server'), 'POST', '/load', this.#server(), AGAIN)
    await steps.call(this.#admin('client'), 'POST', '/load', this.#client(), AGAIN)
  }

  async routes(count: number): Promise<void> {
    this.routeCount = count
    this.write('server.json', this.#server())
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    // The shares of HTTP/1.1 and of gRPC in one command.
    await steps.call(this.#admin('server'), 'PATCH', '/config/apps/http/servers/inbound/routes', this.#serverRoutes())
    this.write('server.json', this.#server())
  }

  async reload(steps: Steps): Promise<void> {
    await steps.call(this.#admin('server'), 'POST', '/load', this.#server(), AGAIN)
  }

  async misconfigure(): Promise<void> {
    // The refusal is an answer, not a failure. The administration port stays where it is: Caddy moves it before it looks at the rest.
    const wrong = this.#around('server', { http: { servers: { inbound: { 'no-such-word': 1 } } } })
    await call(this.#admin('server'), 'POST', '/load', wrong).catch(() => {})
  }
}

export const caddy: Adapter = { subject: 'caddy', title: 'Caddy', lacks: { revoke: NO_LIST }, start: CaddyPair.start }
