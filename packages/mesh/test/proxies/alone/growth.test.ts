/** What grows, rotates and soaks, with real proxies. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { caRotation } from '#mesh/experiments/ca-rotation.js'
import { controlPlane } from '#mesh/experiments/control-plane.js'
import type { MeshExperiment } from '#mesh/experiments/experiment.js'
import { growth } from '#mesh/experiments/growth.js'
import { resumption } from '#mesh/experiments/resumption.js'
import type { SoakDraft } from '#mesh/experiments/soak.js'
import { probe, verdictOf } from '#mesh/probe/tls.js'
import type { MeshRow } from '#mesh/rows/row.js'
import type { RunDocument } from '#mesh/run/document.js'
import { call } from '#mesh/subjects/steps.js'
import { Topology } from '#mesh/topology/topology.js'
import { contextOf, type Told } from '../../support/experiment-context.js'
import { binaries, skip } from '../../support/proxies.js'

const FIRST_PORT = 27_400
const { signal } = new AbortController()
const leftOut: string[] = []
let topology: Topology

before(async () => {
  if (skip !== false) return
  const leaveOut = (what: string, why: string) => leftOut.push(`${what}: ${why}`)
  topology = await Topology.start({ binaries, firstPort: FIRST_PORT, signal, leaveOut })
})
after(() => topology?.stop())

async function measured(experiment: MeshExperiment, subjects: readonly string[]) {
  const told: Told = { leftOut: [], kept: [] }
  const running = topology.running.filter(({ pair }) => subjects.includes(pair.subject))
  assert.equal(running.length, subjects.length, leftOut.join('; '))
  const outcome = await experiment.run(contextOf(topology, running, signal, told))
  const row = (subject: string, metric: string) => {
    const found = outcome.rows.find(each => each.subject === subject && each.metric === metric)
    assert.ok(found, `${subject} has no ${metric}: ${told.leftOut.join('; ')}`)
    return found
  }
  return { outcome, row, told }
}

const known = (names: readonly string[]) => names.filter(name => binaries.some(({ subject }) => subject === name))

test('a new root is in use, the old one is refused, and the last round ends with the old one', { skip }, async t => {
  const subjects = binaries.map(({ subject }) => subject).filter(subject => subject !== 'consul')
  const { row, outcome } = await measured(caRotation, subjects)
  for (const line of outcome.findings) t.diagnostic(line)
  for (const subject of subjects) {
    const { values = [] } = row(subject, 'ca-rotation')
    const first = row(subject, 'ca-rotation-first').values ?? []
    assert.equal(values.length, 2, subject)
    assert.ok(
      values.every((full, round) => full > first[round]),
      subject,
    )
    assert.ok(Number(row(subject, 'operator-steps').value) > 0)
    const running = topology.running.find(({ pair }) => pair.subject === subject)!
    const { inbound, outbound } = running.pair.plan.ports
    assert.equal(verdictOf(await probe({ port: inbound, identity: topology.identities.client })), 'let in', subject)
    assert.equal((await call(outbound, 'GET', '/')).length, 1024, subject)
  }
})

test('Consul gets a new root by its own command', { skip: skip || known(['consul']).length === 0 }, async () => {
  const { row } = await measured(caRotation, ['consul'])
  assert.ok(Number(row('consul', 'rotation').value) > 0)
  assert.match(String(row('consul', 'ca-rotation').value), /stays trusted|\d/)
})

test('memory grows with connections and routes, and the pair serves on', { skip }, async () => {
  const subjects = known(['envoy', 'haproxy-2.8', 'nginx'])
  const { row, told, outcome } = await measured(growth, subjects)
  assert.deepEqual(told.leftOut, [])
  for (const subject of subjects) {
    // A TLS connection cannot do with less than a kilobyte; a megabyte would be another thing than a connection.
    for (const metric of ['pss-per-mtls-connection', 'pss-per-connection']) {
      const { values = [], value } = row(subject, metric)
      assert.equal(values.length, 3)
      assert.ok(Number(value) > 0.2 && Number(value) < 1000, `${subject}, ${metric}: ${values}`)
    }
    assert.ok(Number(row(subject, 'pss-per-route').value) > 0, subject)
    const { outbound } = topology.running.find(({ pair }) => pair.subject === subject)!.pair.plan.ports
    assert.equal((await call(outbound, 'GET', '/')).length, 1024)
  }
  assert.equal(outcome.charts.length, 3)
})

test('every route of many leads to the server', { skip }, async () => {
  const without = (name: string) =>
    topology.running.find(({ pair }) => pair.subject === name)?.pair.routes === undefined
  for (const { pair } of topology.running.filter(({ pair }) => !without(pair.subject))) {
    await pair.routes!(20)
    // Ours are in the memory of the control plane.
    if (pair.subject !== 'envoy-xds')
      assert.match(Object.values(pair.configuration()).join(), /route-19\//, pair.subject)
    await pair.processes.server.kill()
    await pair.restart('server')
    for (const path of ['/route-0/x', '/route-19/x', '/']) {
      await eventually(`${pair.subject}, ${path}`, () => call(pair.plan.ports.outbound, 'GET', path).then(() => true))
    }
    await pair.routes!(0)
    await pair.processes.server.kill()
    await pair.restart('server')
  }
})

/** Waits until `look` finds something; errors are looked over. */
async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + 30_000
  let last: unknown
  while (performance.now() < until) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      last = error
    }
    await delay(20)
  }
  throw new Error(`${what}: not within 30 s (${last})`)
}

