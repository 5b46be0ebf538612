/// <reference lib="esnext.disposable" preserve="true" />

import type { KeyCodec, ValueCodec } from './codec/codec.js'
import type { MapMemory } from './bridge/memory.js'

/**
 * The hash functions of the kernel. Only `default` resists keys that somebody chose so that they collide: two keys that were
 * chosen without knowledge of the seed share one of 2^b shards, or buckets, with a probability of at most 2/2^b + 2^-31
 * (NH and multiply-shift under secret words; docs/decisions/0013). `fnv1a`, `xxhash32` and `xxhash64` are for keys
 * that your own program makes, and to agree with other programs: colliding keys are easily made for them under any seed.
 */
export type HashName = 'default' | 'fnv1a' | 'xxhash32' | 'xxhash64'

/** The names of the five maps. */
export type MapKind = 'UnsafeMap' | 'RWMutexMap' | 'SyncMap' | 'ShardedMap' | 'FastMap'

/** What every map's constructor takes. Only `key` and `value` are required. */
export interface MapOptions<K, V> {
  /** How keys are stored: `string`, `f64`, `i64` or `bytes`. */
  key: KeyCodec<K>
  /** How values are stored: a key codec, `u32`, `bool`, `json<T>()` or `json(schema)`, `struct({...})`, or a codec of your own. */
  value: ValueCodec<V>
  /** How many entries to make room for at once. The map grows beyond it. Default 16. */
  capacity?: number
  /** The largest size of the shared memory in bytes, at most 4 GiB. Default 1 GiB (reserved, not used, until needed). */
  maxBytes?: number
  /**
   * How many keys each thread may keep in its private read cache. Default 0: no cache. What cached reads give out nobody can
   * change: `json` and `struct` values are frozen, `bytes` are copied, codecs of your own decode anew unless they say how else.
   */
  cache?: number
  /** The hash function. Default `default`. */
  hash?: HashName
  /**
   * The seed of the hash, 64 bits. Default random: then nobody outside can choose keys that collide in the hash `default`. A
   * seed that you give makes the same hash in every run; keep it secret where others choose the keys.
   */
  seed?: bigint
  /** How long to wait for a lock in milliseconds, before `LockTimeoutError`. Default 5000. */
  lockTimeout?: number
  /** How long `getOrInsertComputed` waits for another thread's function in milliseconds. Default 60000. */
  computeTimeout?: number
  /** How a thread waits for a lock before it sleeps. */
  backoff?: BackoffOptions
}

/** How a thread waits for a lock: it spins `initialDelay`, twice that, and so on, then sleeps until it is woken. */
export interface BackoffOptions {
  /** The first pause in nanoseconds (approximate: it is spun, not slept). Default 100. */
  initialDelay?: number
  /** How many pauses, each twice as long as the one before, until the thread sleeps. Default 6. */
  maxRetries?: number
}

/** What `ShardedMap` and `FastMap` take besides. */
export interface ShardedOptions<K, V> extends MapOptions<K, V> {
  /**
   * How many shards: a power of two from 1 to 1024. Default: 4 for each thread that the machine runs at once, 8 at least and 64
   * at most. Each takes some 4 KiB pages of its own: of 1,000 numbers a map takes about 160 KB with 8 shards, 850 KB with 64.
   */
  shards?: number
}

/** What `UnsafeMap` takes besides. */
export interface UnsafeOptions<K, V> extends MapOptions<K, V> {
  /**
   * Whether concurrent misuse is detected. Default true. With false, updates of existing keys are plain reads and writes
   * that other threads can overwrite (as in an undetected race); the memory stays whole all the same.
   */
  detect?: boolean
}

/**
 * What crosses to another thread, by `postMessage` or `workerData`. Structured-cloneable; it holds the shared memory
 * and the names of the codecs. `K` and `V` are carried for the compiler only. A worker that only forwards
 * handles to workers of its own must load `threadmap/watch`, or nobody hears of their deaths before its own end.
 */
export interface MapHandle<K = unknown, V = unknown, Kind extends MapKind = MapKind> {
  /** The version of the memory's layout; `attach` refuses another one than its own. */
  readonly threadmap: number
  /** The class of the map. */
  readonly kind: Kind
  /** The shared memory. */
  readonly memory: MapMemory
  /** The name of the codec of the keys. */
  readonly key: string
  /** The name of the codec of the values. */
  readonly value: string
  /** How many keys the read cache of an attached thread keeps, unless `attach` is told otherwise. */
  readonly cache: number
  /** Never present at run time. */
  readonly types?: [K, V]
}

