import { quantile } from '@threadmap/workbench/statistics'
import { type Answers, Came } from '../load/protocol.js'
import { LATE_MS, type Plan } from '../plan.js'
import type { Traffic } from '../traffic.js'

/** Everyone but the hot shard, the hot shard, or both. */
export type Group = 'others' | 'hot' | 'all'

/** The requests of a group that were due in a stretch of time. */
export interface Figures {
  /** In ms from the begin of the run. */
  readonly from: number
  readonly until: number
  readonly requests: number
  /** Percentiles in ms of those that were answered; null if none was. */
  readonly p50: number | null
  readonly p99: number | null
  /** Shares of the requests, 0 to 1. */
  readonly answered: number
  readonly refused: number
  /** The store's own failures: of the shard, of the pool, and no answer in time. */
  readonly failed: number
  /** Share of the answers whose value was older than the request, and the oldest such value in ms. */
  readonly stale: number
  readonly oldest: number
}

/** A value that the store read at most so long before the request arrived is not stale: clocks tick in ms, and joined calls share one read. */
const FRESH_MS = 200

/** The figures of `group` from `from` until `until`, both in ms from the begin of the run. */
export function figuresOf(traffic: Traffic, answers: Answers, group: Group, from: number, until: number): Figures {
  const { at, hot } = traffic
  const { latency, came, age } = answers
  const latencies: number[] = []
  let [requests, refused, stale, oldest] = [0, 0, 0, 0]
  for (let i = firstAt(at, from); i < at.length && at[i] < until; i++) {
    if (group !== 'all' && (hot[i] === 1) !== (group === 'hot')) continue
    requests++
    if (came[i] === Came.refused) refused++
    if (came[i] !== Came.answered) continue
    latencies.push(latency[i])
    if (age[i] <= FRESH_MS) continue
    stale++
    oldest = Math.max(oldest, age[i])
  }
  const answered = latencies.length
  const percentile = (q: number) => (answered === 0 ? null : quantile(latencies, q))
  const share = (count: number, of: number) => (of === 0 ? 0 : count / of)
  return {
    from,
    until,
    requests,
    p50: percentile(0.5),
    p99: percentile(0.99),
    answered: requests === 0 ? 1 : answered / requests,
    refused: share(refused, requests),
    failed: share(requests - answered - refused, requests),
    stale: share(stale, answered),
    oldest,
  }
}

/** The figures of windows that begin every `plan.step`, from the end of the warm-up to the last whole window. */
export function windowsOf(traffic: Traffic, answers: Answers, group: Group, plan: Plan): Figures[] {
  const count = Math.floor((plan.until - plan.window - plan.warmUp) / plan.step) + 1
  return Array.from({ length: Math.max(0, count) }, (_, i) => {
    const from = plan.warmUp + i * plan.step
    return figuresOf(traffic, answers, group, from, from + plan.window)
  })
}

/** Whether each of the windows has requests that left in time. */
export function calmWindows(traffic: Traffic, lateness: Float32Array, windows: readonly Figures[]): boolean[] {
  return windows.map(({ from, until }) => {
    const late = lateness.subarray(firstAt(traffic.at, from), firstAt(traffic.at, until))
    return late.length === 0 || quantile([...late], 0.99) <= LATE_MS
  })
}

/** The first request at `time` or later, by bisection. */
function firstAt(at: Float64Array, time: number): number {
  let low = 0
  let high = at.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at[middle] < time) low = middle + 1
    else high = middle
  }
  return low
}
