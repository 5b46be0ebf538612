import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULTS } from '#mesh/experiments/faults/index.js'
import { type Cell, outcomeOf } from '#mesh/experiments/faults/outcome.js'
import { courseOf } from '#mesh/experiments/federation.js'
import type { Disturbance } from '#mesh/load/effects.js'
import { metricOf } from '#mesh/rows/metrics.js'
import type { Topology } from '#mesh/topology/topology.js'
import { contextOf } from '../support/experiment-context.js'

const context = contextOf({} as Topology, [], new AbortController().signal)

const harmless: Disturbance = { requests: 200, failed: 0, failures: [], recovery: 0, p50: 1, p99: 2, slowest: 3 }
const broken: Disturbance = { ...harmless, failed: 50, failures: [['503', 50]], recovery: 510 }
const lost: Disturbance = { ...broken, recovery: undefined }

const CELLS: readonly Cell[] = [
  { subject: 'envoy', fault: 'kill-server', retries: 'off', open: broken },
  { subject: 'envoy', fault: 'kill-server', retries: 'on', open: harmless },
  { subject: 'consul', fault: 'kill-server', retries: undefined, open: lost },
  { subject: 'consul', fault: 'control-cut', retries: undefined, open: harmless, fresh: broken, note: 'a remark' },
]
const chosen = FAULTS.filter(({ name }) => ['kill-server', 'control-cut', 'slow'].includes(name))

test('the matrix has a line for each fault, two with and without retries; a subject without retries stands in the line without', () => {
  const [{ columns, rows }] = outcomeOf(CELLS, chosen, context).tables
  assert.deepEqual(
    columns.map(({ label }) => label),
    ['fault', 'envoy', 'consul'],
  )
  const line = (pattern: RegExp) => rows.filter(([title]) => pattern.test(String(title)))
  assert.equal(rows.length, 4)
  const [[, envoyOff, consulOff]] = line(/SIGKILL of the server's sidecar, retries off/)
  assert.match(String(envoyOff), /^50 of 200 \(50 x 503\), back after 510 ms/)
  assert.match(String(consulOff), /no recovery/)
  const [[, envoyOn, consulOn]] = line(/SIGKILL of the server's sidecar, retries on/)
  assert.match(String(envoyOn), /^0 of 200 \(< 1\.5%\)/)
  assert.equal(consulOn, 'not applicable')
  const [[, , cut]] = line(/control plane/)
  assert.match(String(cut), /^0 of 200 .*; new connections: 50 of 200 .*; a remark$/)
})

test('rows tell retries and new connections apart by their metrics, each of which is known', () => {
  const { rows } = outcomeOf(CELLS, chosen, context)
  const failed = rows
    .filter(({ metric }) => metric.endsWith('-failed'))
    .map(({ subject, metric, value }) => [subject, metric, value])
  assert.deepEqual(failed, [
    ['envoy', 'fault-kill-server-failed', 50],
    ['envoy', 'fault-kill-server-retried-failed', 0],
    ['consul', 'fault-kill-server-failed', 50],
    ['consul', 'fault-control-cut-failed', 0],
    ['consul', 'fault-control-cut-new-failed', 50],
  ])
  for (const { metric, unit, value } of rows) {
    const known = metricOf(metric)
    assert.ok(known, metric)
    if (typeof value === 'number') assert.equal(unit, known.unit, metric)
  }
  const recovery = rows.find(({ subject, metric }) => subject === 'consul' && metric === 'fault-kill-server-recovery')
  assert.deepEqual([recovery?.value, recovery?.unit], ['none', ''])
  assert.match(rows[0].workload ?? '', /retries off; of 200 requests/)
})

test('findings name who has no failed request, and the others from the worst on', () => {
  const { findings } = outcomeOf(CELLS, chosen, context)
  assert.match(findings.join('\n'), /retries on: no failed request with envoy\./)
  assert.match(
    findings.join('\n'),
    /retries off: no subject is without a failed request; failed: envoy 50 \(510 ms\), consul 50 \(no recovery\)\./,
  )
  assert.match(findings.join('\n'), /control plane is cut.*failed: consul 50 \(510 ms\)\./)
})

test('faults have names of their own', () => {
  const names = FAULTS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)*$/)
})

const told = (at: number, age: number, failure?: string, asked = at - 50) => ({ asked, told: at, age, failure })
const NO_PATH = 'No path to datacenter'

test('the course of a cut: the highest age, the first failure, and the time until discovery is right again', () => {
  const course = courseOf(
    [
      told(-100, 200),
      told(100, 300),
      told(1500, 1600),
      told(5000, 5100, NO_PATH, 50),
      told(9000, 9100, NO_PATH),
      // Right after the link is back, discovery is still that of before.
      told(10_200, 10_300),
      told(12_000, 12_100, NO_PATH),
      told(12_600, 150),
      // Of a question from the time of the cut.
      told(13_000, 200, 'no answer for 5 s', 8000),
      told(13_100, 200),
    ],
    [
      { at: -100, age: 20_000 },
      { at: 100, age: 300 },
      { at: 12_100, age: 12_200 },
      { at: 13_000, age: 100 },
    ],
    10_000,
  )
  assert.deepEqual(course, { oldest: 12_200, recovery: 2600, failed: 4, firstFailure: 5000, said: NO_PATH })
})

test('discovery that is not right again has no recovery, and one that was never wrong is right with the first answer', () => {
  assert.equal(courseOf([told(100, 300), told(11_000, 9000)], [], 10_000).recovery, undefined)
  assert.equal(courseOf([told(100, 300), told(11_000, 9000, NO_PATH)], [], 10_000).recovery, undefined)
  const never = courseOf([told(100, 300), told(10_100, 200)], [{ at: 100, age: 350 }], 10_000)
  assert.deepEqual(never, { oldest: 350, recovery: 100, failed: 0, firstFailure: undefined, said: undefined })
})
