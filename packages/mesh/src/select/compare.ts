/** How two subjects differ on weighed metrics, and what of the difference is noise. */
import { judge, LEAST_BLOCKS } from '@threadmap/workbench/blocks'
import { mean, NOTABLE, SINGLE_RUN_NOISE } from '@threadmap/workbench/statistics'
import { metricOf } from '../rows/metrics.js'
import type { MeshRow } from '../rows/row.js'
import type { RowTable } from './table.js'

/** A difference of two subjects in natural logarithms: below 0, the first is better. */
export interface Difference {
  readonly log: number
  /** A difference up to this size is none: another run may give the opposite. */
  readonly noise: number
}

/** Whether the first subject is better, beyond the noise. */
export function isBetter({ log, noise }: Difference): boolean {
  return log < -noise
}

/** The place of a row on its metric: a logarithm, lower is better. The difference of two rows is that of their places. */
export function placeOf(row: MeshRow): number {
  const sign = metricOf(row.metric)?.better === 'higher' ? -1 : 1
  return sign * logOf(row)
}

function logOf({ value, values }: MeshRow): number {
  return values === undefined || values.length === 0 ? Math.log(value as number) : mean(values.map(Math.log))
}

/**
 * Compares two rows of one metric. Rounds are compared by their ratios, since the subjects took turns in each; every round is a block,
 * and the interval is the one that `judge` of the workbench takes from blocks (99%). Rows without rounds have the intervals that they
 * name, or the noise of single runs. Where a subject differs from itself in an A/A pair, a smaller difference is none.
 */
export function difference(table: RowTable, a: MeshRow, b: MeshRow): Difference {
  const log = placeOf(a) - placeOf(b)
  return { log, noise: Math.max(rowNoise(a, b), table.controlNoise(a.metric, controlNoise)) }
}

/** What an A/A pair says about all comparisons of its metric: how far a subject differs from itself, if that is beyond the noise of its rounds. */
function controlNoise(once: MeshRow, again: MeshRow): number {
  const apart = Math.abs(placeOf(once) - placeOf(again))
  return apart > rowNoise(once, again) ? apart : 0
}

/** Noises by pairs of rows: a sensitivity asks for each of them hundreds of times. */
const noises = new WeakMap<MeshRow, WeakMap<MeshRow, number>>()

function rowNoise(a: MeshRow, b: MeshRow): number {
  const known = noises.get(a)?.get(b)
  if (known !== undefined) return known
  const noise = noiseOf(a, b)
  const ofFirst = noises.get(a) ?? new WeakMap<MeshRow, number>()
  noises.set(a, ofFirst.set(b, noise))
  return noise
}

function noiseOf(a: MeshRow, b: MeshRow): number {
  if (metricOf(a.metric)?.exact) return Math.log1p(NOTABLE)
  const [x, y] = [a.values ?? [], b.values ?? []]
  if (x.length === y.length && x.length >= LEAST_BLOCKS) {
    return Math.log(judge({ rounds: x, perBlock: 1 }, { rounds: y, perBlock: 1 }).visible)
  }
  if (a.interval !== undefined && b.interval !== undefined && x.length >= LEAST_BLOCKS === y.length >= LEAST_BLOCKS) {
    return Math.max(Math.log1p(NOTABLE), halfWidth(a) + halfWidth(b))
  }
  const isEvent = metricOf(a.metric)?.unit === 'ms' && x.length <= 1 && y.length <= 1 && !PERCENTILE.test(a.metric)
  return (isEvent ? EVENT_NOISE : Math.log1p(SINGLE_RUN_NOISE)) + halfWidth(a) + halfWidth(b)
}

/** Metrics that are percentiles of many requests, also in a single round. */
const PERCENTILE = /^p\d+$/
/** The time of one event, such as a rotation that was done once, may as well be half or twice as long the next time: an assumption, to be on the safe side. */
const EVENT_NOISE = Math.log(2)

/** Half the width of a row's interval, in logarithms; infinite where the interval reaches down to 0. */
function halfWidth({ interval, value }: MeshRow): number {
  if (interval === undefined) return 0
  const { low, high } = interval
  if (!(low > 0)) return Number.POSITIVE_INFINITY
  return Math.max(Math.log(high / (value as number)), Math.log((value as number) / low), 0)
}

/** The rows of a subject on the weighed metrics. */
export type WeighedRows = ReadonlyMap<string, MeshRow>

/**
 * Compares two subjects on all weighed metrics: the mean of the differences by weight. The noises add up by weight, too, as if they all
 * went in one direction: on a busy machine latency and processor time do move together.
 */
export function weighedDifference(
  table: RowTable,
  weigh: ReadonlyMap<string, number>,
  a: WeighedRows,
  b: WeighedRows,
): Difference {
  const all = [...weigh.values()].reduce((sum, weight) => sum + weight, 0)
  let log = 0
  let noise = 0
  for (const [metric, weight] of weigh) {
    const share = weight / all
    const one = difference(table, a.get(metric)!, b.get(metric)!)
    log += share * one.log
    noise += share * one.noise
  }
  return { log, noise }
}
