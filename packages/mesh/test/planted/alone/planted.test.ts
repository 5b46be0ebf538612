/** Differences that are planted on purpose, in real proxies: each must be found, by the rows and by the selection that rests on them. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { admission } from '#mesh/experiments/admission.js'
import { changes } from '#mesh/experiments/changes.js'
import type { MeshExperiment } from '#mesh/experiments/experiment.js'
import { type Binary, findProxies } from '#mesh/install/installed.js'
import { Link } from '#mesh/links/link.js'
import { processorMs } from '#mesh/processes/cost.js'
import { freePorts } from '#mesh/processes/ports.js'
import { tiedProblem } from '#mesh/processes/tied.js'
import { parseRequirements, parseWeights } from '#mesh/select/question.js'
import { rank } from '#mesh/select/rank.js'
import { RowTable } from '#mesh/select/table.js'
import { type Running, Topology } from '#mesh/topology/topology.js'
import { contextOf } from '../../support/experiment-context.js'
import { recorded, rowWith } from '../../support/rounds.js'

const proxies = process.env.THREADMAP_PROXIES
const nginx = (proxies === undefined ? [] : findProxies(proxies).binaries).find(({ subject }) => subject === 'nginx')
const skip =
  tiedProblem() ??
  (nginx === undefined ? 'nginx: THREADMAP_PROXIES names no folder of "threadmap mesh install" with it' : false)

const FIRST_PORT = 19_500
/** Rounds that are added until the difference is found, and how often: a busy machine needs more of them. */
const ROUNDS = 8
const MOST_TRIES = 10

const root = mkdtempSync(join(tmpdir(), 'threadmap-mesh-'))
const controller = new AbortController()
const { signal } = controller
let topology: Topology | undefined
before(async () => {
  if (skip === false) topology = await startWith(nginx!, FIRST_PORT)
})
after(async () => {
  await topology?.stop()
  rmSync(root, { recursive: true, force: true })
})

function startWith(binary: Binary, firstPort: number): Promise<Topology> {
  const leaveOut = (what: string, why: string) => assert.fail(`${what}: ${why}`)
  return Topology.start({ binaries: [binary], firstPort, signal, leaveOut })
}

/** nginx started by a script: `lines` run before it, in the folder of the pair, with the program's arguments. */
function scripted(name: string, lines: string): Binary {
  const path = join(root, `${name}.sh`)
  writeFileSync(path, `#!/bin/sh\n${lines}\nexec '${nginx!.path}' "$@"\n`)
  chmodSync(path, 0o755)
  return { ...nginx!, path }
}

async function rowsOf(experiment: MeshExperiment, of: Topology, name: string, changed: Partial<Running['pair']> = {}) {
  const [running] = of.running
  const pair = Object.assign(Object.create(running.pair) as Running['pair'], changed, { subject: name })
  return (await experiment.run(contextOf(of, [{ ...running, pair }], signal))).rows
}

test('5 ms that a proxy of ours adds are found; the pair beside itself ties', { skip }, async t => {
  const { outbound } = topology!.running[0].pair.plan.ports
  const [port] = await freePorts(FIRST_PORT + 100, 1)
  // 2.5 ms in each direction.
  const link = await Link.start({ folder: root, name: 'delay', routes: [{ port, target: outbound }], delayMs: 2.5 })
  t.after(() => link.stop())
  const all: number[][] = [[], [], []]
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const more = await recorded({ ports: [outbound, port, outbound], rounds: ROUNDS, ms: 300, rate: 200, signal })
    more.forEach(({ p50 }, at) => {
      all[at].push(...p50)
    })
    const [plain, delayed, again] = all.map((values, at) =>
      rowWith(['plain', 'delayed', 'plain-again'][at], 'p50', values),
    )
    const { outcome, leader, subjects } = rank(new RowTable([plain, delayed, again]), [], parseWeights('p50'))
    if (outcome !== 'chosen') continue
    assert.equal(leader, 'plain')
    const { timesLeader } = subjects.find(({ subject }) => subject === 'delayed')!
    assert.ok(timesLeader! > 1)
    return
  }
  assert.fail(`5 ms were not found in ${MOST_TRIES * ROUNDS} rounds: ${JSON.stringify(all)}`)
})

