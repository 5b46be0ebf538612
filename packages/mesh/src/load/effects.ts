/** What a stream of answers tells about a change or a fault. */
import { quantile } from '@threadmap/workbench/statistics'
import type { Answer } from './stream.js'

/** Answers of the new version in a row that show that the share has changed: at a share of 10% they do not come by chance. */
const IN_A_ROW = 4

export interface ShareEffect {
  /** Milliseconds from the command to the first answer that shows the new share; undefined if there is none. */
  readonly first: number | undefined
  /** Milliseconds from the command to the last answer of the old version; undefined if old answers come until the end. */
  readonly full: number | undefined
}

/** When a change to 100% of `version`, commanded at `at`, took effect. Times are those of the requests' begin. */
export function shareEffect(answers: readonly Answer[], at: number, version: string): ShareEffect {
  const after = answers.filter(answer => answer.at >= at && answer.version !== undefined)
  const first = after.findIndex(
    (_, i) => i + IN_A_ROW <= after.length && after.slice(i, i + IN_A_ROW).every(each => each.version === version),
  )
  const lastOld = after.findLastIndex(each => each.version !== version)
  const settled = after[lastOld + 1]
  // A few new answers at the very end would be those of the old share.
  const isFull = after.length - (lastOld + 1) >= IN_A_ROW
  return {
    first: first < 0 ? undefined : after[first].at - at,
    full: isFull ? settled.at - at : undefined,
  }
}

export interface Disturbance {
  readonly requests: number
  readonly failed: number
  /** Outcomes of failures with their numbers, the most frequent first. */
  readonly failures: readonly (readonly [string, number])[]
  /** Milliseconds from the fault to the first request after the last failed one; 0 if none failed, undefined if the last ones failed. */
  readonly recovery: number | undefined
  /** Of the good answers, in ms. */
  readonly p50: number
  readonly p99: number
  readonly slowest: number
}

/** What happened from a fault at `at` on. */
export function disturbance(answers: readonly Answer[], at: number): Disturbance {
  const after = answers.filter(answer => answer.at >= at)
  const good = after.filter(({ isGood }) => isGood).map(({ ms }) => ms)
  const failed = after.filter(({ isGood }) => !isGood)
  const lastFailed = after.findLastIndex(({ isGood }) => !isGood)
  const back = after[lastFailed + 1]
  const counts = new Map<string, number>()
  for (const { outcome } of failed) counts.set(String(outcome), (counts.get(String(outcome)) ?? 0) + 1)
  const orZero = (value: number) => (Number.isFinite(value) ? value : 0)
  return {
    requests: after.length,
    failed: failed.length,
    failures: [...counts].sort((a, b) => b[1] - a[1]),
    recovery: lastFailed < 0 ? 0 : back === undefined ? undefined : back.at - at,
    p50: orZero(quantile(good, 0.5)),
    p99: orZero(quantile(good, 0.99)),
    slowest: orZero(Math.max(...good)),
  }
}

/** The share of failures that a run of `requests` without one cannot exclude, with 95% certainty: the rule of three. */
export function failureBound(requests: number): number {
  return requests === 0 ? 1 : Math.min(1, 3 / requests)
}
