import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bool, CodecError, f64, i64, string, u32 } from 'threadmap'
import { type AnyMap, type MapClass, mapClasses, TEST_BYTES } from '../support/maps.js'
import { withMap } from '../support/room.js'

/** Numbers, big integers and booleans as keys and values: their corners, and `add`. */

const doubles = [
  0,
  -0,
  1,
  -1,
  0.1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  Number.EPSILON,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  -(2 ** 31),
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 53 + 2,
  2.2250738585072014e-308,
]
const bigs = [
  0n,
  1n,
  -1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  -(2n ** 32n),
]
const words = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1]

function open(Class: MapClass, value: unknown, body: (map: AnyMap) => void, key: unknown = string): Promise<void> {
  return withMap(new Class({ key, value, maxBytes: TEST_BYTES, cache: 4 }), body)
}

/** Every way to write `value` gives back exactly `value`, every way to read. */
function keeps(map: AnyMap, value: unknown): void {
  map.delete('k')
  map.set('k', value)
  assert.deepEqual(map.get('k'), value)
  assert.deepEqual(map.get('k'), value)
  assert.deepEqual([...map.values()], [value])
  assert.deepEqual(map.swap('k', value), value)
  assert.equal(map.compareAndSwap('k', value, value), true)
  assert.deepEqual(map.getOrInsert('k', value), value)
  assert.deepEqual(
    map.update('k', current => current),
    value,
  )
  assert.deepEqual(map.getAndDelete('k'), value)
  assert.deepEqual(map.getOrInsert('k', value), value)
  assert.equal(map.compareAndDelete('k', value), true)
  assert.deepEqual(
    map.getOrInsertComputed('k', () => value),
    value,
  )
  assert.deepEqual(map.get('k'), value)
}

