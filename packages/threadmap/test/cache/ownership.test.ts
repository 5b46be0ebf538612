import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, type Codec, CodecError, f64, json, string, struct } from 'threadmap'
import { mapClasses, TEST_BYTES } from '../support/maps.js'
import { date } from '../support/pairs.js'

/** No reader of a map with a read cache can change what the next reader gets; see docs/decisions/0011. */

interface Nested {
  list: { n: number }[]
}

for (const Class of mapClasses) {
  const open = (value: unknown) => new Class({ key: string, value, cache: 16, maxBytes: TEST_BYTES })

  test(`${Class.name}: bytes from the cache are a copy of each reader's own`, () => {
    using map = open(bytes)
    map.set('k', Uint8Array.of(1, 2, 3))
    for (let round = 0; round < 3; round++) {
      const got = map.get('k') as Uint8Array
      assert.deepEqual(got, Uint8Array.of(1, 2, 3))
      assert.ok(got.buffer instanceof ArrayBuffer && got.buffer.byteLength === 3)
      got.fill(0)
    }
  })

  test(`${Class.name}: json and structs from the cache are frozen, at any depth, and one object for all readers`, () => {
    using map = open(json())
    map.set('k', { list: [{ n: 1 }] })
    const got = map.get('k') as Nested
    assert.equal(map.get('k'), got)
    assert.throws(() => {
      got.list[0]!.n = 2
    }, TypeError)
    assert.throws(() => got.list.push({ n: 2 }), TypeError)
    assert.deepEqual(map.get('k'), { list: [{ n: 1 }] })
    using points = open(struct({ x: 'f64' }))
    points.set('k', { x: 1 })
    const point = points.get('k') as { x: number }
    assert.equal(points.get('k'), point)
    assert.throws(() => {
      point.x = 2
    }, TypeError)
    // What an operation returns comes from the map, not from the cache.
    const swapped = map.swap('k', 1) as Nested
    swapped.list[0]!.n = 2
    assert.equal(map.get('k'), 1)
  })

  test(`${Class.name}: json deeper than the stack can be cached`, () => {
    using map = open(json())
    const depth = 2000
    map.set('k', JSON.parse('['.repeat(depth) + ']'.repeat(depth)))
    assert.ok(Object.isFrozen(map.get('k')))
  })

  test(`${Class.name}: a codec of your own decodes anew for each reader, unless it says how else`, () => {
    using map = open(date)
    map.set('k', new Date(5))
    for (let round = 0; round < 3; round++) {
      const got = map.get('k') as Date
      assert.equal(got.getTime(), 5)
      got.setTime(0)
    }
    const seen: Uint8Array[] = []
    const keeping: Codec<Uint8Array> = {
      name: 'keeping',
      encode: value => value,
      decode(from) {
        seen.push(from)
        return from
      },
    }
    using kept = open(keeping)
    kept.set('k', Uint8Array.of(1))
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(kept.get('k'), Uint8Array.of(1))
      seen.at(-1)!.fill(0)
    }
  })

  test(`${Class.name}: an immutable value is decoded once, and one with clone is cloned for each reader`, () => {
    let decoded = 0
    let cloned = 0
    const codec = {
      ...date,
      decode(from: Uint8Array) {
        decoded++
        return date.decode(from)
      },
    }
    const own = { shared: { mine: true } }
    using fixed = open({ ...codec, immutable: true, decode: (from: Uint8Array) => ({ at: codec.decode(from), own }) })
    fixed.set('k', new Date(5))
    const first = fixed.get('k')
    assert.equal(fixed.get('k'), first)
    assert.equal(decoded, 1)
    own.shared.mine = false
    assert.ok(!Object.isFrozen(own) && !Object.isFrozen(own.shared), 'what belongs to the program was frozen')
    using copied = open({
      ...codec,
      clone(value: Date) {
        cloned++
        return new Date(value)
      },
    })
    copied.set('k', new Date(5))
    for (let round = 0; round < 3; round++) {
      const got = copied.get('k') as Date
      assert.equal(got.getTime(), 5)
      got.setTime(0)
    }
    assert.deepEqual([decoded, cloned], [2, 3])
  })

  test(`${Class.name}: a cache of many numbers grows while it is read`, () => {
    using map = new Class({ key: bytes, value: f64, cache: 1000, maxBytes: TEST_BYTES })
    const key = (i: number) => Uint8Array.of(i, i >>> 8)
    for (let i = 0; i < 1000; i++) map.set(key(i), i)
    for (let round = 0; round < 2; round++) for (let i = 0; i < 1000; i++) assert.equal(map.get(key(i)), i)
  })
}

test('immutable and clone of a codec are checked', () => {
  const [Class] = mapClasses
  for (const wrong of [{ immutable: 1 }, { clone: true }]) {
    assert.throws(() => new Class!({ key: string, value: { ...date, ...wrong } }), CodecError)
  }
})
