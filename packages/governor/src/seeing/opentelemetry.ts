/**
 * The figures of a governor as metrics of OpenTelemetry. This module needs `@opentelemetry/api`, which a program that uses
 * OpenTelemetry has; without an SDK behind the API nothing is ever read.
 */
import { type Attributes, type BatchObservableResult, type Meter, metrics, type Observable } from '@opentelemetry/api'
import type { LatencyHistogram } from '../snapshot.js'
import {
  type Figures,
  GOVERNOR_METRICS,
  LATENCY,
  MAP_METRICS,
  namedMaps,
  openTelemetryName,
  SHARD_COUNTERS,
  SHARD_GAUGES,
} from './metrics.js'
import { MOST_SHARDS_WITH_SERIES } from './prometheus.js'
import type { Seen } from './seen.js'

/** The name of the instrumentation scope. */
export const SCOPE = '@threadmap/governor'
/** The attribute that has the number of a shard. */
export const SHARD_ATTRIBUTE = 'threadmap.shard'
/** The attribute that has the name of a map that is watched. */
export const MAP_ATTRIBUTE = 'threadmap.map'

export interface OpenTelemetryOptions {
  /** Makes the instruments; default the global provider's meter `@threadmap/governor`. */
  readonly meter?: Meter
  /** Whether each shard has series of its own; default up to 256 shards, as for Prometheus. */
  readonly perShard?: boolean
}

/**
 * Registers instruments that are read once per collection, all from one snapshot. The names are those of Prometheus with dots:
 * `threadmap.shard.operations`, `threadmap.governor.shards`.
 *
 * An observable histogram does not exist in OpenTelemetry, and to record each operation would cost every operation. So latencies are
 * counters of the operations at or below an edge (`threadmap.shard.latency.bucket`, attribute `le` in seconds as in Prometheus),
 * with `.sum` and `.count`: they can be added over shards, instances and time, and quantiles come from them. The gauges
 * `threadmap.shard.window_p99` are the governor's own, and can not be added or averaged. A gauge of something that there is not now,
 * such as the limit of a shard that is not limited, is 0.
 *
 * @returns A function that removes the callback; the instruments then report nothing more.
 */
export function observe(governor: Seen, options: OpenTelemetryOptions = {}): () => void {
  const meter = options.meter ?? metrics.getMeter(SCOPE)
  const { perShard = governor.snapshot().shards.length <= MOST_SHARDS_WITH_SERIES } = options
  const make = (kind: 'counter' | 'gauge', name: string, description: string, unit: string) =>
    kind === 'counter'
      ? meter.createObservableCounter(name, { description, unit })
      : meter.createObservableGauge(name, { description, unit })
  const instruments = <Metric extends (typeof GOVERNOR_METRICS)[number] | (typeof SHARD_GAUGES)[number]>(
    all: readonly Metric[],
  ) =>
    all.map(metric => ({
      ...metric,
      observable: make(metric.kind, openTelemetryName(metric.name), metric.help, metric.unit),
    }))

  const whole = instruments(GOVERNOR_METRICS)
  const gauges = perShard ? instruments(SHARD_GAUGES) : []
  const counters = SHARD_COUNTERS.map(metric => ({
    ...metric,
    observable: make(metric.kind, openTelemetryName(metric.name), metric.help, metric.unit),
  }))
  const maps = MAP_METRICS.map(metric => ({
    ...metric,
    observable: make(metric.kind, openTelemetryName(metric.name), metric.help, metric.unit),
  }))
  const latency = openTelemetryName(LATENCY.name)
  const bucket = make(
    'counter',
    `${latency}.bucket`,
    'Operations that took at most the attribute `le`, in seconds.',
    '{operation}',
  )
  const sum = make('counter', `${latency}.sum`, LATENCY.help, LATENCY.unit)
  const count = make('counter', `${latency}.count`, 'Operations whose latency was measured.', '{operation}')

  const callback = (result: BatchObservableResult) => {
    const snapshot = governor.snapshot()
    const put = ({ observable }: { observable: Observable }, figures: Figures, attributes: Attributes) => {
      // The SDK goes on reporting the last value of attributes that are left out, so what there is none of is 0 here.
      if (typeof figures === 'object') {
        for (const { label, value, figure } of figures) {
          result.observe(observable, Number.isNaN(figure) ? 0 : figure, { ...attributes, [label]: value })
        }
      } else {
        result.observe(observable, figures ?? 0, attributes)
      }
    }
    const putLatency = (histogram: LatencyHistogram, attributes: Attributes) => {
      for (const { le, count: below } of histogram.buckets) {
        result.observe(bucket, below, { ...attributes, le: Number.isFinite(le) ? le : '+Inf' })
      }
      result.observe(sum, histogram.sum, attributes)
      result.observe(count, histogram.count, attributes)
    }
    for (const instrument of whole) put(instrument, instrument.read(snapshot), {})
    for (const { name, map } of namedMaps(snapshot)) {
      for (const instrument of maps) put(instrument, instrument.read(map), { [MAP_ATTRIBUTE]: name })
    }
    if (!perShard) {
      for (const instrument of counters) put(instrument, snapshot.all[instrument.figure], {})
      putLatency(governor.latency(), {})
      return
    }
    for (const shard of snapshot.shards) {
      const attributes = { [SHARD_ATTRIBUTE]: shard.shard }
      for (const instrument of counters) put(instrument, shard[instrument.figure], attributes)
      for (const instrument of gauges) put(instrument, instrument.read(shard), attributes)
      putLatency(governor.latency(shard.shard), attributes)
    }
  }
  const observables = [...whole, ...gauges, ...counters, ...maps].map(({ observable }) => observable)
  const all = [...observables, bucket, sum, count]
  meter.addBatchObservableCallback(callback, all)
  return () => meter.removeBatchObservableCallback(callback, all)
}
