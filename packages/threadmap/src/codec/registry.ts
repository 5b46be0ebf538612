/** Which codec a name stands for, when a handle arrives in another thread. */
import { CodecError } from '../errors.js'
import { TYPE_BYTES } from '../kernel/layout.generated.js'
import type { Codec, KeyCodec, NativeCodec, ValueCodec } from './codec.js'
import { checkLength } from './limits.js'
import { bool, f64, i64, u32 } from './numbers.js'
import { bytes, json, string } from './strings.js'
import { STRUCT_PREFIX, type StructFields, struct } from './struct.js'

const KEYS: readonly KeyCodec<never>[] = [string, f64, i64, bytes] as never
const VALUES: readonly NativeCodec<never>[] = [string, f64, i64, bytes, u32, bool, json()] as never
/** Names of codecs of users carry this mark in the handle. */
const CUSTOM_PREFIX = 'custom '

/** Makes a codec of the user's work on scratch areas. */
function adapt<T>(codec: Codec<T>): NativeCodec<T> {
  return {
    name: CUSTOM_PREFIX + codec.name,
    type: TYPE_BYTES,
    write(scratch, area, value) {
      const encoded = codec.encode(value)
      if (!(encoded instanceof Uint8Array)) {
        throw new CodecError(`codec '${codec.name}' must encode to a Uint8Array, and gave ${typeof encoded}`)
      }
      checkLength(area, encoded.length, `what codec '${codec.name}' made`)
      const window = scratch.reserve(area, encoded.length)
      window.u8.set(encoded, window.at[area])
      return encoded.length
    },
    read: (window, at, meta) => codec.decode(window.u8.slice(at, at + (meta & 0x0fffffff))),
  }
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

/** Checks the `value` option, and adapts a codec of the user's. */
export function valueCodec<V>(codec: ValueCodec<V>): NativeCodec<V> {
  if (isNative(codec)) return codec as NativeCodec<V>
  const own = codec as Partial<Codec<V>> | undefined | null
  if (typeof own?.encode !== 'function' || typeof own.decode !== 'function' || typeof own.name !== 'string') {
    throw new CodecError(
      'the option value must be a codec: string, f64, i64, bytes, u32, bool, json(), struct({...}), or { name, encode, decode }',
    )
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
