/** Envoy with a control plane of ours: certificates (SDS) and routes (RDS) come over one gRPC stream (ADS), as a mesh sends them. */
import type { Leaf } from '../authority/authority.js'
import { ControlPlane, type Resource } from '../control/xds.js'
import { cluster, EnvoyPair, HTTP2_ONLY, secret, speaking, TYPE, trust, WEIGHT } from './envoy.js'
import { startEnvoyServices } from './envoy-services.js'
import type { Steps } from './steps.js'
import type { Adapter, Side, Trust } from './subject.js'

class EnvoyXdsPair extends EnvoyPair {
  #control!: ControlPlane
  /** The last resource of each name, as JSON. */
  readonly #sent = new Map<string, string>()

  static override async start(...[binary, plan]: Parameters<Adapter['start']>): Promise<EnvoyXdsPair> {
    const pair = new EnvoyXdsPair(binary, plan)
    pair.#control = await ControlPlane.start(plan.ports.admin[2])
    pair.#set('server', 'server', resourceOf(secret('server', plan.server)))
    pair.#set('server', 'trust', resourceOf(trust(plan.authority, plan.revocations)))
    pair.#set('server', 'inbound', pair.#routesOf(plan.canary))
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
    return [speaking(cluster('control', this.plan.ports.admin[2]), HTTP2_ONLY)]
  }

  #set(node: string, name: string, resource: Resource): void {
    this.#sent.set(name, JSON.stringify(resource))
    this.#control.set(node, name, resource)
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
    this.#set('server', 'server', resourceOf(secret('server', leaf)))
  }

  override async revoke(list: string, steps: Steps): Promise<void> {
    steps.note('push a validation context')
    this.#set('server', 'trust', resourceOf(trust(this.plan.authority, list)))
  }

  override async trust(next: Trust, steps: Steps): Promise<void> {
    this.trustClient(next, steps)
    const pushes = { trust: trust(next.authority, next.revocations), server: secret('server', next.server) }
    for (const [name, resources] of Object.entries(pushes)) {
      if (this.#sent.get(name) === JSON.stringify(resourceOf(resources))) continue
      steps.note(`push ${name}`)
      this.#set('server', name, resourceOf(resources))
    }
  }

  override async routes(count: number): Promise<void> {
    this.routeCount = count
    this.#set('server', 'inbound', this.#routesOf(this.canaryShare))
  }

  override async canary(share: number, steps: Steps): Promise<void> {
    this.canaryShare = share
    steps.note('push routes')
    this.#set('server', 'inbound', this.#routesOf(share))
  }

  /** Routes to a cluster that does not exist would be taken; a weight sum of nothing is not. */
  override async misconfigure(): Promise<void> {
    const route = { match: { prefix: '/' }, route: { weighted_clusters: { clusters: [] } } }
    const virtual_hosts = [{ name: 'all', domains: ['*'], routes: [route] }]
    this.#set('server', 'inbound', {
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
}
