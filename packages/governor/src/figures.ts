/** Reads a snapshot out of the shared memory. Any thread may do so at any time. */
import { OptionError } from 'threadmap'
import { sharedNow } from './clock.js'
import { sharesOf } from './keys/common.js'
import { reasonOf } from './policy/reasons.js'
import { levelOf, unpack } from './shared/control.js'
import { type WindowPlace, wantedIn } from './shared/counts.js'
import { lowOf, middleOf, quantilesOf, totalOf } from './shared/latency.js'
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
import type { Kept } from './shared/transitions.js'
import type {
  GovernorSnapshot,
  HotKey,
  LatencyHistogram,
  MapSnapshot,
  ShardFigures,
  ShardSnapshot,
  Transition,
} from './snapshot.js'

export function snapshotOf(room: Room, maps: readonly MapSnapshot[] = []): GovernorSnapshot {
  const now = sharedNow()
  const { settings, threads } = room
  const sums = new Sums(room, now)
  const figures = Array.from({ length: settings.shards }, (_, shard) => sums.add(shard))
  const keys = sharesOf(room.published.read(threads.taken()), sums.minutes).map(({ hash: _, ...key }) => key)
  const keysByShard = grouped(keys)
  const shards = figures.map((each, shard) => shardOf(room, shard, each, keysByShard.get(shard) ?? []))
  return {
    at: Date.now(),
    uptime: Math.round(now - room.started),
    threads: threads.count,
    objective: settings.objective,
    enabled: room.enabled,
    all: sums.figures(),
    shards,
    topKeys: keys.slice(0, TOP_KEYS),
    transitions: room.transitions.since(0).map(kept => transitionOf(room, kept)),
    transitionCount: room.transitions.count,
    backendSlow: isBackendSlow(room),
    maps,
  }
}

function grouped(keys: readonly HotKey[]): Map<number, HotKey[]> {
  const byShard = new Map<number, HotKey[]>()
  for (const key of keys) {
    const others = byShard.get(key.shard)
    if (others === undefined) byShard.set(key.shard, [key])
    else others.push(key)
  }
  return byShard
}

/** A transition as programs see it. */
export function transitionOf(room: Room, kept: Kept): Transition {
  const { at, shard, from, to, p99, others, rate, errorShare } = kept
  const reason = reasonOf(kept, room.settings)
  return { at: room.dateOf(at), shard, from, to, reason, figures: { p99, others, rate, errorShare } }
}

/** The backend is slow if it was in all looks of the time after which a shard would be hot. */
function isBackendSlow({ memory, settings }: Room): boolean {
  return Atomics.load(memory.words, H_BACKEND_SLOW) * settings.windows.look >= settings.detection.for
}

function shardOf(room: Room, shard: number, figures: ShardFigures, hotKeys: readonly HotKey[]): ShardSnapshot {
  const word = room.controls.word(shard)
  const { pin, hot, cause } = unpack(word)
  const level = levelOf(word)
  return {
    ...figures,
    shard,
    level,
    pinned: pin !== undefined,
    hot,
    ...(hot ? { hotSince: room.dateOf(room.memories.heat(shard, word).hotSince) } : {}),
    ...(cause === undefined ? {} : { cause }),
    ...(level === 1 ? { limit: room.limitOf(shard) } : {}),
    ...(level === 2 ? { concurrency: room.settings.isolation.concurrency } : {}),
    ...(level === 3 ? { concurrency: 1 } : {}),
    hotKeys,
  }
}

/** How many keys a snapshot has. */
const TOP_KEYS = 20

const SINCE_START = [C_ERRORS, C_REFUSED, C_QUEUED, C_REROUTED, C_COPIES, C_JOINED, C_DEGRADED] as const

/** The figures of each shard, and their sums. */
class Sums {
  readonly #room: Room
  readonly #now: number
  readonly #sums: Windows
  /** Used for each shard anew. */
  readonly #own: Windows
  readonly #totals = new Float64Array(SINCE_START.length)
  /** Operations that callers wanted in the last minute, by shard. */
  readonly minutes: number[] = []
  readonly #taken: readonly number[]
  #operations = 0
  #inFlight = 0

  constructor(room: Room, now: number) {
    this.#room = room
    this.#now = now
    this.#taken = room.threads.taken()
    this.#sums = windowsOf(room)
    this.#own = windowsOf(room)
  }

