/**
 * The figures of a governor as Prometheus reads them: the text format 0.0.4, which Prometheus of any version, the OpenTelemetry
 * collector, VictoriaMetrics and Grafana's agents read.
 */

import type { LatencyHistogram } from '../snapshot.js'
import {
  type Figures,
  GOVERNOR_METRICS,
  LATENCY,
  MAP_METRICS,
  namedMaps,
  SHARD_COUNTERS,
  SHARD_GAUGES,
} from './metrics.js'
import type { Seen } from './seen.js'

/** The `content-type` of `prometheus()`. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Each shard has about 45 series, most of them buckets. At 256 shards that is 11,000 series of one process, which Prometheus bears;
 * at 4,096 it would be more than a small server of Prometheus should hold.
 */
export const MOST_SHARDS_WITH_SERIES = 256

export interface PrometheusOptions {
  /**
   * Whether each shard has series of its own, with its number as the label `shard`; default up to 256 shards. Without them counters
   * and latencies are those of all shards together, and the metrics that make sense for one shard only are left out.
   */
  readonly perShard?: boolean
}

/**
 * The metrics of `governor` in Prometheus's text format. Counters and the histogram count since the governor was made, over all
 * threads, so scrape one thread of a process only. Takes time and memory in proportion to the shards: about 2 KB for each.
 */
export function prometheus(governor: Seen, options: PrometheusOptions = {}): string {
  const snapshot = governor.snapshot()
  const { perShard = snapshot.shards.length <= MOST_SHARDS_WITH_SERIES } = options
  const lines: string[] = []
  const family = (name: string, kind: string, help: string) => {
    lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${kind}`)
  }
  const samples = (name: string, labels: string, read: Figures) => {
    if (read === undefined) return
    if (typeof read === 'number') {
      lines.push(`${name}${braced(labels)} ${figure(read)}`)
      return
    }
    for (const { label, value, figure: of } of read) {
      if (!Number.isNaN(of)) lines.push(`${name}${braced(joined(labels, `${label}="${value}"`))} ${figure(of)}`)
    }
  }

  for (const { name, kind, help, read } of GOVERNOR_METRICS) {
    family(name, kind, help)
    samples(name, '', read(snapshot))
  }
  for (const { name, kind, help, figure: of } of SHARD_COUNTERS) {
    family(name, kind, help)
    if (perShard) for (const shard of snapshot.shards) samples(name, `shard="${shard.shard}"`, shard[of])
    else samples(name, '', snapshot.all[of])
  }
  for (const { name, kind, help, read } of SHARD_GAUGES) {
    if (!perShard) continue
    family(name, kind, help)
    for (const shard of snapshot.shards) samples(name, `shard="${shard.shard}"`, read(shard))
  }
  for (const { name, kind, help, read } of snapshot.maps.length === 0 ? [] : MAP_METRICS) {
    family(name, kind, help)
    for (const { name: of, map } of namedMaps(snapshot)) samples(name, `map="${labelValue(of)}"`, read(map))
  }
  family(LATENCY.name, 'histogram', LATENCY.help)
  if (perShard)
    for (const { shard } of snapshot.shards) lines.push(...histogram(`shard="${shard}"`, governor.latency(shard)))
  else lines.push(...histogram('', governor.latency()))
  return `${lines.join('\n')}\n`
}

function histogram(labels: string, { buckets, sum, count }: LatencyHistogram): string[] {
  const { name } = LATENCY
  // Other threads count meanwhile, so a bucket may be newer than the total; a histogram whose last bucket is not its count is refused.
  const total = Math.max(count, buckets.at(-1)?.count ?? 0)
  return [
    ...buckets
      .filter(({ le }) => Number.isFinite(le))
      .map(bucket => `${name}_bucket${braced(joined(labels, `le="${figure(bucket.le)}"`))} ${bucket.count}`),
    `${name}_bucket${braced(joined(labels, 'le="+Inf"'))} ${total}`,
    `${name}_sum${braced(labels)} ${figure(sum)}`,
    `${name}_count${braced(labels)} ${total}`,
  ]
}

function joined(labels: string, label: string): string {
  return labels === '' ? label : `${labels},${label}`
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

/** A number as Prometheus writes it. */
function figure(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

function escaped(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function labelValue(text: string): string {
  return escaped(text).replaceAll('"', '\\"')
}
