/** The knees of all ladders, and the figures there. */
import type { LineChart, Point, Table } from '@threadmap/workbench/experiment'
import { findKnees, type Objective } from '@threadmap/workbench/load/knee/knees'
import { ceilingOf, type Steps } from '@threadmap/workbench/load/knee/step-load'
import type { Resources } from '@threadmap/workbench/load/step'
import { compare, spread } from '@threadmap/workbench/statistics'
import {
  generatorShare,
  type PairStep,
  perThousand,
  type Sidecars,
  TRAFFIC_TITLES,
  type Traffic,
} from '../load/pair-target.js'
import { METRICS, type MeshRow, type MetricId } from '../rows/row.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshOutcome } from './experiment.js'
import { DIRECT, DIRECT_AGAIN, NOTABLE_TIE } from './latency-outcome.js'

type Ladder = Steps<Resources & Sidecars>

/** The ladders of all targets for one kind of traffic; one ladder for each round. */
export interface Ladders {
  readonly traffic: Traffic
  readonly targets: readonly {
    readonly name: string
    readonly running: Running | undefined
    readonly ladders: readonly Ladder[]
  }[]
}

/** A rate at which something was reached. */
interface Reached {
  /** Requests per second, or why there is none. */
  readonly rate: number | 'below the first step' | 'beyond the last step'
  /** The step at this rate. */
  readonly step: number | undefined
}

export interface KneeOfRound {
  readonly capacity: number
  readonly byObjective: Reached
  /** Undefined: the curve does not bend. */
  readonly byBend: number | undefined
  /** Added P95 of each step, in ms. */
  readonly added: readonly number[]
}

/** Added latencies that bend must be above 0: less than a microsecond is no delay. */
const LEAST_ADDED_MS = 0.001

/** The knee of a ladder; `p95At` is the P95 of the direct connection at a rate. */
export function kneeOf(
  { closed, steps, ratePerClient }: Ladder,
  p95At: (rate: number) => number,
  objective: Objective,
): KneeOfRound {
  const added = steps.map(({ clients, latency }) => latency.p95 - p95At(clients * ratePerClient))
  const relative = steps.map((step, at) => ({
    ...step,
    latency: { ...step.latency, p95: Math.max(LEAST_ADDED_MS, added[at]) },
  }))
  const { objective: last, kneedle } = findKnees(relative, objective, 1)
  const byObjective: Reached =
    last === null
      ? { rate: 'beyond the last step', step: undefined }
      : last === 0
        ? { rate: 'below the first step', step: undefined }
        : { rate: last * ratePerClient, step: steps.findIndex(({ clients }) => clients === last) }
  return {
    capacity: ceilingOf(closed),
    byObjective,
    byBend: kneedle === null ? undefined : kneedle * ratePerClient,
    added,
  }
}

/** P95 over rates as the ladder has them: a straight line between two steps, and before the first and after the last what these have. */
export function p95Over({ steps, ratePerClient }: Ladder): (rate: number) => number {
  const points = steps.map(({ clients, latency }) => ({ rate: clients * ratePerClient, p95: latency.p95 }))
  return rate => {
    const next = points.findIndex(point => point.rate >= rate)
    if (next === 0) return points[0].p95
    if (next < 0) return points[points.length - 1].p95
    const [low, high] = [points[next - 1], points[next]]
    return low.p95 + ((rate - low.rate) / (high.rate - low.rate)) * (high.p95 - low.p95)
  }
}

/** The lower of both direct connections at a rate: a disturbance only ever adds. */
function baseline(targets: Ladders['targets'], round: number): (rate: number) => number {
  const both = targets.filter(({ running }) => running === undefined).map(({ ladders }) => p95Over(ladders[round]))
  return rate => Math.min(...both.map(p95At => p95At(rate)))
}

interface Found {
  readonly name: string
  readonly running: Running | undefined
  readonly ladders: readonly Ladder[]
  readonly knees: readonly KneeOfRound[]
}

