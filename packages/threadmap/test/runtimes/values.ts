/** Keys and values that a runtime with another representation of text may get wrong. */

type Library = typeof import('threadmap')

export interface AnyCase {
  name: string
  /** A map for it. */
  make(library: Library): import('threadmap').ConcurrentMap<unknown, unknown>
  entries: [unknown, unknown][]
  equal(a: unknown, b: unknown): boolean
}

const texts = [
  '',
  'a',
  'user:123456',
  'façade',
  '\u00ff\u0000\u007f\u0080',
  '漢字かな交じり文',
  '👩‍👩‍👧‍👦 family',
  '\ud800',
  'lone \udc00 in the middle',
  '\udc00\ud800',
  'x'.repeat(1000),
  'é'.repeat(1000),
  '漢'.repeat(1000),
  '😀'.repeat(1000),
  // Around the length at which texts are written in bulk, and the longest key that the kernel reads as a string.
  ...[48, 49, 224, 225, 448].flatMap(length => ['k', '\u00fe', '\u6f22'].map(unit => unit.repeat(length))),
  // Texts that an encoder to UTF-8 finds out late, or not at all, to be none of its one-byte ones; larger than an area.
  `${'x'.repeat(1500)}\u00ff`,
  `${'x'.repeat(1500)}\u0100`,
  ...['y', '\u00fd', '\u6f21'].map(unit => unit.repeat(5000)),
  `${'z'.repeat(5000)}\u0080`,
]

const numbers = [0, 1, -1, 0.1, 2 ** 31, -(2 ** 53), 1e300, Number.NaN, Number.POSITIVE_INFINITY, 5e-324]
const integers = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]
const arrays = [0, 1, 7, 8, 9, 1000].map(length => Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255))

const same = (a: unknown, b: unknown) => Object.is(a, b)
const alike = (a: unknown, b: unknown) => text(a) === text(b)

function text(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes ${value.join()}`
  return typeof value === 'object' ? JSON.stringify(value) : `${typeof value} ${String(value)}`
}

/** The map of a case, typed for any key and value: every case goes through the same steps. */
function wide<K, V>(map: import('threadmap').ConcurrentMap<K, V>) {
  return map as unknown as import('threadmap').ConcurrentMap<unknown, unknown>
}

export function cases({ bytes, f64, i64, json, string, struct }: Library): AnyCase[] {
  return [
    {
      name: 'string to string',
      make: ({ FastMap }) => wide(new FastMap({ key: string, value: string })),
      entries: texts.map((value, i) => [value, texts[texts.length - 1 - i]]),
      equal: same,
    },
    {
      name: 'string to json',
      make: ({ FastMap }) => wide(new FastMap({ key: string, value: json<unknown>() })),
      entries: texts.map((value, i) => [value, { value, list: [i, null, true], nested: { [value]: value } }]),
      equal: alike,
    },
    {
      name: 'f64 to i64',
      make: ({ FastMap }) => wide(new FastMap({ key: f64, value: i64 })),
      entries: numbers.map((value, i) => [value, integers[i % integers.length]]),
      equal: same,
    },
    {
      name: 'i64 to f64',
      make: ({ FastMap }) => wide(new FastMap({ key: i64, value: f64 })),
      entries: integers.map((value, i) => [value, numbers[i]]),
      equal: same,
    },
    {
      name: 'bytes to bytes',
      make: ({ FastMap }) => wide(new FastMap({ key: bytes, value: bytes })),
      entries: arrays.map((value, i) => [value, arrays[arrays.length - 1 - i]]),
      equal: alike,
    },
    {
      name: 'string to struct, cached',
      make: ({ FastMap }) =>
        wide(new FastMap({ key: string, value: struct({ x: 'f64', hits: 'u32', on: 'bool' }), cache: 16 })),
      entries: texts.map((value, i) => [value, { x: i / 3, hits: 2 ** 32 - 1 - i, on: i % 2 === 0 }]),
      equal: alike,
    },
  ]
}
