/**
 * All metrics that rows may have: those that a run measures (`METRICS`) and those that only a user or a publication can know. A supplied row
 * with another metric or another unit is refused, so that no two figures of one name mean different things.
 */
import { METRICS, type Metric } from './row.js'

/** A figure above 0, compared by ratios; a count or difference, which may be 0 or less; yes or no; an answer in words. */
export type MetricKind = 'figure' | 'count' | 'yes-no' | 'words'

export interface KnownMetric extends Metric {
  readonly id: string
  readonly kind: MetricKind
  /** Whether a run measures it; otherwise it has to be supplied. */
  readonly measurable: boolean
  /** Different values differ, however few rounds there were: the number of steps is not noisy. */
  readonly exact?: boolean
}

/** The unit of amounts of money, which are in the currency of a price list. */
export const CURRENCY_A_YEAR = 'currency/year'

/** Metrics with a direction whose values may be 0 or less, so that they have no ratio. */
const COUNT =
  /^p\d+-added$|-failed$|^fault-.*-recovery$|^discovery-recovery$|^(metrics|tracing)-(cpu|p95|pss)$|^knee-p95$|^pss-growth$|-rest-cpu$/

const OF_RUNS = Object.entries<Metric>({
  // With the baseline's latency in it a figure is above 0, and has a ratio.
  p50: { title: 'median latency through the pair', unit: 'ms', better: 'lower' },
  p95: { title: 'P95 latency through the pair', unit: 'ms', better: 'lower' },
  p99: { title: 'P99 latency through the pair', unit: 'ms', better: 'lower' },
  ...METRICS,
}).map(([id, metric]): KnownMetric => {
  const kind = metric.better === undefined ? 'words' : COUNT.test(id) ? 'count' : 'figure'
  return { id, ...metric, kind, measurable: true, ...(id === 'operator-steps' ? { exact: true } : {}) }
})

const supplied = (id: string, kind: MetricKind, title: string, unit = '', better?: 'lower'): KnownMetric => ({
  id,
  kind,
  title,
  unit,
  ...(better === undefined ? {} : { better }),
  measurable: false,
})

const OF_USERS: readonly KnownMetric[] = [
  supplied('fips', 'yes-no', 'FIPS 140 validated cryptography'),
  supplied('multi-cluster', 'yes-no', 'serves across clusters'),
  supplied('operation-hours', 'figure', 'hours of operation', 'h/year', 'lower'),
  supplied('control-plane-cpu', 'figure', 'processor time of the control plane', 'cores', 'lower'),
  supplied('control-plane-memory', 'figure', 'memory of the control plane', 'MB', 'lower'),
  supplied('cost', 'figure', 'cost a year', CURRENCY_A_YEAR, 'lower'),
  supplied('slo', 'words', 'service level objective'),
  supplied('alerts', 'words', 'alerts'),
  // Those below are in publications only.
  supplied('proxy-cpu', 'figure', 'processor time of one proxy', 'cores', 'lower'),
  supplied('proxy-memory', 'figure', 'memory of one proxy', 'MB', 'lower'),
  supplied('mtls-latency', 'count', 'latency with mTLS beyond that without', '%', 'lower'),
  supplied('hot-restart-failed', 'count', 'share of requests that fail over hot restarts', '%', 'lower'),
]

const ALL: readonly KnownMetric[] = [...OF_RUNS, ...OF_USERS.filter(({ id }) => OF_RUNS.every(run => run.id !== id))]
const BY_ID: ReadonlyMap<string, KnownMetric> = new Map(ALL.map(metric => [metric.id, metric]))
export const METRIC_IDS: readonly string[] = ALL.map(({ id }) => id)

/** What faults are judged by: `fault-NAME-failed` and so on. */
const OF_FAULTS: Readonly<Record<string, Pick<Metric, 'title' | 'unit'>>> = {
  failed: { title: 'requests that fail', unit: 'requests' },
  recovery: { title: 'recovery', unit: 'ms' },
  p99: { title: 'P99 latency', unit: 'ms' },
}

/** The metric of this id; undefined if there is none. Each fault has metrics by its name. */
export function metricOf(id: string): KnownMetric | undefined {
  const [, name, what] = /^fault-(.+)-(failed|recovery|p99)$/.exec(id) ?? []
  if (name === undefined) return BY_ID.get(id)
  const { title, unit } = OF_FAULTS[what]
  return { id, title: `${title}, fault ${name}`, unit, better: 'lower', kind: 'count', measurable: true }
}

/** The title of a metric, for tables that may have rows of a newer version. */
export function titleOf(id: string): string {
  return metricOf(id)?.title ?? id
}

/** Whether a weight may be put on the metric: weights compare by ratios, and a ratio needs figures above 0. */
export function isWeighable({ kind, better }: KnownMetric): boolean {
  return kind === 'figure' && better !== undefined
}

/** What to do about an unknown metric. */
export function metricNames(id: string): string {
  const likely = near(id, METRIC_IDS)
  return likely.length > 0 && likely.length < 8
    ? `did you mean ${likely.join(', ')}?`
    : `the metrics are ${METRIC_IDS.join(', ')}`
}

/** The names among `known` that `name` probably means: one contains the other, or two letters differ at most. */
export function near(name: string, known: readonly string[]): string[] {
  return known.filter(
    each => each.includes(name) || (name.length > 2 && name.includes(each)) || distance(name, each) <= 2,
  )
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]
}