for (const Class of mapClasses) {
  test(`${Class.name}: f64 values are kept bit for bit, -0 included`, () =>
    open(Class, f64, map => {
      for (const value of doubles) keeps(map, value)
    }))

  test(`${Class.name}: i64 values are kept from end to end`, () =>
    open(Class, i64, map => {
      for (const value of bigs) keeps(map, value)
    }))

  test(`${Class.name}: u32 values are kept, also above 2^31`, () =>
    open(Class, u32, map => {
      for (const value of words) keeps(map, value)
    }))

  test(`${Class.name}: bool values are kept`, () =>
    open(Class, bool, map => {
      for (const value of [true, false]) keeps(map, value)
      map.set('k', true)
      assert.equal(map.compareAndSwap('k', false, true), false)
      assert.equal(map.compareAndSwap('k', true, false), true)
      assert.equal(map.get('k'), false)
    }))

  test(`${Class.name}: f64 values compare by SameValueZero`, () =>
    open(Class, f64, map => {
      map.set('zero', 0).set('minus', -0).set('nan', Number.NaN)
      assert.equal(map.compareAndSwap('zero', -0, 1), true)
      assert.equal(map.compareAndSwap('minus', 0, 1), true)
      assert.equal(map.compareAndSwap('nan', Number.NaN, 1), true)
      assert.equal(map.compareAndSwap('nan', Number.NaN, 2), false)
      map.set('nan', Number.NaN).set('minus', -0)
      assert.equal(map.compareAndDelete('nan', 0), false)
      assert.equal(map.compareAndDelete('nan', Number.NaN), true)
      assert.equal(map.compareAndDelete('minus', 0), true)
      map.set('negative nan', -Number.NaN)
      assert.equal(map.compareAndSwap('negative nan', Number.NaN, 3), true)
    }))

  test(`${Class.name}: update of -0, 0 and NaN ends`, () =>
    open(Class, f64, map => {
      for (const value of [-0, 0, Number.NaN]) {
        map.set('k', value)
        let calls = 0
        map.update('k', current => {
          assert.ok(Object.is(current, value))
          assert.ok(++calls < 3, 'update goes round and round')
          return 5
        })
        assert.equal(map.get('k'), 5)
      }
    }))

  test(`${Class.name}: f64 keys are all different but 0 and -0`, () =>
    open(
      Class,
      f64,
      map => {
        for (const key of doubles) map.set(key, key)
        assert.equal(map.size, doubles.length - 1)
        for (const key of doubles) assert.deepEqual(map.get(key), key === 0 ? -0 : key)
        for (const key of map.keys()) assert.ok(!Object.is(key, -0))
      },
      f64,
    ))

  test(`${Class.name}: i64 keys are all different`, () =>
    open(
      Class,
      i64,
      map => {
        for (const key of bigs) map.set(key, -key - 1n)
        assert.equal(map.size, bigs.length)
        for (const key of bigs) assert.equal(map.get(key), -key - 1n)
        assert.deepEqual([...map.keys()].sort(), [...bigs].sort())
      },
      i64,
    ))

  test(`${Class.name}: numbers that a codec cannot hold are refused`, async () => {
    const odd = [undefined, null, '', '1', {}, [], [1], Symbol('1'), () => 1, new Number(1), new Date()]
    const refused = (codec: unknown, values: readonly unknown[]): Promise<void> =>
      open(Class, codec, map => {
        for (const value of values) {
          assert.throws(() => map.set('k', value), CodecError, String(value as string))
          assert.equal(map.has('k'), false)
        }
      })
    await refused(f64, [...odd, 1n, true])
    await refused(u32, [...odd, 1n, true, -1, 0.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY, -0.5])
    await refused(i64, [...odd, 1, true, 2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n])
    await refused(bool, [...odd, 1, 0, 1n, 'true', new Boolean(true)])
    await open(
      Class,
      f64,
      map => {
        for (const key of [...odd, 1n, true]) assert.throws(() => map.set(key, 1), CodecError)
      },
      f64,
    )
    await open(
      Class,
      f64,
      map => {
        for (const key of [...odd, 1, 2n ** 63n, -(2n ** 63n) - 1n]) {
          assert.throws(() => map.set(key, 1), CodecError)
          assert.throws(() => map.get(key), CodecError)
        }
      },
      i64,
    )
  })

  test(`${Class.name}: u32 add wraps at 2^32`, () =>
    open(Class, u32, map => {
      assert.equal(map.add('k', 2 ** 32 - 1), 2 ** 32 - 1)
      assert.equal(map.add('k', 1), 0)
      assert.equal(map.add('k', 2 ** 31), 2 ** 31)
      assert.equal(map.add('k', 2 ** 31 + 5), 5)
      assert.equal(map.get('k'), 5)
      assert.equal(map.add('k', -1), 4)
      assert.equal(map.add('k', -5), 2 ** 32 - 1)
      assert.equal(map.add('k', -(2 ** 32 - 1)), 0)
      assert.equal(map.add('k', -0), 0)
      assert.equal(map.add('new', -1), 2 ** 32 - 1)
      map.set('k', 5)
      for (const delta of [0.5, -0.5, 2 ** 32, -(2 ** 32), Number.NaN, -Infinity, '1', '-1', 1n, null])
        assert.throws(() => map.add('k', delta), CodecError)
      assert.equal(map.get('k'), 5)
    }))

  test(`${Class.name}: i64 add wraps at 2^64`, () =>
    open(Class, i64, map => {
      assert.equal(map.add('k', 2n ** 63n - 1n), 2n ** 63n - 1n)
      assert.equal(map.add('k', 1n), -(2n ** 63n))
      assert.equal(map.add('k', -1n), 2n ** 63n - 1n)
      assert.equal(map.add('j', -(2n ** 63n)), -(2n ** 63n))
      assert.equal(map.add('j', -(2n ** 63n)), 0n)
      for (const delta of [1, '1', 2n ** 63n]) assert.throws(() => map.add('k', delta), CodecError)
      assert.equal(map.get('k'), 2n ** 63n - 1n)
    }))

  test(`${Class.name}: f64 add adds like JavaScript`, () =>
    open(Class, f64, map => {
      let sum = 0
      for (const delta of [0.1, 0.2, -7, 1e300, -1e300, Number.MIN_VALUE, 2 ** 53, 1, 1, -0]) {
        sum += delta
        assert.equal(map.add('k', delta), sum)
        assert.equal(map.get('k'), sum)
      }
      assert.equal(map.add('k', Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
      assert.ok(Number.isNaN(map.add('k', Number.NEGATIVE_INFINITY)))
      assert.ok(Number.isNaN(map.add('k', 1)), 'NaN stays, and adding to it ends')
      map.set('minus', -0)
      assert.ok(Object.is(map.add('minus', -0), -0))
    }))
}
