/**
 * The core of a cache, as MapCore is of a map: it writes keys and values into this thread's scratch areas, calls the kernel, and reads the
 * results. An object with ordinary fields, for the same reasons.
 */
import { kernelReadsStrings } from '../bridge/instance.js'
import * as L from '../bridge/layout.generated.js'
import { EXPECTED, KEY, RESULT, VALUE } from '../bridge/scratch.js'
import type { Session } from '../bridge/session.js'
import type { Cached, KeyCodec, NativeCodec } from '../codec/codec.js'
import { f64 } from '../codec/numbers.js'
import { string } from '../codec/strings.js'
import { DisposedError, OptionError, ValueTooLargeError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { AttentiveCore } from '../maps/attentive-core.js'
import { METHODS } from '../maps/core.js'
import { failureOf } from '../maps/failure.js'
import { refuseOwnChange, updates } from '../maps/nested-updates.js'
import { isPrimitive, ReadCache } from '../maps/read-cache.js'
import { type EvictionListener, hearEvictions } from './evictions.js'
import { milliseconds, type SetOptions } from './options.js'

/** The value of operations that have none. */
const NOTHING = Symbol('nothing')
const MOST_WEIGHT = 2 ** 32 - 1

export type Weigh<K, V> = ((value: V, key: K) => number) | undefined

export class CacheCore<K, V> extends AttentiveCore<K> {
  readonly session: Session
  readonly key: KeyCodec<K>
  readonly value: NativeCodec<V>
  readonly kernel: Session['kernel']
  readonly scratch: Session['scratch']
  readonly cacheLimit: number
  readonly cached: Cached<V> | undefined
  readonly weigh: Weigh<K, V>
  readonly listener: EvictionListener<K> | undefined
  /** The default time of values in milliseconds, and the time that they are kept after that. */
  readonly ttl: number
  readonly staleFor: number
  /** Most values have a deadline: reads bring the time along. In other caches the kernel asks for it where it meets a deadline. */
  readonly timed: boolean
  readonly prepares: boolean
  /** Values are words that no code of the program makes or weighs. */
  readonly words: boolean
  /** Values have the codec `f64`, and mostly no deadline: the kernel returns them without a way through memory. */
  readonly direct: boolean
  /** For the read cache: values are neither numbers nor words inside the entries. */
  readonly numbers = false
  readonly inline = false
  /** Keys have the codec `string`, and the kernel reads strings. */
  readonly textKeys: boolean

  constructor(
    session: Session,
    key: KeyCodec<K>,
    value: NativeCodec<V>,
    cacheLimit: number,
    weigh: Weigh<K, V>,
    listener: EvictionListener<K> | undefined,
  ) {
    super()
    this.session = session
    this.key = key
    this.value = value
    this.kernel = session.kernel
    this.scratch = session.scratch
    this.cacheLimit = cacheLimit
    if (cacheLimit > 0) this.useCache(new ReadCache(cacheLimit, isPrimitive(value), value.type !== L.TYPE_BYTES))
    this.cached = value.cached
    this.weigh = weigh
    this.prepares = value.prepare !== undefined
    this.words = value.type !== L.TYPE_BYTES && !this.prepares && weigh === undefined
    this.textKeys = key.name === string.name && kernelReadsStrings()
    this.ttl = this.#time(L.H_TTL)
    this.staleFor = this.#time(L.H_STALE_FOR)
    this.timed = this.ttl !== Number.POSITIVE_INFINITY
    this.direct = value.name === f64.name && !this.timed
    session.clock.resolution = this.#time(L.H_TTL_RESOLUTION)
    this.listener = listener
    if (listener !== undefined) hearEvictions(session, key as KeyCodec<unknown>, this)
  }

  #time(address: number): number {
    return this.scratch.f64[address >>> 3]
  }

  // --- Reading ----------------------------------------------------------------------------------------------------------

  get(key: K): V | undefined {
    if (this.attention && --this.passing <= 0) this.attend(key)
    try {
      if (this.direct) return this.#getNumber(key)
      const code = this.#look(key)
      if (code === L.PRESENT) return this.result()
      if (code === L.ABSENT) return undefined
    } catch (error) {
      throw this.kernel.trapped(error, 'get')
    }
    return this.find(key) === L.PRESENT ? this.result() : undefined
  }

  /** `get` where values are numbers. NaN is ambiguous: R_CODE has the status. */
  #getNumber(key: K): V | undefined {
    const value = this.#isText(key)
      ? this.kernel.getNumberOfText(key)
      : this.kernel.getNumber(this.key.write(this.scratch, KEY, key))
    // biome-ignore lint/suspicious/noSelfCompare: false only for NaN.
    if (value === value) return value as V
    const code = this.scratch.u32[(this.scratch.resultWord + L.R_CODE) >>> 2] | 0
    return this.check(code) === L.PRESENT ? (value as V) : undefined
  }

  /** Whether the kernel takes the key as the string that it is. */
  #isText(key: unknown): key is string {
    return this.textKeys && typeof key === 'string' && key.length <= L.MAX_TEXT
  }

  #look(key: K): number {
    const { kernel } = this
    if (!this.timed) return this.#isText(key) ? kernel.getText(key) : kernel.get(this.key.write(this.scratch, KEY, key))
    const time = this.session.clock.now()
    return this.#isText(key) ? kernel.getTextAt(key, time) : kernel.getAt(this.key.write(this.scratch, KEY, key), time)
  }

  has(key: K): boolean {
    if (this.disposed) this.refuse()
    try {
      const code = this.#isText(key)
        ? this.kernel.hasText(key)
        : this.kernel.has(this.key.write(this.scratch, KEY, key))
      return this.check(code) === L.PRESENT
    } catch (error) {
      throw this.kernel.trapped(error, 'has')
    }
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

  /** The value of a key, fresh or not, as long as it is kept. */
  getStale(key: K): V | undefined {
    if (this.disposed) this.refuse()
    this.kernel.allowStale(1)
    try {
      return this.find(key) === L.PRESENT ? this.result() : undefined
    } finally {
      this.kernel.allowStale(0)
    }
  }

  /** The value that the kernel left in the result area. */
  result(): V {
    const scratch = this.scratch
    const meta = scratch.u32[(scratch.resultWord + L.R_META) >>> 2]
    if ((meta & L.META_LENGTH) <= L.WHOLE_VALUE) return this.value.read(scratch, scratch.resultBytes, meta)
    const value = this.value.read(scratch.records(), 0, meta)
    if (scratch.isLarge) scratch.shrink()
    return value
  }

  /** Of the value that `find` found: until when it is fresh, on the cache's clock. */
  freshUntil(): number {
    return this.scratch.f64[(this.scratch.resultWord + L.R_FRESH_UNTIL) >>> 3]
  }

  /** Of the value that `find` found: milliseconds since it was made. 0 where it is fresh for ever. */
  age(): number {
    const { f64, resultWord } = this.scratch
    if (f64[(resultWord + L.R_FRESH_UNTIL) >>> 3] === Number.POSITIVE_INFINITY) return 0
    return this.session.clock.now() - f64[(resultWord + L.R_CREATED) >>> 3]
  }

  // --- Changing ---------------------------------------------------------------------------------------------------------

  admit(value: V, key: K): V {
    const codec = this.value
    if (codec.admit === undefined) return value
    if (this.disposed) this.refuse()
    return codec.admit(value, key)
  }

  prepare(value: V, key: K): unknown {
    return this.prepares ? this.value.prepare!(value, key) : value
  }

  own(key: K): K {
    const codec = this.key
    return codec.own === undefined ? key : codec.own(key)
  }

  /** The time of a value in milliseconds. */
  ttlOf(options: SetOptions | undefined): number {
    return options?.ttl === undefined ? this.ttl : milliseconds('ttl', options.ttl)
  }

  /** An operation that brings a value, which was admitted. `expected` is prepared. Returns the kernel's code. */
  change(op: number, key: K, value: V, ttl: number, expected: unknown = NOTHING): number {
    if (this.disposed) this.refuse()
    if (updates !== 0) this.refuseOwn(key, METHODS[op])
    if (this.words && expected === NOTHING) return this.#changeWord(op, key, value, ttl)
    return this.changeOwn(op, key, value, ttl, expected)
  }

  /** `change` where values are words and all weigh the same: short enough that V8 inlines the codecs into it. */
  #changeWord(op: number, key: K, value: V, ttl: number): number {
    const { kernel, scratch } = this
    try {
      const valueMeta = this.value.write(scratch, VALUE, value)
      const code = this.#isText(key)
        ? kernel.changeCacheText(op, key, valueMeta, 0, ttl, 1)
        : kernel.changeCache(op, this.key.write(scratch, KEY, key), valueMeta, 0, ttl, 1)
      return code >= 0 ? code : this.check(code)
    } catch (error) {
      throw kernel.trapped(error, 'set')
    }
  }

  /** `change`, also from within an update of the key. */
  changeOwn(op: number, key: K, value: V, ttl: number, expected: unknown = NOTHING): number {
    const weight = this.weightOf(value, key)
    const prepared = this.prepare(value, key)
    // Code of the program may have disposed the cache.
    if (this.disposed) this.refuse()
    return this.#run(op, key, prepared, expected, ttl, weight)
  }

  /** An operation that brings no value. */
  remove(op: number, key: K, expected: unknown = NOTHING): number {
    if (this.disposed) this.refuse()
    if (updates !== 0) this.refuseOwn(key, METHODS[op])
    return this.#run(op, key, NOTHING, expected, 0, 1)
  }

  /** Replaces or removes what was read just now, if it is the same still: `token` is of `tokenOf`. */
  changeSame(key: K, value: V | undefined, token: readonly number[], ttl: number): number {
    const { kernel, scratch } = this
    const weight = value === undefined || this.weigh === undefined ? 1 : this.#weight(value, key)
    const prepared = value === undefined ? NOTHING : this.prepare(value, key)
    if (this.disposed) this.refuse()
    const valueMeta = value === undefined ? 0 : this.value.write(scratch, VALUE, prepared)
    const meta = this.key.write(scratch, KEY, key)
    const [entry, generation, low, high] = token
    const op = value === undefined ? L.DELETE_SAME : L.REPLACE_SAME
    kernel.setRecord(ttl, weight)
    const code = this.check(kernel.changeSame(op, meta, valueMeta, entry, generation, low, high))
    if (scratch.isLarge) scratch.shrink()
    return code
  }

  /** What names the value that was read just now. */
  token(): [number, number, number, number] {
    const words = this.scratch.u32
    const at = this.scratch.resultWord >>> 2
    return [words[at + (L.R_ENTRY >>> 2)], words[at + (L.R_GENERATION >>> 2)], words[at], words[at + 1]]
  }

  weightOf(value: V, key: K): number {
    return this.weigh === undefined ? 1 : this.#weight(value, key)
  }

  #weight(value: V, key: K): number {
    const weight = this.weigh!(value, key)
    if (!Number.isInteger(weight) || weight < 1 || weight > MOST_WEIGHT) {
      throw new OptionError(
        `weigh() must return a whole number from 1 to ${MOST_WEIGHT}, and returned ${quote(weight)}`,
      )
    }
    return weight
  }

  /** Runs no code of the program. Repeats the operation until the private window is large enough for its result. */
  #run(op: number, key: K, prepared: unknown, expected: unknown, ttl: number, weight: number): number {
    const { kernel, scratch, value: codec } = this
    try {
      while (true) {
        const expectedMeta = expected === NOTHING ? 0 : codec.write(scratch, EXPECTED, expected)
        const valueMeta = prepared === NOTHING ? 0 : codec.write(scratch, VALUE, prepared)
        const code = this.#isText(key)
          ? kernel.changeCacheText(op, key, valueMeta, expectedMeta, ttl, weight)
          : kernel.changeCache(op, this.key.write(scratch, KEY, key), valueMeta, expectedMeta, ttl, weight)
        if (scratch.isLarge && (code !== L.PRESENT || !givesResult(op))) scratch.shrink()
        if (code >= 0) return code
        if (code !== L.E_AREA) return this.check(code)
        this.growResult()
      }
    } catch (error) {
      throw kernel.trapped(error, 'set')
    }
  }

  /** `RecursiveUpdateError` for a change of a key that this thread is updating. */
  refuseOwn(key: K, method: string): void {
    refuseOwnChange(this.session, this.key.cacheKey(key), method, () => quote(key))
  }

  // --- What the kernel says ---------------------------------------------------------------------------------------------

  growResult(): void {
    this.scratch.reserve(RESULT, this.#detail())
  }

  #detail(): number {
    return this.scratch.u32[(this.scratch.resultWord + L.R_DETAIL) >>> 2]
  }

  /** Throws the error of a negative code. */
  check(code: number): number {
    if (code >= 0) return code
    if (code === L.E_HEAVY) {
      throw new ValueTooLargeError(
        `the value is larger than this SharedCache takes: one value may have ${this.#detail()} (bytes, or weight) of the bound; nothing was changed. Raise the bound, or lower the number of shards`,
      )
    }
    throw failureOf(this.session, 'SharedCache', code)
  }

  refuse(): never {
    throw new DisposedError('this SharedCache was disposed in this thread; attach to its handle again to go on')
  }
}

/** Whether the caller reads a result after the operation: then `result` lets go of large windows. */
function givesResult(op: number): boolean {
  return op === L.INSERT || op === L.SWAP || op === L.GET_AND_DELETE
}
