/** Knees of ladders whose shape is known. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kneeOf, kneeOutcome, p95Over } from '#mesh/experiments/knee-outcome.js'
import { plainContext, runningSubject, unknownMetrics } from '../support/context.js'
import { pairStep } from '../support/steps.js'

const OBJECTIVE = { p95: 10, success: 0.999 }
const CLIENTS = [8, 12, 14, 16, 18, 20, 24, 30]

/** A ladder of 100 requests per second and client, whose steps have these P95. */
function ladder(p95: readonly number[], { capacity = 2000, success = [] as readonly number[] } = {}) {
  return {
    closed: [pairStep({ clients: 32, offered: null, throughput: capacity, generator: 0.2 })],
    ratePerClient: 100,
    steps: CLIENTS.map((clients, at) =>
      pairStep({
        clients,
        offered: clients * 100,
        requests: clients * 100,
        throughput: Math.min(capacity, clients * 100),
        p95: p95[at],
        success: success[at] ?? 1,
        sidecars: { client: clients * 10, server: clients * 20 },
      }),
    ),
  }
}

const DIRECT = ladder([1, 1, 1, 1, 1, 1, 2, 2])
const bent = [2, 2, 2.5, 3, 5, 30, 200, 400]

test('the knee is the last rate at which the added P95 keeps the objective', () => {
  const { byObjective, byBend, added, capacity } = kneeOf(ladder(bent), p95Over(DIRECT), OBJECTIVE)
  assert.deepEqual(byObjective, { rate: 1800, step: 4 })
  assert.equal(added[4], 4)
  assert.equal(added[7], 398)
  assert.equal(capacity, 2000)
  assert.ok(byBend! >= 1400 && byBend! <= 1800, `the curve bends at ${byBend}`)
})

test('it is what the pair adds that counts, not its P95', () => {
  // 12 ms through the pair, where the direct connection itself takes 5 ms.
  const slow = ladder([6, 6, 6, 6, 6, 6, 6, 6])
  const { byObjective } = kneeOf(ladder([12, 12, 12, 12, 12, 60, 90, 99]), p95Over(slow), OBJECTIVE)
  assert.equal(byObjective.rate, 1800)
})

test('failed requests break the objective, too', () => {
  const failing = ladder([2, 2, 2, 2, 2, 2, 2, 2], { success: [1, 1, 1, 0.99, 0.9, 0.9, 0.9, 0.9] })
  assert.equal(kneeOf(failing, p95Over(DIRECT), OBJECTIVE).byObjective.rate, 1400)
})

test('a knee outside of the ladder is no rate', () => {
  const flat = ladder([2, 2, 2, 2, 2, 2, 2, 2])
  assert.equal(kneeOf(flat, p95Over(DIRECT), OBJECTIVE).byObjective.rate, 'beyond the last step')
  assert.equal(kneeOf(flat, p95Over(DIRECT), OBJECTIVE).byBend, undefined)
  const late = ladder([50, 60, 70, 80, 90, 95, 99, 99])
  assert.equal(kneeOf(late, p95Over(DIRECT), OBJECTIVE).byObjective.rate, 'below the first step')
})

test('between two steps of the direct ladder its P95 lies on a straight line', () => {
  const at = p95Over(DIRECT)
  assert.equal(at(100), 1)
  assert.equal(at(2000), 1)
  assert.equal(at(2100), 1.25)
  assert.equal(at(9000), 2)
})

test('a disturbed direct ladder is not what a pair is compared with, and the run says that it was disturbed', () => {
  const targets = (disturbed: ReturnType<typeof ladder>) => [
    { name: 'direct', running: undefined, ladders: [disturbed] },
    { name: 'pair', running: runningSubject('pair'), ladders: [ladder(bent)] },
    { name: 'direct-again', running: undefined, ladders: [DIRECT] },
  ]
  const slow = ladder([90, 90, 90, 90, 90, 90, 90, 90], { capacity: 1000 })
  const { rows, findings } = kneeOutcome([{ traffic: 'http', targets: targets(slow) }], OBJECTIVE, plainContext())
  assert.equal(rows.find(({ subject, metric }) => subject === 'pair' && metric === 'knee')?.value, 1800)
  assert.ok(
    findings.some(finding => finding.includes('ratio 0.50): this run was disturbed')),
    findings.join('\n'),
  )
})

test('rows, table, chart and findings: the A/A pair is there, and a ladder without a knee has no row for it', () => {
  const quick = runningSubject('quick')
  const endless = runningSubject('endless')
  const { rows, tables, charts, findings } = kneeOutcome(
    [
      {
        traffic: 'grpc',
        targets: [
          { name: 'direct', running: undefined, ladders: [DIRECT, DIRECT] },
          { name: 'quick', running: quick, ladders: [ladder(bent), ladder(bent)] },
          {
            name: 'endless',
            running: endless,
            ladders: [ladder(bent, { capacity: 900 }), ladder([2, 2, 2, 2, 2, 2, 2, 2], { capacity: 900 })],
          },
          { name: 'direct-again', running: undefined, ladders: [DIRECT, DIRECT] },
        ],
      },
    ],
    OBJECTIVE,
    plainContext(),
  )
  assert.deepEqual(unknownMetrics(rows), [])
  const of = (subject: string) =>
    rows.filter(row => row.subject === subject).map(({ metric, value }) => [metric, value])
  assert.deepEqual(of('quick'), [
    ['capacity', 2000],
    ['knee', 1800],
    ['knee-p95', 4],
    // 180 ms + 360 ms for 1,800 requests.
    ['knee-cpu', 300],
  ])
  assert.deepEqual(of('endless'), [['capacity', 900]])
  assert.deepEqual(of('direct-again'), [['capacity', 2000]])
  assert.ok(rows.every(({ workload }) => workload === 'gRPC, step load'))
  assert.equal(tables[0].rows.length, 4)
  assert.ok(tables[0].rows.every(cells => cells.length === tables[0].columns.length))
  assert.deepEqual(
    charts.map(({ kind, id }) => [kind, id]),
    [['line', 'knee-grpc']],
  )
  assert.match(findings[0], /^gRPC: quick reaches the highest throughput, 2000 requests per second\.$/)
  assert.equal(
    findings[1],
    'gRPC, the knee by the objective, in requests per second: quick 1800; not in every round within the steps: endless.',
  )
  assert.match(findings[2], /ratio 1\.00\), which tie/)
  // A fifth of a core for 2,000 requests per second.
  assert.match(findings[3], /takes 100 ms of processor time per 1,000 requests and 20% of a core/)
})
