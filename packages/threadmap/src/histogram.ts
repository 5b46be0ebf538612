/**
 * threadmap/histogram: counts how often values occurred, in memory that all threads share.
 *
 * The buckets are log-linear: each power of two is cut into equally wide buckets, so the width of a bucket is a fixed
 * share of its values. A count changes by one atomic add, so a thread may die at any point and leaves the histogram whole.
 */

import { AttachError, MapFullError, OptionError } from './errors/classes.js'
import { refuseCloning } from './errors/cloning.js'
import { bytesOf, HEADER_BYTES, type HistogramOptions, isShared, lengthOf, Place, shapeOf } from './histogram/place.js'

export { AttachError, MapFullError, OptionError } from './errors/classes.js'
export type { HistogramOptions } from './histogram/place.js'

/** The way to a histogram for another thread: send it, and pass it to `Histogram.attach` there. Structured-cloneable. */
export interface HistogramHandle {
  /** The class of the handle's object. */
  readonly kind: 'Histogram'
  /** The memory of the histogram, which may hold other data too. */
  readonly memory: SharedArrayBuffer
  /** The offset of the histogram in the memory, in bytes. */
  readonly offset: number
}

/** Records whose values lie from `low` to `high`, both included. */
export interface Bucket {
  /** The smallest value that is counted here. */
  readonly low: number
  /** The largest value that is counted here. */
  readonly high: number
  /** How many records there are. */
  readonly count: number
}

/**
 * The largest count of a bucket: half of the largest number in its word. A record beyond it is taken back. The adds that all threads may
 * have under way at once (`MOST_AT_ONCE` each) cannot reach the end of the other half.
 */
const MOST_IN_BUCKET = 2 ** 31
const MOST_AT_ONCE = 2 ** 20

/**
 * A log-linear histogram of whole numbers from 0, such as durations in nanoseconds or sizes in bytes. Any number of threads
 * record into one at the same time: each record is one atomic add, and none is lost. The names are those of the histogram
 * in Node's `perf_hooks`, which threads cannot share.
 *
 * A figure is the middle of a bucket, so it is off by at most `relativeError` (0.78% by default). Figures are read
 * without stopping the writers: they are exact up to the records that are under way.
 *
 * A record costs about as much as one into Node's own histogram (35 to 45 ns both on a busy machine, Node 20). Threads that
 * record into the same bucket all the time slow each other down; give each its own histogram there, and `sum` them.
 * A bucket counts to 2^31; `take()` the records of a window of time before that, or `reset()`.
 *
 * Source: Gil Tene's HdrHistogram.
 */
export class Histogram {
  readonly #place: Place
  readonly #counts: Uint32Array
  readonly #subBits: number
  readonly #sub: number
  /** The largest value with a bucket; a larger value counts as this one. */
  readonly highest: number

  /** A new, empty histogram. `OptionError` for options outside their range, and for memory that is too small or in use. */
  constructor(options?: HistogramOptions)
  /** @internal */
  constructor(place: Place)
  constructor(from: HistogramOptions | Place = {}) {
    const place = from instanceof Place ? from : Place.create(from)
    const { memory, offset, subBits, bits } = place
    this.#place = place
    this.#subBits = subBits
    this.#sub = 2 ** subBits
    this.highest = 2 ** bits - 1
    this.#counts = new Uint32Array(memory, offset + HEADER_BYTES, lengthOf(subBits, bits))
    refuseCloning(this, 'Histogram')
  }

  /**
   * The histogram of a handle that another thread sent, or of a `SharedArrayBuffer` that begins with one. `AttachError` for
   * any other value.
   */
  static attach(from: HistogramHandle | SharedArrayBuffer): Histogram {
    if (isShared(from)) return new Histogram(Place.find(from, 0))
    if (typeof from !== 'object' || from === null || from.kind !== 'Histogram' || !isShared(from.memory)) {
      throw new AttachError('Histogram.attach() takes the handle of a Histogram, or its SharedArrayBuffer')
    }
    return new Histogram(Place.find(from.memory, from.offset))
  }

