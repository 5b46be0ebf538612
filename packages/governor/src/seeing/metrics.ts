/**
 * The metrics of a governor: one table for Prometheus and OpenTelemetry, so that both give the same figures. Times are in seconds
 * here. No metric has a key as a label: keys have no bound, and are other people's data.
 */
import type { GovernorSnapshot, MapSnapshot, ShardFigures, ShardSnapshot } from '../snapshot.js'

/** `undefined`, or NaN for a label, where there is no such figure now. */
export type Figures = number | undefined | readonly Labelled[]

interface Named {
  /** The name in Prometheus; OpenTelemetry's has dots (`openTelemetryName`). */
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  /** The unit as UCUM writes it, for OpenTelemetry; Prometheus has it in the name. */
  readonly unit: string
}

/** A metric of the whole governor: one figure, or one for each value of its label. */
export interface GovernorMetric extends Named {
  read(snapshot: GovernorSnapshot): Figures
}

/** A metric of a shard. */
export interface ShardMetric extends Named {
  read(shard: ShardSnapshot): Figures
}

export interface Labelled {
  readonly label: string
  readonly value: string
  readonly figure: number
}

const SECOND = 1000

export const GOVERNOR_METRICS: readonly GovernorMetric[] = [
  gauge('threadmap_governor_start_time_seconds', 's', 'When the governor was made, in seconds since 1970.', snapshot =>
    Math.round((snapshot.at - snapshot.uptime) / SECOND),
  ),
  gauge(
    'threadmap_governor_threads',
    '{thread}',
    'Threads that are attached to the governor.',
    ({ threads }) => threads,
  ),
  gauge('threadmap_governor_enabled', '1', 'Whether the governor acts (1) or only watches (0).', ({ enabled }) =>
    Number(enabled),
  ),
  gauge(
    'threadmap_governor_backend_slow',
    '1',
    'Whether all shards are slow (1), so that none of them is hot.',
    ({ backendSlow }) => Number(backendSlow),
  ),
  gauge(
    'threadmap_governor_objective_seconds',
    's',
    'The latency that 99% of the operations shall not exceed.',
    ({ objective }) => objective.p99 / SECOND,
  ),
  gauge(
    'threadmap_governor_shards',
    '{shard}',
    'Shards at each level: 0 normal, 1 limited, 2 isolated, 3 degraded.',
    ({ shards }) =>
      [0, 1, 2, 3].map(level => ({
        label: 'level',
        value: String(level),
        figure: shards.filter(shard => shard.level === level).length,
      })),
  ),
  gauge(
    'threadmap_governor_hot_shards',
    '{shard}',
    'Shards that are hot now.',
    ({ shards }) => shards.filter(({ hot }) => hot).length,
  ),
  {
    kind: 'counter',
    name: 'threadmap_governor_transitions_total',
    unit: '{transition}',
    help: 'Changes of level, of all shards.',
    read: ({ transitionCount }) => transitionCount,
  },
]

/** Counters of a shard since the start; the same figures exist for all shards together. */
export const SHARD_COUNTERS: readonly (ShardMetric & { readonly figure: keyof ShardFigures })[] = [
  counter(
    'threadmap_shard_operations_total',
    'operations',
    '{operation}',
    'Operations that were run, failed ones included.',
  ),
  counter(
    'threadmap_shard_errors_total',
    'errors',
    '{operation}',
    'Operations that failed; refused ones are not among them.',
  ),
  counter(
    'threadmap_shard_refused_total',
    'refused',
    '{operation}',
    'Operations that the governor refused, and that were not run.',
  ),
  counter(
    'threadmap_shard_queued_total',
    'queued',
    '{operation}',
    'Operations that had to wait for a limit before they ran.',
  ),
  counter(
    'threadmap_shard_rerouted_total',
    'rerouted',
    '{operation}',
    'Operations that went to the reroute of their caller.',
  ),
  counter('threadmap_shard_copies_total', 'copies', '{operation}', 'Reads that were answered from a shared copy.'),
  counter(
    'threadmap_shard_joined_total',
    'joined',
    '{operation}',
    'Reads that shared the result of an identical read in flight.',
  ),
  counter(
    'threadmap_shard_degraded_total',
    'degraded',
    '{operation}',
    'Reads that got the last good value or the fallback.',
  ),
]

