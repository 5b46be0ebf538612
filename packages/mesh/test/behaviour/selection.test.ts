import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '@threadmap/workbench/errors'
import { parseRows } from '#mesh/rows/supplied.js'
import { answerOf } from '#mesh/select/answer.js'
import { PRESETS, parseRequirements, parseWeights, type Question } from '#mesh/select/question.js'
import { rank } from '#mesh/select/rank.js'
import { RowTable } from '#mesh/select/table.js'
import { answerLines, headline, treeText } from '#mesh/select/text.js'
import { isLeaf } from '#mesh/select/tree.js'
import { measuredRow, suppliedRow, wordsRow } from '../support/rows.js'

const plain = (text: string) => text
const ask = (require: string, weigh: string): Question => ({
  require: require === '' ? [] : parseRequirements(require),
  weigh: weigh === '' ? new Map() : parseWeights(weigh),
})

/** Three subjects: envoy takes most, nginx least but accepts TLS 1.2, haproxy is between. */
const ROWS = [
  measuredRow('envoy', 'p95', 3.2),
  measuredRow('envoy', 'pss', 82),
  measuredRow('haproxy', 'p95', 1.7),
  measuredRow('haproxy', 'pss', 25),
  measuredRow('nginx', 'p95', 1.5),
  measuredRow('nginx', 'pss', 11),
  wordsRow('envoy', 'tls-versions', '1.3'),
  wordsRow('haproxy', 'tls-versions', '1.3'),
  wordsRow('nginx', 'tls-versions', '1.2, 1.3'),
]

test('a subject that fails a requirement is out, whatever its figures', () => {
  const { outcome, leader, subjects } = rank(
    new RowTable(ROWS),
    parseRequirements('tls13'),
    parseWeights('p95=3,memory=1'),
  )
  assert.equal(outcome, 'chosen')
  assert.equal(leader, 'haproxy')
  const nginx = subjects.find(({ subject }) => subject === 'nginx')!
  assert.equal(nginx.status, 'excluded')
  assert.match(nginx.rulings[0].row!.value as string, /1\.2/)
})

test('without the requirement the best figures win, and the sensitivity says so', () => {
  const answer = answerOf(new RowTable(ROWS), ask('tls13', 'p95=3,memory=1'))
  assert.equal(answer.measured.leader, 'haproxy')
  assert.deepEqual(answer.sensitivity.requirements, [{ requirement: 'tls13', title: 'TLS 1.3 only', becomes: 'nginx' }])
  assert.match(treeText(answer.tree), /TLS 1\.3 only\?\n├─ required: haproxy\n└─ not required: nginx/)
})

test('a missing row leaves the answer open and names the step', () => {
  const answer = answerOf(new RowTable(ROWS), ask('tls13,fips', 'p95=3'))
  assert.equal(answer.measured.outcome, 'undecided')
  assert.equal(answer.measured.leader, null)
  assert.deepEqual(answer.measured.open, ['envoy', 'haproxy'])
  assert.deepEqual(answer.steps, [
    'supply FIPS 140 validated cryptography (fips) of envoy 1.0',
    'supply FIPS 140 validated cryptography (fips) of haproxy 1.0',
  ])
  assert.match(headline(answer.measured), /Undecided/)
})

test('a missing row of a subject that is beaten anyway changes nothing', () => {
  const rows = [...ROWS, suppliedRow('haproxy', 'fips', 'yes'), suppliedRow('nginx', 'fips', 'yes')]
  const { outcome, leader, open } = rank(
    new RowTable(rows),
    parseRequirements('tls13,fips'),
    parseWeights('p95=3,memory=1'),
  )
  assert.deepEqual([outcome, leader, open], ['chosen', 'haproxy', []])
})

test('a missing row of the better subject is told with both of its answers', () => {
  const rows = [...ROWS, suppliedRow('envoy', 'fips', 'yes')]
  const { measured, sensitivity } = answerOf(new RowTable(rows), ask('tls13,fips', 'p95=3'))
  assert.equal(measured.outcome, 'undecided')
  assert.equal(measured.leader, 'envoy')
  assert.deepEqual(sensitivity.missing, [{ subject: 'haproxy', metric: 'fips', ifMet: 'haproxy', ifNot: 'envoy' }])
})

