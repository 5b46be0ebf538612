/**
 * The values of reads that all threads share: copies of hot keys, last good values, and results for those who wait for an identical read. A write
 * moves the version of its key on when it ends, well or not, and copies are kept by key and version: no copy is ever older than the last
 * write that has ended. A copy made of a read that began before that is kept by the version before.
 */
import { bytes, type Codec, CodecError, OptionError, string, type ValueCodec } from 'threadmap'
import { type CacheHandle, SharedCache } from 'threadmap/cache'
import { hashOf } from './keys/hash.js'
import type { Copies as Options } from './options.js'
import { type SharedMemory, VERSIONS } from './shared/layout.js'

/** A value and how old it is, in milliseconds since its read began. */
export interface Copy<T> {
  readonly value: T
  readonly age: number
}

export type CopiesHandle = CacheHandle<string, Uint8Array>

/** In front of each value: the time as a float, and whether it is undefined. */
const HEADER_BYTES = 16
const UNDEFINED = 1

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class Copies {
  readonly cache: SharedCache<string, Uint8Array>
  readonly #memory: SharedMemory

  constructor(cache: SharedCache<string, Uint8Array>, memory: SharedMemory) {
    this.cache = cache
    this.#memory = memory
  }

  static create({ maxBytes, lastGoodFor }: Options, memory: SharedMemory): Copies {
    return new Copies(new SharedCache({ key: string, value: bytes, maxBytes, ttl: lastGoodFor }), memory)
  }

  static attach(handle: CopiesHandle, memory: SharedMemory): Copies {
    return new Copies(SharedCache.attach(handle), memory)
  }

  /** The name under which the values of a key are kept, until the key is written. */
  nameOf(key: string): string {
    return `${Atomics.load(this.#memory.words, this.versionOf(key))}:${key}`
  }

  /** Where the version of a key is. Keys that share a version lose their copies more often than they must. */
  versionOf(key: string): number {
    return this.#memory.layout.versions + (hashOf(key) & (VERSIONS - 1))
  }

  /** A write of a key with this version has ended. */
  changed(version: number): void {
    Atomics.add(this.#memory.words, version, 1)
  }

  /** The copy of that name, made with `pack`. Undefined if there is none. */
  get<T>(name: string, codec: ValueCodec<T>, now: number): Copy<T> | undefined {
    const packed = this.cache.get(name)
    return packed === undefined ? undefined : unpack(packed, codec, now)
  }

  /** Keeps a value under that name. A value that the codec or the cache refuses is not kept. */
  set<T>(name: string, value: T, codec: ValueCodec<T>, at: number): void {
    const packed = pack(value, codec, at)
    if (packed === undefined) return
    try {
      this.cache.set(name, packed)
    } catch (error) {
      // The operation has succeeded: that its value is too large to keep, or the governor was disposed meanwhile, is no error of its caller.
      const { code } = error as { code?: unknown }
      if (code !== 'ERR_THREADMAP_VALUE_TOO_LARGE' && code !== 'ERR_THREADMAP_DISPOSED') throw error
    }
  }

  dispose(): void {
    this.cache[Symbol.dispose]()
  }
}

/** `OptionError` unless copies can have this codec. */
export function checkCodec(codec: ValueCodec<unknown>): void {
  if (typeof codec !== 'object' || codec === null || typeof codec.name !== 'string') {
    throw new OptionError(`the option value takes a codec, as in json<User>(), and got ${String(codec)}`)
  }
  if (isOwn(codec) || BUILT_IN.includes(codec.name)) return
  throw new OptionError(
    `the option value takes json(), string, bytes, f64, or a codec of your own with encode and decode, and got '${codec.name}'`,
  )
}

const BUILT_IN = ['json', 'string', 'bytes', 'f64']

function isOwn<T>(codec: ValueCodec<T>): codec is Codec<T> {
  return 'encode' in codec
}

/** The bytes of a value and the time of its read. Undefined if the codec refuses the value. */
export function pack<T>(value: T, codec: ValueCodec<T>, at: number): Uint8Array | undefined {
  try {
    const body = value === undefined ? new Uint8Array(0) : encoded(value, codec)
    const packed = new Uint8Array(HEADER_BYTES + body.length)
    const view = new DataView(packed.buffer)
    view.setFloat64(0, at, true)
    view.setUint8(8, value === undefined ? UNDEFINED : 0)
    packed.set(body, HEADER_BYTES)
    return packed
  } catch (error) {
    if (error instanceof CodecError || error instanceof TypeError) return undefined
    throw error
  }
}

export function unpack<T>(packed: Uint8Array, codec: ValueCodec<T>, now: number): Copy<T> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const age = Math.max(0, now - view.getFloat64(0, true))
  if (view.getUint8(8) === UNDEFINED) return { value: undefined as T, age }
  return { value: decoded(packed.slice(HEADER_BYTES), codec), age }
}

function encoded<T>(value: T, codec: ValueCodec<T>): Uint8Array {
  if (isOwn(codec)) return codec.encode(value)
  if (codec.name === 'bytes') return value as Uint8Array
  if (codec.name === 'string') return encoder.encode(value as string)
  if (codec.name === 'f64') return new Uint8Array(Float64Array.of(value as number).buffer)
  // The codec's own preparation refuses what JSON would lose.
  return encoder.encode(codec.prepare?.(value, '') as string)
}

function decoded<T>(body: Uint8Array, codec: ValueCodec<T>): T {
  if (isOwn(codec)) return codec.decode(body)
  if (codec.name === 'bytes') return body as T
  if (codec.name === 'string') return decoder.decode(body) as T
  if (codec.name === 'f64') return new Float64Array(body.buffer)[0] as T
  return JSON.parse(decoder.decode(body)) as T
}
