import type { Evidence } from '@threadmap/workbench/evidence'
import { mean, NOTABLE, quantile, SINGLE_RUN_NOISE } from '@threadmap/workbench/statistics'
import type { RunDocument } from '../document.js'
import type { Change } from './change.js'
import { type ComparedConclusions, compareConclusions, conclusionFindings } from './conclusions.js'

export interface Comparison {
  /** The figures that both runs have, in the order of the second run. */
  readonly figures: readonly Change[]
  /** The number of figures that only one of the runs has. */
  readonly onlyBefore: number
  readonly onlyAfter: number
  /** The factor by which all speeds changed together (median of ratios; above 1: faster), which the machine rather than the code explains. */
  readonly drift: number | undefined
  /** What the runs conclude, and where they differ. */
  readonly conclusions: ComparedConclusions
  readonly isSameMachine: boolean
  readonly isSameLength: boolean
}

/** The identity of a figure: rows of two runs with equal keys are compared. */
function keyOf({ experiment, subject, workers, workload, metric, unit }: Evidence): string {
  return JSON.stringify([experiment, subject, workers, workload, metric, unit])
}

/**
 * Compares two runs. Their rounds did not run at the same time, so they cannot be paired: a figure has changed when the means of
 * its logarithms differ by Welch's test at 99.9% (a run has hundreds of figures) and the medians differ by more than 5%. With fewer than
 * four rounds, which show too little of the noise, the quartiles must not overlap and the medians must differ by 20%.
 */
export function compareRuns(before: RunDocument, after: RunDocument): Comparison {
  const earlier = new Map(rowsOf(before).map(row => [keyOf(row), row]))
  const later = rowsOf(after)
  const figures = later.flatMap(row => {
    const match = earlier.get(keyOf(row))
    return match === undefined ? [] : [changeOf(match, row)]
  })
  const speeds = figures.flatMap(({ after: row, ratio }) => {
    const better = isMoreBetter(row)
    return better === undefined || !(ratio > 0) || !Number.isFinite(ratio) ? [] : [better ? ratio : 1 / ratio]
  })
  return {
    figures,
    conclusions: compareConclusions(before, after, figures),
    onlyBefore: earlier.size - figures.length,
    onlyAfter: later.length - figures.length,
    drift: speeds.length === 0 ? undefined : quantile(speeds, 0.5),
    isSameMachine: JSON.stringify(before.machine) === JSON.stringify(after.machine),
    isSameLength: before.settings.quick === after.settings.quick,
  }
}

function rowsOf(document: RunDocument): Evidence[] {
  return document.experiments.flatMap(record => (record.status === 'finished' ? record.evidence : []))
}

/** Rounds from which on their own variance is used. */
const ROUNDS_TO_TEST = 4
/** The quantile 0.9995 of the normal distribution: 99.9% in the middle. */
const Z = 3.2905

/** Welch's test on the logarithms. */
function meansDiffer(before: readonly number[], after: readonly number[]): boolean {
  const [a, b] = [before, after].map(rounds => {
    const logs = rounds.map(Math.log)
    const middle = mean(logs)
    const variance = logs.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (logs.length - 1)
    return { middle, error: variance / logs.length, freedom: logs.length - 1 }
  })
  const error = a.error + b.error
  if (error === 0) return a.middle !== b.middle
  const freedom = error ** 2 / (a.error ** 2 / a.freedom + b.error ** 2 / b.freedom)
  return Math.abs(a.middle - b.middle) > student(freedom) * Math.sqrt(error)
}

/** The quantile of Student's t that belongs to `Z`, by its expansion in 1 / freedom (Abramowitz and Stegun, 26.7.5). */
function student(freedom: number): number {
  const terms = [
    (Z ** 3 + Z) / 4,
    (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / 96,
    (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / 384,
  ]
  return terms.reduce((sum, term, at) => sum + term / freedom ** (at + 1), Z)
}

function changeOf(before: Evidence, after: Evidence): Change {
  const ratio = after.value / before.value
  const rounds = Math.min(before.spread.rounds.length, after.spread.rounds.length)
  const isMeasurable = rounds >= ROUNDS_TO_TEST && [...before.spread.rounds, ...after.spread.rounds].every(x => x > 0)
  const least = isMeasurable ? NOTABLE : SINGLE_RUN_NOISE
  const isApart = isMeasurable
    ? meansDiffer(before.spread.rounds, after.spread.rounds)
    : after.spread.low > before.spread.high || after.spread.high < before.spread.low
  const isLarge =
    Number.isFinite(ratio) && ratio > 0 ? Math.abs(Math.log(ratio)) > Math.log1p(least) : before.value !== after.value
  const isChange = isApart && isLarge
  const better = isMoreBetter(after)
  return {
    before,
    after,
    ratio,
    isChange,
    isBetter: better === undefined ? undefined : better === after.value > before.value,
  }
}

/** Rates are better when higher, times and sizes when lower; other figures have no better direction. */
function isMoreBetter({ unit }: Evidence): boolean | undefined {
  if (/(^|\s)[kMG]?(ops)?\/s\b/.test(unit)) return true
  if (/^(ns|us|µs|ms|s|min|B|KB|MB|GB|KiB|MiB|GiB|bytes)(\/|$| )/.test(unit)) return false
  return undefined
}

/** The comparison in sentences; the first is the headline. */
export function comparisonFindings({
  figures,
  drift,
  onlyBefore,
  onlyAfter,
  conclusions,
  isSameMachine,
  isSameLength,
}: Comparison): string[] {
  const changed = figures.filter(({ isChange }) => isChange)
  const better = changed.filter(({ isBetter }) => isBetter === true).length
  const worse = changed.filter(({ isBetter }) => isBetter === false).length
  const other = changed.length - better - worse
  const counts = [
    ...(better > 0 ? [`${better} better`] : []),
    ...(worse > 0 ? [`${worse} worse`] : []),
    ...(other > 0 ? [`${other} different`] : []),
  ].join(', ')
  const first =
    figures.length === 0
      ? 'The two runs have no figure in common.'
      : changed.length === 0
        ? `Nothing changed beyond the noise in ${figures.length} figures.`
        : `${changed.length} of ${figures.length} figures changed beyond the noise: ${counts}.`
  return [
    first,
    ...conclusionFindings(conclusions),
    ...(isSameMachine
      ? []
      : ['The runs are from different machines or versions of Node, so the comparison includes that difference.']),
    ...(isSameLength ? [] : ['One run was quick and the other full: their workloads and spreads differ.']),
    ...(drift !== undefined && Math.abs(Math.log(drift)) > Math.log1p(NOTABLE) && isSameMachine
      ? [
          `All speeds together changed by a factor of ${drift.toFixed(2)} (median): the cause is probably the machine or its other users, not a map.`,
        ]
      : []),
    ...(onlyBefore > 0 ? [`${onlyBefore} figures are in the first run only.`] : []),
    ...(onlyAfter > 0 ? [`${onlyAfter} figures are in the second run only.`] : []),
  ]
}

/** The changes beyond the noise, largest first. */
export function changesOf({ figures }: Comparison): Change[] {
  const size = ({ ratio }: Change) => Math.abs(Math.log(ratio > 0 ? ratio : Number.MIN_VALUE))
  return figures.filter(({ isChange }) => isChange).sort((a, b) => size(b) - size(a))
}
