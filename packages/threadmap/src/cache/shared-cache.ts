import * as L from '../bridge/layout.generated.js'
import { KEY } from '../bridge/scratch.js'
import type { Session } from '../bridge/session.js'
import { copyBytes, isBytes } from '../codec/bytes.js'
import { u32Delta } from '../codec/numbers.js'
import { CodecError, OptionError } from '../errors/classes.js'
import { refuseCloning } from '../errors/cloning.js'
import { quote } from '../errors/quote.js'
import { watchWorker } from '../liveness/watch.js'
import { checkReady } from '../liveness/web-locks.js'
import { COMPARED_BY_KEY, INSPECT, type Inspect, type InspectOptions, inspectMap } from '../maps/appearance.js'
import { canonical } from '../maps/base-map.js'
import { getCached } from '../maps/cached-get.js'
import { computeFailureOf } from '../maps/compute-failure.js'
import { beginUpdate, endUpdate, refuseOwnClear, updates } from '../maps/nested-updates.js'
import { problemsOf } from '../maps/problems.js'
import { entriesOf, keysOf, valuesOf } from '../maps/scan.js'
import { type ShardStats, shardStatsOf, statsOf } from '../maps/stats.js'
import type { BrowserWorker, WatchableWorker } from '../platform/workers.js'
import { CacheCore } from './core.js'
import { Fetching } from './fetch.js'
import type { FetchOptions, Loader } from './fetch-options.js'
import { attachCore, createCore } from './open.js'
import type { CacheAttachOptions, CacheHandle, CacheOptions, GetOptions, SetOptions } from './options.js'
import { type CacheStats, cacheStatsOf } from './stats.js'

/** Releases the session of a cache that was collected without having been disposed. */
const collected = new FinalizationRegistry<Session>(session => session.release())

/**
 * A bounded cache that all threads share: a key-value store that may lose any entry at any time, and never returns a value that was replaced,
 * removed, or whose time was over when it was looked up. A hit takes no lock; a write takes the mutex of one shard and evicts before it
 * publishes, so the bound holds at every moment.
 *
 * Thread-safety: every operation on one key is linearizable but for keys that the cache lost. Cost: expected O(1) per operation. A write can
 * evict; see docs/cache.md.
 *
 * Sources: S3-FIFO (Yang and others, SOSP 2023), ARC (Megiddo, Modha, FAST 2003), and FastMap's table.
 */
export class SharedCache<K, V> implements Iterable<[K, V]> {
  readonly #core: CacheCore<K, V>
  #fetching: Fetching<K, V> | undefined

  /**
   * Creates an empty cache in shared memory of its own. `OptionError` for an option that is unknown or out of range, `CodecError` for a codec
   * that does not fit, `UnsupportedError` where threads cannot share memory.
   */
  constructor(options: CacheOptions<K, V>) {
    const core = options instanceof CacheCore ? (options as CacheCore<K, V>) : createCore(options)
    this.#core = core
    collected.register(core, core.session, core)
    refuseCloning(this, 'SharedCache')
  }

  /** The cache of a handle that another thread sent. `AttachError` if the handle is none of a SharedCache. */
  static attach<K = unknown, V = unknown>(
    handle: CacheHandle<K, V>,
    options: CacheAttachOptions<K, V> = {},
  ): SharedCache<K, V> {
    return new SharedCache<K, V>(attachCore(handle, options) as never)
  }

  /** The name of the class. */
  get [Symbol.toStringTag](): string {
    return 'SharedCache'
  }

  /** @internal */
  get session(): Session {
    return this.#core.session
  }

  /** @internal */
  get core(): CacheCore<K, V> {
    return this.#core
  }

  /** @internal */
  [INSPECT](depth: number | null, options: InspectOptions, inspect?: Inspect): string {
    return inspectMap('SharedCache', this, depth, options, inspect)
  }

  /** @internal */
  get [COMPARED_BY_KEY](): boolean {
    return true
  }

  /** The value of `key` if it is fresh (or, with `allowStale`, kept), else undefined. A hit keeps the entry from being evicted for a while. */
  get(key: K, options?: GetOptions): V | undefined {
    const core = this.#core
    if (options?.allowStale === true) return core.getStale(key)
    return core.cache === undefined ? core.get(key) : getCached(core, core.cache, key)
  }

  /** Whether `key` has a fresh value. Not a hit: neither order of eviction nor counters change. */
  has(key: K): boolean {
    return this.#core.has(key)
  }

  /**
   * Sets `key` to `value`, and evicts what must go for that. Returns the cache. `ValueTooLargeError` for a value above the share of the bound
   * that one value may have.
   */
  set(key: K, value: V, options?: SetOptions): this {
    const core = this.#core
    core.change(L.SET, key, core.admit(value, key), core.ttlOf(options))
    return this
  }

  /** Removes `key`. Returns whether it had a fresh value. */
  delete(key: K): boolean {
    return this.#core.remove(L.DELETE, key) === L.PRESENT
  }

