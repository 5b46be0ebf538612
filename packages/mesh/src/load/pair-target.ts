/** A pair of sidecars, or the server without any, under load by HTTP/1.1, gRPC or both. */
import { HttpTarget, type Inside, type Server } from '@threadmap/workbench/load/http-target'
import type { Destination } from '@threadmap/workbench/load/protocol'
import type { Resources, Step } from '@threadmap/workbench/load/step'
import { SERVER_NAME } from '../authority/authority.js'
import { processorMs } from '../processes/cost.js'
import { LOOPBACK } from '../processes/ports.js'
import type { Pair } from '../subjects/subject.js'
import { GRPC_METHOD } from '../topology/protocol.js'

/** What is sent: `mix` is half of each, by clients that take turns. */
export type Traffic = 'http' | 'grpc' | 'mix'

export const TRAFFIC_TITLES: Readonly<Record<Traffic, string>> = {
  http: 'HTTP/1.1',
  grpc: 'gRPC',
  mix: 'half HTTP/1.1 and half gRPC',
}

/** Processor time of the two sidecars during a step, in ms; 0 without sidecars. */
export interface Sidecars extends Inside {
  readonly sidecars: { readonly client: number; readonly server: number }
}

export type PairTarget = HttpTarget<Sidecars>
export type PairStep = Step<Resources & Sidecars>

export interface PairTargetOptions {
  readonly name: string
  readonly traffic: Traffic
  /** The ports for both kinds of requests: those of a pair, or the server's one port twice. */
  readonly ports: { readonly http: number; readonly grpc: number }
  /** The pair whose processor time is taken; undefined: there are no sidecars. */
  readonly pair: Pair | undefined
  /** The path of requests by HTTP/1.1 (default `/`). */
  readonly path?: string
  readonly signal: AbortSignal
}

export function startPairTarget({
  name,
  traffic,
  ports,
  pair,
  path = '/',
  signal,
}: PairTargetOptions): Promise<PairTarget> {
  const http = destination(ports.http)
  const grpc: Destination = {
    ...destination(ports.grpc),
    grpc: { path: GRPC_METHOD, message: new Uint8Array(0) },
  }
  return HttpTarget.start<Sidecars>({
    name,
    // Clients connect to the destinations in turns, and take turns themselves.
    destinations: traffic === 'http' ? [http] : traffic === 'grpc' ? [grpc] : [http, grpc],
    requests: [{ method: 'GET', path }],
    generators: 1,
    signal,
    server: watchOf(pair),
  })
}

/** The ports of a pair. */
export function portsOf({ plan, grpcPort }: Pair): PairTargetOptions['ports'] {
  return { http: plan.ports.outbound, grpc: grpcPort }
}

function destination(port: number): Destination {
  return { origin: `http://${SERVER_NAME}:${port}`, address: LOOPBACK, family: 4 }
}

function watchOf(pair: Pair | undefined): Server<Sidecars> {
  const used = () => {
    // A fault or a reload may have put other processes there since.
    const { client, server } = pair?.processes ?? {}
    return { client: client ? processorMs(client.pid) : 0, server: server ? processorMs(server.pid) : 0 }
  }
  let before = used()
  return {
    workers: 0,
    async watch() {
      before = used()
    },
    async figures() {
      const { client, server } = used()
      return { workers: [], sidecars: { client: client - before.client, server: server - before.server } }
    },
    // The pair outlives the load.
    async stop() {},
  }
}

/** Requests of a step that did not succeed. */
export function failedOf({ requests, success }: PairStep): number {
  return Math.round(requests * (1 - success))
}

/** Processor time of each sidecar in ms per 1,000 requests. */
export function perThousand({ requests, resources: { sidecars } }: PairStep): { client: number; server: number } {
  const per = 1000 / Math.max(1, requests)
  return { client: sidecars.client * per, server: sidecars.server * per }
}

/** The share of a core that the load generator's thread had, 0 to 1; undefined where the system does not tell it. */
export function generatorShare({ resources: { generators } }: PairStep): number | undefined {
  return generators[0]?.cpu
}
