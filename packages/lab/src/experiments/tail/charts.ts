import type { Chart, LineChart, Point } from '@threadmap/workbench/experiment'
import { type FaultName, HOT_SHARD } from './plan.js'
import type { Figures } from './series/figures.js'
import { levelAt } from './series/levels.js'
import type { Summary } from './series/summary.js'

/** Curves over the time of each run; everyone else's P99 under each fault first, which is what the experiment is about. */
export function chartsOf(faults: readonly FaultName[], summaries: readonly Summary[]): Chart[] {
  const of = (fault: FaultName) => summaries.filter(summary => summary.fault === fault)
  return [
    ...faults.map(fault =>
      curves(
        `others-${idOf(fault)}`,
        `${fault}: P99 of everyone else`,
        of(fault),
        LATENCY,
        ({ others }) => others,
        p99,
      ),
    ),
    ...faults.map(fault =>
      curves(
        `served-${idOf(fault)}`,
        `${fault}: requests of everyone else that are answered`,
        of(fault),
        SHARE,
        ({ others }) => others,
        answered,
      ),
    ),
    ...faults.map(fault =>
      curves(
        `hot-${idOf(fault)}`,
        `${fault}: P99 of shard ${HOT_SHARD}, the hot one`,
        of(fault),
        LATENCY,
        ({ hot }) => hot,
        p99,
      ),
    ),
    ...faults.flatMap(fault => governorChart(fault, of(fault))),
  ]
}

const LATENCY: LineChart['y'] = { label: 'P99', unit: 'ms', scale: 'log' }
const SHARE: LineChart['y'] = { label: 'answered', unit: '%' }

const p99 = (figures: Figures) => figures.p99
const answered = (figures: Figures) => 100 * figures.answered

function idOf(fault: FaultName): string {
  return fault.replaceAll(' ', '-')
}

function curves(
  id: string,
  title: string,
  summaries: readonly Summary[],
  y: LineChart['y'],
  group: (summary: Summary) => Summary['others'],
  value: (figures: Figures) => number | null,
): LineChart {
  const series = summaries.map(summary => ({
    name: summary.guard,
    points: group(summary).windows.flatMap((window): Point[] => {
      const found = value(window)
      // A logarithmic axis has no place for 0; a window without an answer has no P99.
      return found === null || (y.scale === 'log' && found <= 0) ? [] : [{ x: seconds(window.from, summary), y: found }]
    }),
  }))
  const words = summaries.map(summary => {
    const { before, settled, after } = group(summary)
    const [a, b, c] = [before, settled, after].map(part => figure(value(part)))
    return `${summary.guard}: ${a} before the fault, ${b} in its last third, ${c} after it`
  })
  return {
    id,
    kind: 'line',
    title,
    alternative: `${y.label} in ${y.unit}. ${words.join('; ')}.`,
    x: { label: 'time from the begin of the fault', unit: 's' },
    y,
    series: series.filter(({ points }) => points.length > 1),
    marks: marksOf(summaries),
  }
}

function marksOf(summaries: readonly Summary[]): NonNullable<LineChart['marks']> {
  const { faultFrom, faultUntil } = summaries[0].plan
  const changes = summaries.find(({ levels }) => levels !== undefined)?.levels?.changes ?? []
  return [
    { x: 0, label: 'fault' },
    { x: (faultUntil - faultFrom) / 1000, label: 'fault ends' },
    ...changes.map(({ at, to }) => ({ x: seconds(at, summaries[0]), label: `level ${to}` })),
  ]
}

/** The governor's level, and the share of stale answers of the hot shard. */
function governorChart(fault: FaultName, summaries: readonly Summary[]): LineChart[] {
  const summary = summaries.find(({ levels }) => levels !== undefined)
  if (summary?.levels === undefined) return []
  const { levels, hot } = summary
  const over = (of: (window: Figures) => number) =>
    hot.windows.map(window => ({ x: seconds(window.from, summary), y: of(window) }))
  return [
    {
      id: `governor-${idOf(fault)}`,
      kind: 'line',
      title: `${fault}: what the governor does about shard ${HOT_SHARD}`,
      alternative: `The level over time: ${levels.changes.map(({ at, to }) => `${to} at ${seconds(at, summary).toFixed(1)} s`).join(', ') || '0 throughout'}.`,
      x: { label: 'time from the begin of the fault', unit: 's' },
      y: { label: 'share of its requests, and level x 10', unit: '%' },
      series: [
        { name: 'level x 10', points: over(({ from }) => 10 * levelAt(levels, from)) },
        { name: 'refused', points: over(({ refused }) => 100 * refused) },
        { name: 'failed', points: over(({ failed }) => 100 * failed) },
        { name: 'answered with a stale value', points: over(({ stale, answered: share }) => 100 * stale * share) },
      ],
      marks: [
        { x: 0, label: 'fault' },
        { x: (summary.plan.faultUntil - summary.plan.faultFrom) / 1000, label: 'fault ends' },
      ],
    },
  ]
}

/** Seconds from the begin of the fault. */
function seconds(time: number, { plan }: Summary): number {
  return (time - plan.faultFrom) / 1000
}

function figure(value: number | null): string {
  return value === null ? 'none' : Number(value.toPrecision(3)).toString()
}
