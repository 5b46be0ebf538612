/**
 * The algorithms of `RateLimit`: pure functions on the word of a key, the time, and the limit. Times are milliseconds since the limit was made.
 *
 * Sources: the sliding window is Cloudflare's counter of two windows; the token bucket is the generic cell rate algorithm (ITU-T I.371), one time per key.
 */
import { OptionError } from 'threadmap'
import type { Kind } from './table.js'
import { EMPTY, endOf, highOf, join, lowOf, MOST_POINTS, packWindow, pointsOf, UPPER } from './words.js'

export type AlgorithmName = 'fixed-window' | 'sliding-window' | 'token-bucket'

export interface Algorithm extends Kind {
  /** The word after `cost` points more, whatever the limit; below 0: less, down to none. */
  add(word: number, now: number, cost: number): number
  /** How long until `cost` points fit: 0 if they fit now, Infinity if they never do. */
  wait(word: number, now: number, cost: number): number
  /** How long until nothing is left of what was counted. */
  resetAfter(word: number, now: number): number
}

/** The points that a word can count, by its algorithm and window: below this the check is exact. */
export function algorithm(name: AlgorithmName, limit: number, window: number): Algorithm {
  switch (name) {
    case 'fixed-window':
      return fixedWindow(limit, window)
    case 'sliding-window':
      return slidingWindow(limit, window)
    case 'token-bucket':
      return tokenBucket(limit, window)
    default:
      throw new OptionError(
        `algorithm must be 'fixed-window', 'sliding-window' or 'token-bucket', and is ${String(name)}`,
      )
  }
}

/** A window begins with the first point, and has up to `limit` points. */
function fixedWindow(limit: number, window: number): Algorithm {
  if (limit > MOST_POINTS) throw tooHigh(limit, window, MOST_POINTS)
  const isOver = (word: number, now: number) => endOf(word) <= now
  const used = (word: number, now: number) => (isOver(word, now) ? 0 : pointsOf(word))
  return {
    isOver,
    used,
    add: (word, now, cost) => {
      const over = isOver(word, now)
      return packWindow(over ? now + window : endOf(word), Math.max(0, (over ? 0 : pointsOf(word)) + cost))
    },
    wait: (word, now, cost) => {
      if (used(word, now) + cost <= limit) return 0
      return cost > limit ? Number.POSITIVE_INFINITY : endOf(word) - now
    },
    resetAfter: (word, now) => Math.max(0, endOf(word) - now),
  }
}

/** So long the number of a window stays the only one of its kind. */
const YEAR = 365 * 24 * 3_600_000

/**
 * Windows follow each other, and those of all keys begin at the same moments. What the last window counted is taken to lie evenly in it: as much counts still as lies within
 * `window` before now.
 */
function slidingWindow(limit: number, window: number): Algorithm {
  // Two counters, and the number of the window in the bits that are left: 31, or 23 with the longer counters.
  const bits = limit < 2 ** 16 ? 16 : 20
  const most = 2 ** bits - 1
  const windows = bits === 16 ? UPPER : UPPER / 2 ** 8
  if (limit > most || windows * window < YEAR) throw tooHigh(limit, window, window * UPPER < YEAR ? 0 : most)
  // The counters have 32 or 40 bits: `carried` of them are in the upper half of the word.
  const carried = 2 * bits - 32
  const pack = (index: number, last: number, current: number) => {
    const [a, b] = [Math.min(last, most), Math.min(current, most)]
    return join((index << carried) | (a >>> (32 - bits)), (a << bits) | b)
  }
  const lastOf = (word: number) =>
    carried === 0 ? lowOf(word) >>> bits : ((highOf(word) & 255) << 12) | (lowOf(word) >>> bits)
  const currentOf = (word: number) => lowOf(word) & most
  /** The number of the window at `now`, or that of the word if that is later: another thread has read the clock meanwhile. */
  const indexOf = (word: number, now: number) => {
    const whole = Math.floor(now / window)
    const index = whole < windows ? whole : whole % windows
    const ahead = (highOf(word) >>> carried) - index
    return word !== EMPTY && (ahead === 1 || ahead === 1 - windows) ? (index + 1) % windows : index
  }
  /** How many windows ago the word counted; 2: long ago. */
  const ageOf = (word: number, index: number) => {
    if (word === EMPTY) return 2
    const age = index - (highOf(word) >>> carried)
    return age === 0 ? 0 : age === 1 || age === 1 - windows ? 1 : 2
  }
  const last = (word: number, index: number) => {
    const age = ageOf(word, index)
    return age === 0 ? lastOf(word) : age === 1 ? currentOf(word) : 0
  }
  const current = (word: number, index: number) => (ageOf(word, index) === 0 ? currentOf(word) : 0)
  const begun = (now: number) => Math.floor(now / window) * window
  const used = (word: number, now: number) => {
    const index = indexOf(word, now)
    // The share of the window before that is not yet `window` ago.
    return last(word, index) * (1 - (now - begun(now)) / window) + current(word, index)
  }
  return {
    used,
    isOver: (word, now) => ageOf(word, indexOf(word, now)) === 2,
    add: (word, now, cost) => {
      const index = indexOf(word, now)
      return pack(index, last(word, index), Math.max(0, current(word, index) + cost))
    },
    wait: (word, now, cost) => {
      if (used(word, now) + cost <= limit + EXACT) return 0
      if (cost > limit) return Number.POSITIVE_INFINITY
      const index = indexOf(word, now)
      const now0 = begun(now)
      const counted = current(word, index)
      // In this window, as soon as little enough of the last one counts; or else in the next one, of which this one is the last.
      if (counted + cost <= limit) return now0 + window * (1 - (limit - cost - counted) / last(word, index)) - now
      return now0 + window * (2 - (limit - cost) / counted) - now
    },
    resetAfter: (word, now) => {
      const index = indexOf(word, now)
      if (current(word, index) > 0) return begun(now) + 2 * window - now
      return last(word, index) > 0 ? begun(now) + window - now : 0
    },
  }
}

/** A bucket of `limit` tokens that fills up within `window`. The word is the time at which the bucket is full again. */
function tokenBucket(limit: number, window: number): Algorithm {
  const interval = window / limit
  const debt = (word: number, now: number) => Math.max(0, word - now)
  return {
    isOver: (word, now) => word <= now,
    used: (word, now) => debt(word, now) / interval,
    add: (word, now, cost) => now + Math.max(0, debt(word, now) + cost * interval),
    wait: (word, now, cost) => {
      if (cost > limit) return Number.POSITIVE_INFINITY
      const late = debt(word, now) + cost * interval - window
      return late <= EXACT * interval ? 0 : late
    },
    resetAfter: debt,
  }
}

/** Sums of fractions that differ by less are equal: rounding refuses nobody. */
const EXACT = 1e-6

function tooHigh(limit: number, window: number, most: number): OptionError {
  return new OptionError(
    most === 0
      ? `a sliding window has 16 milliseconds at least, and window is ${window}`
      : `a limit of ${limit} in ${window} ms is more than this algorithm counts; lower the limit to ${most}${most > 2 ** 16 ? ' and take a window of 4 s or more' : ''}, or take 'token-bucket'`,
  )
}
