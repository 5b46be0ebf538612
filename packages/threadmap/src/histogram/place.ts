/**
 * The place of a histogram in memory: a header that describes it (magic, format, shape), then the counts of its buckets. The magic is
 * written last and read first, so a thread that attaches too early is refused.
 */

import { AttachError, OptionError } from '../errors/classes.js'
import { refuseUnknown } from '../errors/unknown-options.js'

/** The options of `new Histogram()`. */
export interface HistogramOptions {
  /** The largest value with a bucket; default 2^42 - 1, which is 73 minutes in nanoseconds. It is rounded up to a power of two less 1. */
  highest?: number
  /** Buckets for each power of two: 2, 4, 8 to 1,024; default 64. Twice as many take twice the memory and halve `relativeError`. */
  subBuckets?: number
  /** The memory of the histogram, which may hold other data too; a new one if left out. The histogram's bytes must be zero. */
  memory?: SharedArrayBuffer
  /** The offset of the histogram in `memory`, in bytes: a multiple of 4; default 0. */
  offset?: number
}

/** The words of the header, by index. */
const MAGIC = 0
const FORMAT = 1
const SUB_BITS = 2
const BITS = 3
export const HEADER_BYTES = 32

/** `TMHG`, as a little-endian word. */
const MAGIC_WORD = 0x47484d54
/** Raised whenever an older reader would misread the memory. */
const CURRENT_FORMAT = 1

const DEFAULT_HIGHEST = 2 ** 42 - 1
const DEFAULT_SUB_BUCKETS = 64
const MOST_SUB_BITS = 10
/** Safe integers have 53 bits. */
const MOST_BITS = 53

/** A histogram's memory and shape, checked. */
export class Place {
  readonly memory: SharedArrayBuffer
  readonly offset: number
  /** log2 of the buckets per power of two. */
  readonly subBits: number
  /** How many bits the largest value has. */
  readonly bits: number

  constructor(memory: SharedArrayBuffer, offset: number, subBits: number, bits: number) {
    this.memory = memory
    this.offset = offset
    this.subBits = subBits
    this.bits = bits
  }

  static create(options: HistogramOptions): Place {
    refuseUnknown('new Histogram()', options, ['highest', 'subBuckets', 'memory', 'offset'])
    const { subBits, bits } = shapeOf(options)
    const { offset = 0 } = options
    const bytes = bytesOf(subBits, bits)
    const memory = options.memory ?? new SharedArrayBuffer(isOffset(offset) ? offset + bytes : 0)
    const problem = misplaced(memory, offset, bytes)
    if (problem !== undefined) throw new OptionError(`new Histogram() ${problem}`)
    const header = headerOf(memory, offset)
    if (header.some(word => word !== 0)) {
      throw new OptionError(
        `new Histogram(): the memory at offset ${offset} is in use; attach() to the histogram there, or give bytes that are zero`,
      )
    }
    header[FORMAT] = CURRENT_FORMAT
    header[SUB_BITS] = subBits
    header[BITS] = bits
    // The magic is written last, so that a thread that attaches too early is refused instead of misled.
    Atomics.store(header, MAGIC, MAGIC_WORD)
    return new Place(memory, offset, subBits, bits)
  }

  static find(memory: SharedArrayBuffer, offset: number): Place {
    const problem = misplaced(memory, offset, HEADER_BYTES)
    if (problem !== undefined) throw new AttachError(`Histogram.attach() ${problem}`)
    const header = headerOf(memory, offset)
    if (Atomics.load(header, MAGIC) !== MAGIC_WORD) {
      throw new AttachError(`there is no histogram at offset ${offset} of this memory; send the \`handle\` of one`)
    }
    const { [FORMAT]: format, [SUB_BITS]: subBits, [BITS]: bits } = header
    if (format !== CURRENT_FORMAT) {
      throw new AttachError(
        `the histogram has format ${format}, and this version of threadmap reads ${CURRENT_FORMAT}; use one version in all threads`,
      )
    }
    const isShape = subBits >= 1 && subBits <= MOST_SUB_BITS && bits > subBits && bits <= MOST_BITS
    if (!isShape || misplaced(memory, offset, bytesOf(subBits, bits)) !== undefined) {
      throw new AttachError(`the histogram at offset ${offset} is damaged: it says ${subBits} of ${bits} bits`)
    }
    return new Place(memory, offset, subBits, bits)
  }
}

/** The shape of a histogram with these options. `OptionError` for options outside their range. */
export function shapeOf(options: HistogramOptions): { subBits: number; bits: number } {
  const { highest = DEFAULT_HIGHEST, subBuckets = DEFAULT_SUB_BUCKETS } = options
  const subBits = Math.log2(subBuckets)
  if (!Number.isInteger(subBits) || subBits < 1 || subBits > MOST_SUB_BITS) {
    throw new OptionError(`subBuckets is a power of two from 2 to ${2 ** MOST_SUB_BITS}, and got ${String(subBuckets)}`)
  }
  if (!Number.isSafeInteger(highest) || highest < subBuckets) {
    throw new OptionError(
      `highest is a whole number from subBuckets (${subBuckets}) to 2^53 - 1, and got ${String(highest)}`,
    )
  }
  let bits = subBits + 1
  while (2 ** bits - 1 < highest) bits++
  return { subBits, bits }
}

/** The number of buckets. */
export function lengthOf(subBits: number, bits: number): number {
  return (bits - subBits + 1) * 2 ** subBits
}

/** How many bytes a histogram takes, header and counts. */
export function bytesOf(subBits: number, bits: number): number {
  return HEADER_BYTES + lengthOf(subBits, bits) * Uint32Array.BYTES_PER_ELEMENT
}

function headerOf(memory: SharedArrayBuffer, offset: number): Uint32Array {
  return new Uint32Array(memory, offset, HEADER_BYTES / Uint32Array.BYTES_PER_ELEMENT)
}

/** The reason why a histogram of `bytes` bytes cannot be at this place, or undefined. */
function misplaced(memory: unknown, offset: unknown, bytes: number): string | undefined {
  if (!isShared(memory)) return `takes a SharedArrayBuffer as memory, and got ${String(memory)}`
  if (!isOffset(offset)) return `takes a multiple of 4 as offset, and got ${String(offset)}`
  if (offset + bytes <= memory.byteLength) return undefined
  return `needs ${bytes} bytes from offset ${offset}, and the memory has ${memory.byteLength}`
}

function isOffset(offset: unknown): offset is number {
  return Number.isSafeInteger(offset) && (offset as number) >= 0 && (offset as number) % 4 === 0
}

/** Whether `value` is a SharedArrayBuffer. Its brand says so: it may come from another realm, and a page that is not isolated lacks the class. */
export function isShared(value: unknown): value is SharedArrayBuffer {
  return Object.prototype.toString.call(value) === '[object SharedArrayBuffer]'
}
