/** HAProxy in master-worker mode, with its runtime API. */

import type { Leaf } from '../authority/authority.js'
import { SERVER_NAME } from '../authority/authority.js'
import { ProxyError } from '../processes/errors.js'
import { childrenOf } from '../processes/tied.js'
import { ProxyPair, routePrefixes } from './proxy-pair.js'
import type { Steps } from './steps.js'
import type { Adapter, Side, Trust } from './subject.js'

/** Weights of HAProxy go up to 256. */
const WEIGHT = 100
/** A master without a new worker this long after the signal to reload has forgotten it. */
const FORGOTTEN_MS = 1000
/** HAProxy sees by the first bytes that a client speaks HTTP/2, and by the content type that it speaks gRPC. */
const IS_GRPC = '{ req.hdr(content-type) -m beg application/grpc }'
/** Its two backends, each with a server of its own for each version: a server has one protocol. */
const BACKENDS = ['app', 'app-grpc']

class HaproxyPair extends ProxyPair {
  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<HaproxyPair> {
    const pair = new HaproxyPair(binary, plan)
    pair.write('server.pem', plan.server.certificate + plan.server.key)
    pair.write('client.pem', plan.client.certificate + plan.client.key)
    pair.write('client.cfg', pair.#client())
    pair.write('server.cfg', pair.#server())
    return pair.begin()
  }

  protected args(side: Side): string[] {
    return ['-W', '-f', this.path(`${side}.cfg`)]
  }

  #common(side: Side): string {
    return `global
  nbthread 1
  stats socket ${this.path(side)}.sock mode 600 level admin expose-fd listeners
  hard-stop-after 10s
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 30s
  http-reuse always
${this.#metrics(side)}`
  }

  #metrics(side: Side): string {
    if (this.plan.telemetry?.metrics !== true) return ''
    const { port, path } = this.metricsAt(side)
    return `frontend metrics
  bind 127.0.0.1:${port}
  http-request use-service prometheus-exporter if { path ${path} }
`
  }

  metricsAt(side: Side): { port: number; path: string } {
    return { port: this.plan.ports.admin[side === 'client' ? 0 : 1], path: '/metrics' }
  }

  #client(): string {
    const tls = `ssl crt ${this.path('client.pem')} ca-file ${this.path('authority.crt')} verify required`
    const peer = `server peer 127.0.0.1:${this.plan.ports.peer} ${tls} verifyhost ${SERVER_NAME} sni str(${SERVER_NAME}) ssl-min-ver TLSv1.3`
    return `${this.#common('client')}${this.#retries()}frontend outbound
  bind 127.0.0.1:${this.plan.ports.outbound}
  use_backend peer-grpc if ${IS_GRPC}
  default_backend peer
backend peer
  ${peer} alpn http/1.1
backend peer-grpc
  ${peer} alpn h2
`
  }

  /** Without a word about them, HAProxy tries three times more to connect, and never sends a request again. */
  #retries(): string {
    const { retries } = this.plan
    if (retries === undefined) return ''
    return `  retries ${retries}\n${retries === 0 ? '' : '  retry-on all-retryable-errors\n'}`
  }

  #server(): string {
    const { stable, canary } = this.plan.apps
    const share = Math.round(this.canaryShare * WEIGHT)
    const tls = `ssl crt ${this.path('server.pem')} ca-file ${this.path('authority.crt')} crl-file ${this.path('revoked.crl')} verify required`
    return `${this.#common('server')}frontend inbound
  bind 127.0.0.1:${this.plan.ports.inbound} ${tls} ssl-min-ver TLSv1.3 alpn h2,http/1.1
  http-request deny unless { ssl_c_s_dn(cn) -m str client }
  use_backend app-grpc if ${IS_GRPC}
${routePrefixes(this.routeCount)
  .map(prefix => `  use_backend app if { path_beg ${prefix} }\n`)
  .join('')}  default_backend app
${BACKENDS.map(
  name => `backend ${name}
  balance roundrobin
  server stable 127.0.0.1:${stable} weight ${WEIGHT - share}${name === 'app' ? '' : ' proto h2'}
  server canary 127.0.0.1:${canary} weight ${share}${name === 'app' ? '' : ' proto h2'}