test('a supplied row of another version decides nothing', () => {
  const rows = [...ROWS, suppliedRow('envoy', 'fips', 'yes', '0.9')]
  const { steps } = answerOf(new RowTable(rows), ask('fips', 'p95'))
  assert.ok(
    steps.some(step => /envoy 1\.0: supplied for 0\.9, not for 1\.0/.test(step)),
    steps.join('\n'),
  )
})

test('a measured row decides before a supplied one', () => {
  const rows = [...ROWS, suppliedRow('nginx', 'tls-versions', '1.3')]
  const { subjects } = rank(new RowTable(rows), parseRequirements('tls13'), new Map())
  assert.equal(subjects.find(({ subject }) => subject === 'nginx')!.status, 'excluded')
})

test('figures inside the noise tie', () => {
  const rows = [
    measuredRow('a', 'p95', 2, { noise: 0.3 }),
    measuredRow('b', 'p95', 2.1, { noise: 0.3 }),
    measuredRow('c', 'p95', 9, { noise: 0.3 }),
  ]
  const { outcome, leader, tied } = rank(new RowTable(rows), [], parseWeights('p95'))
  assert.equal(outcome, 'tied')
  assert.deepEqual([leader, ...tied].sort(), ['a', 'b'])
})

test('where a subject differs from itself, a smaller difference of others is none', () => {
  const sure = { noise: 0.001 }
  const rows = [measuredRow('a', 'p95', 2, sure), measuredRow('b', 'p95', 2.3, sure)]
  assert.equal(rank(new RowTable(rows), [], parseWeights('p95')).outcome, 'chosen')
  const control = [...rows, measuredRow('b-again', 'p95', 2.8, sure)]
  const { outcome, subjects } = rank(new RowTable(control), [], parseWeights('p95'))
  assert.equal(outcome, 'tied')
  assert.deepEqual(
    subjects.map(({ subject }) => subject),
    ['a', 'b'],
  )
})

test('the baseline measured twice shows the noise of all', () => {
  const sure = { noise: 0.001 }
  const rows = [
    measuredRow('a', 'p95', 2, sure),
    measuredRow('b', 'p95', 2.3, sure),
    measuredRow('direct', 'p95', 1, sure),
  ]
  assert.equal(
    rank(new RowTable([...rows, measuredRow('direct-again', 'p95', 1, sure)]), [], parseWeights('p95')).outcome,
    'chosen',
  )
  assert.equal(
    rank(new RowTable([...rows, measuredRow('direct-again', 'p95', 1.4, sure)]), [], parseWeights('p95')).outcome,
    'tied',
  )
})

test('the time of one event is noisier than a percentile of many requests', () => {
  const once = (name: string, metric: string, value: number) =>
    measuredRow(name, metric, value, { rounds: 1, noise: 0 })
  const outcome = (metric: string, a: number, b: number) => {
    const rows = [a, b].map((value, at) => {
      const { values: _, interval: __, ...row } = once('ab'[at], metric, value)
      return row
    })
    return rank(new RowTable(rows), [], parseWeights(metric)).outcome
  }
  assert.equal(outcome('rotation', 10, 15), 'tied')
  assert.equal(outcome('rotation', 10, 25), 'chosen')
  assert.equal(outcome('p95', 10, 15), 'chosen')
})

test('rotations that were repeated need no assumption: their rounds tell the noise', () => {
  const outcome = (rounds: number) =>
    rank(
      new RowTable([
        measuredRow('envoy', 'rotation', 10, { rounds, noise: 0.05 }),
        measuredRow('nginx', 'rotation', 15, { rounds, noise: 0.05 }),
      ]),
      [],
      parseWeights('rotation'),
    ).outcome
  // Half as long again may be chance for a single rotation (see above), and is none for three and five.
  assert.equal(outcome(3), 'chosen')
  assert.equal(outcome(5), 'chosen')
})

test('a subject whose rotation is ignored is out', () => {
  const rows = [
    measuredRow('a', 'rotation', 20),
    { ...wordsRow('b', 'rotation', 'no effect'), workload: 'HTTP/1.1, 500 requests/s' },
  ]
  const { outcome, leader, subjects } = rank(new RowTable(rows), [], parseWeights('rotation'))
  assert.deepEqual([outcome, leader], ['chosen', 'a'])
  const ignored = subjects.find(({ subject }) => subject === 'b')!
  assert.equal(ignored.status, 'excluded')
  assert.match(ignored.rulings[0].title, /has an effect/)
  const limited = rank(new RowTable(rows), parseRequirements('rotation<=1000'), new Map())
  assert.equal(limited.subjects.find(({ subject }) => subject === 'b')!.status, 'excluded')
})

