/**
 * What a mesh costs a year, by a formula that the report prints:
 *
 *     hours a year x (cores x price of a vCPU hour + GB x price of a GB hour) + hours of operation x price of an operator's hour
 *     cores = pairs x requests/s of a pair x processor time per request of both proxies + cores of the control plane
 *     GB    = pairs x memory of both proxies + memory of the control plane
 *
 * A term whose row is missing is named, and then there is no sum: a cost without its largest term would be a guess.
 */

import { CURRENCY_A_YEAR } from './metrics.js'
import type { MeshRow } from './row.js'
import type { Field } from './yaml.js'

export const HOURS_A_YEAR = 8766

/** A price list, with the size of the installation that it is for. */
export interface Prices {
  /** As in the file: `EUR`. */
  readonly currency: string
  /** Price of one vCPU for an hour. */
  readonly vcpuHour: number
  /** Price of 1 GB of memory for an hour. */
  readonly gbHour: number
  /** Price of an operator's hour. */
  readonly operatorHour: number
  /** Pairs of sidecars. */
  readonly pairs: number
  /** Requests per second of one pair. */
  readonly requestsPerSecond: number
  readonly source: string
  readonly date: string
}

export function readPrices(field: Field, source: string, date: string): Prices {
  const names = ['currency', 'vcpu-hour', 'gb-hour', 'operator-hour', 'pairs', 'requests-per-second'] as const
  const fields = field.fields(names, names)
  return {
    currency: fields.currency!.text(),
    vcpuHour: fields['vcpu-hour']!.number({ atLeast: 0 }),
    gbHour: fields['gb-hour']!.number({ atLeast: 0 }),
    operatorHour: fields['operator-hour']!.number({ atLeast: 0 }),
    pairs: fields.pairs!.number({ above: 0 }),
    requestsPerSecond: fields['requests-per-second']!.number({ above: 0 }),
    source,
    date,
  }
}

/** The metrics of a subject that its cost needs, in the order of the formula. */
export const COST_METRICS = [
  'cpu-per-request',
  'control-plane-cpu',
  'pss',
  'control-plane-memory',
  'operation-hours',
] as const
export type CostMetric = (typeof COST_METRICS)[number]

/** The cost of a subject, or the metrics that it lacks. */
export interface Cost {
  readonly row: MeshRow | undefined
  readonly missing: readonly CostMetric[]
}

/** The cost of one subject; `find` gives its row of a metric. The interval follows from the intervals of the rows. */
export function costOf(
  subject: string,
  version: string | undefined,
  prices: Prices,
  find: (metric: CostMetric) => MeshRow | undefined,
): Cost {
  const rows = new Map(COST_METRICS.map(metric => [metric, find(metric)]))
  const missing = COST_METRICS.filter(metric => typeof rows.get(metric)?.value !== 'number')
  if (missing.length > 0) return { row: undefined, missing }
  const sum = (of: (row: MeshRow) => number) => {
    const figure = (metric: CostMetric) => of(rows.get(metric)!)
    const cores =
      prices.pairs * prices.requestsPerSecond * (figure('cpu-per-request') / 1e6) + figure('control-plane-cpu')
    const gigabytes = (prices.pairs * figure('pss') + figure('control-plane-memory')) / 1000
    return (
      HOURS_A_YEAR * (cores * prices.vcpuHour + gigabytes * prices.gbHour) +
      figure('operation-hours') * prices.operatorHour
    )
  }
  const value = sum(row => row.value as number)
  const low = sum(row => row.interval?.low ?? (row.value as number))
  const high = sum(row => row.interval?.high ?? (row.value as number))
  return {
    missing,
    row: {
      subject,
      version,
      metric: 'cost',
      unit: CURRENCY_A_YEAR,
      value,
      interval: { low, high },
      // However many of its terms were measured, a cost rests on prices that a user supplied.
      tag: 'supplied',
      source: `formula of the cost a year in ${prices.currency}, prices: ${prices.source}`,
      date: prices.date,
      workload: `${prices.pairs} pairs at ${prices.requestsPerSecond} requests/s each`,
    },
  }
}
