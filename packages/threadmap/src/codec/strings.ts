import { CodecError } from '../errors.js'
import { TYPE_BYTES } from '../kernel/layout.generated.js'
import { type KeyCodec, type NativeCodec, quote } from './codec.js'
import { checkLength } from './limits.js'
import { fromCodes, readText, writeText } from './text.js'

/** Any string, lone surrogates and '' included. */
export const string: KeyCodec<string> = {
  name: 'string',
  type: TYPE_BYTES,
  write(scratch, area, value) {
    if (typeof value !== 'string') throw new CodecError(`the string codec takes a string, and got ${quote(value)}`)
    return writeText(scratch, area, value)
  },
  read: readText,
  cacheKey: key => key,
}

/** Uint8Array (and Node's Buffer), of any length up to the limits. What comes out is a copy of the caller's own. */
export const bytes: KeyCodec<Uint8Array> = {
  name: 'bytes',
  type: TYPE_BYTES,
  write(scratch, area, value) {
    if (!(value instanceof Uint8Array))
      throw new CodecError(`the bytes codec takes a Uint8Array, and got ${quote(value)}`)
    const length = value.length
    checkLength(area, length, `a Uint8Array of ${length} bytes`)
    const window = scratch.reserve(area, length)
    window.u8.set(value, window.at[area])
    return length
  },
  read: (window, at, meta) => window.u8.slice(at, at + (meta & 0x0fffffff)),
  cacheKey: key => fromCodes(key),
}

/**
 * Anything that JSON has, as its text. `undefined`, functions, symbols and circular objects are refused. `compareAndSwap`
 * compares the text, so the order of properties counts.
 */
export function json<T>(): NativeCodec<T> {
  return jsonCodec as NativeCodec<T>
}

const jsonCodec: NativeCodec<unknown> = {
  name: 'json',
  type: TYPE_BYTES,
  write(scratch, area, value) {
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (error) {
      throw new CodecError(`the json codec cannot store ${quote(value)}: ${(error as Error).message}`)
    }
    if (text === undefined) throw new CodecError(`the json codec cannot store ${quote(value)}: JSON has nothing for it`)
    return writeText(scratch, area, text)
  },
  read: (window, at, meta) => JSON.parse(readText(window, at, meta)),
}
