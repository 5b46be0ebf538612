/** What every adapter of a proxy offers. An adapter knows its proxy and nothing of measuring. */
import type { Leaf } from '../authority/authority.js'
import type { Binary } from '../install/installed.js'
import type { Tied } from '../processes/tied.js'
import type { Steps } from './steps.js'

export type Side = 'client' | 'server'

/** What an adapter may lack. */
export type Ability =
  | 'identity'
  | 'rotate'
  | 'revoke'
  | 'canary'
  | 'reload'
  | 'misconfigure'
  | 'own-authority'
  | 'handshake'
  | 'grpc'
  | 'metrics'
  | 'tracing'
  | 'authority'
  | 'routes'
  | 'control'
  | 'retries'
  | 'link'

/** The ports of a pair on the loopback interface. */
export interface Ports {
  /** Where the client's sidecar takes plain requests. */
  readonly outbound: number
  /** Where the server's sidecar takes mTLS. */
  readonly inbound: number
  /** Where the client's sidecar finds the server's: `inbound`, unless a caller has put a link in between. */
  readonly peer: number
  /** Where sidecars find a control plane that is a process or server of its own, if a caller has put a link in between: see `Adapter.controlPort`. */
  readonly control?: number
  /** For administration, as the adapter likes. */
  readonly admin: readonly [number, number, number, number]
}

/** What a pair tells about itself beyond what it always counts, and to whom. */
export interface Telemetry {
  /** The sink's port on the loopback interface: OTLP over HTTP and over gRPC, and statsd by UDP. */
  readonly sink: number
  /** Whether both sidecars offer their metrics (`Pair.metricsAt`), or send them to the sink. */
  readonly metrics: boolean
  /** Whether both sidecars send a span of every request to the sink. */
  readonly tracing: boolean
}

/** Ports that each pair gets. */
export const PORTS_PER_PAIR = 6

/** All that a pair is started with. */
export interface PairPlan {
  /** A folder of its own. */
  readonly folder: string
  readonly ports: Ports
  /** The ports of the two versions of the server. */
  readonly apps: { readonly stable: number; readonly canary: number }
  readonly authority: string
  readonly server: Leaf
  readonly client: Leaf
  /** A revocation list without entries. */
  readonly revocations: string
  /** Share of the requests that the canary gets, 0 to 1. */
  readonly canary: number
  /** Signs a certificate (PEM) of a workload for the key of a request (PKCS 10, DER), for proxies that keep their keys to themselves. */
  certify(workload: string, request: Uint8Array, serial?: string): Promise<string>
  /** Without it, neither metrics nor tracing is configured. */
  readonly telemetry?: Telemetry
  /** How often the client's sidecar sends a failed request again: 0 for never. Undefined: as the proxy does by itself. */
  readonly retries?: number
}

/** What both sidecars trust and show. */
export interface Trust {
  /** The certificates of one or more authorities, as PEM. */
  readonly authority: string
  /** The revocation lists of all of them, as PEM. */
  readonly revocations: string
  readonly server: Leaf
  readonly client: Leaf
}

/** Identities for probes of a pair whose proxy has an authority of its own. */
export interface OwnIdentities {
  readonly authority: string
  readonly client: Omit<Leaf, 'serial'>
  readonly other: Omit<Leaf, 'serial'>
}

/** Two sidecars that run. Changes return when the command for them was given; whoever calls finds out when they have effect. */
export interface Pair {
  readonly subject: string
  readonly plan: PairPlan
  readonly processes: Readonly<Record<Side, Tied>>
  /** Other processes: a control plane. */
  readonly others: readonly Tied[]
  /** Where the client's sidecar takes gRPC, which is HTTP/2 without TLS: the port of HTTP/1.1, unless the proxy needs another one for it. */
  readonly grpcPort: number
  /** Where a sidecar that was started with metrics answers with them; left out if it sends them to the sink instead. */
  metricsAt?(side: Side): { readonly port: number; readonly path: string }
  /** The configuration files as they are now. */
  configuration(): Readonly<Record<string, string>>
  /** Gives the server's sidecar another certificate of the same authority; where the proxy has an authority of its own, one of that. */
  rotate(leaf: Leaf, steps: Steps): Promise<void>
  /** Gives the server's sidecar a newer revocation list. */
  revoke(list: string, steps: Steps): Promise<void>
  /** Changes the share of the canary, 0 to 1. */
  canary(share: number, steps: Steps): Promise<void>
  /** Replaces the server's sidecar without closing its listener, as the proxy offers it: hot restart or reload. */
  reload(steps: Steps): Promise<void>
  /** Gives the server's sidecar a configuration that is wrong. Whether the old one stays in force is for the caller to see. */
  misconfigure(): Promise<void>
  /** Gives both sidecars other authorities and certificates, for a new root. Undefined: see `lacks.authority`. */
  trust?(trust: Trust, steps: Steps): Promise<void>
  /** Gives the authority of the proxy's own a new root, from which all certificates follow. */
  renewAuthority?(steps: Steps): Promise<void>
  /** From its next start on, the server's sidecar has `count` routes beside the one for all paths. Undefined: see `lacks.routes`. */
  routes?(count: number): Promise<void>
  /** Starts a sidecar again that has ended. */
  restart(side: Side): Promise<void>
  /** Ends the control plane at once, if there is one; `restartControl` starts it again. */
  killControl?(): Promise<void>
  restartControl?(): Promise<void>
  ownIdentities?(): Promise<OwnIdentities>
  stop(): Promise<void>
}

/** Two datacentres that know each other's services, over a link that can be cut. */
export interface Federation {
  /** Changes a service of the second datacentre, so that it carries the mark. */
  announce(mark: string): Promise<void>
  /** The mark that the first datacentre gives to who asks for that service. `ProxyError` if it gives none. */
  discover(): Promise<string>
  cut(): Promise<void>
  join(): Promise<void>
  stop(): Promise<void>
}

/** A control plane that was started for measuring, and what it controls. */
export interface Controlled {
  /** What a service is made of here, in a few words: `a cluster and a virtual host`. */
  readonly service: string
  readonly control: Tied
  /** The proxy that it controls; undefined if the effect shows at the control plane itself. */
  readonly proxy?: Tied
  /** Makes it have `count` services, which is more than before. Returns when the command was given. */
  services(count: number): Promise<void>
  /** Whether the last of `count` services is there for whoever calls it. */
  hasConverged(count: number): Promise<boolean>
  stop(): Promise<void>
}

export interface Adapter {
  readonly subject: string
  readonly title: string
  /** What the proxy, or this adapter of it, lacks, and why. */
  readonly lacks: Readonly<Partial<Record<Ability, string>>>
  /** The experiments of the whole run in which it takes part, and none of a quick one; undefined: all. */
  readonly onlyIn?: readonly string[]
  /** Seconds that a change may take, where it takes more than five: an authority that renews all certificates in its own time. */
  readonly slow?: Readonly<Partial<Record<Ability, number>>>
  start(binary: Binary, plan: PairPlan): Promise<Pair>
  /** Starts a control plane of its own, beside the pair that runs. Undefined: see `lacks.control`. */
  control?(binary: Binary, plan: PairPlan): Promise<Controlled>
  /** The port at which the control plane listens. Undefined: there is none, or it cannot be cut off. */
  controlPort?(ports: Ports): number
  /** Starts two datacentres with ports of the plan, in its folder. Undefined: the subject has no federation. */
  federate?(binary: Binary, plan: Pick<PairPlan, 'folder' | 'ports'>): Promise<Federation>
}
