/** Rows, table and findings about the cost of metrics and tracing. */
import type { BarChart, Table } from '@threadmap/workbench/experiment'
import { ROUNDS_TO_RANK, spread } from '@threadmap/workbench/statistics'
import { failedOf, type PairStep, perThousand } from '../load/pair-target.js'
import { METRICS, type MeshRow, type MetricId } from '../rows/row.js'
import type { Received } from '../sink/protocol.js'
import type { Ability } from '../subjects/subject.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshOutcome } from './experiment.js'
import { RATE } from './latency.js'

export type Variant = 'off' | 'metrics' | 'tracing'

/** What was measured of one subject. */
export interface OfSubject {
  readonly running: Running
  readonly lacks: Readonly<Partial<Record<Ability, string>>>
  readonly received: Received
  /** Requests that a trace has to arrive of; undefined without tracing. */
  readonly traced: number | undefined
  readonly trials: readonly {
    readonly variant: Variant
    readonly steps: readonly PairStep[]
    readonly scrapedBytes: number
    /** Of both sidecars, in MB. */
    readonly memory: number
  }[]
}

/** What one kind of telemetry adds, round by round. */
interface Added {
  readonly cpu: readonly number[]
  readonly p95: readonly number[]
  readonly memory: number
}

const KINDS = ['metrics', 'tracing'] as const

export function telemetryOutcome(all: readonly OfSubject[], context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = []
  const workload = `HTTP/1.1, ${RATE} requests/s`
  for (const each of all) {
    const row = (metric: MetricId, value: readonly number[]) =>
      rows.push(context.row(each.running, { metric, unit: METRICS[metric].unit, value, workload }))
    for (const kind of KINDS) {
      const added = addedBy(kind, each)
      if (added === undefined) continue
      row(`${kind}-cpu`, added.cpu)
      row(`${kind}-p95`, added.p95)
      row(`${kind}-pss`, [added.memory])
    }
    if (each.traced !== undefined) row('traced-requests', [tracedShare(each)])
  }
  return { rows, tables: [tableOf(all)], charts: [chartOf(all)], findings: findingsOf(all) }
}

const cpuOf = (step: PairStep) => perThousand(step).client + perThousand(step).server

function addedBy(kind: (typeof KINDS)[number], { trials }: OfSubject): Added | undefined {
  const off = trials.find(({ variant }) => variant === 'off')
  const on = trials.find(({ variant }) => variant === kind)
  if (off === undefined || on === undefined) return undefined
  return {
    cpu: on.steps.map((step, round) => cpuOf(step) - cpuOf(off.steps[round])),
    p95: on.steps.map((step, round) => step.latency.p95 - off.steps[round].latency.p95),
    memory: on.memory - off.memory,
  }
}

/** Requests of which at least one span arrived, in %: no more than all, since a request may have a trace for each sidecar. */
function tracedShare({ received, traced }: OfSubject): number {
  return Math.min(100, (100 * received.traces) / Math.max(1, traced ?? 0))
}

function tableOf(all: readonly OfSubject[]): Table {
  const cells = (kind: (typeof KINDS)[number], each: OfSubject): (string | number | null)[] => {
    const added = addedBy(kind, each)
    if (added === undefined) return ['not offered', null, null, null]
    const { median, low, high } = spread(added.cpu)
    return [median, `${low.toFixed(0)} – ${high.toFixed(0)}`, spread(added.p95).median, added.memory]
  }
  const columns = (kind: string) => [
    { label: `${kind}: processor time`, unit: 'CPU ms/1,000', digits: 0 },
    { label: `${kind}: its quartiles` },
    { label: `${kind}: P95`, unit: 'ms', digits: 2 },
    { label: `${kind}: memory`, unit: 'MB', digits: 1 },
  ]
  return {
    title: 'What metrics and tracing add',
    columns: [
      { label: 'subject' },
      { label: 'without', unit: 'CPU ms/1,000', digits: 0 },
      ...columns('metrics'),
      ...columns('tracing'),
      { label: 'spans per request', digits: 2 },
      { label: 'requests with a trace', unit: '%', digits: 1 },
      { label: 'failed', unit: 'requests', digits: 0 },
    ],
    rows: all.map(each => {
      const off = each.trials.find(({ variant }) => variant === 'off')
      const { received, traced } = each
      return [
        each.running.pair.subject,
        off === undefined ? null : spread(off.steps.map(cpuOf)).median,
        ...KINDS.flatMap(kind => cells(kind, each)),
        traced === undefined ? null : received.spans / Math.max(1, traced),
        traced === undefined ? null : tracedShare(each),
        each.trials.reduce((sum, { steps }) => sum + steps.reduce((failed, step) => failed + failedOf(step), 0), 0),
      ]
    }),
  }
}

function chartOf(all: readonly OfSubject[]): BarChart {
  const names = all.map(({ running }) => running.pair.subject)
  const values = KINDS.map(kind =>
    all.map(each => {
      const added = addedBy(kind, each)
      if (added === undefined) return null
      const { median, low, high } = spread(added.cpu)
      return { y: median, low, high }
    }),
  )
  const words = KINDS.flatMap((kind, at) =>
    names.map((name, i) => `${name}, ${kind} ${values[at][i]?.y.toFixed(0) ?? 'not offered'}`),
  )
  return {
    kind: 'bar',
    id: 'telemetry-cost',
    title: 'Processor time that metrics and tracing add',
    alternative: `In ms per 1,000 requests: ${words.join('; ')}.`,
    categories: names,
    y: { label: 'processor time', unit: 'ms per 1,000 requests' },
    series: KINDS.map((kind, at) => ({ name: kind, values: values[at] })),
  }
}

function findingsOf(all: readonly OfSubject[]): string[] {
  const costs = KINDS.map(kind => {
    const told = all.flatMap(each => {
      const added = addedBy(kind, each)
      if (added === undefined) return []
      const { median, low, high } = spread(added.cpu)
      const isBeyond = added.cpu.length >= ROUNDS_TO_RANK && (low > 0 || high < 0)
      return [{ name: each.running.pair.subject, median, isBeyond }]
    })
    if (told.length === 0) return `No subject offers ${kind} here.`
    const beyond = told.filter(({ isBeyond }) => isBeyond).sort((a, b) => a.median - b.median)
    const rest = told.filter(({ isBeyond }) => !isBeyond).map(({ name }) => name)
    const inside = rest.length === 0 ? '' : `; inside the noise: ${rest.join(', ')}`
    const figures = beyond.map(({ name, median }) => `${name} ${median.toFixed(0)}`).join(', ')
    return `Processor time that ${kind} ${kind === 'metrics' ? 'add' : 'adds'}, in ms per 1,000 requests: ${figures === '' ? 'none beyond the noise' : figures}${inside}.`
  })
  const traced = all.filter(each => each.traced !== undefined)
  const missing = traced.filter(each => tracedShare(each) < 100)
  const arrived =
    traced.length === 0
      ? []
      : [
          missing.length === 0
            ? `A trace of every request arrived from ${traced.map(({ running }) => running.pair.subject).join(', ')}.`
            : `Traces are missing: ${missing.map(each => `${each.running.pair.subject} sent those of ${tracedShare(each).toFixed(1)}% of the requests`).join(', ')}.`,
        ]
  const unreadable = all.filter(({ received }) => received.unreadable > 0)
  return [
    ...costs,
    ...arrived,
    ...unreadable.map(
      ({ running, received }) => `${running.pair.subject}: ${received.unreadable} exports could not be read.`,
    ),
  ]
}
