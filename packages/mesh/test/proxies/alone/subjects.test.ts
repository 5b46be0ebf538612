/** Every adapter with its real proxy. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Stream } from '#mesh/load/stream.js'
import { type Probed, probe, verdictOf } from '#mesh/probe/tls.js'
import { isInOurNetwork, listenersOf } from '#mesh/processes/listeners.js'
import { hasOwnNetwork } from '#mesh/processes/network.js'
import { isFree } from '#mesh/processes/ports.js'
import { isAlive, treeOf } from '#mesh/processes/tied.js'
import { call, Steps } from '#mesh/subjects/steps.js'
import type { Running } from '#mesh/topology/topology.js'
import { Topology } from '#mesh/topology/topology.js'
import { binaries, skip } from '../../support/proxies.js'

const FIRST_PORT = 28_400
const PATIENCE_MS = 30_000

let topology: Topology
const signal = new AbortController().signal
const leftOut: string[] = []

before(async () => {
  if (skip !== false) return
  const leaveOut = (what: string, why: string) => leftOut.push(`${what}: ${why}`)
  topology = await Topology.start({ binaries, firstPort: FIRST_PORT, signal, leaveOut })
})
after(() => topology?.stop())

/** Waits until `look` finds something. */
async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + PATIENCE_MS
  while (performance.now() < until) {
    const found = await look()
    if (found !== undefined) return found
    await delay(10)
  }
  throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`)
}

/** A test for each subject that runs. */
function each(name: string, run: (running: Running) => Promise<void>): void {
  if (skip !== false) {
    test(name, { skip }, () => {})
    return
  }
  for (const { subject } of binaries) {
    test(`${subject}: ${name}`, async context => {
      const running = topology.running.find(({ pair }) => pair.subject === subject)
      assert.ok(running, `${subject} does not run: ${leftOut.join('; ')}`)
      if (name in LACK && running.adapter.lacks[LACK[name]] !== undefined) {
        context.skip(running.adapter.lacks[LACK[name]])
        return
      }
      try {
        await run(running)
      } catch (error) {
        // The folder with the logs does not outlive the test.
        for (const line of lastWords(running.pair.plan.folder)) context.diagnostic(line)
        throw error
      }
    })
  }
}

function lastWords(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.log'))
    .flatMap(name =>
      readFileSync(join(folder, name), 'utf8')
        .trim()
        .split('\n')
        .slice(-3)
        .map(line => `${name}: ${line}`),
    )
}

const ROTATES = 'a new certificate is used by new connections, and no request fails'
const REVOKES = 'a revoked certificate is refused, others are let in'
const CANARY = 'all requests go to the canary'
const RELOADS = 'a reload leaves the pair serving'
const WRONG = 'a wrong configuration leaves the old one in force'
const LACK: Record<string, 'rotate' | 'revoke' | 'canary' | 'reload' | 'misconfigure'> = {
  [ROTATES]: 'rotate',
  [REVOKES]: 'revoke',
  [CANARY]: 'canary',
  [RELOADS]: 'reload',
  [WRONG]: 'misconfigure',
}

const isLetIn = ({ kind, status }: Probed) => kind === 'answered' && status === 200

each('a request goes through both sidecars', async ({ pair }) => {
  assert.equal((await call(pair.plan.ports.outbound, 'GET', '/')).length, 1024)
})

each(
  'mTLS: nobody without a certificate of the authority, nobody with an expired one, no TLS 1.1',
  async ({ pair }) => {
    const port = pair.plan.ports.inbound
    const own = await pair.ownIdentities?.()
    const { client, foreign, expired } = topology.identities
    const identity = own?.client ?? client
    assert.equal(verdictOf(await probe({ port, identity })), 'let in')
    const refused = { 'no certificate': undefined, foreign, ...(own === undefined ? { expired } : {}) }
    for (const [name, bad] of Object.entries(refused)) assert.ok(!isLetIn(await probe({ port, identity: bad })), name)
    assert.ok(!(await probe({ port, identity, version: 'TLSv1.1' })).handshake)
    assert.ok(isLetIn(await probe({ port, identity, version: 'TLSv1.3' })))
    // Consul and Istio do not ask for 1.3, and neither do the profiles of Envoy that are like them.
    const isOld = /^consul$|^istiod$|-like$/.test(pair.subject)
    if (!isOld) assert.ok(!(await probe({ port, identity, version: 'TLSv1.2' })).handshake)
  },
)

each('another identity is refused, unless the proxy says that it checks none', async ({ pair, adapter }) => {
  const own = await pair.ownIdentities?.()
  const identity = own?.other ?? topology.identities.other
  const probed = await probe({ port: pair.plan.ports.inbound, identity })
  assert.equal(isLetIn(probed), adapter.lacks.identity !== undefined, verdictOf(probed))
})

each(ROTATES, async ({ pair }) => {
  const leaf = await topology.identities.authority.issue('server')
  const { inbound, outbound } = pair.plan.ports
  const stream = new Stream({ port: outbound, rate: 30, connections: 'open', signal })
  const steps = new Steps()
  await pair.rotate(leaf, steps)
  await eventually('the new certificate', async () => {
    const { serial } = await probe({ port: inbound, identity: topology.identities.client })
    return serial === leaf.serial ? true : undefined
  })
  const answers = await stream.stop()
  assert.deepEqual(
    answers.filter(({ isGood }) => !isGood),
    [],
  )
  assert.ok(steps.done.length > 0)
})

each(REVOKES, async ({ pair }) => {
  const { authority, revoked, client } = topology.identities
  const port = pair.plan.ports.inbound
  assert.ok(isLetIn(await probe({ port, identity: revoked })))
  await pair.revoke(await authority.revocationList([revoked.serial]), new Steps())
  await eventually('the refusal', async () => (isLetIn(await probe({ port, identity: revoked })) ? undefined : true))
  assert.ok(isLetIn(await probe({ port, identity: client })))
  await pair.revoke(await authority.revocationList([]), new Steps())
  await eventually('the end of the refusal', async () =>
    isLetIn(await probe({ port, identity: revoked })) ? true : undefined,
  )
})

each(CANARY, async ({ pair }) => {
  for (const [share, expected] of [
    [1, ['canary']],
    [0, ['stable']],
    [0.5, ['canary', 'stable']],
  ] as const) {
    await pair.canary(share, new Steps())
    await eventually(`share ${share}`, async () => {
      const versions = new Set<string>()
      for (let i = 0; i < 16; i++) versions.add(await versionOf(pair.plan.ports.outbound))
      return [...versions].sort().join() === expected.join() ? true : undefined
    })
  }
})

async function versionOf(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  await answer.arrayBuffer()
  return answer.headers.get('x-version') ?? `status ${answer.status}`
}

each(WRONG, async ({ pair }) => {
  await pair.misconfigure()
  if (pair.subject === 'linkerd2-proxy') {
    // It takes a policy without a protocol for one that lets nobody in, until it gets a right one.
    await eventually('a refusal', async () =>
      (await versionOf(pair.plan.ports.outbound)) === 'status 403' ? true : undefined,
    )
    await pair.canary(0.5, new Steps())
    await eventually('an answer', async () =>
      /^(stable|canary)$/.test(await versionOf(pair.plan.ports.outbound)) ? true : undefined,
    )
    return
  }
  // There is no event to wait for: a refusal changes nothing. A proxy that took it would fail here or in the tests that follow.
  for (let i = 0; i < 50; i++) {
    await call(pair.plan.ports.outbound, 'GET', '/')
    await delay(10)
  }
  await pair.canary(0.5, new Steps())
  await eventually('an answer', async () =>
    (await versionOf(pair.plan.ports.outbound)) === 'canary' ? true : undefined,
  )
})

each(RELOADS, async ({ pair }) => {
  await pair.reload(new Steps())
  for (let i = 0; i < 20; i++) await call(pair.plan.ports.outbound, 'GET', '/')
})

each('a killed sidecar is noticed, and serves again when it is restarted', async ({ pair }) => {
  const pids = treeOf(pair.processes.server.pid)
  await pair.processes.server.kill()
  await eventually('the end of all its processes', async () => (pids.some(isAlive) ? undefined : true))
  await pair.restart('server')
  await eventually('an answer', async () => call(pair.plan.ports.outbound, 'GET', '/').catch(() => undefined))
})

each('the configuration that is kept has no key and no path of this machine', async ({ pair }) => {
  const files = Object.values(pair.configuration())
  assert.ok(files.length > 0)
  for (const text of files) {
    assert.doesNotMatch(text, /PRIVATE KEY/)
    assert.ok(!text.includes(pair.plan.folder))
  }
})

test('nothing that was started listens beyond the loopback interface', { skip }, () => {
  const pids = topology.running.flatMap(({ pair }) =>
    [...Object.values(pair.processes), ...pair.others].flatMap(({ pid }) => treeOf(pid)),
  )
  // In the namespace behind linkerd2-proxy's veth nobody else is.
  const listeners = listenersOf(pids.filter(isInOurNetwork))
  assert.ok(listeners.length >= topology.running.length)
  assert.deepEqual(
    listeners.filter(({ isLoopback }) => !isLoopback),
    [],
  )
})

const onlyGiven = hasOwnNetwork() ? 'this is the namespace of linkerd2-proxy' : skip
test('a SIGKILL of the command ends every proxy, workers included', { skip: onlyGiven }, async () => {
  const program = fileURLToPath(new URL('../../programs/topology-parent.js', import.meta.url))
  const firstPort = FIRST_PORT + 200
  const parent = spawn(process.execPath, [program, String(firstPort), 'envoy', 'haproxy-2.8', 'nginx'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pids = JSON.parse(line.toString()) as number[]
  assert.ok(pids.length >= 2 && pids.every(isAlive))
  parent.kill('SIGKILL')
  await eventually('the end of all processes', async () => (pids.some(isAlive) ? undefined : true))
  await eventually('free ports', async () => ((await isFree(firstPort + 2)) ? true : undefined))
})
