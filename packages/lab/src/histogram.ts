/**
 * Log-linear histograms of times in nanoseconds: each power of two is cut into 64 equal buckets, so a quantile is off by
 * less than 1.6%. (Gil Tene's HdrHistogram is the idea.) The counts may stand in shared memory; a thread then records into
 * one of its own, and whoever wants the whole adds them up.
 */

/** Buckets per power of two: 2^6. */
const SUB_BITS = 6
const SUB = 1 << SUB_BITS
/** Up to 2^42 ns, 73 minutes. Longer is recorded as that. */
const MAX_BITS = 42
const MAX_VALUE = 2 ** MAX_BITS - 1
export const HISTOGRAM_LENGTH = (MAX_BITS - SUB_BITS + 1) * SUB

export class Histogram {
  readonly counts: Uint32Array

  /** `counts` of `HISTOGRAM_LENGTH`; a fresh private array if left out. */
  constructor(counts: Uint32Array = new Uint32Array(HISTOGRAM_LENGTH)) {
    if (counts.length !== HISTOGRAM_LENGTH)
      throw new RangeError(`a histogram has ${HISTOGRAM_LENGTH} counts, not ${counts.length}`)
    this.counts = counts
  }

  /** One that other threads can read: pass `counts` to `new Histogram` there. */
  static shared(): Histogram {
    return new Histogram(new Uint32Array(new SharedArrayBuffer(HISTOGRAM_LENGTH * Uint32Array.BYTES_PER_ELEMENT)))
  }

  /** Only one thread may record into the same counts. */
  record(nanoseconds: number): void {
    this.counts[bucketOf(nanoseconds)]++
  }

  add(other: Histogram): this {
    for (let i = 0; i < HISTOGRAM_LENGTH; i++) this.counts[i] += other.counts[i]
    return this
  }

  reset(): void {
    this.counts.fill(0)
  }

  get total(): number {
    let total = 0
    for (const count of this.counts) total += count
    return total
  }

  /** The value below which a share `q` (0 to 1) of the records lies: the middle of its bucket. NaN when there are none. */
  quantile(q: number): number {
    const total = this.total
    if (total === 0) return Number.NaN
    const rank = Math.min(total, Math.max(1, Math.ceil(q * total)))
    let seen = 0
    for (let i = 0; i < HISTOGRAM_LENGTH; i++) {
      seen += this.counts[i]
      if (seen >= rank) return lowOf(i) + (lowOf(i + 1) - lowOf(i) - 1) / 2
    }
    return MAX_VALUE
  }

  /** The share of records in buckets that end below `nanoseconds`. NaN when there are none. */
  shareBelow(nanoseconds: number): number {
    let below = 0
    for (let i = bucketOf(nanoseconds) - 1; i >= 0; i--) below += this.counts[i]
    return below / this.total
  }

  get mean(): number {
    let sum = 0
    for (let i = 0; i < HISTOGRAM_LENGTH; i++) sum += this.counts[i] * (lowOf(i) + (lowOf(i + 1) - lowOf(i) - 1) / 2)
    return sum / this.total
  }
}

function bucketOf(value: number): number {
  const whole = value >= MAX_VALUE ? MAX_VALUE : value > 0 ? Math.floor(value) : 0
  if (whole < SUB) return whole
  // Beyond 2^31 the 32-bit count of leading zeros needs the upper half.
  const exponent = whole < 2 ** 31 ? 31 - Math.clz32(whole) : Math.floor(Math.log2(whole))
  return (exponent - SUB_BITS + 1) * SUB + (Math.floor(whole / 2 ** (exponent - SUB_BITS)) - SUB)
}

/** The smallest value of a bucket. */
function lowOf(bucket: number): number {
  if (bucket < SUB) return bucket
  const exponent = Math.floor(bucket / SUB) + SUB_BITS - 1
  return (SUB + (bucket % SUB)) * 2 ** (exponent - SUB_BITS)
}
