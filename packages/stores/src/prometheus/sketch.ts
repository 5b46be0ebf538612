/**
 * The sketch of a summary: buckets whose bounds grow by a constant factor, so that every quantile is off by at most `RELATIVE_ERROR` of itself, whatever the values
 * are. Adding a value is one atomic addition, and sketches of any number of threads are one.
 *
 * Source: DDSketch (Masson, Rim, Lee, VLDB 2019).
 */

/** The largest share by which a quantile differs from the value of that rank. */
export const RELATIVE_ERROR = 0.01

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)

/** The name of the bucket of a value: values of one bucket differ by 2% at most. */
export function bucketOf(value: number): string {
  if (value === 0) return '0'
  const index = Math.ceil(Math.log(Math.abs(value)) / LOG_GAMMA)
  return value > 0 ? `+${index}` : `-${index}`
}

/** The value that stands for a bucket. */
export function middleOf(bucket: string): number {
  if (bucket === '0') return 0
  const size = Math.exp(Number(bucket.slice(1)) * LOG_GAMMA) * (2 / (GAMMA + 1))
  return bucket.startsWith('+') ? size : -size
}

/** The quantile of buckets with their counts: the value of the rank that is nearest from above. 0 without values, as prom-client has it. */
export function quantile(buckets: readonly (readonly [value: number, count: number])[], share: number): number {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  const total = sorted.reduce((sum, [, count]) => sum + count, 0)
  // A little less than the product: 0.99 * 100 is 99, and not a rounding error more.
  const rank = Math.max(1, Math.ceil(share * total - 1e-9))
  let seen = 0
  for (const [value, count] of sorted) {
    seen += count
    if (seen >= rank) return value
  }
  return 0
}