test('a burner in one sidecar is found by its processor time', { skip }, async t => {
  const burner = fileURLToPath(new URL('../../programs/burner.js', import.meta.url))
  const isServer = 'case "$*" in *server*) true;; *) false;; esac'
  const binary = scripted('burning', `if ${isServer}; then '${process.execPath}' '${burner}' & fi`)
  const burning = await startWith(binary, FIRST_PORT + 200)
  t.after(() => burning.stop())
  const pairs = [topology!.running[0].pair, burning.running[0].pair]
  const spent: { client: number[]; server: number[] }[] = pairs.map(() => ({ client: [], server: [] }))
  const perRequest = 1000 / (200 * 0.3)
  for (let round = 0; round < 5; round++) {
    for (const [at, { processes, plan }] of pairs.entries()) {
      const now = () => ({ client: processorMs(processes.client.pid), server: processorMs(processes.server.pid) })
      const began = now()
      await recorded({ ports: [plan.ports.outbound], rounds: 1, ms: 300, rate: 200, signal })
      const ended = now()
      // Both rounds, the one that counts nowhere included, had the requests of 300 ms.
      spent[at].client.push(((ended.client - began.client) / 2) * perRequest)
      spent[at].server.push(((ended.server - began.server) / 2) * perRequest)
    }
  }
  const rowsFor = (side: 'client' | 'server') =>
    spent.map((each, at) => rowWith(['plain', 'burning'][at], 'cpu-per-request', each[side], 'ms per 1,000 requests'))
  const verdict = (side: 'client' | 'server') => rank(new RowTable(rowsFor(side)), [], parseWeights('cpu'))
  const server = verdict('server')
  assert.deepEqual([server.outcome, server.leader], ['chosen', 'plain'], JSON.stringify(spent))
  assert.ok(server.subjects[1].timesLeader! > 2, JSON.stringify(spent))
  // The other sidecar does not burn: a difference there, if any, is far smaller.
  assert.ok(verdict('client').subjects[1].timesLeader! < server.subjects[1].timesLeader! / 1.5, JSON.stringify(spent))
})

test('a proxy that accepts TLS 1.2 is found, and is out where TLS 1.3 is required', { skip }, async t => {
  const binary = scripted('old-tls', "sed -i 's/TLSv1\\.3;/TLSv1.2 TLSv1.3;/' *.conf")
  const old = await startWith(binary, FIRST_PORT + 300)
  t.after(() => old.stop())
  const rows = [...(await rowsOf(admission, topology!, 'strict')), ...(await rowsOf(admission, old, 'old'))]
  const versions = rows.filter(({ metric }) => metric === 'tls-versions').map(({ subject, value }) => [subject, value])
  assert.deepEqual(versions, [
    ['strict', '1.3'],
    ['old', '1.2, 1.3'],
  ])
  const { outcome, leader, subjects } = rank(new RowTable(rows), parseRequirements('tls13,mtls,identity'), new Map())
  assert.deepEqual([outcome, leader], ['chosen', 'strict'])
  assert.equal(subjects.find(({ subject }) => subject === 'old')!.status, 'excluded')
})

test('a rotation that is ignored is found, and its subject is out', { skip }, async () => {
  const rows = [
    ...(await rowsOf(changes, topology!, 'rotating')),
    ...(await rowsOf(changes, topology!, 'ignoring', { rotate: async () => {} })),
  ]
  const rotations = rows.filter(({ metric }) => metric === 'rotation')
  assert.equal(typeof rotations[0].value, 'number')
  assert.equal(rotations[1].value, 'no effect')
  const { outcome, leader, subjects } = rank(new RowTable(rows), [], parseWeights('rotation'))
  assert.deepEqual([outcome, leader], ['chosen', 'rotating'])
  assert.equal(subjects.find(({ subject }) => subject === 'ignoring')!.status, 'excluded')
})
