import { checkHandle } from '../bridge/check-handle.js'
import { readHeaderText } from '../bridge/header.js'
import * as L from '../bridge/layout.generated.js'
import { type MapKind, POLICIES } from '../bridge/policies.js'
import { EXPECTED, KEY, RESULT, VALUE } from '../bridge/scratch.js'
import { Session } from '../bridge/session.js'
import { copyBytes, isBytes } from '../codec/bytes.js'
import type { Cached, KeyCodec, NativeCodec, ValueCodec } from '../codec/codec.js'
import { u32Delta } from '../codec/numbers.js'
import { keyCodec, namedKeyCodec, namedValueCodec, valueCodec } from '../codec/registry.js'
import { AttachError, CodecError, DisposedError, OptionError } from '../errors/classes.js'
import { refuseCloning } from '../errors/cloning.js'
import { quote } from '../errors/quote.js'
import { watchWorker } from '../liveness/watch.js'
import { checkReady } from '../liveness/web-locks.js'
import type { BrowserWorker, WatchableWorker } from '../platform/workers.js'
import { COMPARED_BY_KEY, INSPECT, type Inspect, type InspectOptions, inspectMap } from './appearance.js'
import { computeFailureOf } from './compute-failure.js'
import type { ConcurrentMap } from './concurrent-map.js'
import { failureOf } from './failure.js'
import type { MapHandle } from './handle.js'
import { type AnyOptions, cacheSize, checkAttachOptions, checkOptions } from './options.js'
import { describeProblem } from './problems.js'
import { GENERATION, HIGH, LOW, ReadCache, SHARD, VERSION, WORDS } from './read-cache.js'
import { entriesOf, keysOf, valuesOf } from './scan.js'
import type { MapStats, ShardStats } from './stats.js'
import { beginUpdate, endUpdate, refuseOwnChange, refuseOwnClear, updates } from './updates.js'

/** What `attach` takes beside the handle. */
export interface AttachOptions<V> {
  /** The codec of the values: if it is your own, or `json(schema)`. */
  value?: ValueCodec<V>
  /** How many keys this thread's read cache may keep. Default: as the map was created with. */
  cache?: number
}

/** A thread's place in a map, and how it reads and writes it. */
class Opened<K, V> {
  constructor(
    readonly session: Session,
    readonly key: KeyCodec<K>,
    readonly value: NativeCodec<V>,
    readonly cache: number,
  ) {}
}

/** As for Map, -0 is the key 0. */
function canonical<K>(key: K): K {
  return Object.is(key, -0) ? (0 as K) : key
}

/** The method of each operation that changes a key, for errors. */
const METHODS: Record<number, string> = {
  [L.SET]: 'set',
  [L.INSERT]: 'getOrInsert',
  [L.SWAP]: 'swap',
  [L.ADD]: 'add',
  [L.COMPARE_AND_SWAP]: 'compareAndSwap',
  [L.COMPARE_AND_DELETE]: 'compareAndDelete',
  [L.DELETE]: 'delete',
  [L.GET_AND_DELETE]: 'getAndDelete',
}
/** In place of a value that an operation does not have. */
const NOTHING = Symbol('nothing')

/** Lets go of the session of a map that was collected without having been disposed. */
const collected = new FinalizationRegistry<Session>(session => session.release())

/** Creates the memory of a map. */
function createMap<K, V>(kind: MapKind, options: AnyOptions<K, V>): Opened<K, V> {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`new ${kind}() takes options with a key and a value codec, as in { key: string, value: f64 }`)
  }
  const key = keyCodec(options.key)
  const value = valueCodec(options.value)
  const { maxBytes, cache, header } = checkOptions(kind, options, value.type)
  const session = Session.create(maxBytes, header, JSON.stringify([key.name, value.name]))
  return new Opened(session, key, value, cache)
}

/**
 * Attaches to the map of a handle. What comes back goes to the constructor of the class in place of options.
 * @internal
 */
