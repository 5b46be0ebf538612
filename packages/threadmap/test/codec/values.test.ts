import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, type Codec, CodecError, f64, json, MAX_VALUE_BYTES, string, struct, ThreadmapError } from 'threadmap'
import { type AnyMap, type MapClass, mapClasses, TEST_BYTES } from '../support/maps.js'
import { withMap } from '../support/room.js'

/** Bytes, JSON, structs and users' codecs. */

function open(Class: MapClass, value: unknown, body: (map: AnyMap) => void, cache = 0): Promise<void> {
  return withMap(new Class({ key: string, value, maxBytes: TEST_BYTES, cache }), body)
}

/** Every builtin field type with its corners. */
const fields = {
  f64: [0, -0, Number.NaN, 1 / 3, Number.MAX_VALUE, Number.NEGATIVE_INFINITY],
  f32: [0, -0, Number.NaN, 0.5, Math.fround(1 / 3), Number.POSITIVE_INFINITY],
  u32: [0, 1, 2 ** 31, 2 ** 32 - 1],
  i32: [0, -1, 2 ** 31 - 1, -(2 ** 31)],
  u16: [0, 1, 2 ** 15, 2 ** 16 - 1],
  i16: [0, -1, 2 ** 15 - 1, -(2 ** 15)],
  u8: [0, 1, 2 ** 7, 2 ** 8 - 1],
  i8: [0, -1, 2 ** 7 - 1, -(2 ** 7)],
  i64: [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)],
  u64: [0n, 1n, 2n ** 63n, 2n ** 64n - 1n],
  bool: [true, false],
} as const

type FieldName = keyof typeof fields
const fieldNames = Object.keys(fields) as FieldName[]

/** What each field type must refuse. */
const unfit: Record<FieldName, readonly unknown[]> = {
  f64: ['1', 1n, true, null, undefined],
  f32: ['1', 1n, true, null, undefined],
  u32: [-1, 0.5, 2 ** 32, '1', 1n, Number.NaN, null, undefined],
  i32: [2 ** 31, -(2 ** 31) - 1, 0.5, '1', 1n, null],
  u16: [-1, 0.5, 2 ** 16, '1', 1n, null],
  i16: [2 ** 15, -(2 ** 15) - 1, 0.5, '1', null],
  u8: [-1, 0.5, 256, '1', null],
  i8: [128, -129, 0.5, '1', null],
  i64: [1, 2n ** 63n, -(2n ** 63n) - 1n, '1', null],
  u64: [1, -1n, 2n ** 64n, '1', null],
  bool: [0, 1, 'true', null, undefined],
}