export const SHARD_GAUGES: readonly ShardMetric[] = [
  gauge('threadmap_shard_in_flight_operations', '{operation}', 'Operations that run now.', ({ inFlight }) => inFlight),
  gauge('threadmap_shard_level', '1', 'The level: 0 normal, 1 limited, 2 isolated, 3 degraded.', ({ level }) => level),
  gauge('threadmap_shard_hot', '1', 'Whether the shard is hot.', ({ hot }) => Number(hot)),
  gauge('threadmap_shard_pinned', '1', 'Whether a person has pinned the level.', ({ pinned }) => Number(pinned)),
  gauge(
    'threadmap_shard_window_p99_seconds',
    's',
    'The P99 by which the governor decides, of the last 10 s and 1 min, and of 5 min for the eye; not to be added or averaged.',
    ({ p99Short, p99, p99Long }) => [
      { label: 'window', value: '10s', figure: latencyOf(p99Short) },
      { label: 'window', value: '1m', figure: latencyOf(p99) },
      { label: 'window', value: '5m', figure: latencyOf(p99Long) },
    ],
  ),
  gauge(
    'threadmap_shard_hottest_key_ratio',
    '1',
    'The share of the most frequent key in the operations of its shard, 0 to 1.',
    ({ hotKeys }) => hotKeys.reduce((most, { shareOfShard }) => Math.max(most, shareOfShard), 0),
  ),
  gauge(
    'threadmap_shard_limit_operations_per_second',
    '{operation}/s',
    'How many operations per second a limited shard may take; none while it is not limited.',
    ({ limit }) => limit,
  ),
  gauge(
    'threadmap_shard_concurrency_limit',
    '{operation}',
    'How many operations of an isolated shard may run at once; none while it is not isolated.',
    ({ concurrency }) => concurrency,
  ),
]

/** Of the maps that the governor watches; the label `map` is the name that the program gave to `watch`. */
export const MAP_METRICS: readonly (Named & { read(map: MapSnapshot): number })[] = [
  {
    kind: 'gauge',
    name: 'threadmap_map_entries',
    unit: '{entry}',
    help: 'Entries of a map that is watched.',
    read: ({ entries }) => entries,
  },
  {
    kind: 'gauge',
    name: 'threadmap_map_reads_per_second',
    unit: '{read}/s',
    help: 'Reads of a map that is watched, estimated by sampling.',
    read: ({ reads }) => reads,
  },
  {
    kind: 'counter',
    name: 'threadmap_map_lock_waits_total',
    unit: '{wait}',
    help: 'Waits for the locks of the shards of a map.',
    read: ({ shards }) => shards.reduce((sum, { lockWaits }) => sum + lockWaits, 0),
  },
  {
    kind: 'counter',
    name: 'threadmap_map_lock_wait_seconds_total',
    unit: 's',
    help: 'How long these waits took.',
    read: ({ shards }) => shards.reduce((sum, { lockWaitMs }) => sum + lockWaitMs, 0) / SECOND,
  },
]

/** The maps with names that differ: the program may give one name twice, and no two series may have the same labels. */
export function namedMaps({ maps }: GovernorSnapshot): { readonly name: string; readonly map: MapSnapshot }[] {
  const seen = new Map<string, number>()
  return maps.map(map => {
    const before = seen.get(map.name) ?? 0
    seen.set(map.name, before + 1)
    return { name: before === 0 ? map.name : `${map.name} (${before + 1})`, map }
  })
}

export const LATENCY = {
  name: 'threadmap_shard_latency_seconds',
  unit: 's',
  help: 'How long operations took, without their waits for a limit.',
} as const

/** The name that OpenTelemetry's conventions ask for: dots between the parts, neither unit nor `total`. */
export function openTelemetryName(name: string): string {
  return name.replace(/(_seconds)?(_total)?$/, '').replace(/^threadmap_(governor|shard|map)_/, 'threadmap.$1.')
}

/** Seconds; a latency of no operations is no figure, and not zero. */
function latencyOf(ms: number): number {
  return ms > 0 ? ms / SECOND : Number.NaN
}

function gauge<T>(name: string, unit: string, help: string, read: (of: T) => Figures) {
  return { kind: 'gauge' as const, name, unit, help, read }
}

function counter(name: string, figure: keyof ShardFigures, unit: string, help: string) {
  return { kind: 'counter', name, unit, help, figure, read: (shard: ShardSnapshot) => shard[figure] } as const
}
