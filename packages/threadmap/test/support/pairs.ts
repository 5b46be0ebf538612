import { bool, bytes, type Codec, f64, i64, json, string, struct, u32 } from 'threadmap'

/** Sample keys or values of one codec: `of(i)` differs for different `i` below `distinct`. */
export interface Samples {
  readonly name: string
  readonly codec: unknown
  readonly distinct: number
  of(i: number): unknown
}

/** A key codec with a value codec, as one row of the matrix that the behaviour suite runs over. */
export interface Pair {
  readonly name: string
  readonly key: Samples
  readonly value: Samples
}

/** Takes the first samples from `corners`, the rest from `rule`. */
function samples<T>(name: string, codec: unknown, corners: readonly T[], rule: (i: number) => T): Samples {
  return { name, codec, distinct: 2 ** 31, of: i => (i < corners.length ? corners[i] : rule(i)) }
}

/** A user's codec of fixed length. Attaching needs it by name. */
export const date: Codec<Date> = {
  name: 'date',
  encode(value) {
    const made = new Uint8Array(8)
    new DataView(made.buffer).setFloat64(0, value.getTime())
    return made
  },
  decode(from) {
    return new Date(new DataView(from.buffer, from.byteOffset, from.byteLength).getFloat64(0))
  },
}

/** A user's codec whose encoded length varies, zero included. */
export const digits: Codec<number[]> = {
  name: 'digits',
  encode: value => Uint8Array.from(value),
  decode: from => Array.from(from),
}

export const point = struct({ id: 'u32', score: 'f64', big: 'i64', level: 'i8', on: 'bool' })

const words = ['', 'a', 'é', '€', '\ud800', '😀', 'key', 'ke', 'ÿ'.repeat(33), 'Ā'.repeat(17), 'x'.repeat(300), '\0']

export const stringKeys = samples('string', string, words, i =>
  i % 3 === 0 ? `user:${i}` : i % 3 === 1 ? `naïve café ${i}` : `ключ ${i} ${'…'.repeat(i % 40)}`,
)
export const f64Keys = samples(
  'f64',
  f64,
  [0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0.1, 2 ** 53, 5e-324, -(2 ** 31), 2 ** 32],
  i => i + 0.5,
)
export const i64Keys = samples(
  'i64',
  i64,
  [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 32n), 2n ** 53n + 1n],
  i => BigInt(i) * 0x1_0000_0001n,
)
export const bytesKeys = samples(
  'bytes',
  bytes,
  [[], [0], [0, 0], [255], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8, 0]].map(from =>
    Uint8Array.from(from),
  ),
  i => {
    const made = new Uint8Array(10 + (i % 50)).fill(i)
    new DataView(made.buffer).setUint32(4, i)
    return made
  },
)

// -0 differs from 0 as a stored value, but not for compareAndSwap: the codec tests have it.
export const f64Values = samples('f64', f64, [1.5, 0, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53 + 2], i => -i / 3)
export const u32Values = samples('u32', u32, [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 31 - 1], i => i + 1000)
export const i64Values = samples('i64', i64, [0n, -(2n ** 63n), 2n ** 63n - 1n, -1n], i => -BigInt(i) * 2n ** 33n)
export const boolValues: Samples = { name: 'bool', codec: bool, distinct: 2, of: i => i % 2 === 1 }
export const stringValues = samples('string', string, [...words].reverse(), i => `${i} ${'ä…'.repeat((i * 7) % 60)}`)
export const bytesValues = samples(
  'bytes',
  bytes,
  [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(0, 0), new Uint8Array(1000).fill(7), Uint8Array.of(255)],
  i => {
    const made = new Uint8Array(8 + ((i * 13) % 200)).fill(i)
    new DataView(made.buffer).setUint32(0, i)
    return made
  },
)
export const jsonValues = samples<unknown>(
  'json',
  json<unknown>(),
  [null, 0, '', [], {}, false, [null, [1, { a: '\ud83d\ude00' }]], { nested: { deeper: ['ä', '€', -1.5e300] } }],
  i => ({ id: i, name: `name ${i}`, tags: ['a', 'b'].slice(i % 3), more: 'm'.repeat((i * 11) % 90) }),
)
export const structValues = samples(
  'struct',
  point,
  [{ id: 2 ** 32 - 1, score: -0, big: -1n, level: -128, on: true }],
  i => ({
    id: i,
    score: i / 7,
    big: BigInt(i) - 2n ** 40n,
    level: i % 100,
    on: i % 2 === 0,
  }),
)
export const dateValues = samples('date', date, [new Date(0), new Date(-1)], i => new Date(1.6e12 + i * 1000))
export const digitsValues = samples<number[]>('digits', digits, [[], [0], [0, 0]], i =>
  Array.from({ length: 3 + (i % 70) }, (_, at) => (i >>> (at * 8)) & 255),
)

function pair(key: Samples, value: Samples): Pair {
  return { name: `${key.name} -> ${value.name}`, key, value }
}

/** Every key codec and every value codec is in at least one row. */
export const pairs: readonly Pair[] = [
  pair(stringKeys, f64Values),
  pair(stringKeys, jsonValues),
  pair(stringKeys, stringValues),
  pair(f64Keys, u32Values),
  pair(f64Keys, dateValues),
  pair(i64Keys, i64Values),
  pair(i64Keys, boolValues),
  pair(bytesKeys, bytesValues),
  pair(bytesKeys, structValues),
  pair(stringKeys, digitsValues),
]

export function pairNamed(name: string): Pair {
  const found = pairs.find(candidate => candidate.name === name)
  if (found === undefined) throw new Error(`no pair of codecs is called ${name}`)
  return found
}

/** A string that two keys share exactly when a map must treat them as one: lets a plain `Map` model `bytes` keys. */
export function identity(key: unknown): string {
  if (key instanceof Uint8Array) return `bytes ${key.join()}`
  if (typeof key === 'number') return `number ${key === 0 ? 0 : key}`
  return `${typeof key} ${String(key)}`
}
