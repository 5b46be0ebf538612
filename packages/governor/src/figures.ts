/** Reads a snapshot out of the shared memory. Any thread may do so at any time. */
import { OptionError } from 'threadmap'
import { sharedNow } from './clock.js'
import { levelOf, unpack } from './shared/control.js'
import { latenciesOf, type Window } from './shared/counts.js'
import { lowOf, middleOf, quantileOf, totalOf } from './shared/latency.js'
import {
  C_COPIES,
  C_DEGRADED,
  C_ERRORS,
  C_JOINED,
  C_QUEUED,
  C_REFUSED,
  C_REROUTED,
  H_BACKEND_SLOW,
} from './shared/layout.js'
import type { Room } from './shared/room.js'
import type { GovernorSnapshot, LatencyHistogram, ShardFigures, ShardSnapshot } from './snapshot.js'

export function snapshotOf(room: Room): GovernorSnapshot {
  const now = sharedNow()
  const { settings, threads } = room
  const sums = new Sums(room, now)
  const shards = Array.from({ length: settings.shards }, (_, shard) => shardOf(room, shard, sums))
  return {
    at: Date.now(),
    uptime: Math.round(now - room.started),
    threads: threads.count,
    objective: settings.objective,
    enabled: room.enabled,
    all: sums.figures(),
    shards,
    topKeys: [],
    transitions: [],
    transitionCount: 0,
    backendSlow: Atomics.load(room.memory.words, H_BACKEND_SLOW) !== 0,
    maps: [],
  }
}

function shardOf(room: Room, shard: number, sums: Sums): ShardSnapshot {
  const word = room.controls.word(shard)
  const control = unpack(word)
  return {
    ...sums.add(shard),
    shard,
    level: levelOf(word),
    pinned: control.pin !== undefined,
    hot: control.hot,
    ...(control.cause === undefined ? {} : { cause: control.cause }),
    hotKeys: [],
  }
}

const SINCE_START = [C_ERRORS, C_REFUSED, C_QUEUED, C_REROUTED, C_COPIES, C_JOINED, C_DEGRADED] as const

/** The figures of each shard, and their sums. */
class Sums {
  readonly #room: Room
  readonly #now: number
  readonly #windows: Record<'short' | 'minute' | 'long', Window | undefined> = {
    short: undefined,
    minute: undefined,
    long: undefined,
  }
  readonly #totals = new Float64Array(SINCE_START.length)
  #operations = 0
  #inFlight = 0

  constructor(room: Room, now: number) {
    this.#room = room
    this.#now = now
  }

  add(shard: number): ShardFigures {
    const { counts, threads, settings } = this.#room
    const windows = {
      short: counts.window(shard, settings.windows.short, this.#now),
      minute: counts.window(shard, settings.windows.minute, this.#now),
      long: counts.window(shard, settings.windows.long, this.#now),
    }
    for (const name of ['short', 'minute', 'long'] as const) {
      this.#windows[name] = merged(this.#windows[name], windows[name])
    }
    const totals = SINCE_START.map(at => counts.total(shard, at))
    for (const [i, total] of totals.entries()) this.#totals[i] += total
    const operations = totalOf(counts.totals(shard))
    this.#operations += operations
    const inFlight = threads.inFlightOf(shard)
    this.#inFlight += inFlight
    return figuresOf(this.#room, operations, totals, inFlight, windows)
  }

  figures(): ShardFigures {
    const { short, minute, long } = this.#windows as Record<'short' | 'minute' | 'long', Window>
    return figuresOf(this.#room, this.#operations, [...this.#totals], this.#inFlight, { short, minute, long })
  }
}

function merged(sum: Window | undefined, window: Window): Window {
  if (sum === undefined) return { length: window.length, row: window.row.slice() }
  for (let i = 0; i < window.row.length; i++) sum.row[i] += window.row[i]
  return sum
}

function figuresOf(
  room: Room,
  operations: number,
  totals: readonly number[],
  inFlight: number,
  windows: { short: Window; minute: Window; long: Window },
): ShardFigures {
  const { subBits } = room.layout
  const [errors, refused, queued, rerouted, copies, joined, degraded] = totals
  const minute = latenciesOf(windows.minute)
  const short = latenciesOf(windows.short)
  const ended = totalOf(short)
  const last = minute.findLastIndex(count => count > 0)
  return {
    operations,
    errors,
    refused,
    queued,
    rerouted,
    copies,
    joined,
    degraded,
    inFlight,
    rate: (ended * 1000) / windows.short.length,
    errorShare: ended === 0 ? 0 : windows.short.row[C_ERRORS] / ended,
    p50: quantileOf(minute, 0.5, subBits),
    p90: quantileOf(minute, 0.9, subBits),
    p99: quantileOf(minute, 0.99, subBits),
    max: last < 0 ? 0 : lowOf(last + 1, subBits) / 1000,
    p99Short: quantileOf(short, 0.99, subBits),
    p99Long: quantileOf(latenciesOf(windows.long), 0.99, subBits),
  }
}

/** The latencies of a shard since the start, with a bucket for each power of two microseconds. */
export function latencyOf(room: Room, shard: number): LatencyHistogram {
  const { shards } = room.settings
  if (!(Number.isInteger(shard) && shard >= 0 && shard < shards)) {
    throw new OptionError(`latency() takes a shard from 0 to ${shards - 1}, and got ${String(shard)}`)
  }
  const { subBits } = room.layout
  const totals = room.counts.totals(shard)
  const buckets: { le: number; count: number }[] = []
  let count = 0
  let sum = 0
  for (let i = 0; i < totals.length; i++) {
    count += totals[i]
    sum += (totals[i] * middleOf(i, subBits)) / 1000
    const le = lowOf(i + 1, subBits) / 1e6
    // The buckets of a power of two end at the next one: a series for each bucket would be 368 of them.
    if (isPowerOfTwo(lowOf(i + 1, subBits)) && le >= SMALLEST_LE && le < LARGEST_LE) buckets.push({ le, count })
  }
  buckets.push({ le: Number.POSITIVE_INFINITY, count })
  return { buckets, sum, count }
}

/** Seconds: 64 us to 34 s, 20 bounds. */
const SMALLEST_LE = 64e-6
const LARGEST_LE = 60

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value))
}
