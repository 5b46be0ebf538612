import type { MapOptions } from 'threadmap'
import { bytes, f64, i64, json, string, struct } from 'threadmap'

/**
 * A form of value that checks itself. Each value contains the number of its key and a version, and the rest of it
 * follows from these two: a mixture of two values, or the value of another key, is always detected.
 */
export interface Form<V> {
  readonly codec: MapOptions<string, V>['value']
  make(key: number, version: number): V
  /** The version. Throws when the value is torn, or not one of key `key`. */
  check(value: V, key: number): number
}

/** Keys are numbered below this, so that a number can carry both key and version. */
const KEY_LIMIT = 1 << 12

function foreign(kind: string, key: number, value: unknown): never {
  throw new Error(`key ${key} holds a torn or foreign ${kind}: ${String(value)}`)
}

const number: Form<number> = {
  codec: f64,
  make: (key, version) => version * KEY_LIMIT + key,
  check(value, key) {
    if (!Number.isSafeInteger(value) || value % KEY_LIMIT !== key) foreign('f64', key, value)
    return Math.floor(value / KEY_LIMIT)
  },
}

const bigint: Form<bigint> = {
  codec: i64,
  make: (key, version) => (BigInt(version) << 12n) | BigInt(key),
  check(value, key) {
    if (Number(value & 0xfffn) !== key) foreign('i64', key, value)
    return Number(value >> 12n)
  },
}

function fill(length: number, key: number, version: number): Uint8Array {
  const content = new Uint8Array(length)
  const head = new DataView(content.buffer)
  head.setUint32(0, key)
  head.setUint32(4, version)
  for (let at = 8; at < length; at++) content[at] = (key * 31 + version * 17 + at) & 0xff
  return content
}

function checkFill(value: Uint8Array, key: number, lengthOf: (version: number) => number): number {
  if (value.length < 8) foreign('bytes', key, value)
  const head = new DataView(value.buffer, value.byteOffset, 8)
  const version = head.getUint32(4)
  if (head.getUint32(0) !== key || value.length !== lengthOf(version)) foreign('bytes', key, value)
  for (let at = 8; at < value.length; at++) {
    if (value[at] !== ((key * 31 + version * 17 + at) & 0xff)) foreign('bytes', key, value)
  }
  return version
}

const bytes32: Form<Uint8Array> = {
  codec: bytes,
  make: (key, version) => fill(32, key, version),
  check: (value, key) => checkFill(value, key, () => 32),
}

const LARGE_BYTES = 200_000
const STAMP_EVERY = 4096

/** So large that a thread spends much of its time copying it, under a lock where there is one. Only some of its bytes are checked. */
const large: Form<Uint8Array> = {
  codec: bytes,
  make(key, version) {
    const content = new Uint8Array(LARGE_BYTES)
    const words = new DataView(content.buffer)
    for (let at = 0; at < LARGE_BYTES; at += STAMP_EVERY) {
      words.setUint32(at, key)
      words.setUint32(at + 4, version)
    }
    return content
  },
  check(value, key) {
    const words = new DataView(value.buffer, value.byteOffset, value.length)
    const version = words.getUint32(4)
    for (let at = 0; at < LARGE_BYTES; at += STAMP_EVERY) {
      if (words.getUint32(at) !== key || words.getUint32(at + 4) !== version) foreign('large value', key, version)
    }
    return version
  },
}

const lengthOfVersion = (version: number) => 8 + ((Math.imul(version, 37) >>> 0) % 192)

const bytesOfAnyLength: Form<Uint8Array> = {
  codec: bytes,
  make: (key, version) => fill(lengthOfVersion(version), key, version),
  check: (value, key) => checkFill(value, key, lengthOfVersion),
}

/** Every third text has characters that need more than one byte, so that both ways of storing strings take turns. */
const LETTERS = ['a', 'é', '漢', 'b', 'c', '😀']

function text(key: number, version: number): string {
  return `${key}:${version}:${LETTERS[version % LETTERS.length]!.repeat(version % 53)}`
}

const strings: Form<string> = {
  codec: string,
  make: text,
  check(value, key) {
    const version = Number(value.split(':')[1])
    if (value !== text(key, version)) foreign('string', key, value)
    return version
  },
}

export interface Fields {
  key: number
  version: number
  product: number
  negative: number
  again: number
}

const fields: Form<Fields> = {
  codec: struct({ key: 'u32', version: 'u32', product: 'f64', negative: 'f64', again: 'u32' }),
  make: (key, version) => ({ key, version, product: key * version, negative: -version, again: version }),
  check(value, key) {
    const { version } = value
    const whole =
      value.key === key && value.product === key * version && value.negative === -version && value.again === version
    if (!whole) foreign('struct', key, JSON.stringify(value))
    return version
  },
}

export interface Document {
  key: number
  version: number
  tags: number[]
  text: string
}

const documents: Form<Document> = {
  codec: json<Document>(),
  make: (key, version) => ({ key, version, tags: [version, version + 1], text: text(key, version) }),
  check(value, key) {
    const { version } = value
    const whole = value.key === key && value.tags[1] === version + 1 && value.text === text(key, version)
    if (!whole) foreign('json', key, JSON.stringify(value))
    return version
  },
}

export const forms = { number, bigint, bytes32, bytesOfAnyLength, large, strings, fields, documents }

export type FormName = keyof typeof forms

/** The form of this name, typed for a user that does not look into the values. */
export function formOf(name: FormName): Form<unknown> {
  return forms[name] as unknown as Form<unknown>
}
