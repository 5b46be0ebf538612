/** Finds codecs by their names, when a handle arrives in another thread. */

import { TYPE_BYTES } from '../bridge/layout.generated.js'
import { CodecError } from '../errors/classes.js'
import { forKey, isThenable, quote } from '../errors/quote.js'
import { bytes, isBytes, readBytes, writeBytes } from './bytes.js'
import type { Cached, Codec, KeyCodec, NativeCodec, ValueCodec } from './codec.js'
import { json } from './json.js'
import { bool, f64, i64, u32 } from './numbers.js'
import { string } from './strings.js'
import { STRUCT_PREFIX, type StructFields, struct } from './struct.js'
import { refuseThenable } from './thenable.js'

const KEYS: readonly KeyCodec<never>[] = [string, f64, i64, bytes] as never
const VALUES: readonly NativeCodec<never>[] = [string, f64, i64, bytes, u32, bool, json()] as never
/** In a handle, the names of users' codecs have this mark. */
const CUSTOM_PREFIX = 'custom '

/** A native codec that calls a user's codec. */
function adapt<T>(codec: Codec<T>): NativeCodec<T> {
  const what = `what codec '${codec.name}' made`
  const quoted = `'${codec.name}'`
  return {
    name: CUSTOM_PREFIX + codec.name,
    type: TYPE_BYTES,
    prepare(value, key) {
      refuseThenable(quoted, value, key)
      const encoded: unknown = codec.encode(value)
      if (isBytes(encoded)) return encoded
      throw new CodecError(
        `codec '${codec.name}' must encode to a Uint8Array, and gave ${isThenable(encoded) ? 'a Promise: encode() must not be async' : quote(encoded)}${forKey(key)}`,
      )
    },
    write: (scratch, area, encoded) => writeBytes(scratch, area, encoded as Uint8Array, what),
    read: (window, at, meta) => codec.decode(readBytes(window, at, meta)),
    cached: cachedBy(codec),
  }
}

/** A user's codec without `immutable` or `clone` decodes every value anew, so no reader can change the value of another one. */
function cachedBy<T>(codec: Codec<T>): Cached<T> {
  if (codec.immutable === true) {
    return { keep: (window, at, meta) => codec.decode(readBytes(window, at, meta)), give: kept => kept as T }
  }
  if (codec.clone !== undefined) {
    return {
      keep: (window, at, meta) => codec.decode(readBytes(window, at, meta)),
      give: kept => codec.clone!(kept as T),
    }
  }
  return { keep: readBytes, give: kept => codec.decode((kept as Uint8Array).slice()) }
}

function isNative(codec: unknown): codec is NativeCodec<unknown> {
  return typeof codec === 'object' && codec !== null && 'write' in codec && 'read' in codec && 'type' in codec
}

/** Checks the `key` option. */
export function keyCodec<K>(codec: KeyCodec<K>): KeyCodec<K> {
  if (!isNative(codec) || !('cacheKey' in codec)) {
    throw new CodecError('the option key must be one of the key codecs string, f64, i64, bytes')
  }
  return codec
}

/** Checks the `value` option, and adapts a user's codec. */
export function valueCodec<V>(codec: ValueCodec<V>): NativeCodec<V> {
  if (isNative(codec)) return codec as NativeCodec<V>
  const own = codec as Partial<Codec<V>> | undefined | null
  if (typeof own?.encode !== 'function' || typeof own.decode !== 'function' || typeof own.name !== 'string') {
    throw new CodecError(
      'the option value must be a codec: string, f64, i64, bytes, u32, bool, json(), struct({...}), or { name, encode, decode }',
    )
  }
  if (own.immutable !== undefined && typeof own.immutable !== 'boolean') {
    throw new CodecError(`immutable of codec '${own.name}' must be true or false, and is ${quote(own.immutable)}`)
  }
  if (own.clone !== undefined && typeof own.clone !== 'function') {
    throw new CodecError(`clone of codec '${own.name}' must be a function, and is ${quote(own.clone)}`)
  }
  return adapt(own as Codec<V>)
}

/** The key codec that a handle names. */
export function namedKeyCodec<K>(name: string): KeyCodec<K> {
  const codec = KEYS.find(key => key.name === name)
  if (codec === undefined)
    throw new CodecError(`the handle names the key codec '${name}', which this version does not have`)
  return codec as unknown as KeyCodec<K>
}

/** The value codec that a handle names; a user's codec must have been passed to `attach`. */
export function namedValueCodec<V>(name: string, given: ValueCodec<V> | undefined): NativeCodec<V> {
  if (given !== undefined) {
    const codec = valueCodec(given)
    if (codec.name === name) return codec
    throw new CodecError(
      `the map stores values with codec '${plain(name)}', and attach was given '${plain(codec.name)}'`,
    )
  }
  if (name.startsWith(CUSTOM_PREFIX)) {
    throw new CodecError(
      `the map stores values with your codec '${plain(name)}': pass it, as in attach(handle, { value: codec })`,
    )
  }
  if (name.startsWith(STRUCT_PREFIX)) {
    return struct(JSON.parse(name.slice(STRUCT_PREFIX.length)) as StructFields) as unknown as NativeCodec<V>
  }
  const codec = VALUES.find(value => value.name === name)
  if (codec === undefined)
    throw new CodecError(`the handle names the value codec '${name}', which this version does not have`)
  return codec as unknown as NativeCodec<V>
}

function plain(name: string): string {
  return name.startsWith(CUSTOM_PREFIX) ? name.slice(CUSTOM_PREFIX.length) : name
}
