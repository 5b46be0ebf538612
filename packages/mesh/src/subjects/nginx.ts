/** nginx: files and SIGHUP. */
import { mkdirSync } from 'node:fs'
import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME } from '../authority/authority.js'
import { GRPC_SERVICE } from '../topology/protocol.js'
import { ProxyPair, routePrefixes, trustFiles } from './proxy-pair.js'
import type { Steps } from './steps.js'
import type { Adapter, Side, Trust } from './subject.js'

const WEIGHT = 10

class NginxPair extends ProxyPair {
  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<NginxPair> {
    const pair = new NginxPair(binary, plan)
    for (const side of ['client', 'server']) mkdirSync(pair.path(`${side}-files`), { recursive: true })
    pair.write('client.conf', pair.#client())
    pair.write('server.conf', pair.#server())
    return pair.begin()
  }

  protected args(side: Side): string[] {
    return ['-c', this.path(`${side}.conf`), '-p', this.plan.folder, '-e', this.path(`${side}-error.log`)]
  }

  #around(side: Side, body: string): string {
    const files = this.path(`${side}-files`)
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const user = process.getuid?.() === 0 ? 'user root;\n' : ''
    return `${user}worker_processes 1;
daemon off;
pid ${files}/nginx.pid;
error_log ${this.path(`${side}-error.log`)} warn;
events { worker_connections 2048; }
http {
  access_log off;
  server_tokens off;
  keepalive_requests 1000000;
  keepalive_timeout 300s;
${this.#metrics(side)}${kinds.map(kind => `  ${kind}_temp_path ${files}/${kind};`).join('\n')}
${body}
}
`
  }

  #metrics(side: Side): string {
    if (this.plan.telemetry?.metrics !== true) return ''
    const { port, path } = this.metricsAt(side)
    return `  server { listen 127.0.0.1:${port}; location = ${path} { stub_status; } }\n`
  }

  metricsAt(side: Side): { port: number; path: string } {
    return { port: this.plan.ports.admin[side === 'client' ? 1 : 2], path: '/stub_status' }
  }

  /** Without TLS, a port of nginx takes either HTTP/1.1 or HTTP/2. */
  override get grpcPort(): number {
    return this.plan.ports.admin[0]
  }

  #client(): string {
    const peer = `${this.#peers()}keepalive 64; keepalive_requests 1000000;`
    const tls = (module: string) => `${module}_ssl_certificate ${this.path('client.crt')};
      ${module}_ssl_certificate_key ${this.path('client.key')};
      ${module}_ssl_trusted_certificate ${this.path('authority.crt')};
      ${module}_ssl_verify on;
      ${module}_ssl_name ${SERVER_NAME};
      ${module}_ssl_server_name on;
      ${module}_ssl_protocols TLSv1.3;`
    return this.#around(
      'client',
      `  upstream peer { ${peer} }
  upstream peer_grpc { ${peer} }
  server {
    listen 127.0.0.1:${this.plan.ports.outbound};
    location / {
      proxy_pass https://peer;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${tls('proxy')}
      ${this.#retries('proxy')}
    }
  }
  server {
    listen 127.0.0.1:${this.grpcPort} http2;
    location / {
      grpc_pass grpcs://peer_grpc;
      ${tls('grpc')}
      ${this.#retries('grpc')}
    }
  }`,
    )
  }

  /** nginx tries each server of a group once, so a server that is tried again is in the group again. */
  #peers(): string {
    return `server 127.0.0.1:${this.plan.ports.peer} max_fails=0; `.repeat(1 + (this.plan.retries ?? 0))
  }

  /** Without a word about them, nginx tries another connection if the one that it kept was closed. */
  #retries(module: string): string {
    const { retries } = this.plan
    if (retries === undefined) return ''
    if (retries === 0) return `${module}_next_upstream off;`
    const when = 'error timeout invalid_header http_502 http_503 http_504'
    return `${module}_next_upstream ${when}; ${module}_next_upstream_tries ${retries + 1};`
  }

  #server(): string {
    const { stable, canary } = this.plan.apps
    const share = Math.round(this.canaryShare * WEIGHT)
    // nginx refuses the weight 0: a server that gets nothing is left out.
    const servers = [
      [stable, WEIGHT - share],
      [canary, share],
    ].filter(([, weight]) => weight > 0)
    const app = `${servers.map(([port, weight]) => `server 127.0.0.1:${port} weight=${weight} max_fails=0; `).join('')}keepalive 64; keepalive_requests 1000000;`
    return this.#around(
      'server',
      `  upstream app { ${app} }
  upstream app_grpc { ${app} }
  map $ssl_client_s_dn $is_allowed { default 0; "~CN=client$" 1; }
  server {
    listen 127.0.0.1:${this.plan.ports.inbound} ssl http2;
    ssl_certificate ${this.path('server.crt')};
    ssl_certificate_key ${this.path('server.key')};
    ssl_client_certificate ${this.path('authority.crt')};
    ssl_crl ${this.path('revoked.crl')};
    ssl_verify_client on;
    ssl_protocols TLSv1.3;
    ssl_session_tickets off;
    if ($is_allowed = 0) { return 403; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / { proxy_pass http://app; }
    location /${GRPC_SERVICE}/ { grpc_pass grpc://app_grpc; }
${routePrefixes(this.routeCount)
  .map(prefix => `    location ${prefix} { proxy_pass http://app; }\n`)
  .join('')}  }`,
    )
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.write(this.path('server.crt'), leaf.certificate)
    steps.write(this.path('server.key'), leaf.key)
    steps.signal(this.processes.server, 'SIGHUP')
  }

  async revoke(list: string, steps: Steps): Promise<void> {
    steps.write(this.path('revoked.crl'), list)
    steps.signal(this.processes.server, 'SIGHUP')
  }

  async trust(next: Trust, steps: Steps): Promise<void> {
    this.replace({ ...trustFiles(next), 'revoked.crl': next.revocations }, steps)
    steps.signal(this.processes.server, 'SIGHUP')
    steps.signal(this.processes.client, 'SIGHUP')
  }

  async routes(count: number): Promise<void> {
    this.routeCount = count
    this.write('server.conf', this.#server())
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.write(this.path('server.conf'), this.#server())
    steps.signal(this.processes.server, 'SIGHUP')
  }

  async reload(steps: Steps): Promise<void> {
    steps.signal(this.processes.server, 'SIGHUP')
  }

  async misconfigure(): Promise<void> {
    this.write('server.conf', `${this.#server()}no-such-word;\n`)
    this.processes.server.signal('SIGHUP')
  }
}

export const nginx: Adapter = {
  subject: 'nginx',
  title: 'nginx',
  lacks: { tracing: 'nginx traces by a module that is not part of it' },
  start: NginxPair.start,
}