export function kneeOutcome(all: readonly Ladders[], objective: Objective, context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = []
  const tables: Table[] = []
  const charts: LineChart[] = []
  const findings: string[] = []
  for (const { traffic, targets } of all) {
    const found = targets.map(
      (target): Found => ({
        ...target,
        knees: target.ladders.map((ladder, round) => kneeOf(ladder, baseline(targets, round), objective)),
      }),
    )
    const workload = `${TRAFFIC_TITLES[traffic]}, step load`
    for (const each of found) rows.push(...rowsOf(each, workload, context))
    tables.push(tableOf(found, traffic))
    charts.push(chartOf(found, traffic))
    findings.push(...findingsOf(found, traffic))
  }
  return { rows, tables, charts, findings }
}

/** The steps at the knees by the objective, round by round, where there is one. */
function stepsAtKnee({ knees, ladders }: Found): { readonly step: PairStep; readonly added: number }[] {
  return knees.flatMap(({ byObjective, added }, round) => {
    const at = byObjective.step
    return at === undefined ? [] : [{ step: ladders[round].steps[at], added: added[at] }]
  })
}

function cpuOf(step: PairStep): number {
  const { client, server } = perThousand(step)
  return client + server
}

function rowsOf(found: Found, workload: string, context: MeshContext): MeshRow[] {
  const { name, running, knees } = found
  const row = (metric: MetricId, value: readonly number[]) =>
    context.row(running ?? name, { metric, unit: METRICS[metric].unit, value, workload })
  const rows = [
    row(
      'capacity',
      knees.map(({ capacity }) => capacity),
    ),
  ]
  const at = stepsAtKnee(found)
  // The knee of a target that nothing is added to has no meaning, and rounds without a knee would make the others look complete.
  if (running === undefined || at.length < knees.length) return rows
  return [
    ...rows,
    row(
      'knee',
      knees.map(({ byObjective }) => Number(byObjective.rate)),
    ),
    row(
      'knee-p95',
      at.map(({ added }) => added),
    ),
    row(
      'knee-cpu',
      at.map(({ step }) => cpuOf(step)),
    ),
  ]
}

function tableOf(found: readonly Found[], traffic: Traffic): Table {
  return {
    title: `The knee, ${TRAFFIC_TITLES[traffic]}`,
    columns: [
      { label: 'subject' },
      { label: 'highest throughput', unit: '/s', digits: 0 },
      { label: 'knee by the objective', unit: '/s', digits: 0 },
      { label: 'knee by the bend', unit: '/s', digits: 0 },
      { label: 'P95 there', unit: 'ms', digits: 2 },
      { label: 'P95 added there', unit: 'ms', digits: 2 },
      { label: 'both sidecars there', unit: 'CPU ms/1,000', digits: 0 },
      { label: 'load generator there', unit: '% of a core', digits: 0 },
      { label: 'machine there', unit: '%', digits: 0 },
    ],
    rows: found.map(each => {
      const { name, running, knees } = each
      const at = stepsAtKnee(each)
      const middle = (values: readonly number[]) => (values.length === 0 ? null : spread(values).median)
      const bends = knees.flatMap(({ byBend }) => byBend ?? [])
      const capacity = middle(knees.map(knee => knee.capacity))
      if (running === undefined) return [name, capacity, ...Array<null>(7).fill(null)]
      return [
        name,
        capacity,
        middle(knees.flatMap(({ byObjective: { rate } }) => (typeof rate === 'number' ? rate : []))) ??
          String(knees[0]?.byObjective.rate),
        middle(bends) ?? 'no bend',
        middle(at.map(({ step }) => step.latency.p95)),
        middle(at.map(({ added }) => added)),
        middle(at.map(({ step }) => cpuOf(step))),
        middle(at.map(({ step }) => 100 * (generatorShare(step) ?? Number.NaN)).filter(Number.isFinite)),
        middle(at.map(({ step }) => 100 * step.resources.machine)),
      ]
    }),
  }
}

