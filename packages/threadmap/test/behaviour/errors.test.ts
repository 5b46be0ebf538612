import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AttachError,
  bytes,
  CodecError,
  f64,
  json,
  KeyTooLargeError,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  MapFullError,
  OptionError,
  string,
  ThreadmapError,
  u32,
  ValueTooLargeError,
} from 'threadmap'
import { SHARDED_KINDS } from '../support/kinds.js'
import { type AnyMap, type AnyOptions, mapClasses, TEST_BYTES } from '../support/maps.js'
import { withMap } from '../support/room.js'

/** Typed errors: each says what, where and the limit, has its code, and leaves the map as it was. */

const base = { key: string, value: f64, maxBytes: TEST_BYTES }
const KiB = 1024
/** Small enough to fill quickly, large enough to give each of 64 shards some pages. */
const FULL_BYTES = 4 * KiB * KiB

/** Every operation that takes a value, called so that it would write `value` at `key`. */
const writes: Record<string, (map: AnyMap, key: unknown, value: unknown) => unknown> = {
  set: (map, key, value) => map.set(key, value),
  swap: (map, key, value) => map.swap(key, value),
  getOrInsert: (map, key, value) => map.getOrInsert(key, value),
  getOrInsertComputed: (map, key, value) => map.getOrInsertComputed(key, () => value),
  update: (map, key, value) => map.update(key, () => value),
}

