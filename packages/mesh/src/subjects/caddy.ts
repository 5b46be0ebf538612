/** Caddy: one JSON document, changed through its administration port. */

import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME, spiffe } from '../authority/authority.js'
import { ProxyError } from '../processes/errors.js'
import { ProxyPair } from './proxy-pair.js'
import { call, type Steps } from './steps.js'
import type { Adapter, Side } from './subject.js'

const NO_LIST = 'Caddy reads no revocation lists'
const WEIGHT = 10
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

  #around(side: Side, apps: object): object {
    const port = this.#admin(side)
    return {
      admin: { listen: `127.0.0.1:${port}`, config: { persist: false } },
      logging: { logs: { default: { level: 'WARN' } } },
      apps,
    }
  }

  #admin(side: Side): number {
    return this.plan.ports.admin[side === 'client' ? 0 : 1]
  }

  #client(): object {
    const transport = {
      protocol: 'http',
      versions: ['1.1'],
      keep_alive: { max_idle_conns_per_host: 64 },
      tls: {
        client_certificate_file: this.path('client.crt'),
        client_certificate_key_file: this.path('client.key'),
        server_name: SERVER_NAME,
        ca: { provider: 'file', pem_files: [this.path('authority.crt')] },
      },
    }
    const peer = {
      handler: 'reverse_proxy',
      upstreams: [{ dial: `127.0.0.1:${this.plan.ports.inbound}` }],
      // Otherwise the name of the upstream is sent.
      headers: { request: { set: { Host: ['{http.request.host}'] } } },
      transport,
    }
    const server = {
      listen: [`127.0.0.1:${this.plan.ports.outbound}`],
      automatic_https: { disable: true },
      protocols: ['h1'],
      routes: [{ handle: [peer] }],
    }
    return this.#around('client', { http: { servers: { outbound: server } } })
  }

  #server(): object {
    const { stable, canary } = this.plan.apps
    const isClient = {
      vars_regexp: { '{http.request.tls.client.san.uris.0}': { pattern: `^${spiffe('client')}$` } },
    }
    const app = {
      handler: 'reverse_proxy',
      upstreams: [{ dial: `127.0.0.1:${stable}` }, { dial: `127.0.0.1:${canary}` }],
      load_balancing: { selection_policy: { policy: 'weighted_round_robin', weights: this.#weights() } },
    }
    const server = {
      listen: [`127.0.0.1:${this.plan.ports.inbound}`],
      automatic_https: { disable: true },
      protocols: ['h1'],
      // Otherwise a Host header other than the name in TLS is answered 421.
      strict_sni_host: false,
      tls_connection_policies: [
        {
          alpn: ['http/1.1'],
          protocol_min: 'tls1.3',
          protocol_max: 'tls1.3',
          certificate_selection: { any_tag: ['server'] },
          client_authentication: {
            mode: 'require_and_verify',
            ca: { provider: 'file', pem_files: [this.path('authority.crt')] },
          },
        },
      ],
      routes: [
        { match: [{ not: [isClient] }], handle: [{ handler: 'static_response', status_code: 403 }], terminal: true },
        { handle: [app] },
      ],
    }
    const files = [{ certificate: this.path('server.crt'), key: this.path('server.key'), tags: ['server'] }]
    return this.#around('server', {
      tls: { certificates: { load_files: files } },
      http: { servers: { inbound: server } },
    })
  }

  #weights(): number[] {
    const share = Math.round(this.canaryShare * WEIGHT)
    return [WEIGHT - share, share]
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.write(this.path('server.crt'), leaf.certificate)
    steps.write(this.path('server.key'), leaf.key)
    await steps.call(this.#admin('server'), 'POST', '/load', this.#server(), AGAIN)
  }

  async revoke(): Promise<void> {
    throw new ProxyError(NO_LIST)
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    const path = '/config/apps/http/servers/inbound/routes/1/handle/0/load_balancing/selection_policy/weights'
    await steps.call(this.#admin('server'), 'PATCH', path, this.#weights())
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
