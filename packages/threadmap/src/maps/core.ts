/**
 * The core of a map, which all five classes have in common. It writes keys and values into this thread's scratch areas, calls the kernel,
 * and reads the results; the map's policy matters to the kernel only.
 *
 * The core is an object of its own, with ordinary fields, for speed: V8 looks up private fields and methods slowly where it has seen more
 * than four hidden classes, and each class of maps has one. Maps have the core in their only private field, so users cannot reach it.
 */

import { kernelReadsStrings } from '../bridge/instance.js'
import * as L from '../bridge/layout.generated.js'
import { type MapKind, POLICIES } from '../bridge/policies.js'
import { EXPECTED, KEY, RESULT, VALUE } from '../bridge/scratch.js'
import type { Session } from '../bridge/session.js'
import type { Cached, KeyCodec, NativeCodec } from '../codec/codec.js'
import { f64 } from '../codec/numbers.js'
import { string } from '../codec/strings.js'
import { DisposedError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { AttentiveCore } from './attentive-core.js'
import { failureOf } from './failure.js'
import { refuseOwnChange, updates } from './nested-updates.js'
import { isPrimitive, ReadCache } from './read-cache.js'

/** The method of each operation that changes a key, for errors. */
export const METHODS: Record<number, string> = {
  [L.SET]: 'set',
  [L.INSERT]: 'getOrInsert',
  [L.SWAP]: 'swap',
  [L.ADD]: 'add',
  [L.COMPARE_AND_SWAP]: 'compareAndSwap',
  [L.COMPARE_AND_DELETE]: 'compareAndDelete',
  [L.DELETE]: 'delete',
  [L.GET_AND_DELETE]: 'getAndDelete',
}

/** The value of operations that have none. */
const NOTHING = Symbol('nothing')

export class MapCore<K, V> extends AttentiveCore<K> {
  readonly kind: MapKind
  readonly session: Session
  readonly key: KeyCodec<K>
  readonly value: NativeCodec<V>
  readonly kernel: Session['kernel']
  readonly scratch: Session['scratch']
  /** How many keys the read cache may keep; 0: there is none. */
  readonly cacheLimit: number
  /** How the read cache keeps values that could be changed. */
  readonly cached: Cached<V> | undefined
  /** Whether writing a value can run code of the program: see `NativeCodec`. */
  readonly prepares: boolean
  /** Whether values are words inside the entries. */
  readonly inline: boolean
  /**
   * Values have the codec `f64`, and so have keys: the kernel has shorter ways for both. The codec's name decides and not its type, since the
   * shorter ways call no `read`: another codec of floats, such as one of dates, would be passed over.
   */
  readonly numbers: boolean
  readonly numberKeys: boolean
  /** Of caches: values have deadlines. */
  readonly timed: boolean = false
  /** Keys have the codec `string`, and the kernel reads strings: see `isText`. */
  readonly textKeys: boolean

  constructor(kind: MapKind, session: Session, key: KeyCodec<K>, value: NativeCodec<V>, cacheLimit: number) {
    super()
    const policy = POLICIES[kind]
    this.kind = kind
    this.session = session
    this.key = key
    this.value = value
    this.kernel = session.kernel
    this.scratch = session.scratch
    this.cacheLimit = cacheLimit
    this.cached = value.cached
    this.prepares = value.prepare !== undefined
    this.inline = value.type !== L.TYPE_BYTES && !policy.hasValueBlocks
    this.numbers = this.inline && value.name === f64.name
    this.numberKeys = this.numbers && key.name === f64.name && policy.readsNumberKeys
    // Where both are numbers a read is one call of the kernel, and so is a hit of the read cache.
    if (cacheLimit > 0 && !this.numberKeys) {
      this.useCache(new ReadCache(cacheLimit, isPrimitive(value), this.inline))
    }
    session.cores.add(this)
    this.textKeys = key.name === string.name && kernelReadsStrings()
  }

  // --- Reading ----------------------------------------------------------------------------------------------------------

  /** `get` without the read cache. */
  get(key: K): V | undefined {
    if (this.attention && --this.passing <= 0) this.attend(key)
    try {
      if (this.numbers) return this.#getNumber(key)
      const code = this.#look(key)
      if (code === L.PRESENT) return this.result()
      return code === L.ABSENT ? undefined : this.#getAgain(key, code)
    } catch (error) {
      throw this.kernel.trapped(error, 'get')
    }
  }

  has(key: K): boolean {
    if (this.disposed) this.refuse()
    try {
      const code = this.isText(key) ? this.kernel.hasText(key) : this.kernel.has(this.key.write(this.scratch, KEY, key))
      return this.check(code) === L.PRESENT
    } catch (error) {
      throw this.kernel.trapped(error, 'has')
    }
  }

  /** Whether the kernel takes the key as the string that it is. */
  isText(key: unknown): key is string {
    return this.textKeys && typeof key === 'string' && key.length <= L.MAX_TEXT
  }

  #look(key: K): number {
    return this.isText(key) ? this.kernel.getText(key) : this.kernel.get(this.key.write(this.scratch, KEY, key))
  }

  /** Looks for a key. If the code is PRESENT, `result` is its value. */
  find(key: K): number {
    if (this.disposed) this.refuse()
    try {
      let code = this.#look(key)
      while (code === L.E_AREA) {
        this.growResult()
        code = this.#look(key)
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

  #largeResult(meta: number): V {
    const value = this.value.read(this.scratch.records(), 0, meta)
    if (this.scratch.isLarge) this.scratch.shrink()
    return value
  }

  /** `get` where values are numbers. NaN is ambiguous: R_CODE has the status. */
  #getNumber(key: K): V | undefined {
    const value =
      this.numberKeys && typeof key === 'number'
        ? this.kernel.getNumberAt(key)
        : this.isText(key)
          ? this.kernel.getNumberOfText(key)
          : this.kernel.getNumber(this.key.write(this.scratch, KEY, key))
    // biome-ignore lint/suspicious/noSelfCompare: false only for NaN.
    if (value === value) return value as V
    const code = this.scratch.u32[(this.scratch.resultWord + L.R_CODE) >>> 2] | 0
    if (code === L.ABSENT) return undefined
    return code === L.PRESENT ? (value as V) : this.#getAgain(key, code)
  }

  /** The rest of `get` for codes other than PRESENT and ABSENT: the private window was too small, or the kernel failed. */
  #getAgain(key: K, code: number): V | undefined {
    if (code === L.E_AREA) this.growResult()
    else this.check(code)
    return this.find(key) === L.PRESENT ? this.result() : undefined
  }

  // --- Changing ---------------------------------------------------------------------------------------------------------

  /** The value to store in place of `value`, as the codec's schema returns it. Runs code of the program. */
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

  /** The key, or a copy of it if code of the program or another thread could change it. */
  own(key: K): K {
    const codec = this.key
    return codec.own === undefined ? key : codec.own(key)
  }

  /** An operation that brings a value. `expected` is prepared. Returns the kernel's code. */
  change(op: number, key: K, value: V, expected: unknown = NOTHING): number {
    if (this.disposed) this.refuse()
    if (this.inline && !this.prepares && updates === 0 && expected === NOTHING) return this.#changeWord(op, key, value)
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

  /**
   * `#run` where values are words, which need no private window and no code of the program: short enough that V8 inlines the codecs into it.
   */
  #changeWord(op: number, key: K, value: V): number {
    const { kernel, scratch } = this
    try {
      const valueMeta = this.value.write(scratch, VALUE, value)
      const code = this.isText(key)
        ? kernel.changeText(op, key, valueMeta, 0)
        : kernel.change(op, this.key.write(scratch, KEY, key), valueMeta, 0)
      return code >= 0 ? code : this.check(code)
    } catch (error) {
      throw kernel.trapped(error, METHODS[op])
    }
  }

  /** Runs no code of the program. Repeats the operation until the private window is large enough for its result. */
  #run(op: number, key: K, prepared: unknown, expected: unknown): number {
    const { kernel, scratch, value: codec } = this
    try {
      while (true) {
        const expectedMeta = expected === NOTHING ? 0 : codec.write(scratch, EXPECTED, expected)
        const valueMeta = prepared === NOTHING ? 0 : codec.write(scratch, VALUE, prepared)
        const code = this.isText(key)
          ? kernel.changeText(op, key, valueMeta, expectedMeta)
          : kernel.change(op, this.key.write(scratch, KEY, key), valueMeta, expectedMeta)
        if (scratch.isLarge && (code !== L.PRESENT || !givesResult(op))) scratch.shrink()
        if (code >= 0) return code
        if (code !== L.E_AREA) return this.check(code)
        this.growResult()
      }
    } catch (error) {
      throw kernel.trapped(error, METHODS[op])
    }
  }

  /** `RecursiveUpdateError` for a change of a key that an `update` of this thread is at. */
  refuseOwn(key: K, method: string): void {
    refuseOwnChange(this.session, this.key.cacheKey(key), method, () => quote(key))
  }

  // --- What the kernel says ---------------------------------------------------------------------------------------------

  /** Makes the private window large enough for a result that did not fit (E_AREA). */
  growResult(): void {
    const needed = this.scratch.u32[(this.scratch.resultWord + L.R_DETAIL) >>> 2]
    this.scratch.reserve(RESULT, needed)
  }

  /** Throws the error of a negative code. */
  check(code: number): number {
    if (code < 0) throw failureOf(this.session, this.kind, code)
    return code
  }

  /** Throws the error for a disposed map. */
  refuse(): never {
    throw new DisposedError(`this ${this.kind} was disposed in this thread; attach to its handle again to go on`)
  }
}

/** Whether the caller reads a result after the operation: then `result` lets go of large windows. */
function givesResult(op: number): boolean {
  return op === L.INSERT || op === L.SWAP || op === L.GET_AND_DELETE || op === L.ADD
}
