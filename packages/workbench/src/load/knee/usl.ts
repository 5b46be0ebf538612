import { quantile } from '../../statistics.js'
import { random } from '../../workload.js'

/** Throughput under a load, with its variance. */
export interface Load {
  /** Clients, or processors. */
  readonly n: number
  readonly throughput: number
  /** Variance of `throughput`. */
  readonly variance: number
}

/**
 * The Universal Scalability Law, X(N) = lambda N / (1 + alpha (N - 1) + beta N (N - 1)).
 *
 * Source: N. J. Gunther, "Guerrilla Capacity Planning", 2007.
 */
export interface Usl {
  /** Throughput of one client or processor. */
  readonly lambda: number
  /** Contention: the share of the work that is done one after another. */
  readonly alpha: number
  /** Coherency: the cost per pair of clients or processors. */
  readonly beta: number
  /** The load at which throughput is highest; null: throughput levels off, or rises throughout. */
  readonly peak: number | null
}

export interface UslFit extends Usl {
  /** 90% of the bootstrap's peaks lie in this interval; `high` is null where some of these fits have no peak. */
  readonly interval: { readonly low: number | null; readonly high: number | null }
  /** Share of the bootstrap's fits that have a peak at all. */
  readonly peaks: number
  /** Share of the variation of throughput that the curve explains. */
  readonly r2: number
}

/** Fits of the bootstrap: enough for a 90% interval that moves by less than a step from run to run. */
const REPLICAS = 400
const CONFIDENCE = 0.9

/**
 * Fits the law: N/X = a + b (N-1) + c N (N-1) is linear in a, b, c, so weighted least squares does it, with weights by
 * which the error of X counts and not the error of N/X. A negative b or c has no meaning in the law, and is set to 0.
 * Undefined for fewer than three loads.
 */
export function fitUsl(loads: readonly Load[]): Usl | undefined {
  const usable = loads.filter(({ throughput }) => throughput > 0)
  if (usable.length < 3) return undefined
  const weights = usable.map(({ n, throughput, variance }) => throughput ** 4 / (n * n * Math.max(variance, 1e-12)))
  const y = usable.map(({ n, throughput }) => n / throughput)
  const terms = [usable.map(() => 1), usable.map(({ n }) => n - 1), usable.map(({ n }) => n * (n - 1))]
  let best: { readonly error: number; readonly abc: readonly number[] } | undefined
  for (const used of [[0, 1, 2], [0, 1], [0, 2], [0]]) {
    const solution = leastSquares(
      used.map(term => terms[term]),
      y,
      weights,
    )
    if (solution === undefined || solution.some(value => value < 0) || solution[0] <= 0) continue
    const abc = [0, 0, 0]
    for (const [at, term] of used.entries()) abc[term] = solution[at]
    const error = y.reduce(
      (sum, value, i) => sum + weights[i] * (value - abc[0] - abc[1] * terms[1][i] - abc[2] * terms[2][i]) ** 2,
      0,
    )
    if (best === undefined || error < best.error) best = { error, abc }
  }
  if (best === undefined) return undefined
  const [a, b, c] = best.abc
  return { lambda: 1 / a, alpha: b / a, beta: c / a, peak: c > 0 ? Math.sqrt(Math.max(1, (a - b) / c)) : null }
}

/** The fit to the means of `samples` (several throughputs for each load), with a bootstrap over them. */
export function fitUslWithInterval(
  samples: readonly { readonly n: number; readonly throughputs: readonly number[] }[],
  seed: number,
): UslFit | undefined {
  const loads = samples.map(({ n, throughputs }) => loadOf(n, throughputs))
  const fit = fitUsl(loads)
  if (fit === undefined) return undefined
  const next = random(seed)
  const peaks: number[] = []
  for (let replica = 0; replica < REPLICAS; replica++) {
    const drawn = samples.map(({ n, throughputs }, at) => {
      const again = throughputs.map(() => throughputs[Math.floor(next() * throughputs.length)])
      const sum = again.reduce((total, value) => total + value, 0)
      return { n, throughput: sum / again.length, variance: loads[at].variance }
    })
    peaks.push(fitUsl(drawn)?.peak ?? Number.POSITIVE_INFINITY)
  }
  const bound = (q: number) => {
    // Not interpolated, since there is no number between a number and infinity.
    const value = [...peaks].sort((x, y) => x - y)[Math.round(q * (REPLICAS - 1))]
    return Number.isFinite(value) ? value : null
  }
  return {
    ...fit,
    interval: { low: bound((1 - CONFIDENCE) / 2), high: bound((1 + CONFIDENCE) / 2) },
    peaks: peaks.filter(Number.isFinite).length / REPLICAS,
    r2: explained(fit, loads),
  }
}

export function throughputAt({ lambda, alpha, beta }: Usl, n: number): number {
  return (lambda * n) / (1 + alpha * (n - 1) + beta * n * (n - 1))
}

/** The least standard deviation of a throughput, as a share of it, however little its few slices vary. */
const LEAST_RELATIVE_ERROR = 0.01

function loadOf(n: number, throughputs: readonly number[]): Load {
  const throughput = throughputs.reduce((sum, value) => sum + value, 0) / throughputs.length
  const squares = throughputs.reduce((sum, value) => sum + (value - throughput) ** 2, 0)
  const variance = throughputs.length < 2 ? 0 : squares / (throughputs.length - 1) / throughputs.length
  // A variance from a few slices may be tiny by chance, and would then draw the whole curve through that point.
  const middle = quantile(throughputs, 0.5)
  return { n, throughput, variance: variance + (LEAST_RELATIVE_ERROR * middle) ** 2 }
}

function explained(fit: Usl, loads: readonly Load[]): number {
  const mean = loads.reduce((sum, { throughput }) => sum + throughput, 0) / loads.length
  const left = loads.reduce((sum, { n, throughput }) => sum + (throughput - throughputAt(fit, n)) ** 2, 0)
  const all = loads.reduce((sum, { throughput }) => sum + (throughput - mean) ** 2, 0)
  return all === 0 ? 1 : 1 - left / all
}

/** Weighted least squares by the normal equations, of at most three terms, scaled so that N and N^2 don't swamp 1. */
function leastSquares(
  terms: readonly (readonly number[])[],
  y: readonly number[],
  weights: readonly number[],
): number[] | undefined {
  const scales = terms.map(term => Math.max(...term.map(Math.abs)) || 1)
  const size = terms.length
  const rows = terms.map((term, i) => [
    ...terms.map((other, j) =>
      term.reduce((sum, value, k) => sum + (weights[k] * value * other[k]) / scales[i] / scales[j], 0),
    ),
    term.reduce((sum, value, k) => sum + (weights[k] * value * y[k]) / scales[i], 0),
  ])
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) pivot = row
    }
    if (Math.abs(rows[pivot][column]) < 1e-300) return undefined
    ;[rows[column], rows[pivot]] = [rows[pivot], rows[column]]
    for (let row = 0; row < size; row++) {
      if (row === column) continue
      const factor = rows[row][column] / rows[column][column]
      for (let k = column; k <= size; k++) rows[row][k] -= factor * rows[column][k]
    }
  }
  return rows.map((row, i) => row[size] / row[i] / scales[i])
}