  /**
   * A new histogram with the records of all `parts`, which must have equal options (`OptionError` otherwise). Use it where each thread
   * of a program records into a histogram of its own. Without parts the sum is empty and has the default options.
   */
  static sum(parts: Iterable<Histogram | HistogramHandle>): Histogram {
    let sum: Histogram | undefined
    for (const part of parts) {
      const histogram = part instanceof Histogram ? part : Histogram.attach(part)
      sum ??= histogram.#alike()
      sum.add(histogram)
    }
    return sum ?? new Histogram()
  }

  /** How many bytes a histogram with these options takes, for code that lays out shared memory itself. */
  static bytesFor(options: Pick<HistogramOptions, 'highest' | 'subBuckets'> = {}): number {
    const { subBits, bits } = shapeOf(options)
    return bytesOf(subBits, bits)
  }

  /** Send the handle to another thread, which calls `Histogram.attach` with it. */
  get handle(): HistogramHandle {
    const { memory, offset } = this.#place
    return { kind: 'Histogram', memory, offset }
  }

  /** The largest share by which a figure may differ from the true one. */
  get relativeError(): number {
    return 1 / (2 * this.#sub)
  }

  /**
   * Counts `value`, `count` times (1 to 1,048,576). Fractions are cut off; a value below 0 counts as 0, a value above
   * `highest` as `highest`. Any thread may call it. `OptionError` for a value that is no number; `MapFullError` when the bucket has
   * 2^31 records, and then nothing was counted. O(1): one atomic add.
   */
  record(value: number, count = 1): void {
    if (count !== 1) checkCount(count)
    this.#add(this.#bucketOf(value), count)
  }

  /** Adds the records of `other`, which must have equal options (`OptionError` otherwise). Returns this histogram. */
  add(other: Histogram): this {
    this.#checkAlike(other)
    const theirs = other.#counts
    for (let i = 0; i < theirs.length; i++) {
      const count = Atomics.load(theirs, i)
      if (count > 0) this.#add(i, count)
    }
    return this
  }

  /**
   * Moves all records into `into` (a new histogram if left out), and returns `into`. A record that another thread makes
   * meanwhile is either moved now or stays for the next call: none is lost or counted twice. `OptionError` where `into` has
   * other options.
   */
  take(into: Histogram = this.#alike()): Histogram {
    this.#checkAlike(into)
    const counts = this.#counts
    for (let i = 0; i < counts.length; i++) {
      const count = Atomics.load(counts, i) === 0 ? 0 : Atomics.exchange(counts, i, 0)
      if (count > 0) into.#add(i, count)
    }
    return into
  }

  /** Removes all records. Those that are made meanwhile are either removed or kept. */
  reset(): void {
    for (let i = 0; i < this.#counts.length; i++) Atomics.store(this.#counts, i, 0)
  }

  /** How many records there are. O(buckets), as all figures are: some microseconds. */
  get count(): number {
    let count = 0
    for (let i = 0; i < this.#counts.length; i++) count += this.#counts[i]
    return count
  }

  /** The lowest value that was recorded, as the low end of its bucket. NaN when there is none. */
  get min(): number {
    const at = this.#counts.findIndex(count => count > 0)
    return at < 0 ? Number.NaN : this.#lowOf(at)
  }

  /** The highest value that was recorded, as the high end of its bucket. NaN when there is none. */
  get max(): number {
    const at = this.#counts.findLastIndex(count => count > 0)
    return at < 0 ? Number.NaN : this.#lowOf(at + 1) - 1
  }

  /** The mean of the records. NaN when there is none. */
  get mean(): number {
    let sum = 0
    let count = 0
    for (const [at, each] of this.#counts.entries()) {
      if (each === 0) continue
      sum += each * this.#middleOf(at)
      count += each
    }
    return sum / count
  }

  /**
   * The value that `percent` (0 to 100) of the records do not exceed, as the middle of its bucket: `percentile(99)` is the
   * P99. NaN when there are no records. `OptionError` for a percentage out of range.
   */
  percentile(percent: number): number {
    if (!(percent >= 0 && percent <= 100)) {
      throw new OptionError(`percentile() takes a percentage from 0 to 100, and got ${String(percent)}`)
    }
    // A copy: if counts rose between the two walks over them, the rank would be wrong. The product comes before the quotient, so
    // that 99.9% of 50,000 is 49,950 and not a rounding error more.
    const counts = this.#counts.slice()
    let total = 0
    for (let i = 0; i < counts.length; i++) total += counts[i]
    const rank = Math.max(1, Math.ceil((percent * total) / 100))
    let seen = 0
    for (let i = 0; i < counts.length; i++) {
      seen += counts[i]
      if (seen >= rank) return this.#middleOf(i)
    }
    return Number.NaN
  }

  /** The share (0 to 1) of records in buckets that end below `value`. NaN when there are no records. */
  shareBelow(value: number): number {
    const end = this.#bucketOf(value)
    let below = 0
    let total = 0
    for (const [at, count] of this.#counts.entries()) {
      total += count
      if (at < end) below += count
    }
    return below / total
  }

  /** The buckets that have records, from the lowest: for a chart, or for another program's histogram. */
  *buckets(): IterableIterator<Bucket> {
    for (const [at, count] of this.#counts.entries()) {
      if (count > 0) yield { low: this.#lowOf(at), high: this.#lowOf(at + 1) - 1, count }
    }
  }

  #add(at: number, count: number): void {
    const was = Atomics.add(this.#counts, at, count)
    if (was + count <= MOST_IN_BUCKET) return
    Atomics.sub(this.#counts, at, count)
    throw new MapFullError(
      `the bucket from ${this.#lowOf(at)} to ${this.#lowOf(at + 1) - 1} of a histogram has ${was} records, and counts to ${MOST_IN_BUCKET}; ` +
        'take() or reset() the records from time to time',
    )
  }

  #bucketOf(value: number): number {
    if (typeof value !== 'number' || Number.isNaN(value)) {
      throw new OptionError(`a histogram takes numbers, and got ${String(value)}`)
    }
    const whole = value >= this.highest ? this.highest : value > 0 ? Math.floor(value) : 0
    if (whole < this.#sub) return whole
    if (whole < 2 ** 32) {
      const shift = 31 - Math.clz32(whole) - this.#subBits
      return shift * this.#sub + (whole >>> shift)
    }
    // Shifts and clz32 work on 32 bits, so the upper bits of a safe integer are treated separately.
    const upper = Math.floor(whole / 2 ** 32)
    const shift = 63 - Math.clz32(upper) - this.#subBits
    return shift * this.#sub + Math.floor(whole / 2 ** shift)
  }

  /** The smallest value of a bucket. */
  #lowOf(at: number): number {
    if (at < this.#sub) return at
    const exponent = Math.floor(at / this.#sub) + this.#subBits - 1
    return (this.#sub + (at % this.#sub)) * 2 ** (exponent - this.#subBits)
  }

  #middleOf(at: number): number {
    return (this.#lowOf(at) + this.#lowOf(at + 1) - 1) / 2
  }

  #alike(): Histogram {
    return new Histogram({ highest: this.highest, subBuckets: this.#sub })
  }

  #checkAlike(other: Histogram): void {
    if (other.#sub === this.#sub && other.highest === this.highest) return
    throw new OptionError(
      `histograms with the same options add up; these have ${this.#sub} and ${other.#sub} buckets per power of two, up to ${this.highest} and ${other.highest}`,
    )
  }
}

function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MOST_AT_ONCE) return
  throw new OptionError(`record() takes a count from 1 to ${MOST_AT_ONCE}, and got ${String(count)}`)
}
