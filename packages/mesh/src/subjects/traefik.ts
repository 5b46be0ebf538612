/** Traefik: a static file, and a dynamic one that it watches. JSON is YAML, and Traefik takes files of YAML only. */
import { mkdirSync } from 'node:fs'
import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME } from '../authority/authority.js'
import { ProxyError } from '../processes/errors.js'
import { ProxyPair, routePrefixes, text, trustFiles } from './proxy-pair.js'
import { Steps } from './steps.js'
import type { Adapter, Side, Trust } from './subject.js'

const LACKS = {
  identity: 'Traefik checks the authority of a client certificate, not whose it is',
  revoke: 'Traefik reads no revocation lists',
  reload: 'Traefik has no restart that keeps its listeners open',
}
const WEIGHT = 10
/** Between two tries; it grows, as that of Envoy. */
const RETRY_INTERVAL = '25ms'
const IS_GRPC = 'HeaderRegexp(`Content-Type`, `^application/grpc`)'

class TraefikPair extends ProxyPair {
  /** Traefik ignores a file whose content has not changed, so each dynamic file has another number in a header that nobody reads. */
  #edition = 0
  /** How often authorities and certificates were replaced. */
  #trusts = 0

  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<TraefikPair> {
    const pair = new TraefikPair(binary, plan)
    for (const side of ['client', 'server'] as const) {
      mkdirSync(pair.path(side), { recursive: true })
      pair.write(`${side}.yaml`, pair.#static(side))
    }
    pair.write('client/dynamic.yaml', pair.#client())
    pair.write('server/dynamic.yaml', pair.#server())
    return pair.begin()
  }

  protected args(side: Side): string[] {
    return [`--configFile=${this.path(`${side}.yaml`)}`]
  }

  #static(side: Side): object {
    const { outbound, inbound } = this.plan.ports
    const { telemetry } = this.plan
    const { port } = this.metricsAt(side)
    const hasMetrics = telemetry?.metrics === true
    return {
      global: { checkNewVersion: false, sendAnonymousUsage: false },
      log: { level: 'WARN' },
      entryPoints: {
        main: { address: `127.0.0.1:${side === 'client' ? outbound : inbound}` },
        ...(hasMetrics ? { metrics: { address: `127.0.0.1:${port}` } } : {}),
      },
      ...(hasMetrics ? { metrics: { prometheus: { entryPoint: 'metrics' } } } : {}),
      ...(telemetry?.tracing === true
        ? { tracing: { otlp: { http: { endpoint: `http://127.0.0.1:${telemetry.sink}/v1/traces` } }, sampleRate: 1 } }
        : {}),
      providers: { providersThrottleDuration: '100ms', file: { directory: this.path(side), watch: true } },
    }
  }

  metricsAt(side: Side): { port: number; path: string } {
    return { port: this.plan.ports.admin[side === 'client' ? 0 : 1], path: '/metrics' }
  }

  #client(): object {
    const mtls = (disableHTTP2: boolean) => ({
      serverName: SERVER_NAME,
      rootCAs: [this.path('authority.crt')],
      certificates: [{ certFile: this.path('client.crt'), keyFile: this.path('client.key') }],
      disableHTTP2,
      maxIdleConnsPerHost: 64,
    })
    const peer = (serversTransport: string) => {
      const servers = [{ url: `https://127.0.0.1:${this.plan.ports.peer}` }]
      return { loadBalancer: { serversTransport, passHostHeader: true, servers } }
    }
    // Traefik reads the files of a transport again only if its description is another one.
    const transport = `mtls-${this.#trusts}`
    const { retries = 0 } = this.plan
    const retry = { retry: { attempts: retries + 1, initialInterval: RETRY_INTERVAL } }
    const [router, middlewares] =
      retries === 0
        ? [{ entryPoints: ['main'] }, {}]
        : [{ entryPoints: ['main'], middlewares: ['retry'] }, { middlewares: { retry } }]
    return {
      http: {
        routers: {
          all: { ...router, rule: 'PathPrefix(`/`)', service: 'peer' },
          // Of two rules that fit, Traefik takes the longer one.
          grpc: { ...router, rule: IS_GRPC, service: 'peer-grpc' },
        },
        ...middlewares,
        services: { peer: peer(transport), 'peer-grpc': peer(`${transport}-grpc`) },
        serversTransports: { [transport]: mtls(true), [`${transport}-grpc`]: mtls(false) },
      },
    }
  }

  #server(): object {
    const { stable, canary } = this.plan.apps
    const share = Math.round(this.canaryShare * WEIGHT)
    const pem = { certFile: this.path('server.crt'), keyFile: this.path('server.key') }
    const at = (scheme: string, port: number) => ({
      loadBalancer: { servers: [{ url: `${scheme}://127.0.0.1:${port}` }] },
    })
    const both = (suffix: string) => ({
      weighted: {
        services: [
          { name: `stable${suffix}`, weight: WEIGHT - share },
          { name: `canary${suffix}`, weight: share },
        ],
      },
    })
    const router = { entryPoints: ['main'], middlewares: ['edition'], tls: {} }
    const edition = { headers: { customRequestHeaders: { 'x-edition': String(this.#edition++) } } }
    return {
      tls: {
        certificates: [pem],
        stores: { default: { defaultCertificate: pem } },
        options: {
          default: {
            minVersion: 'VersionTLS13',
            alpnProtocols: ['h2', 'http/1.1'],
            clientAuth: { caFiles: [this.path('authority.crt')], clientAuthType: 'RequireAndVerifyClientCert' },
          },
        },
      },
      http: {
        routers: {
          all: { ...router, rule: 'PathPrefix(`/`)', service: 'app' },
          grpc: { ...router, rule: IS_GRPC, service: 'app-grpc' },
          ...Object.fromEntries(
            routePrefixes(this.routeCount).map((prefix, i) => [
              `route-${i}`,
              { ...router, rule: `PathPrefix(\`${prefix}\`)`, service: 'app' },
            ]),
          ),
        },
        middlewares: { edition },
        services: {
          app: both(''),
          stable: at('http', stable),
          canary: at('http', canary),
          'app-grpc': both('-grpc'),
          'stable-grpc': at('h2c', stable),
          'canary-grpc': at('h2c', canary),
        },
      },
    }
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.write(this.path('server.crt'), leaf.certificate)
    steps.write(this.path('server.key'), leaf.key)
    // Certificate files are read again only with the dynamic file.
    steps.write(this.path('server/dynamic.yaml'), text(this.#server()))
  }

  async revoke(): Promise<void> {
    throw new ProxyError(LACKS.revoke)
  }

  async trust(next: Trust, steps: Steps): Promise<void> {
    this.replace(trustFiles(next), steps)
    this.#trusts++
    steps.write(this.path('server/dynamic.yaml'), text(this.#server()))
    steps.write(this.path('client/dynamic.yaml'), text(this.#client()))
  }

  async routes(count: number): Promise<void> {
    this.routeCount = count
    this.write('server/dynamic.yaml', this.#server())
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.write(this.path('server/dynamic.yaml'), text(this.#server()))
  }

  async reload(): Promise<void> {
    throw new ProxyError(LACKS.reload)
  }

  async misconfigure(): Promise<void> {
    new Steps().write(this.path('server/dynamic.yaml'), 'http: [ no-such-word\n')
  }
}

export const traefik: Adapter = { subject: 'traefik', title: 'Traefik', lacks: LACKS, start: TraefikPair.start }
