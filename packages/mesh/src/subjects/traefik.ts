/** Traefik: a static file, and a dynamic one that it watches. JSON is YAML, and Traefik takes files of YAML only. */
import { mkdirSync } from 'node:fs'
import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME } from '../authority/authority.js'
import { ProxyError } from '../processes/errors.js'
import { ProxyPair, text } from './proxy-pair.js'
import { Steps } from './steps.js'
import type { Adapter, Side } from './subject.js'

const LACKS = {
  identity: 'Traefik checks the authority of a client certificate, not whose it is',
  revoke: 'Traefik reads no revocation lists',
  reload: 'Traefik has no restart that keeps its listeners open',
}
const WEIGHT = 10

class TraefikPair extends ProxyPair {
  /** Traefik ignores a file whose content has not changed, so each dynamic file has another number in a header that nobody reads. */
  #edition = 0

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
    return {
      global: { checkNewVersion: false, sendAnonymousUsage: false },
      log: { level: 'WARN' },
      entryPoints: { main: { address: `127.0.0.1:${side === 'client' ? outbound : inbound}` } },
      providers: { providersThrottleDuration: '100ms', file: { directory: this.path(side), watch: true } },
    }
  }

  #client(): object {
    const mtls = {
      serverName: SERVER_NAME,
      rootCAs: [this.path('authority.crt')],
      certificates: [{ certFile: this.path('client.crt'), keyFile: this.path('client.key') }],
      disableHTTP2: true,
      maxIdleConnsPerHost: 64,
    }
    return {
      http: {
        routers: { all: { entryPoints: ['main'], rule: 'PathPrefix(`/`)', service: 'peer' } },
        services: {
          peer: {
            loadBalancer: {
              serversTransport: 'mtls',
              passHostHeader: true,
              servers: [{ url: `https://127.0.0.1:${this.plan.ports.inbound}` }],
            },
          },
        },
        serversTransports: { mtls },
      },
    }
  }

  #server(): object {
    const { stable, canary } = this.plan.apps
    const share = Math.round(this.canaryShare * WEIGHT)
    const pem = { certFile: this.path('server.crt'), keyFile: this.path('server.key') }
    const at = (port: number) => ({ loadBalancer: { servers: [{ url: `http://127.0.0.1:${port}` }] } })
    const edition = { headers: { customRequestHeaders: { 'x-edition': String(this.#edition++) } } }
    return {
      tls: {
        certificates: [pem],
        stores: { default: { defaultCertificate: pem } },
        options: {
          default: {
            minVersion: 'VersionTLS13',
            alpnProtocols: ['http/1.1'],
            clientAuth: { caFiles: [this.path('authority.crt')], clientAuthType: 'RequireAndVerifyClientCert' },
          },
        },
      },
      http: {
        routers: {
          all: { entryPoints: ['main'], rule: 'PathPrefix(`/`)', service: 'app', middlewares: ['edition'], tls: {} },
        },
        middlewares: { edition },
        services: {
          app: {
            weighted: {
              services: [
                { name: 'stable', weight: WEIGHT - share },
                { name: 'canary', weight: share },
              ],
            },
          },
          stable: at(stable),
          canary: at(canary),
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
