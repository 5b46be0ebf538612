/**
 * The counters and latencies of all shards: each count is one atomic add, so a thread may die at any point and no reader sees half of one.
 * A window is the difference between now and an earlier look, of which the rings keep those of a minute and, further apart, of the long window.
 */
import { totalOf } from './latency.js'
import {
  C_COPIES,
  C_DEGRADED,
  C_JOINED,
  C_REFUSED,
  C_REROUTED,
  COUNTERS,
  type Layout,
  type SharedMemory,
} from './layout.js'

/** What happened in a shard during a window. */
export interface Window {
  /** Milliseconds. */
  readonly length: number
  /** The counters, then the buckets of latencies. */
  readonly row: Uint32Array
  /** The buckets alone. */
  readonly latencies: Uint32Array
}

/** A window that is read anew again and again. */
export type WindowPlace = { -readonly [Name in keyof Window]: Window[Name] }

function placeOf(row: Uint32Array): WindowPlace {
  return { length: 0, row, latencies: row.subarray(COUNTERS) }
}

/** How many operations ended in a window, and how many callers wanted: with those that were refused, rerouted, joined, or answered from memory. */
export interface Amounts {
  readonly ended: number
  readonly wanted: number
}

const NOTHING = -1

/** What callers wanted and did not get from the shard itself. */
const ELSEWHERE = [C_REFUSED, C_REROUTED, C_COPIES, C_JOINED, C_DEGRADED] as const

export class Counts {
  readonly #words: Int32Array
  readonly #floats: Float64Array
  readonly #layout: Layout
  readonly #started: number
  /** Where windows begin, by their times: a look asks for all shards at one time. */
  readonly #begins = new Map<number, { slot: number; at: number } | undefined>()

  constructor(memory: SharedMemory, started: number) {
    this.#words = memory.words
    this.#floats = memory.floats
    this.#layout = memory.layout
    this.#started = started
  }