for (const Class of mapClasses) {
  test(`${Class.name}: a key of the wrong type is refused by every operation, by name`, () =>
    withMap(new Class(base).set('1', 1), map => {
      const operations: Record<string, (key: unknown) => unknown> = {
        get: key => map.get(key),
        has: key => map.has(key),
        delete: key => map.delete(key),
        getAndDelete: key => map.getAndDelete(key),
        compareAndDelete: key => map.compareAndDelete(key, 1),
        compareAndSwap: key => map.compareAndSwap(key, 1, 2),
        add: key => map.add(key, 1),
      }
      for (const [name, write] of Object.entries(writes)) operations[name] = key => write(map, key, 2)
      for (const [name, operation] of Object.entries(operations)) {
        for (const key of [1, undefined, null, {}, ['1'], Symbol('1'), 1n, new String('1')]) {
          assert.throws(
            () => operation(key),
            error =>
              error instanceof CodecError && error.code === 'ERR_THREADMAP_CODEC' && error.message.includes('string'),
            `${name}(${String(key)})`,
          )
        }
      }
      assert.deepEqual([...map], [['1', 1]])
    }))

  test(`${Class.name}: a value of the wrong type is refused by every operation, by name`, () =>
    withMap(new Class(base).set('there', 1), map => {
      for (const [name, write] of Object.entries(writes)) {
        for (const value of ['1', null, {}, 1n, true, Symbol('1')]) {
          for (const key of ['absent', 'there']) {
            if (key === 'there' && name === 'getOrInsertComputed') continue // its function is not called
            assert.throws(
              () => write(map, key, value),
              error => error instanceof CodecError && error.message.includes('f64'),
              `${name}(${key}, ${String(value)})`,
            )
          }
        }
      }
      assert.throws(() => map.compareAndSwap('there', 1, '2'), CodecError)
      assert.throws(() => map.compareAndSwap('there', '1', 2), CodecError)
      assert.throws(() => map.compareAndDelete('there', '1'), CodecError)
      assert.throws(() => map.add('there', '1'), CodecError)
      assert.throws(() => map.add('there', 1n), CodecError)
      assert.throws(() => map.set('there', undefined), CodecError)
      assert.deepEqual([...map], [['there', 1]])
    }))

  test(`${Class.name}: a key of exactly the limit is stored, one byte more is refused`, () =>
    withMap(new Class(base), map => {
      const longest = 'x'.repeat(MAX_KEY_BYTES)
      map.set(longest, 1)
      assert.equal(map.get('x'.repeat(MAX_KEY_BYTES)), 1)
      assert.equal(map.get('x'.repeat(MAX_KEY_BYTES - 1)), undefined)
      for (const [name, write] of Object.entries(writes)) {
        assert.throws(
          () => write(map, `${longest}x`, 2),
          error =>
            error instanceof KeyTooLargeError &&
            error.code === 'ERR_THREADMAP_KEY_TOO_LARGE' &&
            error.message.replaceAll(/[,_ ]/g, '').includes(`${MAX_KEY_BYTES}`),
          name,
        )
      }
      assert.equal(map.size, 1)
      assert.equal(map.delete(longest), true)
    }))

  test(`${Class.name}: a value of exactly the limit is stored, one byte more is refused`, () =>
    withMap(new Class({ ...base, value: bytes, maxBytes: 1024 * 1024 * KiB }), map => {
      if (MAX_VALUE_BYTES <= 64 * KiB * KiB) {
        const largest = new Uint8Array(MAX_VALUE_BYTES)
        largest[MAX_VALUE_BYTES - 1] = 1
        map.set('large', largest)
        assert.ok(Buffer.from(map.get('large') as Uint8Array).equals(largest))
        map.delete('large')
      }
      map.set('a', Uint8Array.of(1))
      const over = new Uint8Array(MAX_VALUE_BYTES + 1)
      for (const [name, write] of Object.entries(writes)) {
        for (const key of ['a', 'b']) {
          if (key === 'a' && name.startsWith('getOrInsert')) continue // nothing is to be stored
          assert.throws(
            () => write(map, key, over),
            error =>
              error instanceof ValueTooLargeError &&
              error.code === 'ERR_THREADMAP_VALUE_TOO_LARGE' &&
              error.message.replaceAll(/[,_ ]/g, '').includes(`${MAX_VALUE_BYTES}`),
            `${name}(${key})`,
          )
        }
      }
      assert.deepEqual([...map], [['a', Uint8Array.of(1)]])
    }))

  for (const size of [8, 200, 5000, 40_000]) {
    test(`${Class.name}: full of values of ${size} bytes it says so, is unchanged and goes on`, () =>
      withMap(new Class({ ...base, value: bytes, maxBytes: FULL_BYTES }), map => fillUp(map, size)))
  }

  test(`${Class.name}: full while numbers are counted it loses none`, () =>
    withMap(new Class({ ...base, value: u32, maxBytes: KiB * KiB }), map => {
      let stored = 0
      assert.throws(() => {
        for (; stored < 1_000_000; stored++) map.add(`counter ${stored}`, 1)
      }, MapFullError)
      assert.ok(stored > 500, `${stored} entries in one MiB`)
      assert.equal(map.size, stored)
      for (let i = 0; i < stored; i++) assert.equal(map.add(`counter ${i}`, 1), 2)
      assert.equal(map.has(`counter ${stored}`), false)
    }))

  test(`${Class.name}: options outside their range are refused by name`, () => {
    const wrong: AnyOptions[] = [
      ...[-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '16', null].map(capacity => ({ capacity })),
      ...[0, -1, 1.5, Number.NaN, 2 ** 32 + 65536, '1', 1000].map(maxBytes => ({ maxBytes })),
      ...[-1, 0.5, Number.NaN, '8'].map(cache => ({ cache })),
      ...['md5', '', 1, null].map(hash => ({ hash })),
      ...[1, '1', null].map(seed => ({ seed })),
      ...[-1, Number.NaN, '5'].map(lockTimeout => ({ lockTimeout })),
      ...[1, 'none', { initialDelay: -1 }, { initialDelay: Number.NaN }, { maxRetries: -1 }, { maxRetries: 1.5 }].map(
        backoff => ({ backoff }),
      ),
    ]
    if (SHARDED_KINDS.some(kind => kind === Class.name)) {
      wrong.push(...[0, -8, 3, 63, 2048, 1.5, '8', Number.NaN].map(shards => ({ shards })))
    }
    for (const options of wrong) {
      const [name] = Object.keys(options) as [string]
      assert.throws(
        () => new Class({ ...base, ...options }),
        error => error instanceof OptionError && error.code === 'ERR_THREADMAP_OPTION' && error.message.includes(name),
        JSON.stringify(options, (_, value) => (Number.isNaN(value) ? 'NaN' : value)),
      )
    }
  })

  test(`${Class.name}: codecs that are missing, or no codecs, or no key codecs, are refused`, () => {
    for (const options of [
      {},
      { key: string },
      { value: f64 },
      { key: 'string', value: f64 },
      { key: string, value: 'f64' },
      { key: string, value: { name: 'mine' } },
      { key: string, value: { encode: () => new Uint8Array(), decode: () => 1 } },
      { key: json(), value: f64 },
      { key: u32, value: f64 },
      { key: { name: 'mine', encode: () => new Uint8Array(), decode: () => 1 }, value: f64 },
      { key: null, value: null },
    ]) {
      assert.throws(() => new Class(options), ThreadmapError, JSON.stringify(options))
    }
    assert.throws(() => new Class(undefined as unknown as AnyOptions), ThreadmapError)
  })

  test(`${Class.name}: functions that are none are refused`, () =>
    withMap(new Class(base).set('a', 1), map => {
      for (const none of [undefined, null, 1, 'f', {}]) {
        const callback = none as unknown as () => undefined
        const refused = (error: unknown): boolean => error instanceof TypeError || error instanceof ThreadmapError
        for (const key of ['a', 'b']) {
          assert.throws(() => map.getOrInsertComputed(key, callback), refused)
          assert.throws(() => map.update(key, callback), refused)
        }
        assert.throws(() => map.forEach(callback), refused)
      }
      assert.deepEqual([...map], [['a', 1]])
    }))
}