test('a subject that does not recover fails a limit on its recovery', () => {
  const rows = [
    { ...wordsRow('a', 'fault-kill-server-recovery', ''), unit: 'ms', value: 120, workload: 'kill; of 300 requests' },
    { ...wordsRow('b', 'fault-kill-server-recovery', 'none'), workload: 'kill; of 280 requests' },
  ]
  const { subjects } = rank(new RowTable(rows), parseRequirements('fault-kill-server-recovery<=1000'), new Map())
  assert.deepEqual(
    subjects.map(({ subject, status }) => [subject, status]),
    [
      ['a', 'meets'],
      ['b', 'excluded'],
    ],
  )
})

test('a proxy that answers with an error for itself lets nobody in', () => {
  const rows = [wordsRow('a', 'no-certificate', 'answered 400'), wordsRow('b', 'no-certificate', 'refused (alert 116)')]
  const { subjects } = rank(new RowTable(rows), parseRequirements('mtls'), new Map())
  assert.deepEqual(
    subjects.map(({ status }) => status),
    ['meets', 'meets'],
  )
})

test('a limit inside the noise of a row is undecided', () => {
  const rows = [measuredRow('a', 'revocation', 1000, { noise: 0.3 }), measuredRow('b', 'revocation', 20)]
  const { subjects } = rank(new RowTable(rows), parseRequirements('revocation-1s'), new Map())
  const of = (name: string) => subjects.find(({ subject }) => subject === name)!
  assert.equal(of('b').status, 'meets')
  assert.equal(of('a').status, 'open')
  assert.match(of('a').rulings[0].why!, /noise/)
})

test('an answer in unknown words decides nothing', () => {
  const { subjects } = rank(
    new RowTable([wordsRow('a', 'no-certificate', 'timed out')]),
    parseRequirements('mtls'),
    new Map(),
  )
  assert.equal(subjects[0].status, 'open')
  assert.match(subjects[0].rulings[0].why!, /timed out/)
})

test('rows of different workloads are not compared', () => {
  const rows = [
    measuredRow('a', 'p95', 2),
    measuredRow('b', 'p95', 3),
    measuredRow('c', 'p95', 1, { workload: 'gRPC, 500 requests/s' }),
  ]
  const { outcome, leader, open } = rank(new RowTable(rows), [], parseWeights('p95'))
  assert.deepEqual([outcome, leader, open], ['undecided', 'a', ['c']])
  const grpc = rank(new RowTable(rows, { workload: 'gRPC' }), [], parseWeights('p95'))
  assert.equal(grpc.leader, 'c')
})

test('details of a workload after a colon make it no other workload', () => {
  const steps = (subject: string, value: number, workload: string) => ({
    ...wordsRow(subject, 'operator-steps', ''),
    unit: 'steps',
    value,
    workload,
  })
  const rows = [
    steps('a', 3, 'certificate: write a.crt, write a.key, reload'),
    steps('b', 1, 'certificate: set ssl cert'),
    steps('a', 1, 'canary: write dynamic.yaml'),
    steps('b', 9, 'canary: write many files'),
  ]
  assert.equal(rank(new RowTable(rows), [], parseWeights('steps')).leader, 'b')
  assert.equal(rank(new RowTable(rows, { workload: 'canary' }), [], parseWeights('steps')).leader, 'a')
})

test('supplied figures are ranked apart from the measured ones', () => {
  const { rows } = parseRows(
    `source: operations
date: 2026-11-01
rows:
  - { subject: envoy, version: any, metric: operation-hours, value: 20, unit: h/year }
  - { subject: haproxy, version: any, metric: operation-hours, value: 300, unit: h/year }
  - { subject: nginx, version: any, metric: operation-hours, value: 300, unit: h/year }
`,
    'hours.yaml',
  )
  const answer = answerOf(new RowTable([...ROWS, ...rows]), ask('tls13', 'p95=1,hours=3'))
  assert.deepEqual(answer.suppliedMetrics, ['operation-hours'])
  assert.equal(answer.measured.leader, 'haproxy')
  assert.equal(answer.withSupplied!.leader, 'envoy')
  assert.match(
    answerLines(answer, plain, plain),
    /With supplied figures \(hours of operation\), which nobody measured here: Take envoy\./,
  )
})