/** Counters of one map, read without stopping anybody: exact only while nobody writes. */
export interface MapStats {
  /** Entries in the map. */
  size: number
  /** Shards of the map; each has a table and a lock of its own. */
  shards: number
  /** Slots of all tables, free or not. */
  slots: number
  /** Bytes of shared memory the map has (all of it: header, registry, tables, entries, free blocks, unused pages). */
  bytes: number
  /** Bytes in pages that are in use: `bytes` less the pages that are free for anything. */
  usedBytes: number
  /** Bytes of free blocks inside pages in use: they serve the next entries of their size. */
  freeBytes: number
  /** Times a validated read had to start again because a writer came between. */
  retries: number
  /** Times a thread did not get a lock at once. */
  lockWaits: number
  /** Of those, times it went to sleep. */
  lockSleeps: number
  /** Pauses spun while waiting for locks. */
  spins: number
  /** Locks taken over from threads that died, each followed by a repair of the shard. */
  recoveries: number
  /** Times a table was replaced by a larger (or smaller) one. */
  resizes: number
  /** Times sparse pages were emptied into others. */
  compactions: number
  /** Threads that have a place in the map now: one place each, however often they attach. */
  threads: number
}

/** Counters of one shard of a map, as they are while others go on. */
export interface ShardStats {
  /** Entries in the shard. */
  entries: number
  /** Times a thread did not get the shard's lock at once, since the map began (modulo 2^32). */
  lockWaits: number
  /** How long they waited, all together, in milliseconds. Short spins are counted by their nominal length. */
  lockWaitMs: number
}

/** The counters of Go's `sync.Map`, besides. */
export interface SyncMapStats extends MapStats {
  /** Reads that had to look into `dirty` under the mutex, since the map began. */
  misses: number
  /** Times `dirty` became `read`. */
  promotions: number
  /** Entries copied from `read` into a new `dirty`. */
  entriesCopied: number
  /** Entries in `dirty` now (0: there is none). */
  dirtyEntries: number
}

/**
 * A map that all threads share. It is JavaScript's `Map` without insertion order, and the atomic operations that users
 * of Go's `sync.Map` and Java's `ConcurrentHashMap` expect.
 *
 * Thread-safety: every operation on one key is linearizable (`UnsafeMap`: is refused when another thread is inside).
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
   * `compute` runs at most once per absent key: other callers wait for its result. If it throws, the error reaches its
   * caller, and one of those who wait runs its own. If meanwhile another operation set the key, that value is kept and
   * returned. `compute` may compute other keys, as deep as the stack allows; each takes some bytes of the map's memory
   * meanwhile. Calling it for the same key from within `compute` throws `RecursiveComputeError`. Where threads would wait
   * for each other's keys in a circle, one of them gets `ComputeDeadlockError` at once. Who has waited `computeTimeout`
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
   * Replaces the value of `key` by `change(current, key)`, atomically: if another thread came between, `change` runs
   * again with what is there then, so it should have no side effects. A result of undefined removes the key (or leaves
   * it absent). Returns the new value. No lock is held while `change` runs; it may use the map, but not change this key:
   * that throws `RecursiveUpdateError` at once, from the operation that would change it. Every call decodes and encodes the
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
   * Calls `callback` for each entry. This and the iterators are weakly consistent: a key that is present throughout is seen
   * exactly once, no key is seen twice, a value is one that the key had when it was visited, other threads go on
   * meanwhile. Entries added or removed meanwhile, by anyone, may or may not be seen. There is no insertion order.
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
   * Checks every invariant of the whole memory and returns what is broken, in words; empty if all is well. Only meaningful
   * while no other thread uses the map. O(size of the memory). For tests, and for those who wonder.
   */
  audit(): string[]
  /** What to send to another thread, which calls `attach` with it. */
  readonly handle: MapHandle<K, V>
  /**
   * Lets the map know of a worker whose death it is to notice, so that locks the worker held are recovered at once. In
   * Node, workers that this thread creates after it has loaded the library are watched already; a browser's workers always are. Returns the map.
   */
  watch(worker: WatchableWorker | BrowserWorker): this
  /** Gives up this thread's place in the map. The other threads go on; the memory is freed when the last one lets go. */
  [Symbol.dispose](): void
}

/** What `onThreadDeath` tells. */
export interface ThreadDeath {
  /** The `threadId` that the dead thread had. Its number is not given to another thread. */
  readonly threadId: number
}

/** A `Worker` of `node:worker_threads` (or one that looks like it). */
export interface WatchableWorker {
  /** The number that the runtime gave the thread. */
  readonly threadId: number
  /** Calls `listener` when the worker has ended. */
  once(event: 'exit', listener: () => void): unknown
  /** Like `once`, before other listeners. Absent: `once` is used. */
  prependOnceListener?(event: 'exit', listener: () => void): unknown
  /** How busy the worker's event loop is. Absent where the runtime does not say. */
  readonly performance?: {
    /** What the event loop has done since the worker began. */
    eventLoopUtilization(): {
      /** Milliseconds in which the event loop had nothing to do. */
      readonly idle: number
    }
  }
}

/** A browser's `Worker`. Its end is no event; it is known by its Web Lock. */
export interface BrowserWorker {
  /** Sends a message to the worker. */
  postMessage(message: unknown): void
  /** Ends the worker. */
  terminate(): void
}
