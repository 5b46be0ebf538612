import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bool, bytes, f64, i64, json, string, struct, u32 } from 'threadmap'
import { type MapClass, mapClasses, TEST_BYTES } from '../support/maps.js'
import { identity } from '../support/pairs.js'
import { SEED } from '../support/random.js'

/** Every value that a codec accepts comes back equal, and different keys stay different. */

const RUNS = 150

/** Strings of any code units, with lone surrogates. */
const anyString = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.nat(0xffff), { maxLength: 40 }).map(units => String.fromCharCode(...units)),
  fc.array(fc.nat(0xff), { maxLength: 40 }).map(units => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom(0x7f, 0x80, 0xff, 0x100, 0xd83d, 0xde00), { maxLength: 20 })
    .map(units => String.fromCharCode(...units)),
)
const anyBytes = fc.uint8Array({ maxLength: 80 }).map(from => Uint8Array.from(from))
const anyDouble = fc.double()
const anyBig = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

const point = struct({ a: 'u8', b: 'f64', c: 'i16', d: 'i64', e: 'bool', f: 'u64', g: 'f32', h: 'u32' })
const anyPoint = fc.record(
  {
    a: fc.nat(255),
    b: fc.double(),
    c: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
    d: anyBig,
    e: fc.boolean(),
    f: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    g: fc.float(),
    h: fc.nat(2 ** 31 - 1).map(half => half * 2 + 1),
  },
  { noNullPrototype: true },
)

/** JSON text has no -0, and JSON.parse makes `__proto__` an own property that literals cannot have. */
const anyJson = fc.jsonValue().map(value => JSON.parse(JSON.stringify(value)) as unknown)

interface Domain {
  name: string
  codec: unknown
  any: fc.Arbitrary<unknown>
}

const keys: readonly Domain[] = [
  { name: 'string', codec: string, any: anyString },
  { name: 'f64', codec: f64, any: anyDouble },
  { name: 'i64', codec: i64, any: anyBig },
  { name: 'bytes', codec: bytes, any: anyBytes },
]

const values: readonly Domain[] = [
  ...keys,
  { name: 'u32', codec: u32, any: fc.nat(2 ** 31 - 1).map(half => half * 2 + 1) },
  { name: 'bool', codec: bool, any: fc.boolean() },
  { name: 'json', codec: json<unknown>(), any: anyJson },
  { name: 'struct', codec: point, any: anyPoint },
]

function keepsValues(Class: MapClass, { codec, any }: Domain, cache: number): void {
  const map = new Class({ key: string, value: codec, maxBytes: TEST_BYTES, cache })
  fc.assert(
    fc.property(any, any, (one, other) => {
      map.set('k', one)
      assert.deepEqual(map.get('k'), one)
      assert.deepEqual(map.get('k'), one)
      assert.deepEqual([...map.values()], [one])
      assert.equal(map.compareAndSwap('k', one, other), true)
      assert.deepEqual(map.swap('k', one), other)
      assert.deepEqual(map.getAndDelete('k'), one)
      assert.equal(map.size, 0)
    }),
    { seed: SEED, numRuns: RUNS },
  )
  assert.deepEqual(map.audit(), [])
  map[Symbol.dispose]()
}

function keepsKeys(Class: MapClass, { codec, any }: Domain): void {
  fc.assert(
    fc.property(fc.array(any, { maxLength: 60, size: 'max' }), fc.boolean(), (chosen, cached) => {
      const map = new Class({ key: codec, value: f64, maxBytes: TEST_BYTES, capacity: 1, cache: cached ? 10 : 0 })
      const model = new Map<string, number>()
      for (const [at, key] of chosen.entries()) {
        assert.equal(map.swap(key, at), model.get(identity(key)))
        model.set(identity(key), at)
      }
      assert.equal(map.size, model.size)
      for (const key of chosen) assert.equal(map.get(key), model.get(identity(key)))
      assert.deepEqual(
        new Map([...map].map(([key, value]) => [identity(key), value] as const).sort()),
        new Map([...model].sort()),
      )
      for (const key of chosen) assert.equal(map.delete(key), model.delete(identity(key)))
      assert.deepEqual(map.audit(), [])
      map[Symbol.dispose]()
    }),
    { seed: SEED, numRuns: RUNS / 3 },
  )
}

for (const Class of mapClasses) {
  for (const domain of values) {
    test(`${Class.name}: any ${domain.name} value comes back as it was`, () => {
      for (const cache of [0, 4]) keepsValues(Class, domain, cache)
    })
  }
  for (const domain of keys) {
    test(`${Class.name}: any ${domain.name} keys find their own values`, () => keepsKeys(Class, domain))
  }
}
