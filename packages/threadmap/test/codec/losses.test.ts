import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bool, bytes, type Codec, CodecError, f64, i64, json, string, struct, u32 } from 'threadmap'
import { lost, lostInside, refusedBy } from '../support/losses.js'
import { mapClasses, TEST_BYTES } from '../support/maps.js'

/** A codec refuses by name what it cannot store: nothing is lost silently. */

const own: Codec<unknown> = { name: 'own', encode: () => Uint8Array.of(1), decode: () => 1 }

for (const Class of mapClasses) {
  test(`${Class.name}: json refuses what it would lose, at the top and inside, with where it is and what to do`, () => {
    using map = new Class({ key: string, value: json(), maxBytes: TEST_BYTES })
    for (const [what, value] of Object.entries({ ...lost, ...lostInside })) {
      refusedBy(map, value, /json codec .*'the key'/)
      refusedBy(map, { fine: 'x', 'odd name': [1, { deep: value }] }, /value\["odd name"\]\[1\]\.deep.*: .*'the key'/)
      assert.ok(what)
    }
    refusedBy(map, [1, undefined], /value\[1\].*null/)
    refusedBy(map, { big: 1n }, /BigInt.*i64/)
    // biome-ignore lint/suspicious/noThenProperty: it is what a thenable has.
    refusedBy(map, { then: () => {} }, /await/)
    map.set('k', { gone: undefined, list: [null, {}, []], when: new Date(0), url: new URL('http://a/') })
    assert.deepEqual(map.get('k'), {
      list: [null, {}, []],
      when: '1970-01-01T00:00:00.000Z',
      url: 'http://a/',
    })
    class Point {
      x = 1
    }
    map.set('k', [new Point(), Object.assign(Object.create(null), { y: 2 }), new Number(3)])
    assert.deepEqual(map.get('k'), [{ x: 1 }, { y: 2 }, 3])
    // A toJSON method says what is stored, also of an object that would be refused without it.
    map.set('k', {
      it: Object.assign(new Map(), { toJSON: () => 'a map' }),
      fn: Object.assign(() => 1, { toJSON: () => 2 }),
    })
    assert.deepEqual(map.get('k'), { it: 'a map', fn: 2 })
  })

  test(`${Class.name}: every codec refuses a Promise in words that say to await it`, () => {
    const codecs = { f64, u32, i64, bool, string, bytes, json: json(), struct: struct({ a: 'u8' }), own }
    for (const [name, value] of Object.entries(codecs)) {
      using map = new Class({ key: string, value, maxBytes: TEST_BYTES })
      refusedBy(map, Promise.resolve(1), new RegExp(`${name}.*Promise.*await it first.*async`))
      // biome-ignore lint/suspicious/noThenProperty: it is what a thenable has.
      refusedBy(map, { then: () => {} }, /Promise.*await it first/)
      const work = async (): Promise<number> => 1
      assert.throws(() => map.getOrInsertComputed('k', work), /await it first/)
      assert.throws(() => map.update('k', work), /await it first/)
      assert.equal(map.size, 0)
    }
  })

  test(`${Class.name}: a struct refuses other fields, by name, and an asynchronous encode is refused`, () => {
    using map = new Class({ key: string, value: struct({ id: 'u32', ok: 'bool' }), maxBytes: TEST_BYTES })
    refusedBy(map, { id: 1, ok: true, extra: 1, more: undefined }, /extra, more.*'the key'/)
    map.set('k', Object.assign(Object.create({ inherited: 1 }), { id: 1, ok: true }))
    assert.deepEqual(map.get('k'), { id: 1, ok: true })
    class Row {
      id = 2
      get ok(): boolean {
        return true
      }
    }
    map.set('k', new Row())
    assert.deepEqual(map.get('k'), { id: 2, ok: true })
    map.clear()
    const slow = { name: 'slow', encode: async () => Uint8Array.of(1), decode: () => 1 }
    using other = new Class({ key: string, value: slow, maxBytes: TEST_BYTES })
    refusedBy(other, 1, /slow.*must not be async.*'the key'/)
  })
}

test('a value that an error quotes cannot break the error', () => {
  const [Class] = mapClasses
  using map = new Class!({ key: string, value: f64, maxBytes: TEST_BYTES })
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const hostile = {
    get constructor(): never {
      throw new Error('from the getter')
    },
  }
  for (const value of [proxy, hostile, Object.create(null), { constructor: { name: 5 } }]) {
    assert.throws(() => map.set('k', value), CodecError)
    assert.throws(() => map.set(value, 1), CodecError)
  }
})

test('in production json refuses what would be stored as {}, and leaves the rest to JSON', () => {
  const script = fileURLToPath(new URL('../programs/losses-in-production.js', import.meta.url))
  const env = { ...process.env, NODE_ENV: 'production' }
  const { status, stderr } = spawnSync(process.execPath, [script], { env, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})