for (const Class of mapClasses) {
  test(`${Class.name}: bytes of any length are values, from none to a MiB`, () =>
    open(Class, bytes, map => {
      const lengths = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 4095, 4096, 65_535, 65_536, 65_537, 2 ** 20]
      for (const length of lengths) {
        if (length > MAX_VALUE_BYTES) continue
        const value = new Uint8Array(length)
        for (let i = 0; i < length; i++) value[i] = (i * 31 + length) & 255
        map.set('k', value)
        const got = map.get('k') as Uint8Array
        assert.equal(Object.getPrototypeOf(got), Uint8Array.prototype, 'a plain Uint8Array')
        assert.ok(got.buffer instanceof ArrayBuffer, 'of its own memory')
        assert.ok(Buffer.from(got).equals(value), `${length} bytes`)
        map.set(`key ${length}`, value)
      }
      for (const length of lengths) assert.equal((map.get(`key ${length}`) as Uint8Array).length, length)
    }))

  test(`${Class.name}: a view's bytes are stored, not those around it`, () =>
    open(Class, bytes, map => {
      const whole = Uint8Array.from({ length: 64 }, (_, i) => i)
      map.set('view', whole.subarray(3, 20))
      map.set('buffer', Buffer.from('buffer'))
      const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(9)
      map.set('shared', shared)
      assert.deepEqual(map.get('view'), whole.slice(3, 20))
      assert.deepEqual(map.get('buffer'), Uint8Array.from(Buffer.from('buffer')))
      assert.deepEqual(map.get('shared'), Uint8Array.from(shared))
    }))

  test(`${Class.name}: bytes as keys are told apart by every byte and by length`, () =>
    withMap(new Class({ key: bytes, value: f64, maxBytes: TEST_BYTES }), map => {
      const keys: Uint8Array[] = []
      for (let length = 0; length < 40; length++) {
        keys.push(new Uint8Array(length), new Uint8Array(length + 1).fill(255))
        for (let at = 0; at < length; at++) {
          const key = new Uint8Array(length)
          key[at] = 128
          keys.push(key)
        }
      }
      for (const [at, key] of keys.entries()) {
        assert.equal(map.has(key), false)
        map.set(key, at)
      }
      assert.equal(map.size, keys.length)
      for (const [at, key] of keys.entries()) assert.equal(map.get(Buffer.from(key)), at)
      const seen = new Set([...map.keys()].map(key => (key as Uint8Array).join()))
      assert.equal(seen.size, keys.length)
    }))

  test(`${Class.name}: what is not a Uint8Array is no bytes`, () =>
    open(Class, bytes, map => {
      for (const value of [
        'abc',
        [1, 2],
        new ArrayBuffer(4),
        new Uint16Array(2),
        new DataView(new ArrayBuffer(1)),
        5,
        null,
      ]) {
        assert.throws(() => map.set('k', value), CodecError)
      }
      assert.equal(map.size, 0)
    }))

  for (const cache of [0, 10]) {
    test(`${Class.name}, cache ${cache}: json keeps what JSON keeps`, () =>
      open(
        Class,
        json<unknown>(),
        map => {
          const deep = Array.from({ length: 200 }).reduce((inner: unknown) => ({ inner, list: [inner === null] }), null)
          const values: unknown[] = [
            null,
            true,
            0,
            -1.5e-300,
            '',
            'naïve',
            '😀 \u2028 \ud800 "quoted" \\ \n \0',
            [],
            {},
            [[[]], {}],
            { '': 1, 'ключ €': ['ä', { nested: null }], __proto: 1 },
            deep,
            Array.from({ length: 3000 }, (_, i) => ({ id: i, name: `name ${i} ё` })),
          ]
          for (const value of values) {
            map.set('k', value)
            assert.deepEqual(map.get('k'), value)
            assert.deepEqual(map.get('k'), value)
            assert.equal(map.compareAndSwap('k', structuredClone(value), value), true)
            assert.deepEqual(map.swap('k', value), value)
          }
        },
        cache,
      ))
  }

  test(`${Class.name}: json leaves out what is undefined, and asks toJSON`, () =>
    open(Class, json<unknown>(), map => {
      map.set('k', { kept: 1, gone: undefined, when: new Date(0) })
      assert.deepEqual(map.get('k'), { kept: 1, when: '1970-01-01T00:00:00.000Z' })
      map.set('k', new Date(0))
      assert.equal(map.get('k'), '1970-01-01T00:00:00.000Z')
      map.set('k', { toJSON: () => 'as it likes' })
      assert.equal(map.get('k'), 'as it likes')
    }))

  test(`${Class.name}: what has no JSON text is refused`, () =>
    open(Class, json<unknown>(), map => {
      const circle: Record<string, unknown> = {}
      circle.self = circle
      for (const value of [undefined, () => 1, Symbol('s'), 1n, { big: 1n }, circle, { toJSON: () => undefined }]) {
        assert.throws(() => map.set('k', value), CodecError)
        assert.throws(() => map.getOrInsert('k', value), CodecError)
        assert.throws(() => map.swap('k', value), CodecError)
        assert.equal(map.has('k'), false)
      }
      map.set('k', 1)
      assert.throws(() => map.compareAndSwap('k', undefined, 2), CodecError)
      assert.throws(() => map.compareAndDelete('k', undefined), CodecError)
      assert.equal(map.get('k'), 1)
    }))

  test(`${Class.name}: json compares by its text`, () =>
    open(Class, json<unknown>(), map => {
      map.set('k', { a: 1, b: 2 })
      assert.equal(map.compareAndSwap('k', { b: 2, a: 1 }, 0), false, 'another text')
      assert.equal(map.compareAndSwap('k', { a: 1, b: 2, c: undefined }, 'new'), true, 'the same text')
      assert.equal(map.compareAndDelete('k', 'new'), true)
    }))

  for (const name of fieldNames) {
    test(`${Class.name}: a struct's ${name} field keeps its corners and refuses what does not fit`, () =>
      open(Class, struct({ before: 'u8', it: name, after: 'u16' }), map => {
        for (const it of fields[name]) {
          const value = { before: 201, it, after: 60_001 }
          map.set('k', value)
          assert.deepEqual(map.get('k'), value)
          assert.equal(map.compareAndSwap('k', value, value), true)
        }
        const kept = map.get('k')
        for (const it of unfit[name]) {
          assert.throws(
            () => map.set('k', { before: 1, it, after: 1 }),
            error => error instanceof CodecError && /\bit\b/.test(error.message),
            `${name}: ${String(it)}`,
          )
        }
        assert.deepEqual(map.get('k'), kept)
      }))
  }

  test(`${Class.name}: a struct holds all field types at once, in the order given`, () =>
    open(Class, struct(Object.fromEntries(fieldNames.map(name => [`a ${name}`, name]))), map => {
      for (let round = 0; round < 6; round++) {
        const value = Object.fromEntries(
          fieldNames.map(name => [`a ${name}`, fields[name][round % fields[name].length]]),
        )
        map.set(`k ${round}`, value)
        assert.deepEqual(map.get(`k ${round}`), value)
        assert.deepEqual(Object.keys(map.get(`k ${round}`) as object), Object.keys(value))
      }
      const attached = Class.attach(map.handle)
      assert.deepEqual(attached.get('k 1'), map.get('k 1'))
      attached[Symbol.dispose]()
    }))

  test(`${Class.name}: what is no struct is refused`, () =>
    open(Class, struct({ id: 'u32', ok: 'bool' }), map => {
      for (const value of [null, undefined, 1, 'id', [], {}, { id: 1 }, { ok: true }]) {
        assert.throws(() => map.set('k', value), CodecError)
      }
      assert.equal(map.size, 0)
    }))

  test(`${Class.name}: f32 fields round like Math.fround`, () =>
    open(Class, struct({ it: 'f32' }), map => {
      map.set('k', { it: 1 / 3 })
      assert.deepEqual(map.get('k'), { it: Math.fround(1 / 3) })
    }))

  test(`${Class.name}: a user's codec encodes on writing, decodes a copy on reading, and its errors are its own`, () => {
    const seen: Uint8Array[] = []
    const fault = new Error('of the codec')
    const reversed: Codec<string> = {
      name: 'reversed',
      encode(value) {
        if (value === 'fault') throw fault
        return Buffer.from([...value].reverse().join(''), 'utf8')
      },
      decode(from) {
        seen.push(from)
        const text = [...Buffer.from(from).toString('utf8')].reverse().join('')
        if (text === 'cannot be read') throw fault
        return text
      },
    }
    const own = (error: unknown): boolean => error === fault
    return open(Class, reversed, map => {
      for (const text of ['', 'a', 'hällo €', 'x'.repeat(70_000)]) {
        map.set('k', text)
        assert.equal(map.get('k'), text)
      }
      const last = seen[seen.length - 1] as Uint8Array
      assert.ok(last.buffer instanceof ArrayBuffer)
      last.fill(0)
      assert.equal(map.get('k'), 'x'.repeat(70_000), 'the codec was handed a copy')
      assert.throws(() => map.set('k', 'fault'), own)
      assert.throws(() => map.swap('new', 'fault'), own)
      assert.equal(map.has('new'), false)
      assert.equal((map.get('k') as string).length, 70_000)
      map.set('k', 'cannot be read')
      assert.throws(() => map.get('k'), own)
      assert.equal(map.has('k'), true)
      assert.equal(map.delete('k'), true)
      assert.equal(map.size, 0)
    })
  })

  test(`${Class.name}: a user's codec that encodes to something else than bytes is refused`, () => {
    const wrong = { name: 'wrong', encode: (value: unknown) => value, decode: () => 1 }
    return open(Class, wrong, map => {
      for (const value of ['text', [1], 5, null, undefined, new Uint16Array(1)]) {
        assert.throws(() => map.set('k', value), CodecError)
      }
      map.set('k', Uint8Array.of(1))
      assert.equal(map.size, 1)
    })
  })

  test(`${Class.name}: a user's codec may use the map itself`, () => {
    let map: AnyMap | null = null
    const nosy: Codec<number> = {
      name: 'nosy',
      encode(value) {
        if (value < 3) map?.set(`inner ${value}`, value + 1)
        return Uint8Array.of(value)
      },
      decode(from) {
        map?.has('outer')
        return from[0] as number
      },
    }
    return open(Class, nosy, opened => {
      map = opened
      map.set('outer', 0)
      assert.equal(map.get('outer'), 0)
      for (const inner of [0, 1, 2]) assert.equal(map.get(`inner ${inner}`), inner + 1)
      assert.equal(map.size, 4)
      map = null
    })
  })
}

test('a struct without fields, with an unknown type or of no object is refused', () => {
  for (const wrong of [{ a: 'f16' }, { a: 1 }, { a: null }, null, undefined, 'f64']) {
    assert.throws(() => struct(wrong as unknown as { a: 'f64' }), ThreadmapError, JSON.stringify(wrong))
  }
})
