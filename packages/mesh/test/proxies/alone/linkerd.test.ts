/** linkerd2-proxy, whose path THREADMAP_LINKERD gives: the tests of all adapters in a network namespace of their own, and a run of the command. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hasOwnNetwork, networkProblem } from '#mesh/processes/network.js'
import { isAlive, treeOf } from '#mesh/processes/tied.js'
import type { RunDocument } from '#mesh/run/document.js'
import { readRun } from '#mesh/run-file.js'
import { given } from '../../support/proxies.js'

const linkerd = given.find(({ subject }) => subject === 'linkerd2-proxy')
const skip = reason()
const folder = mkdtempSync(join(tmpdir(), 'mesh-linkerd-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function reason(): string | false {
  if (hasOwnNetwork()) return 'these are the tests inside the namespace'
  if (process.env.THREADMAP_LINKERD === undefined) return 'linkerd2-proxy: THREADMAP_LINKERD names no program'
  const problem = networkProblem()
  return problem === undefined ? false : `linkerd2-proxy: ${problem}`
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

function programOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

function start(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; said(): string } {
  const child = spawn(program, [...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout!.on('data', chunk => (text += chunk))
  child.stderr!.on('data', chunk => (text += chunk))
  return { child, said: () => text }
}

const MESH = programOf('../../support/mesh-program.js')
const flags = () => ['--proxies', folder, '--linkerd', linkerd!.path, '--ports', '29600', '--quick']

test('every test of an adapter holds for linkerd2-proxy, in a namespace of its own', { skip }, async () => {
  const inside = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, '--test']
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const { child, said } = start('unshare', [...user, ...inside, programOf('./subjects.test.js')], {
    THREADMAP_MESH_NETWORK: '1',
    // The runner would take the tests for its own children and report to it.
    NODE_TEST_CONTEXT: undefined,
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  assert.equal(code, 0, said())
  assert.match(said(), /linkerd2-proxy: all requests go to the canary/)
})

test('a run measures it, and says what it lacks', { skip, timeout: 240_000 }, async () => {
  const out = join(folder, 'run')
  const { child, said } = start(process.execPath, [
    MESH,
    ...flags(),
    '--only',
    'latency,admission,changes',
    '--out',
    out,
  ])
  const [code] = (await once(child, 'exit')) as [number | null]
  assert.equal(code, 0, said())
  const { subjects, rows, experiments } = readRun(out) as RunDocument
  assert.deepEqual(
    subjects.map(({ subject }) => subject),
    ['linkerd2-proxy'],
  )
  assert.match(subjects[0].sha256, /^[0-9a-f]{64}$/)
  assert.ok(Object.values(subjects[0].configuration).join().includes('LINKERD2_PROXY_POLICY_SVC_ADDR'))
  const value = (metric: string) => rows.find(row => row.subject === 'linkerd2-proxy' && row.metric === metric)?.value
  assert.equal(value('tls-versions'), '1.3')
  assert.equal(value('wrong-identity'), 'answered 403')
  for (const metric of ['p95-added', 'cpu-per-request', 'pss', 'rotation', 'canary']) {
    assert.equal(typeof value(metric), 'number', metric)
  }
  assert.equal(value('rotation-failed'), 0)
  const left = experiments.flatMap(({ leftOut }) => leftOut).map(({ what, why }) => `${what}: ${why}`)
  assert.ok(left.some(line => /linkerd2-proxy, revocation: .*no revocation lists/.test(line)))
})

test('a SIGKILL of the command ends the proxies in both namespaces', { skip }, async () => {
  const { child, said } = start(process.execPath, [
    MESH,
    ...flags(),
    '--only',
    'latency',
    '--out',
    join(folder, 'killed'),
  ])
  const until = performance.now() + 60_000
  const isThere = () => treeOf(child.pid!).filter(pid => isAlive(pid))
  const proxies = () => isThere().filter(pid => nameOf(pid) === 'linkerd2-proxy')
  while (proxies().length < 2 && performance.now() < until) await delay(20)
  const pids = isThere()
  assert.equal(proxies().length, 2, said())
  child.kill('SIGKILL')
  while (pids.some(isAlive) && performance.now() < until) await delay(20)
  assert.deepEqual(pids.filter(isAlive), [])
})
