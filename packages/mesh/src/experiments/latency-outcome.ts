/** Rows, charts, table and findings of an experiment about latency. */
import { machine } from '@threadmap/workbench/evidence'
import type { Chart, Table } from '@threadmap/workbench/experiment'
import { compare, mean, spread, total } from '@threadmap/workbench/statistics'
import { failedOf, generatorShare, type PairStep } from '../load/pair-target.js'
import { METRICS, type MeshRow, type MetricId } from '../rows/row.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshOutcome } from './experiment.js'
import { failureFindings } from './latency-failures.js'

/** The two direct targets are the A/A pair: they must tie. */
export const DIRECT = 'direct'
export const DIRECT_AGAIN = 'direct-again'

/** Two equal connections that differ by more than this factor show a disturbed run, also where the noise hides the difference. */
export const NOTABLE_TIE = 1.25

/** What was measured of a target, round by round. */
export interface Measured {
  readonly name: string
  /** Undefined for the direct connection. */
  readonly running: Running | undefined
  readonly steps: readonly PairStep[]
  /** Processor time of client's and server's sidecar, in ms per 1,000 requests. */
  readonly processor: readonly { readonly client: number; readonly server: number }[]
  /** Memory of both sidecars after each round, in MB. */
  readonly memory: readonly number[]
}

const QUANTILES = ['p50', 'p95', 'p99'] as const

export function latencyOutcome(all: readonly Measured[], context: MeshContext, workload: string): MeshOutcome {
  const rows: MeshRow[] = []
  const row = (
    { running, name }: Measured,
    metric: MetricId | (typeof QUANTILES)[number],
    unit: string,
    value: readonly number[],
  ) => {
    const made = context.row(running ?? name, { metric, unit, value, workload })
    rows.push(made)
    return made
  }
  const direct = all.find(({ name }) => name === DIRECT)!
  for (const measured of all) {
    for (const q of QUANTILES) {
      const own = measured.steps.map(({ latency }) => latency[q])
      row(measured, q, 'ms', own)
      if (measured.running === undefined) continue
      row(
        measured,
        `${q}-added`,
        'ms',
        own.map((value, round) => value - direct.steps[round].latency[q]),
      )
    }
    if (measured.running === undefined) continue
    row(
      measured,
      'cpu-per-request',
      METRICS['cpu-per-request'].unit,
      measured.processor.map(each => each.client + each.server),
    )
    row(measured, 'pss', 'MB', measured.memory)
    row(measured, 'requests-failed', METRICS['requests-failed'].unit, measured.steps.map(failedOf))
  }
  const proxies = all.filter(({ running }) => running !== undefined)
  return { rows, charts: charts(proxies, rows), tables: [tableOf(all, rows)], findings: findings(all, proxies, rows) }
}

function rowOf(rows: readonly MeshRow[], subject: string, metric: string): MeshRow | undefined {
  return rows.find(row => row.subject === subject && row.metric === metric)
}

const numberOf = (row: MeshRow | undefined) => (typeof row?.value === 'number' ? row.value : null)

function charts(proxies: readonly Measured[], rows: readonly MeshRow[]): Chart[] {
  const names = proxies.map(({ name }) => name)
  const bar = (name: string, metric: string) => {
    const row = rowOf(rows, name, metric)
    const value = numberOf(row)
    return value === null ? null : { y: value, ...(row?.interval ?? {}) }
  }
  const words = (metric: string, unit: string) =>
    names.map(name => `${name} ${numberOf(rowOf(rows, name, metric))?.toFixed(2)} ${unit}`).join(', ')
  return [
    {
      kind: 'bar',
      id: 'added-latency',
      title: 'What a pair adds to the latency of a direct connection',
      alternative: `Added P95: ${words('p95-added', 'ms')}.`,
      categories: names,
      y: { label: 'added latency', unit: 'ms' },
      series: QUANTILES.map(q => ({ name: q.toUpperCase(), values: names.map(name => bar(name, `${q}-added`)) })),
    },
    {
      kind: 'bar',
      id: 'processor-time',
      title: 'Processor time of both sidecars',
      alternative: `Processor time: ${words('cpu-per-request', 'ms per 1,000 requests')}.`,
      categories: names,
      y: { label: 'processor time', unit: 'ms per 1,000 requests' },
      series: [{ name: 'both sidecars', values: names.map(name => bar(name, 'cpu-per-request')) }],
    },
    {
      kind: 'bar',
      id: 'memory',
      title: 'Memory of both sidecars',
      alternative: `Memory: ${words('pss', 'MB')}.`,
      categories: names,
      y: { label: 'proportional set size', unit: 'MB' },
      series: [{ name: 'both sidecars', values: names.map(name => bar(name, 'pss')) }],
    },
  ]
}

