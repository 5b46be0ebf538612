import { quantile } from '@threadmap/workbench/statistics'
import type { GuardName } from '../guards/guard.js'
import type { FaultRun, Served } from '../measure.js'
import { type FaultName, OBJECTIVE_MS, type Plan } from '../plan.js'
import { calmWindows, type Figures, figuresOf, type Group, windowsOf } from './figures.js'
import { isUp, type Levels } from './levels.js'
import { type Health, healthOf, recoveredAt, type WriteCheck } from './recovery.js'

/** The figures of a group in the parts of a run. */
export interface Parts {
  /** Latencies are those of the median window in which the load generator was not late. */
  readonly before: Figures
  readonly fault: Figures
  /** The last third of the fault: what has become of it by then. */
  readonly settled: Figures
  readonly after: Figures
  readonly windows: readonly Figures[]
}

/** What a fault did to a server. Times are in ms. */
export interface Summary {
  readonly fault: FaultName
  readonly guard: GuardName
  readonly plan: Plan
  readonly others: Parts
  readonly hot: Parts
  readonly all: Parts
  /** How long after the begin of the fault everyone else became healthy for good; undefined: not while it lasted. */
  readonly healed: number | undefined
  /** How long after its end everyone was as before it, the level 0; undefined: not in this run. */
  readonly back: number | undefined
  readonly writes: WriteCheck
  readonly levels: Levels | undefined
  readonly cure: Cure | undefined
}

/** The level that cured a fault, and how long everyone else took to be healthy from when it took hold. */
export interface Cure {
  readonly level: number
  /** When it took hold, from the begin of the fault. */
  readonly at: number
  readonly took: number
}

/** What counts as normal for the hot shard: few requests go to it in a window, so its P99 there is one of them, and one refusal is several %. */
const HOT_NORMAL: Health = { p99: OBJECTIVE_MS, answered: 0.95 }

export function summaryOf(
  { fault, plan, traffic, lateness }: FaultRun,
  { guard, answers, writes, levels }: Served,
): Summary {
  const { warmUp, faultFrom, faultUntil, until } = plan
  const parts = (group: Group): Parts => {
    const figures = (from: number, to: number) => figuresOf(traffic, answers, group, from, to)
    const windows = windowsOf(traffic, answers, group, plan)
    const isCalm = calmWindows(traffic, lateness, windows)
    const calmBefore = windows.filter(({ until }, i) => isCalm[i] && until <= faultFrom)
    return {
      before: usualOf(figures(warmUp, faultFrom), calmBefore),
      fault: figures(faultFrom, faultUntil),
      settled: figures(faultUntil - (faultUntil - faultFrom) / 3, faultUntil),
      after: figures(faultUntil, until),
      windows,
    }
  }
  const [others, hot, all] = [parts('others'), parts('hot'), parts('all')]
  const health = healthOf(others.before)
  const isCalm = calmWindows(traffic, lateness, others.windows)
  const calm = ({ windows }: Parts) => windows.filter((_, i) => isCalm[i])
  const healedAt = recoveredAt(calm(others), health, faultFrom, faultUntil)
  return {
    fault,
    guard,
    plan,
    others,
    hot,
    all,
    healed: healedAt === undefined ? undefined : healedAt - faultFrom,
    back: backOf(
      [
        recoveredAt(calm(others), health, faultUntil, until),
        recoveredAt(calm(hot), HOT_NORMAL, faultUntil, until),
        ...(levels === undefined ? [] : [levelBack(levels, plan)]),
      ],
      plan,
    ),
    writes,
    levels,
    cure: levels === undefined || healedAt === undefined ? undefined : cureOf(levels, healedAt, plan),
  }
}

/** What is usual: the median of the windows, since one in which the machine was busy must not make the fault look small. `whole` without windows. */
export function usualOf(whole: Figures, windows: readonly Figures[]): Figures {
  const median = (of: (window: Figures) => number | null) => {
    const known = windows.flatMap(window => of(window) ?? [])
    return known.length === 0 ? undefined : quantile(known, 0.5)
  }
  return { ...whole, p50: median(({ p50 }) => p50) ?? whole.p50, p99: median(({ p99 }) => p99) ?? whole.p99 }
}

/** When the last of the conditions was met, from the end of the fault; undefined if one never was. */
function backOf(times: readonly (number | undefined)[], { faultUntil }: Plan): number | undefined {
  const known = times.flatMap(time => time ?? [])
  return known.length < times.length ? undefined : Math.max(...known) - faultUntil
}

/** When the hot shard's level was 0 for good. */
function levelBack({ changes }: Levels, { faultUntil, until }: Plan): number | undefined {
  const within = changes.filter(({ at }) => at < until)
  const last = within[within.length - 1]
  if (last === undefined) return faultUntil
  return last.to === 0 ? Math.max(last.at, faultUntil) : undefined
}

/** The last step up before everyone else was healthy; undefined if they were before any level. */
export function cureOf({ changes }: Levels, healedAt: number, { faultFrom, step }: Plan): Cure | undefined {
  // A window begins up to a step before the request from which it is healthy.
  const up = changes.filter(change => isUp(change) && change.at >= faultFrom && change.at <= healedAt + step)
  const last = up[up.length - 1]
  return last === undefined
    ? undefined
    : { level: last.to, at: last.at - faultFrom, took: Math.max(0, healedAt - last.at) }
}