/** Fills the map with values of `size` bytes, and checks that nothing is lost and that deletes make room. */
function fillUp(map: AnyMap, size: number): void {
  const value = (i: number): Uint8Array => new Uint8Array(size).fill(i)
  // All keys have one length, so that a new entry fits where another one was.
  const key = (i: number): string => `key ${String(i).padStart(7, '0')}`
  const again = (i: number): string => `new ${String(i).padStart(7, '0')}`
  let stored = 0
  let full: unknown = null
  while (full === null && stored < 1_000_000) {
    try {
      map.set(key(stored), value(stored))
      stored++
    } catch (error) {
      full = error
    }
  }
  assert.ok(full instanceof MapFullError, `stored ${stored}, then ${String(full)}`)
  assert.equal(full.code, 'ERR_THREADMAP_FULL')
  assert.ok(full.message.replaceAll(/[,_ ]/g, '').includes(`${FULL_BYTES}`), full.message)
  assert.ok(map.stats().bytes <= FULL_BYTES)
  // Entries must have filled a quarter of the memory at least: a shard that cannot grow must not make the whole map full.
  assert.ok(stored * size > 0.25 * FULL_BYTES || size < 100, `${stored} values of ${size} bytes`)
  const intact = (from: number): void => {
    for (let i = from; i < stored; i++) {
      const got = map.get(key(i)) as Uint8Array
      assert.ok(got !== undefined && got.length === size && got.every(byte => byte === i % 256), `key ${i}`)
    }
  }
  for (const [name, write] of Object.entries(writes)) {
    assert.throws(() => write(map, `new ${name}`, new Uint8Array(FULL_BYTES)), MapFullError, name)
    assert.equal(map.has(`new ${name}`), false)
    if (name.startsWith('getOrInsert')) continue
    assert.throws(() => write(map, key(0), new Uint8Array(FULL_BYTES)), MapFullError, `${name} over an entry`)
  }
  assert.equal(map.size, stored)
  assert.deepEqual(map.audit(), [])
  intact(0)
  const half = stored >> 1
  for (let i = 0; i < half; i++) assert.equal(map.delete(key(i)), true)
  // Not all of them have to fit again: memory freed in one shard may not serve another shard.
  let fitted = 0
  try {
    for (; fitted < half; fitted++) map.set(again(fitted), value(fitted))
  } catch (error) {
    assert.ok(error instanceof MapFullError)
  }
  assert.ok(fitted >= half * 0.7, `${fitted} of ${half} fitted again`)
  intact(half)
  for (let i = 0; i < fitted; i++) assert.deepEqual(map.get(again(i)), value(i))
}

test('every error class is an Error with its name and code', () => {
  for (const [Class, code] of [
    [CodecError, 'ERR_THREADMAP_CODEC'],
    [OptionError, 'ERR_THREADMAP_OPTION'],
    [AttachError, 'ERR_THREADMAP_ATTACH'],
    [MapFullError, 'ERR_THREADMAP_FULL'],
  ] as const) {
    const error = new Class('message')
    assert.ok(error instanceof Error && error instanceof ThreadmapError)
    assert.equal(error.code, code)
    assert.equal(error.name, Class.name)
    assert.equal(error.message, 'message')
  }
})
