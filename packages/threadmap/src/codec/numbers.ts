import { TYPE_F64, TYPE_I64, TYPE_U32 } from '../bridge/layout.generated.js'
import { KEY } from '../bridge/scratch.js'
import { CodecError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import type { KeyCodec, NativeCodec } from './codec.js'

const WORD = 8

/**
 * Numbers. As keys they follow `Map`: NaN equals NaN, and -0 is stored as 0. As values they are kept as they are.
 */
export const f64: KeyCodec<number> = {
  name: 'f64',
  type: TYPE_F64,
  write(scratch, area, value) {
    if (typeof value !== 'number') throw new CodecError(`the f64 codec takes a number, and got ${quote(value)}`)
    // All NaNs are one key, and -0 + 0 is 0.
    scratch.f64[scratch.at[area] >>> 3] = area === KEY ? (Number.isNaN(value) ? Number.NaN : value + 0) : value
    return WORD
  },
  read: (window, at) => window.f64[at >>> 3],
  cacheKey: key => key,
}

const I64_MIN = -(2n ** 63n)
const I64_MAX = 2n ** 63n - 1n

/** BigInts from -2^63 to 2^63 - 1. */
export const i64: KeyCodec<bigint> = {
  name: 'i64',
  type: TYPE_I64,
  write(scratch, area, value) {
    if (typeof value !== 'bigint') throw new CodecError(`the i64 codec takes a bigint, and got ${quote(value)}`)
    if (value < I64_MIN || value > I64_MAX) {
      throw new CodecError(`the i64 codec takes bigints from -2^63 to 2^63 - 1, and got ${value}`)
    }
    scratch.i64[scratch.at[area] >>> 3] = value
    return WORD
  },
  read: (window, at) => window.i64[at >>> 3],
  cacheKey: key => key,
}

/** Whole numbers from 0 to 2^32 - 1. For values only. */
export const u32: NativeCodec<number> = {
  name: 'u32',
  type: TYPE_U32,
  write(scratch, area, value) {
    if (typeof value !== 'number' || value >>> 0 !== value) {
      throw new CodecError(`the u32 codec takes a whole number from 0 to 4294967295, and got ${quote(value)}`)
    }
    const at = scratch.at[area] >>> 2
    scratch.u32[at] = value
    scratch.u32[at + 1] = 0
    return WORD
  },
  read: (window, at) => window.u32[at >>> 2],
}

const U32_MAX = 2 ** 32 - 1

/** The u32 that `add` adds for `delta`, which may be negative: sums wrap at 2^32. */
export function u32Delta(delta: unknown): number {
  if (typeof delta === 'number' && delta >>> 0 === delta) return delta
  if (typeof delta !== 'number' || !Number.isInteger(delta) || delta < -U32_MAX || delta > U32_MAX) {
    throw new CodecError(
      `add() of u32 values takes a whole number from -${U32_MAX} to ${U32_MAX}, and got ${quote(delta)}`,
    )
  }
  return delta >>> 0
}

/** true and false. For values only. */
export const bool: NativeCodec<boolean> = {
  name: 'bool',
  type: TYPE_U32,
  write(scratch, area, value) {
    if (typeof value !== 'boolean') throw new CodecError(`the bool codec takes true or false, and got ${quote(value)}`)
    const at = scratch.at[area] >>> 2
    scratch.u32[at] = value ? 1 : 0
    scratch.u32[at + 1] = 0
    return WORD
  },
  read: (window, at) => window.u32[at >>> 2] !== 0,
}
