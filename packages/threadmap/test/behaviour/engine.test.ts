import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bool, type FastMap, f64, json, string } from 'threadmap'
import { type AnyMap, mapClasses, TEST_BYTES } from '../support/maps.js'
import { withMap } from '../support/room.js'

/**
 * What JavaScript engines are tested for on their own `Map` (test262: built-ins/Map, and the upsert proposal), as far
 * as it applies here, in our words. Insertion order, object keys and construction from an iterable do not apply.
 */

const options = { key: f64, value: f64, maxBytes: TEST_BYTES }

for (const Class of mapClasses) {
  const engine = (expectation: string, body: (map: AnyMap) => void): void => {
    test(`${Class.name}, as engines test Map: ${expectation}`, () => withMap(new Class(options), body))
  }

  test(`${Class.name}, as engines test Map: the class cannot be called without new`, () => {
    assert.throws(() => Reflect.apply(Class as unknown as () => unknown, undefined, [options]), TypeError)
  })

  engine('size is an accessor of the prototype, and has no setter', map => {
    assert.equal(Object.hasOwn(map, 'size'), false)
    let holder: object | null = map
    while (holder !== null && !Object.hasOwn(holder, 'size')) holder = Object.getPrototypeOf(holder) as object | null
    const size = Object.getOwnPropertyDescriptor(holder, 'size')
    assert.equal(typeof size?.get, 'function')
    assert.equal(size?.set, undefined)
    assert.throws(() => Object.assign(map, { size: 5 }), TypeError)
    assert.equal(map.size, 0)
  })

  engine('no method belongs to the instance, and none takes a stranger for the map', map => {
    for (const method of ['get', 'set', 'has', 'delete', 'clear', 'forEach', 'keys', 'values', 'entries'] as const) {
      assert.equal(Object.hasOwn(map, method), false, method)
      for (const stranger of [undefined, {}, new Map(), []]) {
        assert.throws(
          () => {
            const result: unknown = Reflect.apply(map[method] as () => unknown, stranger, [1, 1])
            if (typeof result === 'object' && result !== null && 'next' in result)
              [...(result as IterableIterator<unknown>)]
          },
          `${method} of ${String(stranger)}`,
        )
      }
    }
  })

  engine('0 and -0 are one key, which comes back as 0', map => {
    map.set(-0, 1)
    assert.equal(map.get(0), 1)
    assert.equal(map.get(-0), 1)
    map.set(0, 2)
    assert.equal(map.size, 1)
    assert.ok(Object.is([...map.keys()][0], 0))
    map.forEach((_, key) => {
      assert.ok(Object.is(key, 0))
    })
    assert.ok(Object.is([...map][0]?.[0], 0))
    assert.equal(map.delete(-0), true)
    assert.equal(map.size, 0)
  })

  engine('computing the value of -0 asks the function for 0', map => {
    for (const compute of ['getOrInsertComputed', 'update'] as const) {
      let asked: unknown
      const note = (key: unknown): number => {
        asked = key
        return 1
      }
      map.delete(0)
      if (compute === 'update') map.update(-0, (_, key) => note(key))
      else map.getOrInsertComputed(-0, note)
      assert.ok(Object.is(asked, 0), `${compute} asked for ${Object.is(asked, -0) ? '-0' : String(asked)}`)
    }
  })

  engine('NaN is a key like any other, whatever its bits', map => {
    const bits = new DataView(new ArrayBuffer(8))
    bits.setBigUint64(0, 0xfff8_0000_dead_beefn)
    const other = bits.getFloat64(0)
    map.set(Number.NaN, 1)
    assert.equal(map.get(other), 1)
    map.set(other, 2)
    assert.equal(map.get(Number.NaN), 2)
    assert.equal(map.size, 1)
    assert.ok(Number.isNaN([...map.keys()][0]))
    assert.equal(map.delete(other), true)
  })

  engine('neighbouring doubles are different keys', map => {
    const keys = [0.1 + 0.2, 0.3, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 5e-324, -5e-324, 1, -1, 2 ** 31, -(2 ** 31)]
    for (const [at, key] of keys.entries()) map.set(key, at)
    assert.equal(map.size, keys.length)
    for (const [at, key] of keys.entries()) assert.equal(map.get(key), at)
  })

  engine('every entry comes in an array of its own', map => {
    map.set(1, 2)
    const [first] = [...map]
    const [second] = [...map.entries()]
    assert.deepEqual(first, [1, 2])
    assert.notEqual(first, second)
    assert.ok(Array.isArray(first))
    first?.splice(0, 2, 7, 7)
    assert.deepEqual([...map], [[1, 2]])
  })

  engine('keys, values, entries and the default iterator are iterators of one kind each', map => {
    map.set(1, 2)
    assert.deepEqual([...map.keys()], [1])
    assert.deepEqual([...map.values()], [2])
    assert.deepEqual([...map.entries()], [...map])
    assert.deepEqual(new Map(map), new Map([[1, 2]]))
    assert.deepEqual(Object.fromEntries(map as unknown as Iterable<[number, number]>), { 1: 2 })
    assert.deepEqual(
      Array.from(map, ([key, value]) => [value, key]),
      [[2, 1]],
    )
  })

  engine('forEach without thisArg, and with no entries', map => {
    let calls = 0
    map.forEach(() => {
      calls++
    })
    assert.equal(calls, 0)
    map.set(1, 2)
    map.forEach(function (this: unknown, ...args) {
      calls++
      assert.equal(this, undefined)
      assert.deepEqual(args.slice(0, 2), [2, 1])
      assert.equal(args.length, 3)
      assert.equal(args[2], map)
    })
    assert.equal(calls, 1)
  })

  engine('forEach demands a function even of an empty map', map => {
    for (const none of [undefined, null, 1, {}, 'f']) {
      assert.throws(() => map.forEach(none as unknown as () => undefined))
    }
  })

  engine('getOrInsertComputed demands a function even for a key that is there', map => {
    map.set(1, 1)
    for (const none of [undefined, null, 1, {}, 'f']) {
      assert.throws(() => map.getOrInsertComputed(1, none as unknown as () => undefined))
      assert.throws(() => map.getOrInsertComputed(2, none as unknown as () => undefined))
    }
    assert.equal(map.size, 1)
  })

  engine('getOrInsertComputed gives its function the key and nothing else', map => {
    let given: unknown[] = []
    map.getOrInsertComputed(3, (...args: unknown[]) => {
      given = args
      return 1
    })
    assert.deepEqual(given, [3])
  })

  engine('an iterator made before entries are added may be used after, and after clear', map => {
    const early = map.keys()
    map.set(1, 1)
    const seen = [...early]
    assert.ok(seen.length <= 1)
    const emptied = map.entries()
    map.clear()
    assert.deepEqual([...emptied], [])
  })

  engine('deleting during forEach does not disturb it', map => {
    for (let i = 0; i < 10; i++) map.set(i, i)
    const seen: unknown[] = []
    map.forEach((_, key) => {
      seen.push(key)
      for (let i = 0; i < 10; i += 2) map.delete(i)
    })
    const odd = seen.filter(key => (key as number) % 2 === 1)
    assert.deepEqual(odd.sort(), [1, 3, 5, 7, 9])
    assert.ok(seen.length <= 6, 'an even key was shown after it was deleted')
  })

  test(`${Class.name}, as engines test Map: values that are falsy are there`, async () => {
    await withMap(new Class({ key: string, value: json<unknown>(), maxBytes: TEST_BYTES }), map => {
      for (const [at, value] of [false, 0, '', null].entries()) {
        map.set(`${at}`, value)
        assert.equal(map.has(`${at}`), true)
        assert.equal(map.get(`${at}`), value)
        assert.equal(map.getOrInsert(`${at}`, 'other'), value)
        assert.equal(
          map.getOrInsertComputed(`${at}`, () => assert.fail('called')),
          value,
        )
      }
    })
    await withMap(new Class({ key: string, value: bool, maxBytes: TEST_BYTES }), map => {
      map.set('no', false)
      assert.equal(map.has('no'), true)
      assert.equal(map.swap('no', true), false)
      assert.equal(map.getAndDelete('no'), true)
    })
  })

  test(`${Class.name}, as engines test Map: it can be extended`, async () => {
    const Base = Class as unknown as typeof FastMap
    class Counting extends Base<string, number> {
      sets = 0
      override set(key: string, value: number): this {
        this.sets++
        return super.set(key, value)
      }
    }
    const map = new Counting({ key: string, value: f64, maxBytes: TEST_BYTES })
    await withMap(map as unknown as AnyMap, () => {
      assert.equal(map.set('a', 1).set('b', 2), map)
      assert.equal(map.sets, 2)
      assert.ok(map instanceof Base)
      assert.equal(map.get('b'), 2)
    })
  })
}