export function attachMap<K, V>(kind: MapKind, handle: MapHandle<K, V>, options: AttachOptions<V>): never {
  checkHandle(kind, handle)
  checkReady(`${kind}.attach()`)
  checkAttachOptions(kind, options)
  const cache = cacheSize(options.cache ?? handle.cache)
  const session = Session.attach(handle.memory, POLICIES[kind].number)
  try {
    const [keyName, valueName] = codecNames(handle.memory)
    return new Opened(session, namedKeyCodec<K>(keyName), namedValueCodec(valueName, options.value), cache) as never
  } catch (error) {
    session.release()
    throw error
  }
}

/** The names of the codecs of keys and values. */
function codecNames(memory: MapHandle['memory']): [string, string] {
  const text = readHeaderText(memory)
  try {
    const names: unknown = JSON.parse(text)
    if (Array.isArray(names) && names.length === 2 && names.every(name => typeof name === 'string')) {
      return names as [string, string]
    }
  } catch {
    // Said below.
  }
  throw new AttachError(`the memory names no codecs of keys and values: ${quote(text)}`)
}

/** What `attach` returns when it is called on the class `C`: a `Whole` on the map's own class, else an instance of `C`. */
export type Attached<C, Base, Whole> = Base extends C
  ? Whole
  : C extends new (
        ...args: never
      ) => infer Sub
    ? Sub
    : never

/**
 * Constructs the class that `attach` was called on: `own`, or a subclass. Called as a bare function it has none, and means
 * `own`.
 * @internal
 */
export function constructAttached(called: unknown, own: unknown, opened: never): never {
  return new ((called ?? own) as new (opened: never) => never)(opened)
}

/**
 * What the five maps have in common, which is all of JavaScript's side: keys and values go into this thread's scratch
 * areas, the kernel does the rest by the map's policy.
 */
export abstract class BaseMap<K, V> implements ConcurrentMap<K, V> {
  readonly #kind: MapKind
  readonly #session: Session
  readonly #key: KeyCodec<K>
  readonly #value: NativeCodec<V>
  readonly #kernel: Session['kernel']
  readonly #scratch: Session['scratch']
  readonly #cacheLimit: number
  readonly #cache: ReadCache | undefined
  /** How that keeps values which could be changed. */
  readonly #cached: Cached<V> | undefined
  /** Writing a value can run code of the program: see `NativeCodec`. */
  readonly #prepares: boolean
  /** Values are words inside the entries. */
  readonly #inline: boolean
  /** These words are numbers; and keys are too, in a FastMap. The kernel has shorter ways for both. */
  readonly #numbers: boolean
  readonly #numberKeys: boolean
  #disposed = false

  /** @internal */
  constructor(kind: MapKind, options: AnyOptions<K, V>) {
    const opened = options instanceof Opened ? (options as Opened<K, V>) : createMap(kind, options)
    this.#kind = kind
    this.#session = opened.session
    this.#key = opened.key
    this.#value = opened.value
    this.#kernel = opened.session.kernel
    this.#scratch = opened.session.scratch
    this.#cacheLimit = opened.cache
    this.#cache = opened.cache > 0 ? new ReadCache(opened.cache) : undefined
    this.#cached = opened.value.cached
    this.#prepares = opened.value.prepare !== undefined
    this.#inline = opened.value.type !== L.TYPE_BYTES && !POLICIES[kind].hasValueBlocks
    this.#numbers = this.#inline && opened.value.type === L.TYPE_F64
    this.#numberKeys = this.#numbers && opened.key.type === L.TYPE_F64 && POLICIES[kind].readsNumberKeys
    collected.register(this, opened.session, this)
    refuseCloning(this, kind)
  }

  /** The name of the map's class. */
  get kind(): MapKind {
    return this.#kind
  }

  /** @internal */
  get session(): Session {
    return this.#session
  }

  /** The name of the map's class. */
  get [Symbol.toStringTag](): string {
    return this.#kind
  }

