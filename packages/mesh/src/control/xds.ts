/** A control plane for Envoy: aggregated discovery (ADS) over gRPC, state of the world, for the types that it is given. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { LOOPBACK } from '../processes/ports.js'

/** A resource as an object, with its `@type`. */
export type Resource = Readonly<Record<string, unknown>> & { readonly '@type': string }

interface DiscoveryRequest {
  readonly node?: { readonly id: string } | null
  readonly type_url: string
  readonly resource_names: readonly string[]
  readonly response_nonce: string
  readonly error_detail?: { readonly message: string } | null
}

interface DiscoveryResponse {
  readonly version_info: string
  readonly resources: readonly Resource[]
  readonly type_url: string
  readonly nonce: string
}

type Stream = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>

/** What one stream has asked for: names by type. */
interface Subscriber {
  readonly stream: Stream
  node: string
  readonly names: Map<string, readonly string[]>
}

/** The folders of protocol buffers that @grpc/grpc-js-xds ships. */
function folders(): string[] {
  const own = dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json'))
  return ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map(name => join(own, 'deps', name))
}

/** The services by which Envoy asks for all types over one stream, and for secrets alone. */
function services(): { readonly all: ServiceDefinition; readonly secrets: ServiceDefinition } {
  const files = [
    'envoy/service/discovery/v3/ads.proto',
    'envoy/service/secret/v3/sds.proto',
    'envoy/config/cluster/v3/cluster.proto',
    'envoy/config/route/v3/route.proto',
    'envoy/extensions/transport_sockets/tls/v3/secret.proto',
  ]
  const definition = loadSync(files, {
    includeDirs: folders(),
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
  })
  // biome-ignore lint/suspicious/noExplicitAny: the package's type of loaded definitions has no way down to a service.
  const { discovery, secret } = (loadPackageDefinition(definition) as any).envoy.service
  return {
    all: discovery.v3.AggregatedDiscoveryService.service,
    secrets: secret.v3.SecretDiscoveryService.service,
  }
}

/** Clusters are not asked for by name: without names, all are meant. */
function isWildcard(type: string, names: readonly string[]): boolean {
  return names.length === 0 && type.endsWith('.Cluster')
}

export class ControlPlane {
  readonly #server = new Server()
  readonly #subscribers = new Set<Subscriber>()
  /** Node -> name -> resource. */
  readonly #resources = new Map<string, Map<string, Resource>>()
  readonly #refusals: string[] = []
  #version = 0

  private constructor() {
    const serve = (stream: Stream) => this.#serve(stream)
    const nothing = (stream: ServerDuplexStream<unknown, unknown>) => stream.end()
    const { all, secrets } = services()
    this.#server.addService(all, { StreamAggregatedResources: serve, DeltaAggregatedResources: nothing })
    // `FetchSecrets`, a call for each look, is not there: Envoy keeps a stream.
    const ofSecrets: UntypedServiceImplementation = { StreamSecrets: serve, DeltaSecrets: nothing }
    this.#server.addService(secrets, ofSecrets)
  }

  /** Listens at a port of the loopback interface, or at `unix:PATH`. */
  static async start(at: number | `unix:${string}`): Promise<ControlPlane> {
    const control = new ControlPlane()
    await new Promise<void>((resolve, reject) => {
      control.#server.bindAsync(
        typeof at === 'number' ? `${LOOPBACK}:${at}` : at,
        ServerCredentials.createInsecure(),
        error => (error ? reject(error) : resolve()),
      )
    })
    return control
  }

  /** What Envoy said to resources that it refused, the oldest first. */
  get refusals(): readonly string[] {
    return this.#refusals
  }

  /** Gives a node another resource, and sends it to all who have asked for it. */
  set(node: string, name: string, resource: Resource): void {
    this.setAll(node, [[name, resource]])
  }

  /** Gives a node several resources, and sends those of each type at once, clusters before the routes to them. */
  setAll(node: string, resources: readonly (readonly [string, Resource])[]): void {
    const own = this.#resources.get(node) ?? new Map<string, Resource>()
    for (const [name, resource] of resources) own.set(name, resource)
    this.#resources.set(node, own)
    this.#version++
    for (const type of new Set(resources.map(([, resource]) => resource['@type']))) {
      const changed = resources.filter(([, resource]) => resource['@type'] === type)
      for (const subscriber of this.#subscribers) {
        const names = subscriber.names.get(type)
        if (subscriber.node !== node || names === undefined) continue
        if (isWildcard(type, names) || changed.some(([name]) => names.includes(name))) {
          this.#send(subscriber, type, names)
        }
      }
    }
  }

  #serve(stream: Stream): void {
    const subscriber: Subscriber = { stream, node: '', names: new Map() }
    this.#subscribers.add(subscriber)
    stream.on('data', ({ node, type_url, resource_names, response_nonce, error_detail }: DiscoveryRequest) => {
      // Only the first request of a stream names the node.
      if (node?.id) subscriber.node = node.id
      if (error_detail?.message) this.#refusals.push(error_detail.message)
      const known = subscriber.names.get(type_url)
      subscriber.names.set(type_url, resource_names)
      // An answer to what we sent, with the names as they were, asks for nothing.
      const isAcknowledgement = response_nonce !== '' && known?.join() === resource_names.join()
      if (!isAcknowledgement) this.#send(subscriber, type_url, resource_names)
    })
    stream.on('error', () => this.#subscribers.delete(subscriber))
    stream.on('end', () => {
      this.#subscribers.delete(subscriber)
      stream.end()
    })
  }

  #send({ stream, node }: Subscriber, type_url: string, names: readonly string[]): void {
    const own = this.#resources.get(node)
    const wanted = isWildcard(type_url, names) ? [...(own?.keys() ?? [])] : names
    const resources = wanted.flatMap(name => {
      const resource = own?.get(name)
      return resource !== undefined && resource['@type'] === type_url ? [resource] : []
    })
    // Names of which nothing is known yet: they are sent when they are set.
    if (resources.length === 0) return
    stream.write({ version_info: String(this.#version), resources, type_url, nonce: `${this.#version}-${type_url}` })
  }

  stop(): void {
    this.#server.forceShutdown()
  }
}