  /** Removes every entry, shard by shard. */
  clear(): void {
    const core = this.#open()
    if (updates !== 0) refuseOwnClear(core.session)
    core.clearCache()
    core.check(core.kernel.clearAll())
  }

  /** The number of entries, those that have expired and were not removed yet included, and loads without a value not. */
  get size(): number {
    const core = this.#open()
    return core.check(core.kernel.size())
  }

  /**
   * How long the value of `key` is still fresh, in milliseconds: Infinity without a deadline, 0 if there is no fresh value. Counts as a read.
   */
  getRemainingTTL(key: K): number {
    const core = this.#open()
    if (core.find(key) !== L.PRESENT) return 0
    const until = core.freshUntil()
    return until === Number.POSITIVE_INFINITY ? until : Math.max(0, until - core.session.clock.now())
  }

  /** The value of `key`; when there is none that is fresh, `value`, which is then set. */
  getOrInsert(key: K, value: V, options?: SetOptions): V {
    const core = this.#core
    const admitted = core.admit(value, key)
    return core.change(L.INSERT, key, admitted, core.ttlOf(options)) === L.PRESENT ? core.result() : admitted
  }

  /**
   * The value of `key`; when there is none that is fresh, the result of `compute(key)`, which is then set. Across all threads one `compute` per
   * key runs at a time, and the others wait for it. Errors as the method of the maps. For functions that are asynchronous see `fetch`.
   */
  getOrInsertComputed(key: K, compute: (key: K) => V, options?: SetOptions): V {
    if (typeof compute !== 'function') {
      throw new OptionError(`getOrInsertComputed() takes a function, and got ${quote(compute)}`)
    }
    const present = this.get(key)
    if (present !== undefined) return present
    const core = this.#core
    const own = core.own(key)
    const claim = core.kernel.beginClaim(core.key.write(core.scratch, KEY, own))
    if (claim < 0) throw computeFailureOf(core.session, 'SharedCache', claim, own, core.key)
    try {
      const found = this.get(own)
      return found !== undefined ? found : this.getOrInsert(own, compute(canonical(key)), options)
    } finally {
      if (!core.session.closed) core.kernel.endClaim(claim)
    }
  }

  /** Sets `key` to `value` and returns the fresh value that it had, or undefined. */
  swap(key: K, value: V, options?: SetOptions): V | undefined {
    const core = this.#core
    const code = core.change(L.SWAP, key, core.admit(value, key), core.ttlOf(options))
    return code === L.PRESENT ? core.result() : undefined
  }

  /** Sets `key` to `value` if it holds `expected`: as the method of the maps. */
  compareAndSwap(key: K, expected: V, value: V, options?: SetOptions): boolean {
    const core = this.#open()
    let before = core.prepare(expected, key)
    if (core.prepares && isBytes(before)) before = copyBytes(before)
    return core.change(L.COMPARE_AND_SWAP, key, core.admit(value, key), core.ttlOf(options), before) === L.PRESENT
  }

  /** Removes `key` if it holds `expected`. */
  compareAndDelete(key: K, expected: V): boolean {
    const core = this.#open()
    return core.remove(L.COMPARE_AND_DELETE, key, core.prepare(expected, key)) === L.PRESENT
  }

  /** Removes `key` and returns the fresh value that it had, or undefined. */
  getAndDelete(key: K): V | undefined {
    const core = this.#core
    return core.remove(L.GET_AND_DELETE, key) === L.PRESENT ? core.result() : undefined
  }

  /**
   * Replaces the fresh value of `key` by `change(current, key)`, atomically; `change` runs again if another thread changed the key meanwhile. A
   * result of undefined removes the key. Returns the new value.
   */
  update(key: K, change: (current: V | undefined, key: K) => V | undefined, options?: SetOptions): V | undefined {
    if (typeof change !== 'function') throw new OptionError(`update() takes a function, and got ${quote(change)}`)
    const core = this.#open()
    const own = core.own(key)
    const ttl = core.ttlOf(options)
    if (updates !== 0) core.refuseOwn(own, 'update')
    beginUpdate(core.session, core.key.cacheKey(own))
    try {
      return update(core, own, change, canonical(key), ttl)
    } finally {
      endUpdate()
    }
  }

  /**
   * Adds `delta` to the number at `key` atomically and returns the sum; a key without a fresh value counts as 0. Wraps and refuses as `add` of the
   * maps. The value keeps its time, and a new one has that of `ttl` (as a counter that is reset once a minute needs it), unless `options` has a
   * `ttl`: then the sum is fresh for so long. `CodecError` for values that are no numbers.
   */
  add(key: K, delta: V, options?: SetOptions): V {
    const core = this.#core
    const { name } = core.value
    if (name !== 'f64' && name !== 'u32' && name !== 'i64') {
      throw new CodecError(
        `add() needs values of the codecs f64, u32 or i64, and this SharedCache has '${name}'; use update()`,
      )
    }
    const ttl = core.ttlOf(options)
    const added = name === 'u32' ? (u32Delta(delta) as V) : delta
    // A negative time says that a value which is there keeps its own.
    core.change(L.ADD, key, added, options?.ttl === undefined ? -ttl : ttl)
    return core.result()
  }

