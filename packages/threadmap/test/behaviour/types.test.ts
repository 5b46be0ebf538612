import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bool,
  bytes,
  type ConcurrentMap,
  FastMap,
  f64,
  i64,
  json,
  type MapHandle,
  ShardedMap,
  SyncMap,
  string,
  struct,
  u32,
} from 'threadmap'

/** The compiler knows keys and values from the codecs. Each `@ts-expect-error` fails the build if it is no error. */

const small = { maxBytes: 16 * 2 ** 20 }

test('key and value types follow from the codecs', () => {
  const counts = new FastMap({ key: string, value: f64, ...small })
  const typed: FastMap<string, number> = counts
  const count: number | undefined = typed.set('a', 1).get('a')
  assert.equal(count, 1)
  // @ts-expect-error: keys are strings
  assert.throws(() => counts.get(1))
  // @ts-expect-error: values are numbers
  assert.throws(() => counts.set('a', '1'))
  // @ts-expect-error: a missing key gives undefined
  const never: number = counts.get('b')
  assert.equal(never, undefined)
  counts[Symbol.dispose]()
})

test('every codec carries its type', () => {
  const bigs: SyncMap<bigint, boolean> = new SyncMap({ key: i64, value: bool, ...small })
  const big: boolean | undefined = bigs.set(1n, true).get(1n)
  assert.equal(big, true)
  const buffers: ShardedMap<Uint8Array, number> = new ShardedMap({ key: bytes, value: u32, shards: 4, ...small })
  assert.equal(buffers.add(Uint8Array.of(1), 2), 2)
  const users = new FastMap({ key: f64, value: json<{ name: string; tags: string[] }>(), ...small })
  const name: string | undefined = users.set(1, { name: 'a', tags: [] }).get(1)?.name
  assert.equal(name, 'a')
  const points = new FastMap({
    key: string,
    value: struct({ id: 'u32', score: 'f64', big: 'i64', on: 'bool' }),
    ...small,
  })
  const point = points.set('p', { id: 1, score: 0.5, big: 3n, on: true }).get('p')
  const fields: [number, number, bigint, boolean] | undefined = point && [point.id, point.score, point.big, point.on]
  assert.deepEqual(fields, [1, 0.5, 3n, true])
  // @ts-expect-error: a field is missing
  assert.throws(() => points.set('p', { id: 1, score: 0.5, big: 3n }))
  for (const map of [bigs, buffers, users, points]) map[Symbol.dispose]()
})

test('every map is a ConcurrentMap, and attach takes the types from the handle', () => {
  const map: ConcurrentMap<string, number> = new SyncMap({ key: string, value: f64, ...small })
  const handle: MapHandle<string, number> = map.handle
  const attached = SyncMap.attach(handle)
  const value: number | undefined = attached.set('a', 1).get('a')
  assert.equal(value, 1)
  const entries: [string, number][] = [...attached]
  assert.deepEqual(entries, [['a', 1]])
  attached[Symbol.dispose]()
  map[Symbol.dispose]()
})
