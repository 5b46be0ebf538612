/** The control plane of linkerd2-proxy, asked by a plain gRPC client, as a proxy asks it. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import {
  type Client,
  type ClientReadableStream,
  credentials,
  makeGenericClientConstructor,
  status,
} from '@grpc/grpc-js'
import { Authority, certificateRequest } from '#mesh/authority/authority.js'
import { ipv4, LinkerdControl, linkerdServices } from '#mesh/control/linkerd.js'
import { LOOPBACK } from '#mesh/processes/ports.js'

type Answer = Record<string, unknown>
// biome-ignore lint/suspicious/noExplicitAny: clients are made from definitions that are loaded at run time.
type AnyClient = Client & Record<string, any>

const REFRESH_MS = 5000
let control: LinkerdControl
let authority: Authority
let port = 0
const clients: AnyClient[] = []

before(async () => {
  const server = createServer().listen(0, LOOPBACK)
  await once(server, 'listening')
  port = (server.address() as { port: number }).port
  server.close()
  await once(server, 'close')
  authority = await Authority.create()
  control = await LinkerdControl.start({
    port,
    tokens: new Map([['server.mesh', 'a token']]),
    refreshMs: REFRESH_MS,
    certify: async (_, request) => new X509Certificate(await authority.certify('server', request, '4a01')).raw,
  })
})
after(() => {
  for (const client of clients) client.close()
  control.stop()
})

function clientOf(service: string): AnyClient {
  const Constructor = makeGenericClientConstructor(linkerdServices().get(service)!, service)
  const client = new Constructor(`${LOOPBACK}:${port}`, credentials.createInsecure()) as AnyClient
  clients.push(client)
  return client
}

async function next(stream: ClientReadableStream<Answer>): Promise<Answer> {
  const [answer] = (await once(stream, 'data')) as [Answer]
  return answer
}

/** Ends a stream whose cancellation is no failure. */
function end(stream: ClientReadableStream<Answer>): void {
  stream.on('error', () => {})
  stream.cancel()
}

function certify(request: object): Promise<Answer> {
  const client = clientOf('identity.Identity')
  return new Promise((resolve, reject) =>
    client.Certify(request, (error: Error | null, answer: Answer) => (error ? reject(error) : resolve(answer))),
  )
}

test('a proxy with its token gets a certificate for the key of its request, and is told when to ask again', async () => {
  const { key } = await authority.issue('server')
  const certificate_signing_request = await certificateRequest('server.mesh', key)
  const began = Date.now()
  const answer = await certify({ identity: 'server.mesh', token: Buffer.from('a token'), certificate_signing_request })
  const leaf = new X509Certificate(answer.leaf_certificate as Buffer)
  assert.ok(leaf.checkPrivateKey(createPrivateKey(key)))
  assert.ok(leaf.verify(new X509Certificate(authority.certificate).publicKey))
  assert.equal(leaf.serialNumber, '4A01')
  assert.match(leaf.subjectAltName ?? '', /DNS:server\.mesh/)
  const { seconds, nanos } = answer.valid_until as { seconds: number; nanos: number }
  const until = seconds * 1000 + nanos / 1e6
  assert.ok(until >= began + REFRESH_MS && until <= Date.now() + REFRESH_MS, `${until - began} ms after the call`)
})

test('a proxy with the token of somebody else gets none', async () => {
  const { key } = await authority.issue('server')
  const certificate_signing_request = await certificateRequest('server.mesh', key)
  for (const [identity, token] of [
    ['server.mesh', 'another'],
    ['client.mesh', 'a token'],
  ]) {
    await assert.rejects(certify({ identity, token: Buffer.from(token), certificate_signing_request }), {
      code: status.PERMISSION_DENIED,
    })
  }
})

