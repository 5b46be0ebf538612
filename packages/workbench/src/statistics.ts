/**
 * A median with the quartiles around it, as the lab and the benchmark report their figures. Not with the smallest and largest
 * value, which grow apart with every further round, and which one disturbance sets.
 */
export interface Spread {
  readonly median: number
  /** The lower quartile. */
  readonly low: number
  /** The upper quartile. */
  readonly high: number
  /** The values, in the order of their rounds. */
  readonly rounds: readonly number[]
}

/** The `q`-quantile (0 to 1) of `values`, interpolated linearly; NaN for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const above = Math.ceil(position)
  if (sorted.length === 0) return Number.NaN
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below)
}

export function spread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), low: quantile(values, 0.25), high: quantile(values, 0.75), rounds: values }
}

/** Half the interquartile range as a share of the median. */
export function relativeSpread({ median, low, high }: Spread): number {
  return (high - low) / 2 / median
}

/** Fewer rounds do not show how noisy a figure is, so `SINGLE_RUN_NOISE` is assumed. */
export const ROUNDS_TO_RANK = 3

/** The difference that was seen between single runs on shared machines. */
export const SINGLE_RUN_NOISE = 0.2

/** How many times as large `a` is as `b`, round by round: a disturbance in a round affects both sides of its ratio. */
export function ratios(a: readonly number[], b: readonly number[]): Spread {
  return spread(a.map((value, round) => value / b[round]))
}

/**
 * How many times as large `a` is as `b`, by the median of the ratios round by round: both ran in every round, so a disturbance
 * in a round slowed both. `beyondNoise` is true if the quartiles of the ratios lie on one side of 1. Ratios are taken as
 * logarithms, so that comparing `b` with `a` gives the inverse.
 */
export function compare(a: readonly number[], b: readonly number[]): { ratio: number; beyondNoise: boolean } {
  const ratios = spread(a.map((value, round) => Math.log(value / b[round])))
  const margin = ratios.rounds.length < ROUNDS_TO_RANK ? Math.log1p(SINGLE_RUN_NOISE) : 0
  return { ratio: Math.exp(ratios.median), beyondNoise: ratios.low > margin || ratios.high < -margin }
}

/** A smaller difference does not matter to a user, however sure it is. */
export const NOTABLE = 0.05

/** Like `compare`, and tells whether the difference is both beyond the noise and large enough to matter. */
export function contrast(a: readonly number[], b: readonly number[]): { ratio: number; differs: boolean } {
  const { ratio, beyondNoise } = compare(a, b)
  return { ratio, differs: beyondNoise && Math.abs(Math.log(ratio)) > Math.log1p(NOTABLE) }
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/** The mean over `values`; 0 for none. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : total(values) / values.length
}
