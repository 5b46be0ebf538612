/** gRPC through real proxies, and what they tell about themselves. */
import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { SERVER_NAME } from '#mesh/authority/authority.js'
import { type PairStep, portsOf, startPairTarget, type Traffic } from '#mesh/load/pair-target.js'
import { COUNTED_PATH, type Received } from '#mesh/sink/protocol.js'
import { Sink } from '#mesh/sink/sink.js'
import { call, Steps } from '#mesh/subjects/steps.js'
import type { Ability, Pair } from '#mesh/subjects/subject.js'
import { GRPC_METHOD, VERSION_HEADER } from '#mesh/topology/protocol.js'
import { type Running, Topology } from '#mesh/topology/topology.js'
import { binaries, skip } from '../../support/proxies.js'

const FIRST_PORT = 30_600
const PATIENCE_MS = 30_000
const CLIENTS = 4

let topology: Topology
let sink: Sink
const { signal } = new AbortController()
const leftOut: string[] = []

before(async () => {
  if (skip !== false) return
  const leaveOut = (what: string, why: string) => leftOut.push(`${what}: ${why}`)
  topology = await Topology.start({ binaries, firstPort: FIRST_PORT, signal, leaveOut })
  const [port] = await topology.ports(1)
  sink = await Sink.start(port, signal)
})
after(async () => {
  await sink?.stop()
  await topology?.stop()
})

/** A test for each subject that runs; skipped for those that lack an ability, with their reason. */
function each(name: string, abilities: readonly Ability[], run: (running: Running) => Promise<void>): void {
  if (skip !== false) {
    test(name, { skip }, () => {})
    return
  }
  for (const { subject } of binaries) {
    test(`${subject}: ${name}`, async context => {
      const running = topology.running.find(({ pair }) => pair.subject === subject)
      assert.ok(running, `${subject} does not run: ${leftOut.join('; ')}`)
      const lacks = abilities.map(ability => running.adapter.lacks[ability]).find(why => why !== undefined)
      if (lacks === undefined) await run(running)
      else context.skip(lacks)
    })
  }
}

async function load(pair: Pair, traffic: Traffic, path = '/'): Promise<PairStep> {
  const target = await startPairTarget({ name: pair.subject, traffic, ports: portsOf(pair), pair, path, signal })
  try {
    return await target.step({ clients: CLIENTS, rate: 100, warmUpMs: 0, ms: 400, seed: 1 })
  } finally {
    await target.stop()
  }
}

/** The protocol that the server's sidecar chooses for a client that offers both. */
function chosenProtocol({ pair }: Running): Promise<string | false | null> {
  const { certificate, key } = topology.identities.client
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: pair.plan.ports.inbound,
      servername: SERVER_NAME,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
      cert: certificate,
      key,
    })
    socket.on('error', reject)
    socket.on('secureConnect', () => {
      resolve(socket.alpnProtocol)
      socket.destroy()
    })
  })
}

each(
  'calls of gRPC go through both sidecars, also beside HTTP/1.1, and cost processor time',
  ['grpc'],
  async running => {
    for (const traffic of ['grpc', 'mix'] as const) {
      const { requests, success, failures, resources } = await load(running.pair, traffic)
      assert.ok(requests > 20, String(requests))
      assert.equal(success, 1, `${traffic}: ${JSON.stringify(failures)}`)
      assert.ok(resources.sidecars.client > 0 && resources.sidecars.server > 0, JSON.stringify(resources.sidecars))
    }
    // A proxy of TCP speaks no protocol of its own, and linkerd2-proxy has another one between its sidecars.
    if (['consul', 'linkerd2-proxy'].includes(running.pair.subject)) return
    assert.equal(await chosenProtocol(running), 'h2')
  },
)