  /**
   * The fresh value of `key`; if there is none, the value that `loader(key, { signal, stale })` returns, which is stored. Among all threads
   * one loader runs per key at a time; everybody else who fetches the key awaits its value, or its error. No event loop is blocked.
   *
   * If the thread that loads dies, blocks, or is disposed of, another thread that waits runs its own loader. A load ends at `loadTimeout`, with a
   * `LoadTimeoutError`. A value is stored only if the key was neither set nor deleted, nor evicted, since its load began; those who
   * waited get it all the same, or the value that was set. A loader's error rejects all who wait, in other threads as a copy; it is not stored, unless
   * `negativeTtl` says so. A result of undefined means that there is no value: all who wait get undefined, and nothing is stored.
   *
   * `DisposedError` if the cache is disposed meanwhile; the reason of `signal`, if that aborts. A value that is too large for the cache is returned, and not
   * stored. Cost of a hit: that of `get`, and a promise.
   */
  fetch(key: K, loader: Loader<K, V>, options?: FetchOptions): Promise<V>
  fetch(key: K, loader: Loader<K, V, V | undefined>, options?: FetchOptions): Promise<V | undefined>
  fetch(key: K, loader: Loader<K, V, V | undefined>, options?: FetchOptions): Promise<V> {
    this.#fetching ??= new Fetching(this.#core)
    return this.#fetching.fetch(key, loader as Loader<K, V>, options) as Promise<V>
  }

  /** Calls `callback` for each entry with a fresh value, weakly consistent as the iterators of the maps. */
  forEach(callback: (value: V, key: K, cache: this) => void, thisArg?: unknown): void {
    if (typeof callback !== 'function') throw new OptionError(`forEach() takes a function, and got ${quote(callback)}`)
    for (const [key, value] of this.entries()) callback.call(thisArg, value, key, this)
  }

  /** Iterates over the keys of fresh values. */
  keys(): Generator<K, undefined, unknown> {
    return keysOf(this.#open())
  }

  /** Iterates over the fresh values. */
  values(): Generator<V, undefined, unknown> {
    return valuesOf(this.#open())
  }

  /** Iterates over the entries with fresh values. */
  entries(): Generator<[K, V], undefined, unknown> {
    return entriesOf(this.#open())
  }

  /** Iterates over the entries, as `entries` does. */
  [Symbol.iterator](): Generator<[K, V], undefined, unknown> {
    return this.entries()
  }

  /** Counters; O(shards). */
  stats(): CacheStats {
    const { session } = this.#open()
    session.declareEnded()
    session.recoverDead()
    return { size: this.size, ...statsOf(session), ...cacheStatsOf(session) }
  }

  /** Counters of each shard, in order. */
  shardStats(): ShardStats[] {
    return shardStatsOf(this.#open().session, () => this.size)
  }

  /** Checks every invariant of the whole memory, as the method of the maps: empty if all hold. Only while no other thread uses the cache. */
  audit(): string[] {
    const { session } = this.#open()
    session.declareEnded()
    return problemsOf(session)
  }

  /** Send the handle to another thread, which calls `attach` with it. */
  get handle(): CacheHandle<K, V> {
    const core = this.#open()
    checkReady('the handle of a SharedCache')
    core.session.shared = true
    return {
      threadmap: L.LAYOUT_VERSION,
      kind: 'SharedCache',
      memory: core.session.memory,
      key: core.key.name,
      value: core.value.name,
      readCache: core.cacheLimit,
    }
  }

  /** Listens for the end of a worker, as the method of the maps. Returns the cache. */
  watch(worker: WatchableWorker | BrowserWorker): this {
    this.#open()
    watchWorker(worker)
    return this
  }

  /** Gives up this thread's place in the cache. The other threads go on; the memory is freed when the last one lets go. */
  [Symbol.dispose](): void {
    const core = this.#core
    if (core.disposed) return
    core.close()
    this.#fetching?.end()
    collected.unregister(core)
    core.session.release()
  }

  /** The core of a cache that is not disposed. */
  #open(): CacheCore<K, V> {
    const core = this.#core
    if (core.disposed) core.refuse()
    return core
  }
}

/** As the function of the maps (maps/update.ts), for values with a time. */
function update<K, V>(
  core: CacheCore<K, V>,
  own: K,
  change: (current: V | undefined, key: K) => V | undefined,
  given: K,
  ttl: number,
): V | undefined {
  while (true) {
    if (core.find(own) !== L.PRESENT) {
      const result = change(undefined, given)
      if (result === undefined) return undefined
      const value = core.admit(result, own)
      if (core.changeOwn(L.INSERT, own, value, ttl) === L.ABSENT) return value
      continue
    }
    const token = core.token()
    const result = change(core.result(), given)
    const value = result === undefined ? undefined : core.admit(result, own)
    if (core.changeSame(own, value, token, ttl) === L.PRESENT) return value
  }
}