`,
).join('')}`
  }

  #socket(side: Side): string {
    return this.path(`${side}.sock`)
  }

  async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    await this.#replace('server', 'cert', 'server.pem', leaf.certificate + leaf.key, steps)
  }

  async revoke(list: string, steps: Steps): Promise<void> {
    await this.#replace('server', 'crl-file', 'revoked.crl', list, steps)
  }

  /** The runtime API changes the memory only, so the file is written too, for the next start. */
  async #replace(side: Side, kind: string, file: string, content: string, steps: Steps): Promise<void> {
    steps.write(this.path(file), content)
    await this.#commit(side, kind, file, content, steps)
  }

  async #commit(side: Side, kind: string, file: string, content: string, steps: Steps): Promise<void> {
    const path = this.path(file)
    // An empty line ends a payload.
    await steps.command(this.#socket(side), `set ssl ${kind} ${path} <<\n${content.trim()}\n`)
    const said = await steps.command(this.#socket(side), `commit ssl ${kind} ${path}`)
    if (!said.includes('Success')) throw new ProxyError(`${this.subject} says "${said.trim()}" to commit ssl ${kind}`)
  }

  async trust({ authority, revocations, server, client }: Trust, steps: Steps): Promise<void> {
    const files = {
      'revoked.crl': revocations,
      'authority.crt': authority,
      'server.pem': server.certificate + server.key,
      'client.pem': client.certificate + client.key,
    }
    const names = this.replace(files, steps)
    // The worker of 2.6.12 dies of a segmentation fault when a list is committed after an authority.
    if (this.subject === 'haproxy-2.6') {
      await Promise.all((['server', 'client'] as const).map(side => this.#reloaded(side, steps)))
      return
    }
    // Lists go first: HAProxy refuses certificates of an authority that has none.
    const commits: readonly (readonly [Side, string, keyof typeof files])[] = [
      ['server', 'crl-file', 'revoked.crl'],
      ['server', 'ca-file', 'authority.crt'],
      ['client', 'ca-file', 'authority.crt'],
      ['server', 'cert', 'server.pem'],
      ['client', 'cert', 'client.pem'],
    ]
    for (const [side, kind, file] of commits) {
      if (names.includes(file)) await this.#commit(side, kind, file, files[file], steps)
    }
  }

  /** Reloads until there is a new worker: a master of 2.6 forgets the signal if the reload before is just ending, in half of all tries here. */
  async #reloaded(side: Side, steps: Steps): Promise<void> {
    const master = this.processes[side]
    const before = childrenOf(master.pid)
    let again = 0
    await master.ready(async () => {
      if (childrenOf(master.pid).some(worker => !before.includes(worker))) return true
      if (performance.now() > again) {
        steps.signal(master, 'SIGUSR2')
        again = performance.now() + FORGOTTEN_MS
      }
      return false
    })
  }

  async routes(count: number): Promise<void> {
    this.routeCount = count
    this.write('server.cfg', this.#server())
  }

  async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.write(this.path('server.cfg'), this.#server())
    const weight = Math.round(share * WEIGHT)
    for (const name of BACKENDS) {
      await steps.command(this.#socket('server'), `set server ${name}/canary weight ${weight}`)
      await steps.command(this.#socket('server'), `set server ${name}/stable weight ${WEIGHT - weight}`)
    }
  }

  async reload(steps: Steps): Promise<void> {
    steps.signal(this.processes.server, 'SIGUSR2')
  }

  async misconfigure(): Promise<void> {
    this.write('server.cfg', `${this.#server()}  no-such-word\n`)
    this.processes.server.signal('SIGUSR2')
  }
}

const adapter = (subject: string, title: string, tracing: string): Adapter => ({
  subject,
  title,
  lacks: { tracing },
  start: HaproxyPair.start,
})

export const haproxy28 = adapter('haproxy-2.8', 'HAProxy 2.8', 'this HAProxy is built without its filter for tracing')
export const haproxy26 = adapter(
  'haproxy-2.6',
  'HAProxy 2.6',
  "HAProxy's filter for OpenTracing needs the plugin of a tracer, which no package here has",
)
