import type { Area, Scratch, Window } from '../kernel/scratch.js'

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
 */
export interface Codec<T> {
  /** Goes with the handle. A thread that attaches passes the codec of this name: `attach(handle, { value: point })`. */
  readonly name: string
  /** The bytes of `value`. Equal values should give equal bytes: `compareAndSwap` compares those. */
  encode(value: T): Uint8Array
  /** The value of bytes that `encode` made. `bytes` is a copy that nobody else sees. */
  decode(bytes: Uint8Array): T
}

/**
 * A built-in codec. It reads and writes this thread's scratch areas in shared memory, or a private window
 * where the bytes are many, without objects in between.
 * @internal
 */
export interface NativeCodec<T> {
  readonly name: string
  /** How the kernel stores it: one of the TYPE constants of the layout. */
  readonly type: number
  /** Writes a value to where `scratch.reserve` says (up to 48 bytes fit into any area without asking) and returns its meta word: length in bytes and encoding. `CodecError` for another type. */
  write(scratch: Scratch, area: Area, value: T): number
  /** Reads what stands at `at` in a window, with that meta word. */
  read(window: Window, at: number, meta: number): T
}

/** A codec that keys can have: `string`, `f64`, `i64`, `bytes`. */
export interface KeyCodec<T> extends NativeCodec<T> {
  /** What the read cache keeps a key under: keys are the same exactly if these are, by the rules of `Map`. */
  cacheKey(key: T): unknown
}

/** A codec that values can have. */
export type ValueCodec<T> = NativeCodec<T> | Codec<T>

/** How an error quotes a value: short, and with its type. */
export function quote(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `'${value.slice(0, 40)}…' (a string)` : `'${value}' (a string)`
  if (typeof value === 'bigint') return `${value}n (a bigint)`
  if (typeof value === 'object' && value !== null)
    return `an object of class ${value.constructor?.name ?? 'null prototype'}`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  return value === undefined || value === null ? String(value) : `${String(value)} (a ${typeof value})`
}