test('a supplied figure does not stand in for a measured one', () => {
  const supplied = { ...suppliedRow('caddy', 'pss', ''), unit: 'MB', value: 1 }
  const { measured, steps } = answerOf(new RowTable([...ROWS, supplied]), ask('', 'memory,p95'))
  assert.notEqual(measured.leader, 'caddy')
  assert.ok(measured.open.includes('caddy'))
  assert.ok(
    steps.some(step => /^measure P95 latency/.test(step)),
    steps.join('\n'),
  )
})

test('subjects that no other beats in everything are on the Pareto front', () => {
  const rows = [
    measuredRow('fast', 'p95', 1),
    measuredRow('fast', 'pss', 90),
    measuredRow('small', 'p95', 4),
    measuredRow('small', 'pss', 5),
    measuredRow('neither', 'p95', 5),
    measuredRow('neither', 'pss', 95),
    // A difference within the noise does not dominate.
    measuredRow('twin of fast', 'p95', 1.01),
    measuredRow('twin of fast', 'pss', 90.5),
  ]
  const { subjects } = rank(new RowTable(rows), [], parseWeights('p95,memory'))
  const dominatedBy = Object.fromEntries(subjects.map(each => [each.subject, each.dominatedBy]))
  assert.deepEqual(dominatedBy, { fast: [], small: [], neither: ['fast', 'small', 'twin of fast'], 'twin of fast': [] })
})

test('the weight that flips the answer is found, and one that cannot is told', () => {
  const rows = [
    measuredRow('fast', 'p95', 1),
    measuredRow('fast', 'pss', 40),
    measuredRow('small', 'p95', 2),
    measuredRow('small', 'pss', 10),
  ]
  // Equal at p95 * ln 2 = memory * ln 4: a weight of p95 of 2.
  const { measured, sensitivity } = answerOf(new RowTable(rows), ask('', 'p95=4,memory=1'))
  assert.equal(measured.leader, 'fast')
  const [p95, memory] = sensitivity.weights
  assert.equal(p95.above, null)
  assert.ok(p95.below!.weight > 1.5 && p95.below!.weight < 2.5, String(p95.below!.weight))
  assert.ok(memory.above!.weight > 1.6 && memory.above!.weight < 2.5)
  const [nearest] = sensitivity.rows
  assert.ok(nearest.factor > 1 ? nearest.subject === 'fast' : nearest.subject === 'small')
})

test('the preset of the guide answers from evidence and says what no row answers', () => {
  const rows = [
    ...ROWS,
    ...['envoy', 'haproxy', 'nginx'].flatMap(name => [
      wordsRow(name, 'no-certificate', name === 'nginx' ? 'refused: status 400' : 'refused: alert'),
      wordsRow(name, 'wrong-identity', 'refused: status 403'),
      { ...measuredRow(name, 'rotation', 20), workload: '' },
      { ...measuredRow(name, 'rotation-failed', 1), value: 0, values: [0, 0, 0], interval: { low: 0, high: 0 } },
    ]),
  ]
  const answer = answerOf(new RowTable(rows), PRESETS[0])
  assert.equal(answer.measured.outcome, 'chosen')
  assert.equal(answer.measured.leader, 'haproxy')
  assert.deepEqual(answer.unanswered.slice(0, 2), ['fips', 'revocation'])
  assert.match(answerLines(answer, plain, plain), /supply fips/)
})

test('without rows that decide, the tree is one leaf', () => {
  const { tree } = answerOf(new RowTable(ROWS), ask('', 'p95'))
  assert.ok(!isLeaf(tree))
  const { tree: bare } = answerOf(new RowTable(ROWS.slice(0, 6)), ask('', 'p95'))
  assert.ok(isLeaf(bare))
})

for (const [flag, text, words] of [
  ['require', 'tls14', /tls13/],
  ['require', 'nonsense', /there are tls13/],
  ['require', 'p99<=fast', /no number/],
  ['require', 'tls-versions<=1', /answer/],
  ['require', 'tls13,', /empty/],
  ['weigh', 'p95=0', /above 0/],
  ['weigh', 'p95=-1', /above 0/],
  ['weigh', 'p95-added', /weigh p95/],
  ['weigh', 'fips', /--require/],
  ['weigh', 'memory,pss', /once/],
] as const) {
  test(`--${flag} ${text} is refused with what to do`, () => {
    assert.throws(
      () => (flag === 'require' ? parseRequirements(text) : parseWeights(text)),
      (error: unknown) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.message, words)
        return true
      },
    )
  })
}
