/// <reference lib="esnext.disposable" preserve="true" />
/** threadmap: a `Map` that all your threads share. */

export { bytes } from './codec/bytes.js'
export type { Codec, KeyCodec, NativeCodec, ValueCodec } from './codec/codec.js'
export { json } from './codec/json.js'
export { MAX_KEY_BYTES, MAX_VALUE_BYTES } from './codec/limits.js'
export { bool, f64, i64, u32 } from './codec/numbers.js'
export type { SchemaIssue, SchemaResult, StandardSchema } from './codec/standard-schema.js'
export { string } from './codec/strings.js'
export { type FieldType, type StructFields, type StructOf, struct } from './codec/struct.js'
export * from './errors.js'
export { hash } from './hash.js'
export type { MapMemory } from './bridge/memory.js'
export { onThreadDeath } from './liveness/watch.js'
export { ready } from './liveness/web-locks.js'
export type { AttachOptions } from './maps/base-map.js'
export { FastMap } from './maps/fast-map.js'
export { RWMutexMap } from './maps/rwmutex-map.js'
export { ShardedMap } from './maps/sharded-map.js'
export { SyncMap } from './maps/sync-map.js'
export { UnsafeMap } from './maps/unsafe-map.js'
export type {
  BackoffOptions,
  BrowserWorker,
  ConcurrentMap,
  HashName,
  MapHandle,
  MapKind,
  MapOptions,
  MapStats,
  ShardedOptions,
  ShardStats,
  SyncMapStats,
  ThreadDeath,
  UnsafeOptions,
  WatchableWorker,
} from './types.js'
