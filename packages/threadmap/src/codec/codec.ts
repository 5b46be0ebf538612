import type { Area, Scratch, Window } from '../bridge/scratch.js'

/**
 * A codec of your own, for values: how they become bytes and come back.
 *
 * ```ts
 * const point: Codec<Point> = {
 *   name: 'point',
 *   encode: p => new Uint8Array(Float64Array.of(p.x, p.y).buffer),
 *   decode: bytes => { const [x, y] = new Float64Array(bytes.buffer); return { x, y } },
 * }
 * ```
 *
 * `encode` and `decode` may use the map. They must not be asynchronous.
 */
export interface Codec<T> {
  /** Goes with the handle. A thread that attaches passes the codec of this name: `attach(handle, { value: point })`. */
  readonly name: string
  /** The bytes of `value`. Equal values should give equal bytes: `compareAndSwap` compares those. */
  encode(value: T): Uint8Array
  /** The value of bytes that `encode` made. `bytes` is a copy that nobody else sees. */
  decode(bytes: Uint8Array): T
  /**
   * For maps with a read cache: true says that nobody can change what `decode` returns, so all reads of a thread may get
   * one object. Without this and `clone`, every read decodes anew.
   */
  readonly immutable?: boolean
  /** For maps with a read cache, if it is faster than `decode`: a copy of a decoded value, for one reader. */
  clone?(value: T): T
}

/**
 * A built-in codec. It reads and writes this thread's scratch areas in shared memory, or a private window where the bytes
 * are many, without objects in between.
 *
 * Writing a value has two phases, because a getter, `toJSON` or `encode` of the program may use the map, and so the scratch
 * areas: `admit` and `prepare` run such code, and `write` runs none. An operation writes nothing to scratch before
 * all code of the program has run.
 * @internal
 */
export interface NativeCodec<T> {
  /** Goes with the handle: a thread that attaches finds the codec by it. */
  readonly name: string
  /**
   * How the kernel stores it: one of the TYPE constants of the layout.
   * @internal
   */
  readonly type: number
  /**
   * The value to store in place of `value`, by a schema. `CodecError` if the schema refuses it. Absent: `value` itself.
   * @internal
   */
  admit?(value: T, key: unknown): T
  /**
   * What `write` takes: plain data. Reads each field of `value` once. Good until the next call, since an `encode` of the
   * program may return the same array each time. `CodecError` for another type. Absent: `write` takes the value.
   * @internal
   */
  prepare?(value: T, key: unknown): unknown
  /**
   * Writes a value to where `scratch.reserve` says (up to 48 bytes fit into any area without asking) and returns its meta
   * word: length in bytes and encoding. `CodecError` for another type.
   * @internal
   */
  write(scratch: Scratch, area: Area, value: unknown): number
  /**
   * Reads what stands at `at` in a window, with that meta word.
   * @internal
   */
  read(window: Window, at: number, meta: number): T
  /**
   * How the read cache keeps a value. Absent: as `read` gives it, because nobody can change that.
   * @internal
   */
  readonly cached?: Cached<T>
}

/**
 * How the read cache keeps values that could be changed: no reader may change what the next one gets.
 * @internal
 */
export interface Cached<T> {
  /** What is kept of the value that stands at `at` in a window. */
  keep(window: Window, at: number, meta: number): unknown
  /** The value for one reader, from what is kept. */
  give(kept: unknown): T
}

/** A codec that keys can have: `string`, `f64`, `i64`, `bytes`. */
export interface KeyCodec<T> extends NativeCodec<T> {
  /** What the read cache keeps a key under: keys are the same exactly if these are, by the rules of `Map`. */
  cacheKey(key: T): unknown
  /** A copy that nobody else can change, for operations that read the key more than once. Absent: keys cannot be changed. */
  own?(key: T): T
}

/** A codec that values can have. */
export type ValueCodec<T> = NativeCodec<T> | Codec<T>
