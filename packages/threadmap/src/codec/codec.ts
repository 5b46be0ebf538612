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
  /** The handle has this name. A thread that attaches passes the codec of this name: `attach(handle, { value: point })`. */
  readonly name: string
  /** The bytes of `value`. Equal values should give equal bytes: `compareAndSwap` compares those. */
  encode(value: T): Uint8Array
  /** The value of bytes that `encode` made. `bytes` is a copy for this call alone. */
  decode(bytes: Uint8Array): T
  /**
   * For maps with a read cache: true says that a value which `decode` returns cannot be changed, so all reads of a thread may get
   * one object. Without `immutable` and `clone`, every read decodes anew.
   */
  readonly immutable?: boolean
  /** For maps with a read cache: a copy of a decoded value, for one reader. Give it if it is faster than `decode`. */
  clone?(value: T): T
}

/**
 * A built-in codec. It reads and writes this thread's scratch areas in shared memory, or a private window for long values, without
 * objects in between.
 *
 * Writing a value has two phases, because a getter, `toJSON` or `encode` of the program may use the map, and so the scratch
 * areas: `admit` and `prepare` run such code, and `write` runs none. An operation writes nothing to scratch before
 * all code of the program has run.
 * @internal
 */
export interface NativeCodec<T> {
  /** The handle has this name: a thread that attaches finds the codec by it. */
  readonly name: string
  /**
   * How the kernel stores the values: one of the TYPE constants of the layout.
   * @internal
   */
  readonly type: number
  /**
   * The value to store in place of `value`, by a schema. `CodecError` if the schema refuses it. Absent: `value` itself.
   * @internal
   */
  admit?(value: T, key: unknown): T
  /**
   * Plain data for `write`. Reads each field of `value` once. The data is good until the next call, since an `encode` of the
   * program may return the same array each time. `CodecError` for another type. Absent: `write` takes the value.
   * @internal
   */
  prepare?(value: T, key: unknown): unknown
  /**
   * Writes a value into the window that `scratch.reserve` returns (up to 48 bytes fit into any area without that call) and returns its
   * meta word: length in bytes and encoding. `CodecError` for another type.
   * @internal
   */
  write(scratch: Scratch, area: Area, value: unknown): number
  /**
   * Reads the value at `at` in a window, with this meta word.
   * @internal
   */
  read(window: Window, at: number, meta: number): T
  /**
   * How the read cache keeps a value. Absent: the cache keeps the value of `read`, because it cannot be changed.
   * @internal
   */
  readonly cached?: Cached<T>
}

/**
 * How the read cache keeps values that could be changed: no reader may change what the next one gets.
 * @internal
 */
export interface Cached<T> {
  /** The part of the value at `at` in a window that the cache keeps. */
  keep(window: Window, at: number, meta: number): unknown
  /** The value for one reader, made of what `keep` returned. */
  give(kept: unknown): T
}

/** A codec that keys can have: `string`, `f64`, `i64`, `bytes`. */
export interface KeyCodec<T> extends NativeCodec<T> {
  /** The key of the read cache for a key of the map: two keys are the same exactly if their cache keys are, by the rules of `Map`. */
  cacheKey(key: T): unknown
  /** A private copy of the key, for operations that read it more than once. Absent: keys cannot be changed. */
  own?(key: T): T
}

/** A codec that values can have. */
export type ValueCodec<T> = NativeCodec<T> | Codec<T>