function tableOf(all: readonly Measured[], rows: readonly MeshRow[]): Table {
  return {
    title: 'Latency and cost',
    columns: [
      { label: 'subject' },
      ...QUANTILES.map(q => ({ label: q.toUpperCase(), unit: 'ms', digits: 2 })),
      ...QUANTILES.map(q => ({ label: `${q.toUpperCase()} added`, unit: 'ms', digits: 2 })),
      { label: "client's sidecar", unit: 'CPU ms/1,000', digits: 0 },
      { label: "server's sidecar", unit: 'CPU ms/1,000', digits: 0 },
      { label: 'memory', unit: 'MB', digits: 1 },
      { label: 'failed', unit: 'requests', digits: 0 },
    ],
    rows: all.map(({ name, running, processor, steps }) => {
      const figure = (metric: string) => numberOf(rowOf(rows, name, metric))
      const cpu = (side: 'client' | 'server') =>
        running === undefined ? null : spread(processor.map(each => each[side])).median
      const failed = total(steps.map(failedOf))
      return [
        name,
        ...QUANTILES.map(figure),
        ...QUANTILES.map(q => figure(`${q}-added`)),
        cpu('client'),
        cpu('server'),
        figure('pss'),
        failed,
      ]
    }),
  }
}

function findings(all: readonly Measured[], proxies: readonly Measured[], rows: readonly MeshRow[]): string[] {
  const values = (name: string, metric: string) => rowOf(rows, name, metric)?.values ?? []
  const best = (metric: string, what: string, unit: string) => {
    const sorted = [...proxies].sort(
      (a, b) => (numberOf(rowOf(rows, a.name, metric)) ?? 0) - (numberOf(rowOf(rows, b.name, metric)) ?? 0),
    )
    const [first] = sorted
    if (first === undefined) return []
    const absolute = metric === 'p95-added' ? 'p95' : metric
    const tied = sorted
      .slice(1)
      .filter(({ name }) => !compare(values(name, absolute), values(first.name, absolute)).beyondNoise)
    // A lowest figure that nothing can be told from would be an accident of this run.
    if (tied.length > 0 && tied.length === sorted.length - 1)
      return [`${what}: no subject is told apart from the lowest; the run is too noisy for it.`]
    const lowest = numberOf(rowOf(rows, first.name, metric))?.toFixed(2)
    const others = tied.length === 0 ? '' : `, not told apart from ${tied.map(({ name }) => name).join(', ')}`
    return [`${what}: ${first.name} is lowest with ${lowest} ${unit}${others}.`]
  }
  const own = all.flatMap(({ steps }) => steps.map(generatorShare)).filter(share => share !== undefined)
  const lateness = mean(all.flatMap(({ steps }) => steps.map(step => step.lateness.p99)))
  const tie = compare(values(DIRECT, 'p95'), values(DIRECT_AGAIN, 'p95'))
  return [
    ...best('p95-added', 'Added P95', 'ms'),
    ...best('cpu-per-request', 'Processor time of both sidecars', 'ms per 1,000 requests'),
    tie.beyondNoise || Math.abs(Math.log(tie.ratio)) > Math.log(NOTABLE_TIE)
      ? `The two direct connections, which are the same, differ in P95 by a factor of ${tie.ratio.toFixed(2)}: this run was disturbed, and its latencies tell little.`
      : `The two direct connections tie in P95, as they must (ratio ${tie.ratio.toFixed(2)}).`,
    ...failureFindings(
      all,
      all.find(({ name }) => name === DIRECT),
    ),
    `Requests left ${lateness.toFixed(1)} ms late (mean of the P99 of all rounds) on ${machine().cores} cores, which server, load generator and sidecars share.`,
    ...(own.length === 0
      ? []
      : [`The load generator's one thread had ${Math.round(100 * spread(own).median)}% of a core.`]),
  ]
}
