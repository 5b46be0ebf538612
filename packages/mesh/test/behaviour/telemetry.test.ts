/** What follows from rounds with and without metrics and tracing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OfSubject, telemetryOutcome, type Variant } from '#mesh/experiments/telemetry-outcome.js'
import { plainContext, runningSubject, unknownMetrics } from '../support/context.js'
import { pairStep } from '../support/steps.js'

const NOTHING = { spans: 0, traces: 0, exports: 0, metrics: 0, unreadable: 0 }

/** A variant whose sidecars take `cpu` ms each in each round of 300 requests. */
function trial(variant: Variant, cpu: readonly number[], memory: number, p95 = 2): OfSubject['trials'][number] {
  const steps = cpu.map(ms => pairStep({ sidecars: { client: ms, server: ms }, p95 }))
  return { variant, steps, scrapedBytes: variant === 'metrics' ? 1000 : 0, memory }
}

const traced: OfSubject = {
  running: runningSubject('tracing-proxy'),
  lacks: {},
  received: { ...NOTHING, spans: 1800, traces: 900, exports: 20 },
  traced: 900,
  trials: [trial('off', [30, 31, 30], 40), trial('metrics', [30, 30, 31], 41), trial('tracing', [45, 46, 46], 44, 3)],
}
const plain: OfSubject = {
  running: runningSubject('plain-proxy'),
  lacks: { tracing: 'it sees no requests' },
  received: NOTHING,
  traced: undefined,
  trials: [trial('off', [30, 30, 30], 10), trial('metrics', [36, 36, 36], 10)],
}

test('what is on adds the difference to the pair without it, round by round', () => {
  const { rows } = telemetryOutcome([traced, plain], plainContext())
  assert.deepEqual(unknownMetrics(rows), [])
  const valuesOf = (subject: string, metric: string) =>
    rows.find(row => row.subject === subject && row.metric === metric)?.values
  // Two sidecars, 15 ms more each for 300 requests: 100 ms per 1,000.
  assert.deepEqual(valuesOf('tracing-proxy', 'tracing-cpu')?.map(Math.round), [100, 100, 107])
  assert.deepEqual(valuesOf('tracing-proxy', 'metrics-cpu')?.map(Math.round), [0, -7, 7])
  assert.deepEqual(valuesOf('tracing-proxy', 'tracing-p95'), [1, 1, 1])
  assert.deepEqual(valuesOf('tracing-proxy', 'tracing-pss'), [4])
  assert.deepEqual(valuesOf('tracing-proxy', 'traced-requests'), [100])
  assert.deepEqual(valuesOf('plain-proxy', 'metrics-cpu')?.map(Math.round), [40, 40, 40])
})

test('a subject that offers no tracing has no row of it, and says so in the table', () => {
  const { rows, tables, charts } = telemetryOutcome([traced, plain], plainContext())
  assert.deepEqual(
    rows.filter(({ subject, metric }) => subject === 'plain-proxy' && /trac/.test(metric)),
    [],
  )
  const cells = tables[0].rows.find(([name]) => name === 'plain-proxy')!
  assert.ok(cells.includes('not offered'))
  assert.ok(tables[0].rows.every(each => each.length === tables[0].columns.length))
  assert.match(charts[0].alternative, /plain-proxy, tracing not offered/)
})

test('findings name what is beyond the noise and what is not', () => {
  const { findings } = telemetryOutcome([traced, plain], plainContext())
  assert.equal(
    findings[0],
    'Processor time that metrics add, in ms per 1,000 requests: plain-proxy 40; inside the noise: tracing-proxy.',
  )
  assert.equal(findings[1], 'Processor time that tracing adds, in ms per 1,000 requests: tracing-proxy 100.')
  assert.equal(findings[2], 'A trace of every request arrived from tracing-proxy.')
})

test('fewer rounds than show how noisy a figure is tell no difference', () => {
  const short = { ...plain, trials: plain.trials.map(each => ({ ...each, steps: each.steps.slice(0, 2) })) }
  assert.match(
    telemetryOutcome([short], plainContext()).findings[0],
    /none beyond the noise; inside the noise: plain-proxy/,
  )
})

test('traces that did not arrive are said, and so are exports that nobody can read', () => {
  const lossy = { ...traced, received: { ...traced.received, traces: 450, unreadable: 3 } }
  const { rows, findings } = telemetryOutcome([lossy], plainContext())
  assert.equal(rows.find(({ metric }) => metric === 'traced-requests')?.value, 50)
  assert.ok(findings.includes('Traces are missing: tracing-proxy sent those of 50.0% of the requests.'))
  assert.ok(findings.includes('tracing-proxy: 3 exports could not be read.'))
})
