/**
 * Bytes. The runtime's own getters say what a `Uint8Array` is and holds. The object is not asked: a subclass or a Proxy could answer
 * with code of the program, which might use the scratch areas, or with a wrong length.
 */

import { META_LENGTH, TYPE_BYTES } from '../bridge/layout.generated.js'
import type { Area, Scratch, Window } from '../bridge/scratch.js'
import { CodecError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import type { KeyCodec } from './codec.js'
import { checkLength } from './limits.js'
import { CHUNK } from './text.js'

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype)

function getter<T>(name: string | symbol): (this: unknown) => T {
  return Object.getOwnPropertyDescriptor(typedArray, name)!.get as (this: unknown) => T
}

const brandOf = getter<string | undefined>(Symbol.toStringTag)
const lengthOf = getter<number>('length')
const bufferOf = getter<ArrayBufferLike>('buffer')
const offsetOf = getter<number>('byteOffset')
const { keys } = Uint8Array.prototype
/** This many bytes fit into any area without `reserve`. */
const FITS = 48

/** Whether `value` is a Uint8Array. Its brand says so, since it can come from another realm (a `vm` context, as in Jest). */
export function isBytes(value: unknown): value is Uint8Array {
  return brandOf.call(value) === 'Uint8Array'
}

/** The length in bytes. Throws `CodecError` if the buffer was transferred, or has become too short for the array. */
export function lengthOfBytes(value: Uint8Array): number {
  const length = lengthOf.call(value)
  if (length === 0) checkAttached(value)
  return length
}

/** `CodecError` if the array has lost its buffer: such an array has the length 0, as an empty one has. */
function checkAttached(value: Uint8Array): void {
  try {
    keys.call(value)
  } catch {
    throw new CodecError(
      'a Uint8Array whose buffer was transferred, or has become too short for it, holds no bytes: copy it before you transfer it',
    )
  }
}

/** A Uint8Array over the bytes of `value`, whose length does not change. */
export function plainView(value: Uint8Array, length: number): Uint8Array {
  const buffer = bufferOf.call(value)
  // Another thread can make a shared buffer longer at any time, and with it a view that tracks the buffer's length.
  return buffer instanceof ArrayBuffer ? value : new Uint8Array(buffer, offsetOf.call(value), length)
}

/** A private copy. */
export function copyBytes(value: Uint8Array): Uint8Array {
  return new Uint8Array(plainView(value, lengthOfBytes(value)))
}

/** A string of one character per byte. Reading elements of a typed array runs no code of the program. */
function textOf(value: Uint8Array, length: number): string {
  if (length <= CHUNK) return textOfPart(value, 0, length)
  let text = ''
  for (let from = 0; from < length; from += CHUNK) text += textOfPart(value, from, Math.min(from + CHUNK, length))
  return text
}

function textOfPart(value: Uint8Array, from: number, to: number): string {
  const codes = new Array<number>(to - from)
  for (let i = from; i < to; i++) codes[i - from] = value[i]
  return String.fromCharCode.apply(null, codes)
}

/** Writes bytes into an area and returns their meta word. Errors name the bytes by `what`. */
export function writeBytes(scratch: Scratch, area: Area, value: Uint8Array, what?: string): number {
  const length = lengthOfBytes(value)
  if (length <= FITS) return writeShort(scratch, area, value, length)
  checkLength(area, length, what ?? `a Uint8Array of ${length} bytes`)
  const window = scratch.reserve(area, length)
  window.u8.set(plainView(value, length), window.at[area])
  return length
}

/** Writes words of four bytes. The kernel reads words; it would wait for single bytes to leave the store buffer. */
function writeShort(scratch: Scratch, area: Area, value: Uint8Array, length: number): number {
  const words = scratch.i32
  let at = scratch.at[area] >>> 2
  // An element past the end reads as undefined, which counts as 0.
  for (let i = 0; i < length; i += 4) {
    words[at++] = value[i] | (value[i + 1] << 8) | (value[i + 2] << 16) | (value[i + 3] << 24)
  }
  return length
}

/** A copy of the bytes at `at`. */
export function readBytes(window: Window, at: number, meta: number): Uint8Array {
  return window.u8.slice(at, at + (meta & META_LENGTH))
}

function refuse(value: unknown): CodecError {
  return new CodecError(`the bytes codec takes a Uint8Array, and got ${quote(value)}`)
}

/**
 * Uint8Array (and Node's Buffer), of any length up to the limits. Every read returns a new copy, also from the read cache.
 */
export const bytes: KeyCodec<Uint8Array> = {
  name: 'bytes',
  type: TYPE_BYTES,
  write(scratch, area, value) {
    if (!isBytes(value)) throw refuse(value)
    return writeBytes(scratch, area, value)
  },
  read: readBytes,
  cached: { keep: readBytes, give: kept => (kept as Uint8Array).slice() },
  cacheKey(key) {
    if (!isBytes(key)) throw refuse(key)
    return textOf(key, lengthOfBytes(key))
  },
  own(key) {
    if (!isBytes(key)) throw refuse(key)
    return copyBytes(key)
  },
}
