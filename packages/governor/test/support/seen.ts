/** A governor that says what a test wants, for everything that only shows figures. */
import type { Seen } from '#governor/seeing/seen.js'
import type { GovernorSnapshot, HotKey, LatencyHistogram, ShardSnapshot, Transition } from '#governor/snapshot.js'

/** A key that would do harm in a page that does not escape it, or in a terminal that obeys it. */
export const HOSTILE = `</script><script>hacked=1</script><img src=x onerror=hacked=1>"'\`\${1}<!-- &amp; <b>\u001b[2J\u202e`

const NOW = Date.UTC(2026, 0, 2, 12, 3, 4)
const EDGES = [0.001, 0.01, 0.1, 1]

export function shard(number: number, changes: Partial<ShardSnapshot> = {}): ShardSnapshot {
  return {
    shard: number,
    level: 0,
    pinned: false,
    hot: false,
    hotKeys: [],
    operations: 1000 + number,
    errors: number % 3,
    refused: 0,
    queued: 0,
    rerouted: 0,
    copies: 0,
    joined: 0,
    degraded: 0,
    inFlight: 2,
    rate: 40 + (number % 7),
    errorShare: 0.001,
    p50: 3.1,
    p90: 8.2,
    p99: 21 + (number % 5),
    max: 60,
    p99Short: 20 + (number % 9),
    p99Long: 22,
    ...changes,
  }
}

export const KEYS: readonly HotKey[] = [
  { key: 'user:4711', shard: 17, count: 61_200, share: 0.41, shareOfShard: 0.93 },
  { key: HOSTILE, shard: 3, count: 900, share: 0.006, shareOfShard: 0.2 },
  { key: '東京の店:12', shard: 5, count: 800, share: 0.005, shareOfShard: 0.18 },
]

const figures = { p99: 812, others: 24, rate: 530, errorShare: 0.02 }
export const TRANSITIONS: readonly Transition[] = [
  { at: NOW - 182_000, shard: 17, from: 0, to: 1, reason: 'P99 over 100 ms twice in a row.', figures },
  { at: NOW - 120_000, shard: 17, from: 1, to: 2, reason: 'P99 over 100 ms for 60 s at level 1.', figures },
  { at: NOW - 10_000, shard: 40, from: 0, to: 3, reason: 'More than 15% of the operations failed.', figures },
]

/** 64 shards: 17 is isolated for a hot key, 40 is degraded and slow, 41 is hot, 9 is limited by hand, the others are normal. */
export function trouble(changes: Partial<GovernorSnapshot> = {}): GovernorSnapshot {
  const shards = Array.from({ length: 64 }, (_, number) => shard(number))
  const busy = { hot: true, hotSince: NOW - 185_000, rate: 530, p99: 812, p99Short: 912, p99Long: 301 }
  shards[17] = shard(17, {
    ...busy,
    level: 2,
    cause: 'hot key',
    concurrency: 4,
    refused: 512,
    copies: 8100,
    hotKeys: KEYS.slice(0, 1),
  })
  shards[40] = shard(40, { ...busy, level: 3, cause: 'slow shard', rate: 35, errorShare: 0.31, degraded: 77 })
  shards[41] = shard(41, { ...busy, rate: 120, p99Short: 100 })
  shards[9] = shard(9, { level: 1, pinned: true, limit: 20, queued: 40 })
  shards[63] = shard(63, {
    operations: 0,
    rate: 0,
    p50: 0,
    p90: 0,
    p99: 0,
    max: 0,
    p99Short: 0,
    p99Long: 0,
    errorShare: 0,
  })
  const {
    shard: _,
    level,
    pinned,
    hot,
    hotKeys,
    ...all
  } = shard(0, { operations: 66_000, rate: 3100, p99: 48, inFlight: 128 })
  return {
    at: NOW,
    uptime: 7_384_000,
    threads: 8,
    objective: { p99: 50 },
    enabled: true,
    all,
    shards,
    topKeys: KEYS,
    transitions: TRANSITIONS,
    transitionCount: 412,
    backendSlow: false,
    maps: [
      {
        name: 'sessions "eu"',
        entries: 120_000,
        reads: 34_500,
        shards: [
          { entries: 60_000, lockWaits: 30, lockWaitMs: 12.5 },
          { entries: 60_000, lockWaits: 12, lockWaitMs: 1.5 },
        ],
        topKeys: [{ key: HOSTILE, shard: -1, count: 90, share: 0.12, shareOfShard: 0 }],
      },
    ],
    ...changes,
  }
}

/** The same governor with all shards normal. */
export function calm(shards = 64): GovernorSnapshot {
  return trouble({
    shards: Array.from({ length: shards }, (_, number) => shard(number)),
    topKeys: [],
    maps: [],
    transitions: [],
    transitionCount: 0,
  })
}

/** A governor whose snapshot the test changes at will. */
export class Shown implements Seen {
  current: GovernorSnapshot
  constructor(current: GovernorSnapshot = trouble()) {
    this.current = current
  }
  snapshot(): GovernorSnapshot {
    return this.current
  }
  latency(number?: number): LatencyHistogram {
    const { operations } = number === undefined ? this.current.all : this.current.shards[number]
    return {
      buckets: [
        ...EDGES.map((le, at) => ({ le, count: Math.floor((operations * (at + 1)) / (EDGES.length + 1)) })),
        { le: Number.POSITIVE_INFINITY, count: operations },
      ],
      sum: operations * 0.02,
      count: operations,
    }
  }
}
