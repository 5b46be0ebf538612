import * as L from '../bridge/layout.generated.js'
import type { MapKind } from '../bridge/policies.js'
import { KEY } from '../bridge/scratch.js'
import type { Session } from '../bridge/session.js'
import { copyBytes, isBytes } from '../codec/bytes.js'
import { u32Delta } from '../codec/numbers.js'
import { CodecError, OptionError } from '../errors/classes.js'
import { refuseCloning } from '../errors/cloning.js'
import { quote } from '../errors/quote.js'
import { watchWorker } from '../liveness/watch.js'
import { checkReady } from '../liveness/web-locks.js'
import type { BrowserWorker, WatchableWorker } from '../platform/workers.js'
import { COMPARED_BY_KEY, INSPECT, type Inspect, type InspectOptions, inspectMap } from './appearance.js'
import { getCached } from './cached-get.js'
import { computeFailureOf } from './compute-failure.js'
import type { ConcurrentMap } from './concurrent-map.js'
import { MapCore } from './core.js'
import type { MapHandle } from './handle.js'
import { beginUpdate, endUpdate, refuseOwnClear, updates } from './nested-updates.js'
import { createCore } from './open.js'
import type { AnyOptions } from './options.js'
import { problemsOf } from './problems.js'
import { entriesOf, keysOf, valuesOf } from './scan.js'
import { type MapStats, type ShardStats, shardStatsOf, statsOf } from './stats.js'
import { update } from './update.js'

/** As for Map, -0 is the key 0. */
export function canonical<K>(key: K): K {
  return Object.is(key, -0) ? (0 as K) : key
}

/** Releases the session of a map that was collected without having been disposed. Iterators reference the core, and so keep the session. */
const collected = new FinalizationRegistry<Session>(session => session.release())

/**
 * The core of a map, for other parts of the library: programs cannot reach it. Undefined if `map` is no map of this library.
 * @internal
 */
export let coreOf: (map: unknown) => MapCore<unknown, unknown> | undefined

/**
 * What the five maps have in common: the methods of `ConcurrentMap`. They check what they are given and pass it to the core
 * of the map (core.ts).
 */
export abstract class BaseMap<K, V> implements ConcurrentMap<K, V> {
  readonly #core: MapCore<K, V>

  static {
    coreOf = map =>
      typeof map === 'object' && map !== null && #core in map ? (map.#core as MapCore<unknown, unknown>) : undefined
  }

  /** @internal */
  constructor(kind: MapKind, options: AnyOptions<K, V>) {
    const core = options instanceof MapCore ? (options as MapCore<K, V>) : createCore(kind, options)
    this.#core = core
    collected.register(core, core.session, core)
    refuseCloning(this, kind)
  }

  /** The name of the map's class. */
  get kind(): MapKind {
    return this.#core.kind
  }

  /** @internal */
  get session(): Session {
    return this.#core.session
  }

  /** The name of the map's class. */
  get [Symbol.toStringTag](): string {
    return this.#core.kind
  }