test('endpoints come at once, and again when they change', async () => {
  const client = clientOf('destination.Destination')
  const none = client.Get({ path: 'unknown.mesh' }) as ClientReadableStream<Answer>
  assert.deepEqual((await next(none)).no_endpoints, { exists: false })
  end(none)
  control.setEndpoints('stable.mesh', [{ address: '10.77.0.2', port: 4000, identity: 'server.mesh' }])
  const stream = client.Get({ path: 'stable.mesh' }) as ClientReadableStream<Answer>
  const addrOf = (answer: Answer) => (answer.add as { addrs: { addr: object; tls_identity: object }[] }).addrs[0]
  const first = addrOf(await next(stream))
  assert.deepEqual(first.addr, { ip: { ipv4: ipv4('10.77.0.2') }, port: 4000 })
  const name = { name: 'server.mesh' }
  assert.deepEqual(first.tls_identity, { dns_like_identity: name, server_name: name })
  const changed = next(stream)
  control.setEndpoints('stable.mesh', [{ address: '10.77.0.3', port: 4001, identity: 'server.mesh' }])
  assert.deepEqual(addrOf(await changed).addr, { ip: { ipv4: ipv4('10.77.0.3') }, port: 4001 })
  end(stream)
})

test('a port of no service is not found; one with a route gets the weights, and again when they change', async () => {
  const client = clientOf('outbound.OutboundPolicies')
  const watch = (to: number): ClientReadableStream<Answer> =>
    client.Watch({ source_workload: 'client', addr: { ip: { ipv4: ipv4('127.0.0.1') }, port: to } })
  const [error] = (await once(watch(1), 'error')) as [{ code: number }]
  assert.equal(error.code, status.NOT_FOUND)
  control.setRoute(5000, { 'stable.mesh': 90, 'canary.mesh': 10 })
  const stream = watch(5000)
  assert.deepEqual(weightsOf(await next(stream)), { 'stable.mesh': 90, 'canary.mesh': 10 })
  const changed = next(stream)
  control.setRoute(5000, { 'stable.mesh': 0, 'canary.mesh': 100 })
  assert.deepEqual(weightsOf(await changed), { 'canary.mesh': 100 })
  end(stream)
})

/** Of HTTP/1, HTTP/2 and everything else, which must be the same. */
function weightsOf(policy: Answer): Record<string, number> {
  interface Route {
    rules: { backends: { random_available: { backends: { weight: number; backend: Answer }[] } } }[]
  }
  const { detect } = policy.protocol as { detect: Record<string, { routes: Route[] }> }
  const [first, ...others] = ['http1', 'http2', 'opaque'].map(protocol => {
    const { backends } = detect[protocol].routes[0].rules[0].backends.random_available
    return Object.fromEntries(
      backends.map(({ weight, backend }) => [
        ((backend.backend as Answer).balancer as { discovery: { dst: { path: string } } }).discovery.dst.path,
        weight,
      ]),
    )
  })
  for (const other of others) assert.deepEqual(other, first)
  return first
}

test('a port that is permitted to some takes mTLS of them alone; others are open', async () => {
  const client = clientOf('inbound.InboundServerPolicies')
  const watch = (to: number) => client.WatchPort({ workload: 'server', port: to }) as ClientReadableStream<Answer>
  const permitOf = (answer: Answer) =>
    (answer.authorizations as { authentication: Answer }[]).map(({ authentication }) => authentication)
  control.permit(6000, ['client.mesh', 'spiffe://mesh.local/client'])
  const stream = watch(6000)
  const identities = [{ name: 'client.mesh' }, { name: 'spiffe://mesh.local/client' }]
  assert.deepEqual(permitOf(await next(stream)), [{ meshTLS: { identities: { identities } } }])
  const wrong = next(stream)
  control.sendWrongPolicy(6000)
  assert.equal((await wrong).protocol, null)
  end(stream)
  const open = watch(6001)
  assert.deepEqual(permitOf(await next(open)), [{ unauthenticated: {} }])
  end(open)
})
