import type { Chart, LineChart, Point } from '@threadmap/workbench/experiment'
import type { Objective } from '@threadmap/workbench/load/knee/knees'
import { throughputAt } from '@threadmap/workbench/load/knee/usl'
import { mean, quantile } from '@threadmap/workbench/statistics'
import type { Series } from './measure.js'
import { lockWait, type Step } from './series.js'

/** Curves over the number of clients: the main target in detail, throughput and P95 of the other targets. */
export function chartsOf(series: readonly Series[], main: Series, objective: Objective): Chart[] {
  const inProcess = series.filter(({ type }) => type === 'in process')
  const { steps, knees, name } = main
  const marks = marksOf(main)
  const { fit } = knees
  const charts: Chart[] = [
    line('throughput', `${name}: throughput`, { label: 'throughput', unit: '/s' }, marks, [
      { name: 'offered', points: pointsOf(steps, ({ offered }) => offered ?? 0) },
      { name: 'answered', points: throughputPoints(steps) },
      ...(fit === null
        ? []
        : [{ name: 'scalability law', points: pointsOf(steps, ({ clients }) => throughputAt(fit, clients)) }]),
    ]),
    line(
      'latency',
      `${name}: latency from the intended send time`,
      { label: 'latency', unit: 'ms', scale: 'log' },
      marks,
      [
        { name: 'P50', points: pointsOf(steps, ({ latency }) => latency.p50) },
        { name: 'P95', points: pointsOf(steps, ({ latency }) => latency.p95) },
        { name: 'P99', points: pointsOf(steps, ({ latency }) => latency.p99) },
        { name: 'P99.9', points: pointsOf(steps, ({ latency }) => latency.p999) },
        { name: 'objective for P95', points: pointsOf(steps, () => objective.p95) },
      ],
    ),
    line('success', `${name}: requests that succeed`, { label: 'success', unit: '%' }, marks, [
      { name: 'success', points: pointsOf(steps, ({ success }) => 100 * success) },
    ]),
    line(
      'resources',
      `${name}: resources in use`,
      { label: 'share of the time', unit: '%' },
      marks,
      resourceSeries(steps),
    ),
    line('queues', `${name}: requests in queues, on average`, { label: 'requests', unit: '', scale: 'log' }, marks, [
      { name: 'waiting for a free client', points: pointsOf(steps, ({ waiting }) => waiting) },
      { name: 'in progress', points: pointsOf(steps, ({ inProgress }) => inProgress) },
    ]),
  ]
  if (inProcess.length > 0 && main.type !== 'in process') {
    charts.push(
      line(
        'throughput-in-process',
        'Maps in process: throughput',
        { label: 'throughput', unit: '/s' },
        [],
        inProcess.map(each => ({ name: each.name, points: throughputPoints(each.steps) })),
      ),
      line(
        'latency-in-process',
        'Maps in process: P95 from the intended time',
        { label: 'P95', unit: 'ms', scale: 'log' },
        [],
        inProcess.map(each => ({ name: each.name, points: pointsOf(each.steps, ({ latency }) => latency.p95) })),
      ),
    )
  }
  return charts
}

function line(
  id: string,
  title: string,
  y: LineChart['y'],
  marks: NonNullable<LineChart['marks']>,
  series: LineChart['series'],
): LineChart {
  const words = series.map(
    ({ name, points }) => `${name}: ${points.map(p => `${p.x} clients ${short(p.y)}`).join(', ')}`,
  )
  const knees = marks.map(({ x, label }) => `${label} at ${Math.round(x)} clients`)
  return {
    id,
    kind: 'line',
    title,
    alternative: `${y.label}${y.unit && ` in ${y.unit}`}. ${[...words, ...knees].join('; ')}`,
    x: { label: 'clients', unit: '' },
    y,
    // A logarithmic axis has no place for 0.
    series: y.scale === 'log' ? series.map(each => ({ ...each, points: each.points.filter(p => p.y > 0) })) : series,
    ...(marks.length > 0 ? { marks } : {}),
  }
}

function marksOf({ knees }: Series): NonNullable<LineChart['marks']> {
  const found: [number | null, string][] = [
    [knees.objective, 'knee by the objective'],
    [knees.kneedle, 'knee by Kneedle'],
    [knees.usl, 'knee by the scalability law'],
  ]
  return found.flatMap(([x, label]) => (x === null || x === 0 ? [] : [{ x, label }]))
}

function pointsOf(steps: readonly Step[], of: (step: Step) => number): Point[] {
  return steps.map(step => ({ x: step.clients, y: of(step) }))
}

function throughputPoints(steps: readonly Step[]): Point[] {
  return steps.map(({ clients, throughput, slices }) => {
    const rates = slices.map(slice => slice.throughput)
    // The mean may lie outside of the quartiles; the drawn range always includes the mean.
    return {
      x: clients,
      y: throughput,
      low: Math.min(throughput, quantile(rates, 0.25)),
      high: Math.max(throughput, quantile(rates, 0.75)),
    }
  })
}

/** The series that have figures: a resource that was not watched is not drawn at 0. */
function resourceSeries(steps: readonly Step[]): LineChart['series'] {
  const series: { name: string; points: Point[] }[] = [
    { name: 'processors, by all programs', points: pointsOf(steps, ({ resources }) => 100 * resources.machine) },
  ]
  const add = (name: string, of: (step: Step) => number | undefined) => {
    const points = steps.flatMap(step => {
      const y = of(step)
      return y === undefined ? [] : [{ x: step.clients, y: 100 * y }]
    })
    if (points.length > 0) series.push({ name, points })
  }
  const ofWorkers = (part: 'active' | 'cpu' | 'runDelay' | 'collector') => (step: Step) => {
    const values = step.resources.workers.map(each => each[part])
    return values.length === 0 || values.includes(undefined) ? undefined : mean(values.map(value => value ?? 0))
  }
  add('workers: event loop active', ofWorkers('active'))
  add('workers: on a core', ofWorkers('cpu'))
  add('workers: waiting for a core', ofWorkers('runDelay'))
  add('workers: stopped by the collector', ofWorkers('collector'))
  add('workers: waiting for a lock', ({ resources }) => lockWait(resources))
  add('pool in use', ({ resources: { pool } }) => (pool === undefined ? undefined : pool.inUse / pool.size))
  add('load generator active', ({ resources: { generators } }) =>
    generators.length === 0 ? undefined : mean(generators.map(({ active }) => active)),
  )
  return series
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toString()
}