function chartOf(found: readonly Found[], traffic: Traffic): LineChart {
  const series = found
    .filter(({ running }) => running !== undefined)
    .map(({ name, ladders, knees }) => ({ name, points: pointsOf(ladders, knees) }))
  const words = series.map(
    ({ name, points }) => `${name}: ${points.map(({ x, y }) => `${Math.round(x)}/s ${y.toPrecision(2)}`).join(', ')}`,
  )
  return {
    kind: 'line',
    id: `knee-${traffic}`,
    title: `Added P95 over the rate, ${TRAFFIC_TITLES[traffic]}`,
    alternative: `Added P95 in ms. ${words.join('; ')}`,
    x: { label: 'requests per second', unit: '/s' },
    y: { label: 'added P95', unit: 'ms', scale: 'log' },
    series,
  }
}

/** The median over the rounds at each rate. A logarithmic axis has no place for 0 and less. */
function pointsOf(ladders: readonly Ladder[], knees: readonly KneeOfRound[]): Point[] {
  const [{ steps, ratePerClient }] = ladders
  return steps.flatMap(({ clients }, at) => {
    const { median, low, high } = spread(knees.map(({ added }) => Math.max(LEAST_ADDED_MS, added[at])))
    return median <= LEAST_ADDED_MS ? [] : [{ x: clients * ratePerClient, y: median, low, high }]
  })
}

/** The knees by the objective, and who has none. */
function kneesText(proxies: readonly Found[], title: string): string[] {
  const known = proxies
    .filter(each => stepsAtKnee(each).length === each.knees.length)
    .map(({ name, knees }) => ({ name, rate: spread(knees.map(({ byObjective }) => Number(byObjective.rate))).median }))
    .sort((a, b) => b.rate - a.rate)
  if (known.length === 0) return [`${title}: no subject has a knee within its steps in every round.`]
  const without = proxies.filter(({ name }) => known.every(each => each.name !== name)).map(({ name }) => name)
  const rest = without.length === 0 ? '' : `; not in every round within the steps: ${without.join(', ')}`
  return [
    `${title}, the knee by the objective, in requests per second: ${known.map(({ name, rate }) => `${name} ${Math.round(rate)}`).join(', ')}${rest}.`,
  ]
}

function findingsOf(found: readonly Found[], traffic: Traffic): string[] {
  const title = TRAFFIC_TITLES[traffic]
  const capacities = ({ knees }: Found) => knees.map(({ capacity }) => capacity)
  const proxies = found.filter(({ running }) => running !== undefined)
  const sorted = [...proxies].sort((a, b) => spread(capacities(b)).median - spread(capacities(a)).median)
  const [first] = sorted
  if (first === undefined) return []
  const tied = sorted.slice(1).filter(each => !compare(capacities(each), capacities(first)).beyondNoise)
  const others = tied.length === 0 ? '' : `, not told apart from ${tied.map(({ name }) => name).join(', ')}`
  const direct = found.find(({ name }) => name === DIRECT)!
  const again = found.find(({ name }) => name === DIRECT_AGAIN)!
  const { ratio } = compare(capacities(direct), capacities(again))
  const rate = (each: Found) => `${Math.round(spread(capacities(each)).median)} requests per second`
  const closed = [direct, again].flatMap(({ ladders }) => ladders.flatMap(ladder => ladder.closed))
  const best = closed.reduce((most, step) => (step.throughput > most.throughput ? step : most))
  const share = generatorShare(best)
  return [
    `${title}: ${first.name} reaches the highest throughput, ${rate(first)}${others}.`,
    ...kneesText(proxies, title),
    Math.abs(Math.log(ratio)) > Math.log(NOTABLE_TIE)
      ? `${title}, directly: ${rate(direct)}, and ${rate(again)} the second time (ratio ${ratio.toFixed(2)}): this run was disturbed, and its rates tell little.`
      : `${title}, directly: ${rate(direct)}, and ${rate(again)} the second time (ratio ${ratio.toFixed(2)}), which tie, as they must.`,
    ...(share === undefined || best.throughput === 0
      ? []
      : [
          `${title}: at ${Math.round(best.throughput)} requests per second, directly, the load generator's one thread takes ${((1e6 * share) / best.throughput).toFixed(0)} ms of processor time per 1,000 requests and ${Math.round(100 * share)}% of a core: what it takes is not there for the sidecars.`,
        ]),
  ]
}
