/** Istio's control plane with two plain Envoys, where `THREADMAP_ISTIOD` names it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hasOwnNetwork } from '#mesh/processes/network.js'
import { isAlive, treeOf } from '#mesh/processes/tied.js'
import type { RunDocument } from '#mesh/run/document.js'
import { readRun } from '#mesh/run-file.js'
import { Steps } from '#mesh/subjects/steps.js'
import { type Running, Topology } from '#mesh/topology/topology.js'
import { given } from '../../support/proxies.js'

const FIRST_PORT = 26_600
const PATIENCE_MS = 30_000
const MESH = fileURLToPath(new URL('../../support/mesh-program.js', import.meta.url))

const istiod = given.find(({ subject }) => subject === 'istiod')
const skip = reason()
const folder = mkdtempSync(join(tmpdir(), 'mesh-istiod-test-'))
const { signal } = new AbortController()
let topology: Topology | undefined
let running: Running

before(async () => {
  if (skip !== false) return
  const leftOut: string[] = []
  const leaveOut = (what: string, why: string) => leftOut.push(`${what}: ${why}`)
  topology = await Topology.start({ binaries: [istiod!], firstPort: FIRST_PORT, signal, leaveOut })
  assert.equal(topology.running.length, 1, leftOut.join('; '))
  running = topology.running[0]
})
after(async () => {
  await topology?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function reason(): string | false {
  if (hasOwnNetwork()) return 'this is the namespace of linkerd2-proxy'
  if (process.env.THREADMAP_ISTIOD === undefined) return 'istiod: THREADMAP_ISTIOD names no program'
  return istiod === undefined ? 'istiod: it controls Envoy, and THREADMAP_PROXIES has none' : false
}

async function eventually(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (performance.now() < until) {
    if (await look()) return
    await delay(20)
  }
  throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`)
}

async function answerOf(port: number): Promise<{ status: number; version: string | null }> {
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  await answer.arrayBuffer()
  return { status: answer.status, version: answer.headers.get('x-version') }
}

function start(...args: string[]): { child: ChildProcess; said(): string } {
  const { THREADMAP_PROXIES, THREADMAP_ISTIOD } = process.env
  const flags = ['--proxies', THREADMAP_PROXIES!, '--istiod', THREADMAP_ISTIOD!, '--subjects', 'istiod', '--quick']
  const child = spawn(process.execPath, [MESH, ...flags, '--ports', String(FIRST_PORT + 200), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stdout.on('data', chunk => (text += chunk))
  child.stderr.on('data', chunk => (text += chunk))
  return { child, said: () => text }
}

test('a policy that does not name the client has its requests answered 403, until it does again', {
  skip,
}, async () => {
  const { folder, ports } = running.pair.plan
  const file = join(folder, 'config', 'authorization-policy.yaml')
  const policy = readFileSync(file, 'utf8')
  const other = policy.replace('/sa/client', '/sa/other')
  assert.notEqual(other, policy)
  new Steps().write(file, other)
  const isAll = async (status: number) => {
    // One after another, since each may go over a connection that came under the older policy.
    for (let i = 0; i < 20; i++) if ((await answerOf(ports.outbound)).status !== status) return false
    return true
  }
  await eventually('the refusal', () => isAll(403))
  new Steps().write(file, policy)
  await eventually('the end of the refusal', () => isAll(200))
})

test('requests go on without istiod, and a change takes effect when it is back', { skip }, async () => {
  const { pair } = running
  const [first] = pair.others
  await pair.killControl!()
  assert.equal(isAlive(first.pid), false)
  await pair.canary(1, new Steps())
  for (let i = 0; i < 20; i++) assert.equal((await answerOf(pair.plan.ports.outbound)).status, 200)
  await pair.restartControl!()
  const versions = async () =>
    new Set(
      await Promise.all(Array.from({ length: 16 }, async () => (await answerOf(pair.plan.ports.outbound)).version)),
    )
  await eventually('the canary', async () => [...(await versions())].join() === 'canary')
  await pair.canary(0, new Steps())
  await eventually('the end of the canary', async () => [...(await versions())].join() === 'stable')
})

test('a run measures it, and says what it lacks', { skip, timeout: 240_000 }, async () => {
  const out = join(folder, 'run')
  const { child, said } = start('--only', 'latency,admission,changes', '--out', out)
  const [code] = (await once(child, 'exit')) as [number | null]
  assert.equal(code, 0, said())
  const { subjects, rows, experiments } = readRun(out) as RunDocument
  assert.deepEqual(
    subjects.map(({ subject }) => subject),
    ['istiod'],
  )
  assert.match(Object.values(subjects[0].configuration).join(), /VirtualService/)
  const value = (metric: string) => rows.find(row => row.subject === 'istiod' && row.metric === metric)?.value
  assert.equal(value('tls-versions'), '1.2, 1.3')
  assert.equal(value('wrong-identity'), 'answered 403')
  for (const metric of ['p95-added', 'cpu-per-request', 'pss', 'rotation', 'revocation', 'canary']) {
    assert.equal(typeof value(metric), 'number', metric)
  }
  assert.equal(value('rotation-failed'), 0)
  const left = experiments.flatMap(({ leftOut }) => leftOut).map(({ what, why }) => `${what}: ${why}`)
  assert.ok(left.some(line => /istiod, reload: .*starts Envoy anew/.test(line)))
})

test('a SIGKILL of the command ends istiod and both Envoys', { skip }, async () => {
  const { child, said } = start('--only', 'latency', '--out', join(folder, 'killed'))
  const names = (pids: readonly number[]) =>
    pids.map(pid => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
      } catch {
        return ''
      }
    })
  let pids: number[] = []
  await eventually('istiod and two Envoys', () => {
    pids = treeOf(child.pid!).filter(isAlive)
    const found = names(pids)
    return found.includes('istiod') && found.filter(name => name === 'envoy').length === 2
  }).catch((error: Error) => assert.fail(`${error.message}: ${said()}`))
  child.kill('SIGKILL')
  await eventually('the end of all processes', () => !pids.some(isAlive))
})
