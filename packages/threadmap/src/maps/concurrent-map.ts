/// <reference lib="esnext.disposable" preserve="true" />

import type { BrowserWorker, WatchableWorker } from '../platform/workers.js'
import type { MapHandle } from './handle.js'
import type { MapStats, ShardStats } from './stats.js'

/**
 * A map that all threads share. It is JavaScript's `Map` without insertion order, and the atomic operations that users
 * of Go's `sync.Map` and Java's `ConcurrentHashMap` expect.
 *
 * Thread-safety: every operation on one key is linearizable (`UnsafeMap` refuses it when another thread is inside).
 * Operations on the whole map (`size`, `clear`, iteration, `stats`) are weaker; see docs/consistency.md.
 * Cost: expected O(1) per operation on one key.
 *
 * Every operation can throw `LockTimeoutError` (`FastMap` reads and, for known keys, `SyncMap` reads never do),
 * `CodecError` for a key or value of the wrong type, `KeyTooLargeError`, `ValueTooLargeError`, `MapFullError` and
 * `DisposedError`; after an error the map is as it was before the call.
 */
export interface ConcurrentMap<K, V> extends Iterable<[K, V]> {
  /** The value of `key`, or undefined. */
  get(key: K): V | undefined
  /** Sets `key` to `value`. Returns the map. */
  set(key: K, value: V): this
  /** Whether `key` has an entry. Never decodes the value. */
  has(key: K): boolean
  /** Removes `key`. Returns whether it was there. */
  delete(key: K): boolean
  /** Removes every entry. Atomic per shard, and so as a whole for maps of one shard. */
  clear(): void
  /** The number of entries: exact while nobody writes, otherwise a sum of shard counts that were each exact. */
  readonly size: number

  /** The value of `key`; when it is absent, `value`, which is then inserted. (Go: `LoadOrStore`.) */
  getOrInsert(key: K, value: V): V
  /**
   * The value of `key`; when it is absent, the result of `compute(key)`, which is then inserted. Across all threads
   * `compute` runs at most once per absent key: other callers wait for its result. If `compute` throws, the error reaches its
   * caller, and one of the waiting callers runs its own function. If another operation set the key meanwhile, that value is kept and
   * returned. `compute` may compute other keys, as deep as the stack allows; each takes some bytes of the map's memory
   * meanwhile. A call for the same key from within `compute` throws `RecursiveComputeError`. Where threads would wait
   * for each other's keys in a circle, one of them gets `ComputeDeadlockError` at once. A thread that has waited `computeTimeout`
   * for another thread's function gets `ComputeTimeoutError`.
   */
  getOrInsertComputed(key: K, compute: (key: K) => V): V
  /** Sets `key` to `value` and returns the previous value, or undefined. */
  swap(key: K, value: V): V | undefined
  /**
   * Sets `key` to `value` if it holds `expected`. Values are equal when their stored forms are: numbers by SameValueZero,
   * everything else byte by byte (`json`: the same text). An absent key never matches.
   */
  compareAndSwap(key: K, expected: V, value: V): boolean
  /** Removes `key` if it holds `expected`. */
  compareAndDelete(key: K, expected: V): boolean
  /** Removes `key` and returns the value it had, or undefined. (Go: `LoadAndDelete`.) */
  getAndDelete(key: K): V | undefined
  /**
   * Replaces the value of `key` by `change(current, key)`, atomically: if another thread changed the key meanwhile, `change` runs
   * again with the new value, so it should have no side effects. A result of undefined removes the key (or leaves
   * it absent). Returns the new value. No lock is held while `change` runs. `change` may use the map, but not change this key: the
   * operation that would do so throws `RecursiveUpdateError` at once. Every call decodes and encodes the
   * whole value: O(its length).
   */
  update(key: K, change: (current: V | undefined, key: K) => V | undefined): V | undefined
  /**
   * Adds `delta` to the number at `key` atomically (an absent key counts as 0) and returns the sum. For `f64`, `u32`
   * (wraps at 2^32; a whole `delta` from -(2^32 - 1) to 2^32 - 1, so that `add(key, -1)` of 0 gives 4294967295) and `i64`
   * values (wraps at 2^64); `CodecError` for any other.
   */
  add(key: K, delta: V): V

  /**
   * Calls `callback` for each entry. `forEach` and the iterators are weakly consistent: they visit a key that is present throughout exactly
   * once, and no key twice; a value is one that the key had when it was visited; other threads go on meanwhile. Entries that any
   * thread adds or removes meanwhile may or may not be visited. There is no insertion order.
   */
  forEach(callback: (value: V, key: K, map: this) => void, thisArg?: unknown): void
  /** Iterates over the keys, weakly consistent as `forEach`. */
  keys(): Generator<K, undefined, unknown>
  /** Iterates over the values, weakly consistent as `forEach`. */
  values(): Generator<V, undefined, unknown>
  /** Iterates over the entries, each as a new array of key and value, weakly consistent as `forEach`. */
  entries(): Generator<[K, V], undefined, unknown>
  /** Iterates over the entries, as `entries` does. */
  [Symbol.iterator](): Generator<[K, V], undefined, unknown>
  /** The name of the map's class. */
  readonly [Symbol.toStringTag]: string

  /** Counters; O(shards). */
  stats(): MapStats
  /**
   * Counters of each shard, in order; O(shards). A map whose waits gather in one shard has a hot key or a poor hash there;
   * waits that are spread evenly ask for more shards. `RWMutexMap`, `SyncMap` and `UnsafeMap` have one shard.
   */
  shardStats(): ShardStats[]
  /**
   * Checks every invariant of the whole memory and describes those that are broken; empty if there is none. The result has a
   * meaning only while no other thread uses the map. O(size of the memory). For tests, and to look into a suspicion.
   */
  audit(): string[]
  /** Send the handle to another thread, which calls `attach` with it. */
  readonly handle: MapHandle<K, V>
  /**
   * Listens for the end of a worker, so that the locks which it held are recovered at once. In Node, workers that this thread creates after
   * it has loaded the library are watched already; a browser's workers always are. Returns the map.
   */
  watch(worker: WatchableWorker | BrowserWorker): this
  /** Gives up this thread's place in the map. The other threads go on; the memory is freed when the last one lets go. */
  [Symbol.dispose](): void
}
