/** A control plane for linkerd2-proxy: certificates, endpoints and policies over gRPC, as its API defines them. */
import { fileURLToPath } from 'node:url'
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { loadSync, type Options } from '@grpc/proto-loader'
import { LOOPBACK } from '../processes/ports.js'

/** An identity as linkerd2-proxy uses it: a DNS name, which is also the name in TLS (SNI). */
export type Name = string

export interface Endpoint {
  readonly address: string
  readonly port: number
  readonly identity: Name
}

export interface LinkerdOptions {
  /** On the loopback interface. */
  readonly port: number
  /** The token of each proxy that may have a certificate. */
  readonly tokens: ReadonlyMap<Name, string>
  /** Signs a certificate (DER) for the key of a request (PKCS 10, DER). */
  certify(name: Name, request: Uint8Array): Promise<Uint8Array>
  /** Milliseconds of `valid_until`; the proxy asks for its next certificate after 70% of them. */
  readonly refreshMs: number
}

interface CertifyRequest {
  readonly identity: string
  readonly token: Buffer
  readonly certificate_signing_request: Buffer
}

interface TrafficSpec {
  readonly addr: { readonly port: number } | null
}

const SERVICES = [
  'identity.Identity',
  'destination.Destination',
  'inbound.InboundServerPolicies',
  'outbound.OutboundPolicies',
]
const PROTO = fileURLToPath(new URL('../../proto', import.meta.url))
const OPTIONS: Options = { includeDirs: [PROTO], keepCase: true, longs: Number, enums: String, defaults: true }

/** Linkerd's own defaults, so that the proxies do what they do in a cluster. */
const DETECT_TIMEOUT = { seconds: 10 }
const QUEUE = { capacity: 100, failfast_timeout: { seconds: 3 } }
const PEAK_EWMA = { default_rtt: { nanos: 30_000_000 }, decay: { seconds: 10 } }

/** The definition of a service, by its name below `io.linkerd.proxy`. */
export function linkerdServices(): ReadonlyMap<string, ServiceDefinition> {
  const files = SERVICES.map(name => `linkerd-${name.split('.')[0]}.proto`)
  const loaded = loadPackageDefinition(loadSync(files, OPTIONS))
  // biome-ignore lint/suspicious/noExplicitAny: the package's type of loaded definitions has no way down to a service.
  const { proxy } = (loaded as any).io.linkerd
  return new Map(
    SERVICES.map(name => {
      const [folder, service] = name.split('.')
      return [name, proxy[folder][service].service as ServiceDefinition]
    }),
  )
}

/** The newest message of each key, and the streams that want it and all later ones. */
class Feed {
  readonly #newest = new Map<string, object>()
  readonly #streams = new Map<ServerWritableStream<unknown, object>, string>()

  has(key: string): boolean {
    return this.#newest.has(key)
  }