test('sessions are resumed where TLS says so, and nginx without tickets refuses them', {
  skip,
}, async () => {
  const experiment: MeshExperiment = { ...growth, run: resumption }
  const { row, outcome } = await measured(experiment, known(['envoy', 'nginx']))
  assert.equal(row('envoy', 'resumption').value, 'resumed')
  assert.ok(Number(row('envoy', 'handshake-resumed').value) > 0)
  assert.match(String(row('nginx', 'resumption').value), /^refused/)
  assert.ok(!outcome.rows.some(({ subject, metric }: MeshRow) => subject === 'nginx' && metric === 'handshake-resumed'))
})

test('a control plane has all its services, and its cost is its own', { skip }, async () => {
  const subjects = known(['envoy-xds', 'consul', 'istiod'])
  const { row, told } = await measured(controlPlane, subjects)
  assert.deepEqual(told.leftOut, [])
  for (const subject of subjects) {
    assert.equal(row(subject, 'control-push').workload, '100 services')
    assert.ok(Number(row(subject, 'control-push-cpu').value) > 0)
    assert.ok(Number(row(subject, 'control-pss').value) > 5)
  }
})

const folder = mkdtempSync(join(tmpdir(), 'threadmap-mesh-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function soaking(hours: number, ...flags: string[]): ChildProcess {
  const program = fileURLToPath(new URL('../../support/mesh-program.js', import.meta.url))
  const all = [
    '--quick',
    '--only',
    'soak',
    '--soak',
    String(hours),
    '--subjects',
    'nginx',
    '--ports',
    String(FIRST_PORT + 200),
  ]
  return spawn(process.execPath, [program, ...all, '--out', folder, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
}

const recordOf = () => (JSON.parse(readFileSync(join(folder, 'mesh.json'), 'utf8')) as RunDocument).experiments[0]

test('a soak that is interrupted keeps what is done, and goes on', { skip }, async () => {
  const first = soaking(0.2)
  const ended = once(first, 'exit')
  // The first sample is kept at once.
  await eventually('the first sample', async () => (recordOf().status === 'partial' ? true : undefined))
  first.kill('SIGINT')
  assert.notEqual((await ended)[0], 0)
  const { draft } = recordOf() as { draft: SoakDraft }
  assert.ok(draft.hours > 0 && draft.subjects.nginx.requests > 0)
  const second = soaking(draft.hours + 0.004, '--resume')
  assert.equal((await once(second, 'exit'))[0], 0)
  const whole = recordOf()
  assert.ok(whole.status === 'finished')
  assert.match(whole.findings.join(' '), /h of steady load\..*nginx: /)
  const requests = Number(whole.tables[0].rows[0].at(-2))
  assert.ok(requests > draft.subjects.nginx.requests, 'the requests before the interruption count, too')
})