  add(shard: number): ShardFigures {
    const { counts, threads, settings } = this.#room
    const windows = this.#own
    for (const name of NAMES) {
      counts.read(shard, settings.windows[name], this.#now, windows[name])
      addTo(this.#sums[name], windows[name])
    }
    this.minutes.push(wantedIn(windows.minute))
    const totals = SINCE_START.map(at => counts.total(shard, at))
    for (const [i, total] of totals.entries()) this.#totals[i] += total
    const operations = counts.ended(shard)
    this.#operations += operations
    const inFlight = threads.inFlightOf(shard, this.#taken)
    this.#inFlight += inFlight
    return figuresOf(this.#room, operations, totals, inFlight, windows)
  }

  figures(): ShardFigures {
    return figuresOf(this.#room, this.#operations, [...this.#totals], this.#inFlight, this.#sums)
  }
}

const NAMES = ['short', 'minute', 'long'] as const

type Windows = Readonly<Record<(typeof NAMES)[number], WindowPlace>>

function windowsOf(room: Room): Windows {
  const [short, minute, long] = room.counts.windows(NAMES.length)
  return { short, minute, long }
}

function addTo(sum: WindowPlace, window: WindowPlace): void {
  sum.length = window.length
  for (let i = 0; i < window.row.length; i++) sum.row[i] += window.row[i]
}

function figuresOf(
  room: Room,
  operations: number,
  totals: readonly number[],
  inFlight: number,
  windows: Windows,
): ShardFigures {
  const { subBits } = room.layout
  const [errors, refused, queued, rerouted, copies, joined, degraded] = totals
  const minute = windows.minute.latencies
  const short = windows.short.latencies
  const ended = totalOf(short)
  const last = minute.findLastIndex(count => count > 0)
  const [p50, p90, p99] = quantilesOf(minute, [0.5, 0.9, 0.99], subBits)
  const [p99Short] = quantilesOf(short, [0.99], subBits)
  const [p99Long] = quantilesOf(windows.long.latencies, [0.99], subBits)
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
    p50,
    p90,
    p99,
    max: last < 0 ? 0 : lowOf(last + 1, subBits) / 1000,
    p99Short,
    p99Long,
  }
}

/** The latencies of a shard since the start, or of all shards, with a bucket for each power of two microseconds. */
export function latencyOf(room: Room, shard: number | undefined): LatencyHistogram {
  const { shards } = room.settings
  if (shard !== undefined && !(Number.isInteger(shard) && shard >= 0 && shard < shards)) {
    throw new OptionError(`latency() takes a shard from 0 to ${shards - 1}, and got ${String(shard)}`)
  }
  const totals = room.counts.totals(shard ?? 0)
  if (shard === undefined) for (let other = 1; other < shards; other++) room.counts.addTotals(other, totals)
  const { middles, ends } = scaleOf(totals.length, room.layout.subBits)
  const buckets: { le: number; count: number }[] = []
  let count = 0
  let sum = 0
  let next = 0
  for (let i = 0; i < totals.length; i++) {
    count += totals[i]
    sum += totals[i] * middles[i]
    if (ends[next]?.last === i) buckets.push({ le: ends[next++].le, count })
  }
  buckets.push({ le: Number.POSITIVE_INFINITY, count })
  return { buckets, sum, count }
}

/** Seconds: 64 us to 34 s, 20 bounds. */
const SMALLEST_LE = 64e-6
const LARGEST_LE = 60

interface Scale {
  /** The middle of each bucket, in seconds. */
  readonly middles: Float64Array
  /** The last bucket at or below each bound. The buckets of a power of two end at the next one: bounds at all 368 would be too many series. */
  readonly ends: readonly { readonly last: number; readonly le: number }[]
}

/** By subBits: a scrape asks for it once for each shard, and all governors with the same subBits have as many buckets. */
const SCALES = new Map<number, Scale>()

function scaleOf(buckets: number, subBits: number): Scale {
  const known = SCALES.get(subBits)
  if (known?.middles.length === buckets) return known
  const middles = new Float64Array(buckets)
  const ends: { last: number; le: number }[] = []
  for (let last = 0; last < buckets; last++) {
    middles[last] = middleOf(last, subBits) / 1000
    const end = lowOf(last + 1, subBits)
    const le = end / 1e6
    if (Number.isInteger(Math.log2(end)) && le >= SMALLEST_LE && le < LARGEST_LE) ends.push({ last, le })
  }
  const scale = { middles, ends }
  SCALES.set(subBits, scale)
  return scale
}
