/**
 * Consul's own proxy: it carries TCP, so it has no routes; certificates come from the agent's authority, and intentions say who may talk to whom.
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { ProxyError } from '../processes/errors.js'
import { federate } from './consul-federation.js'
import { startConsulServices } from './consul-services.js'
import { ProxyPair } from './proxy-pair.js'
import { call, type Steps } from './steps.js'
import type { Adapter, OwnIdentities, Ports, Side } from './subject.js'

const LACKS = {
  tracing: "Consul's own proxy carries TCP, and sees connections, no requests",
  'own-authority': "certificates come from Consul's own authority, which issues no expired or SHA-1-signed ones",
  identity: 'without an intention, Consul lets every service of its authority in',
  revoke: 'Consul has no revocation lists; a deny intention is its way to shut a service out',
  canary: "Consul's own proxy carries TCP; splitting by share needs Envoy",
  retries: "Consul's own proxy carries TCP, and cannot send a request again",
  reload: "Consul's own proxy has no restart that keeps its listeners open",
  misconfigure: 'the configuration of the proxies comes from the agent, which checks it when it is registered',
  rotate: 'Consul 1.8 rotates by its own clock; a new root of its authority renews all certificates (see ca-rotation)',
  routes: "Consul's own proxy carries TCP, so it has no routes",
}

class ConsulPair extends ProxyPair {
  static async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<ConsulPair> {
    const pair = new ConsulPair(binary, plan)
    mkdirSync(pair.path('data'), { recursive: true })
    pair.write('agent.json', pair.#agent())
    try {
      await pair.restartControl()
    } catch (error) {
      await pair.stop()
      throw error
    }
    return pair.begin()
  }

  async killControl(): Promise<void> {
    await Promise.all(this.others.map(agent => agent.kill()))
  }

  async restartControl(): Promise<void> {
    const files = ['-data-dir', this.path('data'), '-config-file', this.path('agent.json')]
    const agent = await this.startProcess('agent', ['agent', '-server', '-bootstrap', ...files])
    this.others.splice(0, this.others.length, agent)
    const [http] = this.plan.ports.admin
    const hasLeaf = () =>
      call(http, 'GET', '/v1/agent/connect/ca/leaf/server').then(
        () => true,
        () => false,
      )
    await agent.ready(hasLeaf, 30_000)
  }

  protected args(side: Side): string[] {
    const { apps, ports } = this.plan
    const agent = ['-http-addr', `127.0.0.1:${ports.control ?? controlPort(ports)}`]
    if (side === 'client' || ports.peer === ports.inbound) return ['connect', 'proxy', '-sidecar-for', side, ...agent]
    // With a link in between, the port that is registered is the link's, so the sidecar has to be told its own.
    const listen = ['-listen', `127.0.0.1:${ports.inbound}`]
    return ['connect', 'proxy', '-service', side, '-service-addr', `127.0.0.1:${apps.stable}`, ...listen, ...agent]
  }

  #agent(): object {
    const { outbound, peer, admin } = this.plan.ports
    const { telemetry } = this.plan
    // A proxy gets the telemetry of its registration, and sends it by itself; without the filter's default it filters everything out.
    const statsd = { statsd_address: `127.0.0.1:${telemetry?.sink}`, metrics_prefix: 'proxy', filter_default: true }
    const config = telemetry?.metrics === true ? { config: { telemetry: statsd } } : {}
    const upstream = { destination_name: 'server', local_bind_address: '127.0.0.1', local_bind_port: outbound }
    return {
      datacenter: 'dc1',
      bind_addr: '127.0.0.1',
      client_addr: '127.0.0.1',
      disable_update_check: true,
      log_level: 'WARN',
      ports: { http: admin[0], dns: -1, grpc: -1, server: admin[1], serf_lan: admin[2], serf_wan: -1 },
      connect: { enabled: true },
      services: [
        {
          name: 'server',
          port: this.plan.apps.stable,
          // A sidecar listens at the address of its service, and on all interfaces without one.
          address: '127.0.0.1',
          connect: { sidecar_service: { port: peer, proxy: config } },
        },
        {
          name: 'client',
          // The proxy of the client needs a port of its own too, at which nobody calls.
          port: this.plan.apps.stable,
          address: '127.0.0.1',
          connect: { sidecar_service: { port: admin[3], proxy: { ...config, upstreams: [upstream] } } },
        },
      ],
    }
  }

  async ownIdentities(): Promise<OwnIdentities> {
    const [http] = this.plan.ports.admin
    const leaf = async (service: string) => {
      const { CertPEM, PrivateKeyPEM } = JSON.parse(await call(http, 'GET', `/v1/agent/connect/ca/leaf/${service}`))
      return { certificate: CertPEM as string, key: PrivateKeyPEM as string }
    }
    const { Roots } = JSON.parse(await call(http, 'GET', '/v1/agent/connect/ca/roots')) as {
      Roots: { RootCert: string }[]
    }
    return {
      authority: Roots.map(({ RootCert }) => RootCert).join('\n'),
      client: await leaf('client'),
      other: await leaf('other'),
    }
  }

  /** The agent makes a root of a new key; proxies get certificates of it within half a minute, spread by chance. */
  async renewAuthority(steps: Steps): Promise<void> {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'sec1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    const [http] = this.plan.ports.admin
    const Config = { PrivateKey: privateKey, RotationPeriod: '2160h' }
    await steps.call(http, 'PUT', '/v1/connect/ca/configuration', { Provider: 'consul', Config })
  }

  async rotate(): Promise<void> {
    throw new ProxyError(LACKS.rotate)
  }
  async revoke(): Promise<void> {
    throw new ProxyError(LACKS.revoke)
  }
  async canary(): Promise<void> {
    throw new ProxyError(LACKS.canary)
  }
  async reload(): Promise<void> {
    throw new ProxyError(LACKS.reload)
  }
  async misconfigure(): Promise<void> {
    throw new ProxyError(LACKS.misconfigure)
  }
}

function controlPort({ admin }: Ports): number {
  return admin[0]
}

export const consul: Adapter = {
  subject: 'consul',
  title: 'Consul, its own proxy',
  lacks: LACKS,
  slow: { authority: 35 },
  start: ConsulPair.start,
  control: startConsulServices,
  controlPort,
  federate,
}
