/** The values of metrics in prom-client's shape, from a snapshot. */
import { sharedNow } from '../clock.js'
import type { Definition, Labels, Series, Snapshot } from './cells.js'
import { middleOf, quantile } from './sketch.js'

/** A value, as prom-client's registry takes it. */
export interface Value {
  value: number
  labels: Labels
  /** Labels that are shown after `labels`. */
  sharedLabels?: Labels
  metricName?: string
}

// The fields of a series.

/** The value of a counter or gauge. */
export const VALUE = 'v'
/** The sum of what a histogram or summary observed. */
export const SUM = 's'
/** A bucket of a histogram: `b` and its number, the last one without an upper bound. */
export const BUCKET = 'b'
/** A bucket of a summary's sketch: `q`, the number of its time, a colon, and the bucket's name; all times together have the time `all`. */
export const SKETCH = 'q'
export const ALL = 'all'

export function valuesOf(definition: Definition, snapshot: Snapshot): Value[] {
  const series = snapshot.series.get(definition.name) ?? []
  switch (definition.type) {
    case 'histogram':
      return series.flatMap(each => histogramValues(definition, each))
    case 'summary':
      return series.flatMap(each => summaryValues(definition, each))
    default:
      return series.map(({ labels, fields }) => ({ value: fields.get(VALUE) ?? 0, labels }))
  }
}

function histogramValues({ name, buckets = [] }: Definition, { labels, fields }: Series): Value[] {
  let count = 0
  const bounds = [...buckets, '+Inf'].map((le, i) => {
    count += fields.get(BUCKET + i) ?? 0
    return { labels: { le }, sharedLabels: labels, value: count, metricName: `${name}_bucket` }
  })
  // The count is the sum of the buckets, so it always fits them.
  return [
    ...bounds,
    { labels: {}, sharedLabels: labels, value: fields.get(SUM) ?? 0, metricName: `${name}_sum` },
    { labels: {}, sharedLabels: labels, value: count, metricName: `${name}_count` },
  ]
}

function summaryValues(definition: Definition, { labels, fields }: Series): Value[] {
  const { name, percentiles = [], pruneAgedBuckets } = definition
  const oldest = oldestTime(definition)
  const counts = new Map<string, number>()
  let count = 0
  for (const [field, value] of fields) {
    const bucket = sketchField(field)
    if (bucket === undefined) continue
    if (bucket.time === ALL) count += value
    if (oldest === undefined ? bucket.time === ALL : Number(bucket.time) >= oldest) {
      counts.set(bucket.name, (counts.get(bucket.name) ?? 0) + value)
    }
  }
  if (pruneAgedBuckets && counts.size === 0) return []
  const buckets = [...counts].map(([bucket, value]) => [middleOf(bucket), value] as const)
  return [
    ...percentiles.map(share => ({ labels: { quantile: share, ...labels }, value: quantile(buckets, share) })),
    { metricName: `${name}_sum`, labels, value: fields.get(SUM) ?? 0 },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

function sketchField(field: string): { time: string; name: string } | undefined {
  if (!field.startsWith(SKETCH)) return undefined
  const colon = field.indexOf(':')
  return { time: field.slice(SKETCH.length, colon), name: field.slice(colon + 1) }
}

/** The number of the time that a summary with a window records in now; undefined for one without. */
export function timeNow({ maxAgeSeconds, ageBuckets }: Definition): number | undefined {
  return maxAgeSeconds && ageBuckets ? Math.floor(sharedNow() / ((maxAgeSeconds * 1000) / ageBuckets)) : undefined
}

/** The oldest time whose values count. */
function oldestTime(definition: Definition): number | undefined {
  const now = timeNow(definition)
  return now === undefined ? undefined : now - (definition.ageBuckets as number) + 1
}

/** Whether a field holds values that are too old to count. */
export function isTooOld(definition: Definition, field: string): boolean {
  const bucket = sketchField(field)
  const oldest = oldestTime(definition)
  return bucket !== undefined && bucket.time !== ALL && oldest !== undefined && Number(bucket.time) < oldest
}
