/**
 * Words of 64 bits in which a limit is kept, as numbers that the map compares and swaps. A word is the bits of a float that is positive and finite, or 0: then
 * two words are equal as numbers if their bits are. The upper half has 31 bits, of which the first eleven are not all set (that would be Infinity or NaN).
 */

/** A limit of which nothing was taken. */
export const EMPTY = 0

/** The bound of the upper half of a word. */
export const UPPER = 0x7ff00000

const float = new Float64Array(1)
const halves = new Uint32Array(float.buffer)
/** Which half of the float comes first in memory. */
const [LOW, HIGH] = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0]

/** The word with these halves. */
export function join(high: number, low: number): number {
  halves[HIGH] = high
  halves[LOW] = low
  return float[0]
}

export function highOf(word: number): number {
  float[0] = word
  return halves[HIGH]
}

export function lowOf(word: number): number {
  float[0] = word
  return halves[LOW]
}

// A word of a fixed window: 39 bits for the millisecond at which it ends, 24 for the points, which can be negative (by a reward).

const POINT_BITS = 24
const ZERO = 2 ** (POINT_BITS - 1)
const ENDS_PER_HIGH = 2 ** (32 - POINT_BITS)

/** The most points that a fixed window counts; further ones are not counted. */
export const MOST_POINTS = ZERO - 1
/** The end of a window that has none: 17 years after the limits were made. */
export const FOREVER = (UPPER - 1) * ENDS_PER_HIGH

/** A window that ends at `end`, in milliseconds since the limits were made. */
export function packWindow(end: number, points: number): number {
  const whole = end < FOREVER ? Math.ceil(end) : FOREVER
  // Whole numbers below 2^32, and no remainder of floats: that would take longer than all the rest.
  const high = Math.floor(whole / ENDS_PER_HIGH)
  const counted = Math.max(-MOST_POINTS, Math.min(points, MOST_POINTS)) + ZERO
  return join(high, ((whole - high * ENDS_PER_HIGH) << POINT_BITS) | counted)
}

export function endOf(word: number): number {
  return highOf(word) * ENDS_PER_HIGH + (lowOf(word) >>> POINT_BITS)
}

export function pointsOf(word: number): number {
  return (lowOf(word) & (2 ** POINT_BITS - 1)) - ZERO
}