  /**
   * For `console.log`: what Node, Bun and Deno call to show an object.
   * @internal
   */
  [INSPECT](depth: number | null, options: InspectOptions, inspect?: Inspect): string {
    return inspectMap(this.#kind, this, depth, options, inspect)
  }

  /** @internal */
  get [COMPARED_BY_KEY](): boolean {
    return true
  }

  get(key: K): V | undefined {
    if (this.#disposed) this.#refuse()
    try {
      if (this.#cache !== undefined) return this.#getCached(this.#cache, key)
      if (this.#numbers) return this.#getNumber(key)
      const code = this.#kernel.get(this.#key.write(this.#scratch, KEY, key))
      if (code === L.PRESENT) return this.#result()
      return code === L.ABSENT ? undefined : this.#getAgain(key, code)
    } catch (error) {
      throw this.#kernel.trapped(error, 'get')
    }
  }

  has(key: K): boolean {
    if (this.#disposed) this.#refuse()
    try {
      return this.#check(this.#kernel.has(this.#key.write(this.#scratch, KEY, key))) === L.PRESENT
    } catch (error) {
      throw this.#kernel.trapped(error, 'has')
    }
  }

  set(key: K, value: V): this {
    this.#change(L.SET, key, this.#admit(value, key))
    return this
  }

  delete(key: K): boolean {
    return this.#remove(L.DELETE, key) === L.PRESENT
  }

  clear(): void {
    if (this.#disposed) this.#refuse()
    if (updates !== 0) refuseOwnClear(this.session)
    this.#cache?.clear()
    this.#check(this.#kernel.clearAll())
  }

  get size(): number {
    if (this.#disposed) this.#refuse()
    return this.#check(this.#kernel.size())
  }

  getOrInsert(key: K, value: V): V {
    const admitted = this.#admit(value, key)
    return this.#change(L.INSERT, key, admitted) === L.PRESENT ? this.#result() : admitted
  }

  getOrInsertComputed(key: K, compute: (key: K) => V): V {
    if (typeof compute !== 'function') {
      throw new OptionError(`getOrInsertComputed() takes a function, and got ${quote(compute)}`)
    }
    const present = this.get(key)
    if (present !== undefined) return present
    const own = this.#own(key)
    const claim = this.#kernel.beginClaim(this.#key.write(this.#scratch, KEY, own))
    if (claim < 0) throw computeFailureOf(this.#session, this.kind, claim, own, this.#key)
    try {
      // Another thread may have computed it while this one waited.
      const found = this.get(own)
      if (found !== undefined) return found
      return this.getOrInsert(own, compute(canonical(key)))
    } finally {
      // Also when `compute` disposed this map: others of this thread may go on in the memory.
      if (!this.#session.closed) this.#kernel.endClaim(claim)
    }
  }

  swap(key: K, value: V): V | undefined {
    return this.#change(L.SWAP, key, this.#admit(value, key)) === L.PRESENT ? this.#result() : undefined
  }

  compareAndSwap(key: K, expected: V, value: V): boolean {
    if (this.#disposed) this.#refuse()
    let before = this.#prepare(expected, key)
    // An `encode` of the program may return the same array for the next value.
    if (this.#prepares && isBytes(before)) before = copyBytes(before)
    return this.#change(L.COMPARE_AND_SWAP, key, this.#admit(value, key), before) === L.PRESENT
  }

  compareAndDelete(key: K, expected: V): boolean {
    if (this.#disposed) this.#refuse()
    return this.#remove(L.COMPARE_AND_DELETE, key, this.#prepare(expected, key)) === L.PRESENT
  }

  getAndDelete(key: K): V | undefined {
    return this.#remove(L.GET_AND_DELETE, key) === L.PRESENT ? this.#result() : undefined
  }

  update(key: K, change: (current: V | undefined, key: K) => V | undefined): V | undefined {
    if (typeof change !== 'function') throw new OptionError(`update() takes a function, and got ${quote(change)}`)
    if (this.#disposed) this.#refuse()
    const own = this.#own(key)
    const name = this.#key.cacheKey(own)
    if (updates !== 0) this.#refuseOwn(own, 'update')
    beginUpdate(this.session, name)
    try {
      return this.#update(own, change, canonical(key))
    } finally {
      endUpdate()
    }
  }

  #update(key: K, change: (current: V | undefined, key: K) => V | undefined, given: K): V | undefined {
    while (true) {
      const code = this.#find(key)
      if (code !== L.PRESENT) {
        const result = change(undefined, given)
        if (result === undefined) return undefined
        const value = this.#admit(result, key)
        if (this.#put(L.INSERT, key, this.#prepare(value, key)) === L.ABSENT) return value
        continue
      }
      // What the kernel found is named by four words; they are taken before code of the program can use the map.
      const words = this.#scratch.u32
      const at = this.#scratch.resultWord >>> 2
      const entry = words[at + (L.R_ENTRY >>> 2)]
      const generation = words[at + (L.R_GENERATION >>> 2)]
      const low = words[at]
      const high = words[at + 1]
      const result = change(this.#result(), given)
      if (result === undefined) {
        if (this.#disposed) this.#refuse()
        const meta = this.#key.write(this.#scratch, KEY, key)
        const done = this.#check(this.#kernel.changeSame(L.DELETE_SAME, meta, 0, entry, generation, low, high))
        if (done === L.PRESENT) return undefined
      } else {
        const value = this.#admit(result, key)
        const prepared = this.#prepare(value, key)
        if (this.#disposed) this.#refuse()
        const valueMeta = this.#value.write(this.#scratch, VALUE, prepared)
        const meta = this.#key.write(this.#scratch, KEY, key)
        const done = this.#check(this.#kernel.changeSame(L.REPLACE_SAME, meta, valueMeta, entry, generation, low, high))
        if (this.#scratch.isLarge) this.#scratch.shrink()
        if (done === L.PRESENT) return value
      }
    }
  }

  add(key: K, delta: V): V {
    const name = this.#value.name
    if (name !== 'f64' && name !== 'u32' && name !== 'i64') {
      throw new CodecError(
        `add() needs values of the codecs f64, u32 or i64, and this ${this.#kind} has '${name}'; use update()`,
      )
    }
    this.#change(L.ADD, key, name === 'u32' ? (u32Delta(delta) as V) : delta)
    return this.#result()
  }

  forEach(callback: (value: V, key: K, map: this) => void, thisArg?: unknown): void {
    if (typeof callback !== 'function') throw new OptionError(`forEach() takes a function, and got ${quote(callback)}`)
    for (const [key, value] of this.entries()) callback.call(thisArg, value, key, this)
  }

  keys(): Generator<K, undefined, unknown> {
    return keysOf(this.#source())
  }

  values(): Generator<V, undefined, unknown> {
    return valuesOf(this.#source())
  }

  entries(): Generator<[K, V], undefined, unknown> {
    return entriesOf(this.#source())
  }

  /** Iterates over the entries, as `entries` does. */
  [Symbol.iterator](): Generator<[K, V], undefined, unknown> {
    return this.entries()
  }

  stats(): MapStats {
    if (this.#disposed) this.#refuse()
    this.#session.declareEnded()
    this.#session.recoverDead()
    const kernel = this.#kernel
    return {
      size: this.size,
      shards: this.#shards(),
      slots: kernel.totalSlots(),
      bytes: this.#session.memory.buffer.byteLength,
      usedBytes: kernel.usedBytes(),
      freeBytes: kernel.shardTotal(L.D_HEAP + L.P_FREE_BYTES),
      retries: kernel.threadTotal(L.S_RETRIES),
      lockWaits: kernel.threadTotal(L.S_LOCK_WAITS),
      lockSleeps: kernel.threadTotal(L.S_LOCK_SLEEPS),
      spins: kernel.threadTotal(L.S_SPINS),
      recoveries: kernel.recoveries() >>> 0,
      resizes: kernel.shardTotal(L.D_RESIZES),
      compactions: kernel.shardTotal(L.D_COMPACTIONS),
      threads: kernel.livingThreads(),
    }
  }

  shardStats(): ShardStats[] {
    if (this.#disposed) this.#refuse()
    const kernel = this.#kernel
    const shards = this.#shards()
    return Array.from({ length: shards }, (_, index) => ({
      // SyncMap counts deleted entries in its shard.
      entries: shards === 1 ? this.size : kernel.shardCounter(index, L.D_USED),
      lockWaits: kernel.shardCounter(index, L.D_LOCK_WAITS),
      lockWaitMs: kernel.shardCounter(index, L.D_LOCK_WAITED) / 1e6,
    }))
  }

  #shards(): number {
    return 2 ** this.#session.header(L.H_SHARD_BITS)
  }

  audit(): string[] {
    if (this.#disposed) this.#refuse()
    this.#session.declareEnded()
    const count = this.#kernel.audit() >>> 0
    this.#scratch.refresh()
    const words = this.#scratch.u32
    const found: string[] = []
    for (let i = 0; i < Math.min(count, L.MOST_PROBLEMS); i++) {
      const at = (this.#scratch.resultBytes >>> 2) + i * 3
      found.push(describeProblem(words[at], words[at + 1], words[at + 2]))
    }
    if (count > found.length) found.push(`and ${count - found.length} more`)
    return found
  }

  get handle(): MapHandle<K, V> {
    if (this.#disposed) this.#refuse()
    checkReady(`the handle of a ${this.#kind}`)
    this.#session.shared = true
    return {
      threadmap: L.LAYOUT_VERSION,
      kind: this.#kind,
      memory: this.#session.memory,
      key: this.#key.name,
      value: this.#value.name,
      cache: this.#cacheLimit,
    }
  }

  watch(worker: WatchableWorker | BrowserWorker): this {
    if (this.#disposed) this.#refuse()
    watchWorker(worker)
    return this
  }

  /** Gives up this thread's place in the map. The other threads go on; the memory is freed when the last one lets go. */
  [Symbol.dispose](): void {
    if (this.#disposed) return
    this.#disposed = true
    collected.unregister(this)
    this.#cache?.clear()
    this.#session.release()
  }

  // --- Between JavaScript and the kernel -------------------------------------------------------------------------------

  /** The value that the kernel left in the result area. */
  #result(): V {
    const scratch = this.#scratch
    if (this.#inline) return this.#value.read(scratch, scratch.resultWord, 0)
    const meta = scratch.u32[(scratch.resultWord + L.R_META) >>> 2]
    return (meta & L.META_LENGTH) <= L.WHOLE_VALUE
      ? this.#value.read(scratch, scratch.resultBytes, meta)
      : this.#largeResult(meta)
  }

  #largeResult(meta: number): V {
    const value = this.#value.read(this.#scratch.records(), 0, meta)
    if (this.#scratch.isLarge) this.#scratch.shrink()
    return value
  }

  /** Looks for a key; the value is in the result area then. */
  #find(key: K): number {
    if (this.#disposed) this.#refuse()
    try {
      let code = this.#kernel.get(this.#key.write(this.#scratch, KEY, key))
      while (code === L.E_AREA) {
        this.#growResult()
        code = this.#kernel.get(this.#key.write(this.#scratch, KEY, key))
      }
      return this.#check(code)
    } catch (error) {
      throw this.#kernel.trapped(error, 'get')
    }
  }

  /** `get` of a number. NaN stands for all else too; what it is stands in the result area then. */
  #getNumber(key: K): V | undefined {
    const value =
      this.#numberKeys && typeof key === 'number'
        ? this.#kernel.getNumberAt(key)
        : this.#kernel.getNumber(this.#key.write(this.#scratch, KEY, key))
    // biome-ignore lint/suspicious/noSelfCompare: false for NaN alone.
    if (value === value) return value as V
    const code = this.#scratch.u32[(this.#scratch.resultWord + L.R_CODE) >>> 2] | 0
    if (code === L.ABSENT) return undefined
    return code === L.PRESENT ? (value as V) : this.#getAgain(key, code)
  }

  /** A look at a key during an iteration; whoever writes meanwhile comes between that, not between reads. */
  #look(look: (meta: number) => number, key: K): number {
    if (this.#disposed) this.#refuse()
    try {
      let code = look(this.#key.write(this.#scratch, KEY, key))
      while (code === L.E_AREA) {
        this.#growResult()
        code = look(this.#key.write(this.#scratch, KEY, key))
      }
      return this.#check(code === L.E_READ_WRITE ? L.E_ITERATION_WRITE : code)
    } catch (error) {
      throw this.#kernel.trapped(error, 'iteration')
    }
  }

  /** The rest of `get`: the result area was too small, or the kernel failed. */
  #getAgain(key: K, code: number): V | undefined {
    if (code === L.E_AREA) this.#growResult()
    else this.#check(code)
    return this.#find(key) === L.PRESENT ? this.#result() : undefined
  }

  // Short, so that V8 puts it into its callers: what is rare or takes long anyway stands in the next two.
  #getCached(cache: ReadCache, key: K): V | undefined {
    const name = this.#key.cacheKey(key)
    const known = cache.find(name)
    if (known === undefined) return this.#getForCache(cache, key, name)
    if (!this.#numbers) return this.#readCached(cache, key, name, known)
    const words = cache.words
    const at = known * WORDS
    const value = this.#kernel.readNumber(words[at], words[at + GENERATION], words[at + SHARD], words[at + VERSION])
    // biome-ignore lint/suspicious/noSelfCompare: false for NaN alone.
    return value === value ? (value as V) : this.#getForCache(cache, key, name)
  }

  /** A cached value that is no number. */
  #readCached(cache: ReadCache, key: K, name: unknown, known: number): V | undefined {
    const words = cache.words
    const at = known * WORDS
    const entry = words[at]
    const generation = words[at + GENERATION]
    const shard = words[at + SHARD]
    const version = words[at + VERSION]
    if (this.#inline) {
      if (this.#kernel.readCached(entry, generation, shard, version) === L.PRESENT) return this.#result()
    } else if (
      this.#kernel.isCurrent(entry, generation, shard, version, words[at + LOW], words[at + HIGH]) === L.PRESENT
    ) {
      const kept = cache.values[known]
      return this.#cached === undefined ? (kept as V) : this.#cached.give(kept)
    }
    return this.#getForCache(cache, key, name)
  }

  /** Looks for a key and remembers where it stands. */
  #getForCache(cache: ReadCache, key: K, name: unknown): V | undefined {
    const own = this.#own(key)
    // Bytes in shared memory may have changed since `name` was made of them.
    const ownName = own === key ? name : this.#key.cacheKey(own)
    if (this.#find(own) !== L.PRESENT) return undefined
    const found = this.#scratch.u32
    const from = this.#scratch.resultWord >>> 2
    const token = [
      found[from + (L.R_ENTRY >>> 2)],
      found[from + (L.R_GENERATION >>> 2)],
      found[from + (L.R_SHARD >>> 2)],
      found[from + (L.R_VERSION >>> 2)],
      found[from],
      found[from + 1],
    ]
    if (this.#inline) {
      const place = cache.take(ownName)
      // Taking a place can replace the array.
      cache.words.set(token, place * WORDS)
      return this.#result()
    }
    const cached = this.#cached
    // Decoding can use the map, and this cache: it comes before a place is taken.
    const kept = cached === undefined ? this.#result() : this.#keep(cached)
    const place = cache.take(ownName)
    cache.words.set(token, place * WORDS)
    cache.values[place] = kept
    return cached === undefined ? (kept as V) : cached.give(kept)
  }

  #keep(cached: Cached<V>): unknown {
    const scratch = this.#scratch
    const meta = scratch.u32[(scratch.resultWord + L.R_META) >>> 2]
    if ((meta & L.META_LENGTH) <= L.WHOLE_VALUE) return cached.keep(scratch, scratch.resultBytes, meta)
    const kept = cached.keep(scratch.records(), 0, meta)
    if (scratch.isLarge) scratch.shrink()
    return kept
  }

  /** The value to store in place of `value`, by the schema of its codec. Runs code of the program. */
  #admit(value: V, key: K): V {
    const codec = this.#value
    if (codec.admit === undefined) return value
    if (this.#disposed) this.#refuse()
    return codec.admit(value, key)
  }

  /** Runs the code of the program that writing a value needs, before anything is written to scratch. */
  #prepare(value: V, key: K): unknown {
    return this.#prepares ? this.#value.prepare!(value, key) : value
  }

  /** The key, or a copy of it that code of the program and other threads cannot change meanwhile. */
  #own(key: K): K {
    const codec = this.#key
    return codec.own === undefined ? key : codec.own(key)
  }

  /** An operation that brings a value. */
  #change(op: number, key: K, value: V, expected: unknown = NOTHING): number {
    if (this.#disposed) this.#refuse()
    return this.#put(op, key, this.#prepare(value, key), expected, true)
  }

  /** The second half of an operation that brings a value; it runs no code of the program. */
  #put(op: number, key: K, prepared: unknown, expected: unknown = NOTHING, isOwn = false): number {
    // The code that ran before may have disposed the map, or be that of an update.
    if (this.#disposed) this.#refuse()
    if (isOwn && updates !== 0) this.#refuseOwn(key, METHODS[op])
    try {
      while (true) {
        const expectedMeta = expected === NOTHING ? 0 : this.#value.write(this.#scratch, EXPECTED, expected)
        const valueMeta = this.#value.write(this.#scratch, VALUE, prepared)
        const meta = this.#key.write(this.#scratch, KEY, key)
        const code = this.#kernel.change(op, meta, valueMeta, expectedMeta)
        // Where a result follows, that does it.
        if (this.#scratch.isLarge && (code !== L.PRESENT || op === L.SET || op === L.COMPARE_AND_SWAP)) {
          this.#scratch.shrink()
        }
        if (code >= 0) return code
        if (code !== L.E_AREA) return this.#check(code)
        this.#growResult()
      }
    } catch (error) {
      throw this.#kernel.trapped(error, METHODS[op])
    }
  }

  #remove(op: number, key: K, expected: unknown = NOTHING): number {
    if (this.#disposed) this.#refuse()
    if (updates !== 0) this.#refuseOwn(key, METHODS[op])
    try {
      while (true) {
        const expectedMeta = expected === NOTHING ? 0 : this.#value.write(this.#scratch, EXPECTED, expected)
        const meta = this.#key.write(this.#scratch, KEY, key)
        const code = this.#kernel.change(op, meta, 0, expectedMeta)
        if (code >= 0) return code
        if (code !== L.E_AREA) return this.#check(code)
        this.#growResult()
      }
    } catch (error) {
      throw this.#kernel.trapped(error, METHODS[op])
    }
  }

  /** Refuses to change a key that this thread's `update` is at. */
  #refuseOwn(key: K, method: string): void {
    refuseOwnChange(this.session, this.#key.cacheKey(key), method, () => quote(key))
  }

  #growResult(): void {
    const needed = this.#scratch.u32[(this.#scratch.resultWord + L.R_DETAIL) >>> 2]
    this.#scratch.reserve(RESULT, needed)
  }

  #check(code: number): number {
    if (code < 0) throw failureOf(this.#session, this.#kind, code)
    return code
  }

  #refuse(): never {
    throw new DisposedError(`this ${this.#kind} was disposed in this thread; attach to its handle again to go on`)
  }

  #source() {
    if (this.#disposed) this.#refuse()
    return {
      session: this.#session,
      key: this.#key,
      get: (key: K) => (this.#look(this.#kernel.get, key) === L.PRESENT ? this.#result() : undefined),
      has: (key: K) => this.#look(this.#kernel.has, key) === L.PRESENT,
      check: (code: number) => {
        if (this.#disposed) this.#refuse()
        return this.#check(code)
      },
      growResult: () => this.#growResult(),
      result: () => this.#result(),
    }
  }
}