/** A counter of requests among the metrics of each subject, and where its value stands. */
const COUNTERS: Readonly<Record<string, RegExp>> = {
  envoy: /^envoy_http_downstream_rq_total\{[^}]*(?:outbound|inbound)[^}]*\} (\d+)$/gm,
  // Envoy takes the address that Istio has in the name for a part of the metric's name.
  istiod: /^envoy_http_\w*downstream_rq_total\{[^}]*(?:outbound|inbound)[^}]*\} (\d+)$/gm,
  haproxy: /^haproxy_frontend_http_requests_total\{proxy="(?:outbound|inbound)"\} (\d+)$/gm,
  nginx: /^ \d+ \d+ (\d+) $/gm,
  caddy: /^caddy_http_requests_total\{[^}]*\} (\d+)$/gm,
  traefik: /^traefik_entrypoint_requests_total\{[^}]*entrypoint="main"[^}]*\} (\d+)$/gm,
}

async function metricsOf(pair: Pair, side: 'client' | 'server'): Promise<string> {
  const { port, path } = pair.metricsAt!(side)
  return call(port, 'GET', path)
}

each(
  'with metrics, both sidecars tell how many requests they had, or send it to the sink',
  ['metrics'],
  async running => {
    await sink.empty()
    const { pair } = await topology.another(running, { telemetry: { sink: sink.port, metrics: true, tracing: false } })
    try {
      const { requests, success } = await load(pair, 'http')
      assert.equal(success, 1)
      if (pair.metricsAt === undefined) {
        assert.ok((await sink.until(({ metrics }) => metrics > 0, PATIENCE_MS)).metrics > 0)
        return
      }
      const counter = Object.entries(COUNTERS).find(([name]) => pair.subject.startsWith(name))?.[1]
      for (const side of ['client', 'server'] as const) {
        const text = await metricsOf(pair, side)
        assert.ok(text.length > 50, text)
        if (counter === undefined) continue
        const counted = [...text.matchAll(counter)].reduce((sum, [, value]) => sum + Number(value), 0)
        assert.ok(counted >= requests, `${side}: ${counted} of ${requests}: ${text.slice(0, 2000)}`)
      }
    } finally {
      await pair.stop()
    }
  },
)

each(
  'with tracing, the trace of every request arrives in the sink, with a span of each sidecar',
  ['tracing'],
  async running => {
    await sink.empty()
    const { pair } = await topology.another(running, { telemetry: { sink: sink.port, metrics: false, tracing: true } })
    try {
      const { requests, success } = await load(pair, 'http', COUNTED_PATH)
      assert.equal(success, 1)
      const isAll = ({ traces, spans }: Received) => traces >= requests && spans >= 2 * requests
      const received = await sink.until(isAll, PATIENCE_MS)
      assert.ok(isAll(received), `${requests} requests: ${JSON.stringify(received)}`)
      assert.equal(received.traces, requests)
      assert.equal(received.unreadable, 0)
    } finally {
      await pair.stop()
    }
  },
)

each('the share of the canary holds for gRPC, too', ['canary', 'grpc'], async ({ pair }) => {
  const steps = new Steps()
  try {
    await pair.canary(1, steps)
    const until = performance.now() + PATIENCE_MS
    let versions: ReadonlySet<string> = new Set()
    do versions = await versionsOfCalls(pair)
    while (!(versions.size === 1 && versions.has('canary')) && performance.now() < until)
    assert.deepEqual([...versions], ['canary'])
  } finally {
    await pair.canary(pair.plan.canary, steps)
  }
})

/** The versions of the server that answered some calls on one connection. */
async function versionsOfCalls({ grpcPort }: Pair): Promise<ReadonlySet<string>> {
  const session = connectHttp2(`http://127.0.0.1:${grpcPort}`)
  session.on('error', () => {})
  const versions = new Set<string>()
  try {
    for (let at = 0; at < 12; at++) {
      const version = await new Promise<string>((resolve, reject) => {
        const headers = { ':method': 'POST', ':path': GRPC_METHOD, 'content-type': 'application/grpc', te: 'trailers' }
        const stream = session.request(headers)
        stream.on('response', answer => resolve(String(answer[VERSION_HEADER])))
        stream.on('error', reject)
        stream.resume()
        stream.end(Buffer.alloc(5))
      })
      versions.add(version)
    }
    return versions
  } finally {
    session.destroy()
  }
}