  /**
   * For `console.log`: what Node, Bun and Deno call to show an object.
   * @internal
   */
  [INSPECT](depth: number | null, options: InspectOptions, inspect?: Inspect): string {
    return inspectMap(this.#core.kind, this, depth, options, inspect)
  }

  /** @internal */
  get [COMPARED_BY_KEY](): boolean {
    return true
  }

  get(key: K): V | undefined {
    const core = this.#core
    return core.cache === undefined ? core.get(key) : getCached(core, core.cache, key)
  }

  has(key: K): boolean {
    return this.#core.has(key)
  }

  set(key: K, value: V): this {
    const core = this.#core
    core.change(L.SET, key, core.admit(value, key))
    return this
  }

  delete(key: K): boolean {
    return this.#core.remove(L.DELETE, key) === L.PRESENT
  }

  clear(): void {
    const core = this.#open()
    if (updates !== 0) refuseOwnClear(core.session)
    core.clearCache()
    core.check(core.kernel.clearAll())
  }

  get size(): number {
    const core = this.#open()
    return core.check(core.kernel.size())
  }

  getOrInsert(key: K, value: V): V {
    const core = this.#core
    const admitted = core.admit(value, key)
    return core.change(L.INSERT, key, admitted) === L.PRESENT ? core.result() : admitted
  }

  getOrInsertComputed(key: K, compute: (key: K) => V): V {
    if (typeof compute !== 'function') {
      throw new OptionError(`getOrInsertComputed() takes a function, and got ${quote(compute)}`)
    }
    const present = this.get(key)
    if (present !== undefined) return present
    const core = this.#core
    const own = core.own(key)
    const claim = core.kernel.beginClaim(core.key.write(core.scratch, KEY, own))
    if (claim < 0) throw computeFailureOf(core.session, core.kind, claim, own, core.key)
    try {
      // Another thread may have computed the value while this one waited.
      const found = this.get(own)
      if (found !== undefined) return found
      return this.getOrInsert(own, compute(canonical(key)))
    } finally {
      // The claim ends also if `compute` disposed this map: other maps of this thread may use the memory.
      if (!core.session.closed) core.kernel.endClaim(claim)
    }
  }

  swap(key: K, value: V): V | undefined {
    const core = this.#core
    return core.change(L.SWAP, key, core.admit(value, key)) === L.PRESENT ? core.result() : undefined
  }

  compareAndSwap(key: K, expected: V, value: V): boolean {
    const core = this.#open()
    let before = core.prepare(expected, key)
    // An `encode` of the program may return one array for both values.
    if (core.prepares && isBytes(before)) before = copyBytes(before)
    return core.change(L.COMPARE_AND_SWAP, key, core.admit(value, key), before) === L.PRESENT
  }

  compareAndDelete(key: K, expected: V): boolean {
    const core = this.#open()
    return core.remove(L.COMPARE_AND_DELETE, key, core.prepare(expected, key)) === L.PRESENT
  }

  getAndDelete(key: K): V | undefined {
    const core = this.#core
    return core.remove(L.GET_AND_DELETE, key) === L.PRESENT ? core.result() : undefined
  }

  update(key: K, change: (current: V | undefined, key: K) => V | undefined): V | undefined {
    if (typeof change !== 'function') throw new OptionError(`update() takes a function, and got ${quote(change)}`)
    const core = this.#open()
    const own = core.own(key)
    if (updates !== 0) core.refuseOwn(own, 'update')
    beginUpdate(core.session, core.key.cacheKey(own))
    try {
      return update(core, own, change, canonical(key))
    } finally {
      endUpdate()
    }
  }

  add(key: K, delta: V): V {
    const core = this.#core
    const name = core.value.name
    if (name !== 'f64' && name !== 'u32' && name !== 'i64') {
      throw new CodecError(
        `add() needs values of the codecs f64, u32 or i64, and this ${core.kind} has '${name}'; use update()`,
      )
    }
    core.change(L.ADD, key, name === 'u32' ? (u32Delta(delta) as V) : delta)
    return core.result()
  }

  forEach(callback: (value: V, key: K, map: this) => void, thisArg?: unknown): void {
    if (typeof callback !== 'function') throw new OptionError(`forEach() takes a function, and got ${quote(callback)}`)
    for (const [key, value] of this.entries()) callback.call(thisArg, value, key, this)
  }

  keys(): Generator<K, undefined, unknown> {
    return keysOf(this.#open())
  }

  values(): Generator<V, undefined, unknown> {
    return valuesOf(this.#open())
  }

  entries(): Generator<[K, V], undefined, unknown> {
    return entriesOf(this.#open())
  }

  /** Iterates over the entries, as `entries` does. */
  [Symbol.iterator](): Generator<[K, V], undefined, unknown> {
    return this.entries()
  }

  stats(): MapStats {
    const { session } = this.#open()
    session.declareEnded()
    session.recoverDead()
    return { size: this.size, ...statsOf(session) }
  }

  shardStats(): ShardStats[] {
    return shardStatsOf(this.#open().session, () => this.size)
  }

  audit(): string[] {
    const { session } = this.#open()
    session.declareEnded()
    return problemsOf(session)
  }

  get handle(): MapHandle<K, V> {
    const core = this.#open()
    checkReady(`the handle of a ${core.kind}`)
    core.session.shared = true
    return {
      threadmap: L.LAYOUT_VERSION,
      kind: core.kind,
      memory: core.session.memory,
      key: core.key.name,
      value: core.value.name,
      cache: core.cacheLimit,
    }
  }

  watch(worker: WatchableWorker | BrowserWorker): this {
    this.#open()
    watchWorker(worker)
    return this
  }

  /** Gives up this thread's place in the map. The other threads go on; the memory is freed when the last one lets go. */
  [Symbol.dispose](): void {
    const core = this.#core
    if (core.disposed) return
    core.close()
    collected.unregister(core)
    core.session.release()
  }

  /** The core of a map that is not disposed. */
  #open(): MapCore<K, V> {
    const core = this.#core
    if (core.disposed) core.refuse()
    return core
  }
}
