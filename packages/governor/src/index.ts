/** @threadmap/governor: hot shards and hot keys found, limited, isolated and degraded, while everyone else is served. */

export type { CallStatus, ReadOptions, WriteOptions } from './call-options.js'
export type { Operation } from './calls.js'
export { ShardDegradedError, ShardLimitedError } from './errors.js'
export type { GovernorEvents, HotShard } from './events.js'
export { Governor, type GovernorAttachOptions, type GovernorHandle } from './governor.js'
export type { Watchable } from './map-watch.js'
export type {
  Copies,
  Degrade,
  Detection,
  GovernorOptions,
  Isolation,
  Keys,
  Limits,
  Recovery,
  Settings,
  Windows,
} from './options.js'
export { PROMETHEUS_CONTENT_TYPE, type PrometheusOptions, prometheus } from './seeing/prometheus.js'
export type { Seen } from './seeing/seen.js'
export type {
  Cause,
  GovernorSnapshot,
  HotKey,
  LatencyHistogram,
  Level,
  MapSnapshot,
  ShardFigures,
  ShardSnapshot,
  Transition,
} from './snapshot.js'