  /** Adds one to a counter, or (from `COUNTERS` on) to a bucket. */
  add(shard: number, at: number): void {
    const { counts, carries, row } = this.#layout
    const index = shard * row + at
    // The add that wraps the count to 0 found all bits set.
    if (Atomics.add(this.#words, counts + index, 1) === -1) Atomics.add(this.#words, carries + index, 1)
  }

  /** A count since the governor was made. */
  total(shard: number, at: number): number {
    const { counts, carries, row } = this.#layout
    const index = shard * row + at
    return (
      (Atomics.load(this.#words, carries + index) >>> 0) * 2 ** 32 + (Atomics.load(this.#words, counts + index) >>> 0)
    )
  }

  /** How many operations of a shard have ended since the governor was made. */
  ended(shard: number): number {
    const { counts, carries, row } = this.#layout
    const words = this.#words
    let ended = 0
    // Not atomic: a bucket that another thread counts in just now may lack its last operation, and after 2^32 of them its carry for a moment.
    for (let index = shard * row + COUNTERS; index < (shard + 1) * row; index++) {
      ended += (words[carries + index] >>> 0) * 2 ** 32 + (words[counts + index] >>> 0)
    }
    return ended
  }

  /** The buckets of a shard since the governor was made. */
  totals(shard: number): Float64Array {
    const totals = new Float64Array(this.#layout.row - COUNTERS)
    this.addTotals(shard, totals)
    return totals
  }

  /** Adds the buckets of a shard since the governor was made to `totals`. */
  addTotals(shard: number, totals: Float64Array): void {
    for (let bucket = 0; bucket < totals.length; bucket++) totals[bucket] += this.total(shard, COUNTERS + bucket)
  }

  /** Keeps the counts of shards `from` to `to` as those of look number `look`. `publish` afterwards. */
  copy(look: number, from: number, to: number): void {
    const words = this.#words
    const { counts, row } = this.#layout
    for (const slot of this.#slotsOf(look)) {
      // A reader must not take the old number for the rows that are just replaced.
      Atomics.store(words, slot, NOTHING)
      words.copyWithin(slot + 4 + from * row, counts + from * row, counts + to * row)
    }
  }

  /** Makes a look visible, whose counts were copied at `at` (shared clock). */
  publish(look: number, at: number): void {
    this.#begins.clear()
    for (const slot of this.#slotsOf(look)) {
      this.#floats[(slot >>> 1) + 1] = at
      Atomics.store(this.#words, slot, look)
    }
  }

  /**
   * The window of about `length` milliseconds before `now`: it begins with the look that is nearest to its beginning, or when the governor
   * was made.
   */
  window(shard: number, length: number, now: number): Window {
    return this.read(shard, length, now, placeOf(new Uint32Array(this.#layout.row)))
  }

  /**
   * A place for windows of so many shards, all of which are valid until they are read again. Their rows are parts of one array, and used for each look anew:
   * thousands of arrays would keep the garbage collector busy.
   */
  windows(count: number): WindowPlace[] {
    const { row } = this.#layout
    const rows = new Uint32Array(count * row)
    return Array.from({ length: count }, (_, at) => placeOf(rows.subarray(at * row, (at + 1) * row)))
  }

  /** As `window`, into a place. */
  read(shard: number, length: number, now: number, into: WindowPlace): Window {
    const { counts, row } = this.#layout
    const begin = this.#begin(now - length)
    this.#subtract(counts + shard * row, begin === undefined ? -1 : begin.slot + 4 + shard * row, into.row)
    into.length = Math.max(1, now - (begin?.at ?? this.#started))
    return into
  }

  /** The amounts of such a window, without its latencies. */
  amounts(shard: number, length: number, now: number): Amounts {
    const { counts, row } = this.#layout
    const words = this.#words
    const at = counts + shard * row
    const begin = this.#begin(now - length)
    // Where there is no earlier look, all counts are of the window.
    const base = begin === undefined ? -1 : begin.slot + 4 + shard * row
    let ended = 0
    if (base < 0) for (let i = COUNTERS; i < row; i++) ended += words[at + i] >>> 0
    else for (let i = COUNTERS; i < row; i++) ended += (words[at + i] - words[base + i]) >>> 0
    let wanted = ended
    for (const counter of ELSEWHERE) wanted += (words[at + counter] - (base < 0 ? 0 : words[base + counter])) >>> 0
    return { ended, wanted }
  }

  #begin(time: number): { slot: number; at: number } | undefined {
    if (this.#begins.has(time)) return this.#begins.get(time)
    if (this.#begins.size > 2) this.#begins.clear()
    const begin = this.#nearest(time)
    this.#begins.set(time, begin)
    return begin
  }

  /** The counts from `at` on less those from `base` on; base -1: there is nothing to subtract. */
  #subtract(at: number, base: number, into: Uint32Array): void {
    const words = this.#words
    if (base < 0) for (let i = 0; i < into.length; i++) into[i] = words[at + i]
    else for (let i = 0; i < into.length; i++) into[i] = words[at + i] - words[base + i]
  }

  /** The look nearest to a time; undefined where the governor's beginning is nearer. */
  #nearest(time: number): { slot: number; at: number } | undefined {
    const { ring, rings, look } = this.#layout
    let found: { slot: number; at: number } | undefined
    let distance = Math.abs(time - this.#started)
    for (let i = 0; i < rings.fine + rings.coarse; i++) {
      const slot = ring + i * look
      if (Atomics.load(this.#words, slot) <= 0) continue
      const at = this.#floats[(slot >>> 1) + 1]
      if (Math.abs(at - time) >= distance) continue
      distance = Math.abs(at - time)
      found = { slot, at }
    }
    return found
  }

  /** Where a look is kept. Looks are numbered from 1. */
  #slotsOf(look: number): number[] {
    const { ring, rings } = this.#layout
    const slots = [ring + (look % rings.fine) * this.#layout.look]
    if (look % rings.step === 0) {
      slots.push(ring + (rings.fine + ((look / rings.step) % rings.coarse)) * this.#layout.look)
    }
    return slots
  }
}

/** The latencies of a window. */
export function latenciesOf(window: Window): Uint32Array {
  return window.latencies
}

/** How many operations ended in the window. */
export function endedIn(window: Window): number {
  return totalOf(latenciesOf(window))
}

/** How many operations callers wanted: those that ended, and those that were refused, rerouted, joined, or answered from memory. */
export function wantedIn(window: Window, ended = endedIn(window)): number {
  return ELSEWHERE.reduce((sum, counter) => sum + window.row[counter], ended)
}
