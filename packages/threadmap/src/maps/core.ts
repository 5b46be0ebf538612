/**
 * The five classes have one core: keys and values go into this thread's scratch areas, the kernel does the rest by the map's
 * policy. The core is an object of its own, and its fields are ordinary ones, because the classes of maps have one hidden class each:
 * a private field that five hidden classes share takes V8 longer to find than the kernel takes to read a key. What a user can
 * see of a map has no way to the core.
 */

import * as L from '../bridge/layout.generated.js'
import { type MapKind, POLICIES } from '../bridge/policies.js'
import { EXPECTED, KEY, RESULT, VALUE } from '../bridge/scratch.js'
import type { Session } from '../bridge/session.js'
import type { Cached, KeyCodec, NativeCodec } from '../codec/codec.js'
import { DisposedError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { failureOf } from './failure.js'
import { refuseOwnChange, updates } from './nested-updates.js'
import { ReadCache } from './read-cache.js'

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

export class MapCore<K, V> {
  readonly kind: MapKind
  readonly session: Session
  readonly key: KeyCodec<K>
  readonly value: NativeCodec<V>
  readonly kernel: Session['kernel']
  readonly scratch: Session['scratch']
  /** How many keys the read cache may keep; 0: there is none. */
  readonly cacheLimit: number
  readonly cache: ReadCache | undefined
  /** How the read cache keeps values that could be changed. */
  readonly cached: Cached<V> | undefined
  /** Writing a value can run code of the program: see `NativeCodec`. */
  readonly prepares: boolean
  /** Values are words inside the entries. */
  readonly inline: boolean
  /** These words are numbers; and the kernel can take keys as numbers, too. It has shorter ways for both. */
  readonly numbers: boolean
  readonly numberKeys: boolean
  disposed = false

  constructor(kind: MapKind, session: Session, key: KeyCodec<K>, value: NativeCodec<V>, cacheLimit: number) {
    const policy = POLICIES[kind]
    this.kind = kind
    this.session = session
    this.key = key
    this.value = value
    this.kernel = session.kernel
    this.scratch = session.scratch
    this.cacheLimit = cacheLimit
    this.cache = cacheLimit > 0 ? new ReadCache(cacheLimit) : undefined
    this.cached = value.cached
    this.prepares = value.prepare !== undefined
    this.inline = value.type !== L.TYPE_BYTES && !policy.hasValueBlocks
    this.numbers = this.inline && value.type === L.TYPE_F64
    this.numberKeys = this.numbers && key.type === L.TYPE_F64 && policy.readsNumberKeys
  }

  // --- Reading ----------------------------------------------------------------------------------------------------------

  /** `get` without the read cache. */
  get(key: K): V | undefined {
    if (this.disposed) this.refuse()
    try {
      if (this.numbers) return this.#getNumber(key)
      const code = this.kernel.get(this.key.write(this.scratch, KEY, key))
      if (code === L.PRESENT) return this.result()
      return code === L.ABSENT ? undefined : this.#getAgain(key, code)
    } catch (error) {
      throw this.kernel.trapped(error, 'get')
    }
  }

  has(key: K): boolean {
    if (this.disposed) this.refuse()
    try {
      return this.check(this.kernel.has(this.key.write(this.scratch, KEY, key))) === L.PRESENT
    } catch (error) {
      throw this.kernel.trapped(error, 'has')
    }
  }

  /** Looks for a key. If the code is PRESENT, `result` is its value. */
  find(key: K): number {
    if (this.disposed) this.refuse()
    try {
      let code = this.kernel.get(this.key.write(this.scratch, KEY, key))
      while (code === L.E_AREA) {
        this.growResult()
        code = this.kernel.get(this.key.write(this.scratch, KEY, key))
      }
      return this.check(code)
    } catch (error) {
      throw this.kernel.trapped(error, 'get')
    }
  }

  /** The value that the kernel left in the result area. */
  result(): V {
    const scratch = this.scratch
    if (this.inline) return this.value.read(scratch, scratch.resultWord, 0)
    const meta = scratch.u32[(scratch.resultWord + L.R_META) >>> 2]
    return (meta & L.META_LENGTH) <= L.WHOLE_VALUE
      ? this.value.read(scratch, scratch.resultBytes, meta)
      : this.#largeResult(meta)
  }

  /** The sum that `add` left in the result area. It comes without a meta word: all numbers take one word. */
  sum(): V {
    const scratch = this.scratch
    return this.value.read(scratch, this.inline ? scratch.resultWord : scratch.resultBytes, L.META_NUMBER)
  }

  #largeResult(meta: number): V {
    const value = this.value.read(this.scratch.records(), 0, meta)
    if (this.scratch.isLarge) this.scratch.shrink()
    return value
  }

  /** `get` of a number. NaN is ambiguous: then R_CODE has the status. */
  #getNumber(key: K): V | undefined {
    const value =
      this.numberKeys && typeof key === 'number'
        ? this.kernel.getNumberAt(key)
        : this.kernel.getNumber(this.key.write(this.scratch, KEY, key))
    // biome-ignore lint/suspicious/noSelfCompare: false for NaN alone.
    if (value === value) return value as V
    const code = this.scratch.u32[(this.scratch.resultWord + L.R_CODE) >>> 2] | 0
    if (code === L.ABSENT) return undefined
    return code === L.PRESENT ? (value as V) : this.#getAgain(key, code)
  }

  /** The rest of `get`: the result area was too small, or the kernel failed. */
  #getAgain(key: K, code: number): V | undefined {
    if (code === L.E_AREA) this.growResult()
    else this.check(code)
    return this.find(key) === L.PRESENT ? this.result() : undefined
  }

  // --- Changing ---------------------------------------------------------------------------------------------------------

  /** The value to store in place of `value`, by the schema of its codec. Runs code of the program. */
  admit(value: V, key: K): V {
    const codec = this.value
    if (codec.admit === undefined) return value
    if (this.disposed) this.refuse()
    return codec.admit(value, key)
  }

  /** Runs the code of the program that writing a value needs, before anything is written to scratch. */
  prepare(value: V, key: K): unknown {
    return this.prepares ? this.value.prepare!(value, key) : value
  }

  /** The key, or a copy of it that code of the program and other threads cannot change meanwhile. */
  own(key: K): K {
    const codec = this.key
    return codec.own === undefined ? key : codec.own(key)
  }

  /** An operation that brings a value. `expected` is prepared. Returns the kernel's code. */
  change(op: number, key: K, value: V, expected: unknown = NOTHING): number {
    if (this.disposed) this.refuse()
    const prepared = this.prepare(value, key)
    // Preparing may have disposed the map.
    if (this.disposed) this.refuse()
    if (updates !== 0) this.refuseOwn(key, METHODS[op])
    return this.#run(op, key, prepared, expected)
  }

  /** An operation that brings no value. */
  remove(op: number, key: K, expected: unknown = NOTHING): number {
    if (this.disposed) this.refuse()
    if (updates !== 0) this.refuseOwn(key, METHODS[op])
    return this.#run(op, key, NOTHING, expected)
  }

  /** Inserts a prepared value if the key is absent, also from within an update of the key. */
  insertPrepared(key: K, prepared: unknown): number {
    if (this.disposed) this.refuse()
    return this.#run(L.INSERT, key, prepared, NOTHING)
  }

  /** Runs no code of the program. Repeats the operation till the private window is large enough for its result. */
  #run(op: number, key: K, prepared: unknown, expected: unknown): number {
    const { kernel, scratch, value: codec } = this
    try {
      while (true) {
        const expectedMeta = expected === NOTHING ? 0 : codec.write(scratch, EXPECTED, expected)
        const valueMeta = prepared === NOTHING ? 0 : codec.write(scratch, VALUE, prepared)
        const meta = this.key.write(scratch, KEY, key)
        const code = kernel.change(op, meta, valueMeta, expectedMeta)
        if (scratch.isLarge && (code !== L.PRESENT || !givesResult(op))) scratch.shrink()
        if (code >= 0) return code
        if (code !== L.E_AREA) return this.check(code)
        this.growResult()
      }
    } catch (error) {
      throw kernel.trapped(error, METHODS[op])
    }
  }

  /** Refuses to change a key that an `update` of this thread is at. */
  refuseOwn(key: K, method: string): void {
    refuseOwnChange(this.session, this.key.cacheKey(key), method, () => quote(key))
  }

  // --- What the kernel says ---------------------------------------------------------------------------------------------

  /** Makes room for the result that did not fit. */
  growResult(): void {
    const needed = this.scratch.u32[(this.scratch.resultWord + L.R_DETAIL) >>> 2]
    this.scratch.reserve(RESULT, needed)
  }

  /** Throws the error that a negative code means. */
  check(code: number): number {
    if (code < 0) throw failureOf(this.session, this.kind, code)
    return code
  }

  /** Called when the map is found to be disposed. */
  refuse(): never {
    throw new DisposedError(`this ${this.kind} was disposed in this thread; attach to its handle again to go on`)
  }
}

/** Whether the value that the key had is read after the operation; that lets go of large windows then. */
function givesResult(op: number): boolean {
  return op === L.INSERT || op === L.SWAP || op === L.GET_AND_DELETE || op === L.ADD
}
