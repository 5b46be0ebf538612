/**
 * The buckets of latencies: log-linear as in HdrHistogram, in microseconds, with `2^subBits` buckets for each power of two. A latency read
 * from the buckets is off by at most 1 / 2^(subBits + 1) of itself: 3.1% with 4 bits. Counts wrap at 2^32; differences of two readings
 * stay right, and `carries` count the wraps.
 *
 * `threadmap/histogram` does not fit here: a window is the difference of two readings, and its counts stop at 2^31.
 */
import { LATENCY_BITS } from './layout.js'

const MOST = 2 ** LATENCY_BITS - 1

/** The bucket of a latency in milliseconds. */
export function bucketOf(ms: number, subBits: number): number {
  const us = ms * 1000
  const whole = us >= MOST ? MOST : us > 0 ? us | 0 : 0
  if (whole < 1 << subBits) return whole
  const shift = 31 - Math.clz32(whole) - subBits
  return (shift << subBits) + (whole >>> shift)
}

/** The smallest latency of a bucket, in microseconds. */
export function lowOf(bucket: number, subBits: number): number {
  const sub = 1 << subBits
  if (bucket < sub) return bucket
  const shift = (bucket >>> subBits) - 1
  return (sub + (bucket & (sub - 1))) * 2 ** shift
}

/** The middles of the buckets in milliseconds, by the bits of the buckets: a look needs them for each bucket of each shard. */
const middles: Float64Array[] = []

/** The middle of a bucket, in milliseconds. */
export function middleOf(bucket: number, subBits: number): number {
  return middlesOf(subBits)[bucket]
}

export function middlesOf(subBits: number): Float64Array {
  middles[subBits] ??= Float64Array.from(
    { length: (LATENCY_BITS - subBits + 1) * 2 ** subBits },
    (_, bucket) => (lowOf(bucket, subBits) + lowOf(bucket + 1, subBits)) / 2000,
  )
  return middles[subBits]
}

/** How many records there are. */
export function totalOf(counts: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < counts.length; i++) total += counts[i]
  return total
}

/** The latency that a share (0 to 1) of the records do not exceed, in milliseconds; 0 where there is no record. */
export function quantileOf(counts: ArrayLike<number>, share: number, subBits: number): number {
  return quantilesOf(counts, [share], subBits)[0]
}

/** As `quantileOf`, for several shares in ascending order. */
export function quantilesOf(counts: ArrayLike<number>, shares: readonly number[], subBits: number): number[] {
  const total = totalOf(counts)
  if (total === 0) return shares.map(() => 0)
  let bucket = 0
  let seen = counts[0]
  return shares.map(share => {
    const rank = rankOf(share, total)
    while (seen < rank && bucket < counts.length - 1) seen += counts[++bucket]
    return middleOf(bucket, subBits)
  })
}

/** The product before the quotient, and a little less: 0.99 * 100 is 99 and not a rounding error more. */
function rankOf(share: number, total: number): number {
  return Math.max(1, Math.ceil(share * total - 1e-9))
}

/**
 * As `quantileOf`, for a share near 1 of `total` records, those of `less` left out. It goes down from the highest bucket, so that it looks at few.
 */
export function highQuantileOf(
  counts: ArrayLike<number>,
  less: ArrayLike<number> | undefined,
  total: number,
  share: number,
  subBits: number,
): number {
  if (total <= 0) return 0
  let above = total - rankOf(share, total)
  for (let i = counts.length - 1; i > 0; i--) {
    above -= less === undefined ? counts[i] : counts[i] - less[i]
    if (above < 0) return middleOf(i, subBits)
  }
  return middleOf(0, subBits)
}

/** The sum of all latencies, in milliseconds, from the middles of the buckets. */
export function sumOf(counts: ArrayLike<number>, subBits: number): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) if (counts[i] > 0) sum += counts[i] * middleOf(i, subBits)
  return sum
}
