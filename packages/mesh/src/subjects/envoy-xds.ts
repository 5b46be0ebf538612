/** Envoy with a control plane of ours: certificates (SDS) and routes (RDS) come over one gRPC stream (ADS), as a mesh sends them. */
import type { Leaf } from '../authority/authority.js'
import { ControlPlane, type Resource } from '../control/xds.js'
import { cluster, EnvoyPair, HTTP2_ONLY, secret, speaking, TYPE, trust, WEIGHT } from './envoy.js'
import { startEnvoyServices } from './envoy-services.js'
import type { Steps } from './steps.js'
import type { Adapter, Ports, Side, Trust } from './subject.js'

class EnvoyXdsPair extends EnvoyPair {
  #control!: ControlPlane
  /** What the server's sidecar gets, by name: a control plane that is started again has it from here, as from a store. */
  readonly #resources = new Map<string, Resource>()

  static override async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<EnvoyXdsPair> {
    const pair = new EnvoyXdsPair(binary, plan)
    pair.#control = await ControlPlane.start(controlPort(plan.ports))
    pair.#set('server', resourceOf(secret('server', plan.server)))
    pair.#set('trust', resourceOf(trust(plan.authority, plan.revocations)))
    pair.#set('inbound', pair.#routesOf(plan.canary))
    pair.writeResources()
    pair.writeBootstraps()
    return pair.begin()
  }

  /** The client's sidecar is never changed and keeps its files: Envoy 1.40 crashes when a cluster of its bootstrap gets secrets by ADS. */
  protected override configSource(name: string): object {
    return name.startsWith('client') ? super.configSource(name) : { resource_api_version: 'V3', ads: {} }
  }

  protected override bootstrap(side: Side): object {
    if (side === 'client') return super.bootstrap(side)
    const services = [{ envoy_grpc: { cluster_name: 'control' } }]
    const ads_config = { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: services }
    return { ...super.bootstrap(side), dynamic_resources: { ads_config } }
  }

  protected override moreClusters(): object[] {
    const { ports } = this.plan
    return [speaking(cluster('control', ports.control ?? controlPort(ports)), HTTP2_ONLY)]
  }

  #set(name: string, resource: Resource): void {
    this.#resources.set(name, resource)
    this.#control.set('server', name, resource)
  }

  async killControl(): Promise<void> {
    this.#control.stop()
  }

  async restartControl(): Promise<void> {
    this.#control = await ControlPlane.start(controlPort(this.plan.ports))
    for (const [name, resource] of this.#resources) this.#control.set('server', name, resource)
  }

  #routesOf(share: number): Resource {
    const weight = Math.round(share * WEIGHT)
    const clusters = [
      { name: 'stable', weight: { value: WEIGHT - weight } },
      { name: 'canary', weight: { value: weight } },
    ]
    const route = { match: { prefix: '/' }, route: { weighted_clusters: { clusters } } }
    const virtual_hosts = [{ name: 'all', domains: ['*'], routes: [...this.moreRoutes(), route] }]
    return { '@type': `${TYPE}.config.route.v3.RouteConfiguration`, name: 'inbound', virtual_hosts }
  }

  override async rotate(leaf: Leaf, steps: Steps): Promise<void> {
    steps.note('push a secret')
    this.#set('server', resourceOf(secret('server', leaf)))
  }

  override async revoke(list: string, steps: Steps): Promise<void> {
    steps.note('push a validation context')
    this.#set('trust', resourceOf(trust(this.plan.authority, list)))
  }

  override async trust(next: Trust, steps: Steps): Promise<void> {
    this.trustClient(next, steps)
    const pushes = { trust: trust(next.authority, next.revocations), server: secret('server', next.server) }
    for (const [name, resources] of Object.entries(pushes)) {
      if (JSON.stringify(this.#resources.get(name)) === JSON.stringify(resourceOf(resources))) continue
      steps.note(`push ${name}`)
      this.#set(name, resourceOf(resources))
    }
  }

  override async routes(count: number): Promise<void> {
    this.routeCount = count
    this.#set('inbound', this.#routesOf(this.canaryShare))
  }

  override async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.note('push routes')
    this.#set('inbound', this.#routesOf(share))
  }

  /** Routes to a cluster that does not exist would be taken; a weight sum of nothing is not. */
  override async misconfigure(): Promise<void> {
    const route = { match: { prefix: '/' }, route: { weighted_clusters: { clusters: [] } } }
    const virtual_hosts = [{ name: 'all', domains: ['*'], routes: [route] }]
    // Of the control plane only: one that is started again has the routes that were right.
    this.#control.set('server', 'inbound', {
      '@type': `${TYPE}.config.route.v3.RouteConfiguration`,
      name: 'inbound',
      virtual_hosts,
    })
  }

  override async stop(): Promise<void> {
    await super.stop()
    this.#control?.stop()
  }
}

function controlPort({ admin }: Ports): number {
  return admin[2]
}

/** The one resource of a file of resources. */
function resourceOf({ resources }: { readonly resources: readonly Resource[] }): Resource {
  return resources[0]
}

export const envoyXds: Adapter = {
  subject: 'envoy-xds',
  title: 'Envoy, controlled by our xDS server',
  lacks: {},
  start: EnvoyXdsPair.start,
  control: startEnvoyServices,
  controlPort,
}