  set(key: string, message: object): void {
    this.#newest.set(key, message)
    for (const [stream, wanted] of this.#streams) if (wanted === key) stream.write(message)
  }

  /** `otherwise` is sent where there is no message yet. */
  join(key: string, stream: ServerWritableStream<unknown, object>, otherwise: object): void {
    this.#streams.set(stream, key)
    const leave = () => this.#streams.delete(stream)
    stream.on('cancelled', leave).on('error', leave).on('close', leave)
    stream.write(this.#newest.get(key) ?? otherwise)
  }
}

export class LinkerdControl {
  readonly #options: LinkerdOptions
  readonly #server = new Server()
  /** By path. */
  readonly #endpoints = new Feed()
  /** By port of the original destination. */
  readonly #outbound = new Feed()
  /** By port. */
  readonly #inbound = new Feed()
  readonly #asked: string[] = []

  private constructor(options: LinkerdOptions) {
    this.#options = options
    const services = linkerdServices()
    const add = (name: string, methods: Parameters<Server['addService']>[1]) =>
      this.#server.addService(services.get(name)!, methods)
    add('identity.Identity', {
      Certify: (call: ServerUnaryCall<CertifyRequest, object>, answer: sendUnaryData<object>) => {
        this.#certify(call.request).then(
          response => answer(null, response),
          (error: Error & { code?: number }) => answer({ code: error.code ?? status.INTERNAL, details: error.message }),
        )
      },
    })
    add('destination.Destination', {
      Get: (stream: ServerWritableStream<{ path: string }, object>) => {
        this.#asked.push(`Destination.Get ${stream.request.path}`)
        this.#endpoints.join(stream.request.path, stream, { no_endpoints: { exists: false } })
      },
      // Nothing is set, so that the outbound policy decides.
      GetProfile: (stream: ServerWritableStream<{ path: string }, object>) => {
        this.#asked.push(`Destination.GetProfile ${stream.request.path}`)
        stream.write({})
      },
    })
    add('inbound.InboundServerPolicies', {
      WatchPort: (stream: ServerWritableStream<{ port: number }, object>) => {
        this.#asked.push(`InboundServerPolicies.WatchPort ${stream.request.port}`)
        // Ports that nobody has spoken of, such as that of the proxy's administration, are open in a mesh that enforces nothing.
        this.#inbound.join(String(stream.request.port), stream, serverPolicy({ unauthenticated: {} }))
      },
    })
    add('outbound.OutboundPolicies', {
      Watch: (stream: ServerWritableStream<TrafficSpec, object>) => {
        const key = String(stream.request.addr?.port ?? '')
        this.#asked.push(`OutboundPolicies.Watch ${key}`)
        if (this.#outbound.has(key)) this.#outbound.join(key, stream, {})
        // The proxy then sends to the original destination, as it does for what is not in the mesh.
        else stream.emit('error', { code: status.NOT_FOUND, details: `port ${key} is in no service` })
      },
    })
  }

  static async start(options: LinkerdOptions): Promise<LinkerdControl> {
    const control = new LinkerdControl(options)
    await new Promise<void>((resolve, reject) => {
      control.#server.bindAsync(`${LOOPBACK}:${options.port}`, ServerCredentials.createInsecure(), error =>
        error ? reject(error) : resolve(),
      )
    })
    return control
  }

  /** What was asked so far: method and key. */
  get asked(): readonly string[] {
    return this.#asked
  }

  async #certify({ identity, token, certificate_signing_request }: CertifyRequest): Promise<object> {
    this.#asked.push(`Identity.Certify ${identity}`)
    if (this.#options.tokens.get(identity) !== token.toString()) {
      throw Object.assign(new Error(`the token is not that of ${identity}`), { code: status.PERMISSION_DENIED })
    }
    const leaf = await this.#options.certify(identity, certificate_signing_request)
    const until = Date.now() + this.#options.refreshMs
    return {
      leaf_certificate: leaf,
      valid_until: { seconds: Math.floor(until / 1000), nanos: (until % 1000) * 1_000_000 },
    }
  }

  /** Where the endpoints of `path` (HOST:PORT) are. */
  setEndpoints(path: string, endpoints: readonly Endpoint[]): void {
    const addrs = endpoints.map(({ address, port, identity }) => ({
      addr: { ip: { ipv4: ipv4(address) }, port },
      weight: 10_000,
      tls_identity: { dns_like_identity: { name: identity }, server_name: { name: identity } },
      // Linkerd tells its proxies to carry HTTP/1 between them inside HTTP/2.
      protocol_hint: { h2: {} },
    }))
    this.#endpoints.set(path, { add: { addrs } })
  }

  /** Sends what goes to `port` to the paths, by their weights. */
  setRoute(port: number, weights: Readonly<Record<string, number>>): void {
    const backends = {
      random_available: {
        backends: Object.entries(weights)
          .filter(([, weight]) => weight > 0)
          .map(([path, weight]) => ({ weight, backend: { backend: backendOf(path) } })),
      },
    }
    const metadata = { default: 'route' }
    const http = { routes: [{ metadata, rules: [{ matches: [{ path: { prefix: '/' } }], backends }] }] }
    const detect = {
      timeout: DETECT_TIMEOUT,
      opaque: { routes: [{ metadata, rules: [{ backends }] }] },
      http1: http,
      http2: http,
    }
    this.#outbound.set(String(port), { protocol: { detect }, metadata: { default: 'service' } })
  }

  /** Lets these identities talk to `port` by mTLS, and nobody else. */
  permit(port: number, names: readonly Name[]): void {
    const identities = names.map(name => ({ name }))
    this.#inbound.set(String(port), serverPolicy({ meshTLS: { identities: { identities } } }))
  }

  /** Sends a policy for `port` that no proxy can take: without a protocol. */
  sendWrongPolicy(port: number): void {
    this.#inbound.set(String(port), { labels: { name: 'wrong' } })
  }

  stop(): void {
    this.#server.forceShutdown()
  }
}

function backendOf(path: string): object {
  return {
    metadata: { default: path },
    balancer: { discovery: { dst: { path } }, peak_ewma: PEAK_EWMA },
    queue: QUEUE,
  }
}

function serverPolicy(authentication: object): object {
  const everywhere = [{ net: { ip: { ipv4: 0 }, prefix_len: 0 } }]
  return {
    protocol: { detect: { timeout: DETECT_TIMEOUT } },
    authorizations: [{ networks: everywhere, authentication, metadata: { default: 'mesh' } }],
    labels: { group: '', kind: 'default', name: 'mesh' },
  }
}

/** The number of an address, its first part highest. */
export function ipv4(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}
