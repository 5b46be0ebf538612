import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { f64, i64, json, string } from 'threadmap'
import { counter, openGate } from '../support/jobs.js'
import { concurrentClasses, mapClass, mapClasses, TEST_BYTES } from '../support/maps.js'
import { until, untilSeen } from '../support/patience.js'
import { naming, Random } from '../support/random.js'
import { withMap } from '../support/room.js'
import { inSharedRooms } from '../support/shared-room.js'

/**
 * What Go's own tests demand of `sync.Map` (src/sync/map_test.go, up to Go 1.23), as behaviour and in our words, for
 * every map that allows it. Load is get, Store is set, LoadOrStore is getOrInsert, LoadAndDelete is getAndDelete, Range
 * is iteration.
 */

test('SyncMap gives the same answers as RWMutexMap, ShardedMap and FastMap to any sequence of calls', () =>
  naming('sequences', async () => {
    const random = Random.of('go sequences')
    const classes = concurrentClasses.map(({ name }) => name)
    for (let round = 0; round < 150; round++) {
      const maps = classes.map(name => new (mapClass(name))({ key: string, value: string, maxBytes: TEST_BYTES }))
      const text = (): string =>
        String.fromCharCode(...Array.from({ length: random.below(3) }, () => 97 + random.below(4)))
      for (let step = 0; step < 60; step++) {
        const [key, value, other] = [text(), text(), text()]
        const operation = random.below(9)
        const answers = maps.map(map => {
          switch (operation) {
            case 0:
              return map.get(key)
            case 1:
              return map.set(key, value) === map
            case 2:
              return map.getOrInsert(key, value)
            case 3:
              return map.getAndDelete(key)
            case 4:
              return map.delete(key)
            case 5:
              return map.swap(key, value)
            case 6:
              return map.compareAndSwap(key, value, other)
            case 7:
              return map.compareAndDelete(key, value)
            default:
              return step % 6 === 0 ? map.clear() : map.size
          }
        })
        for (const [at, answer] of answers.entries()) {
          assert.deepEqual(answer, answers[0], `${classes[at]}, operation ${operation}, step ${step}`)
        }
      }
      const finals = maps.map(map => [...map].sort())
      for (const [at, map] of maps.entries()) {
        assert.deepEqual(finals[at], finals[0], classes[at])
        assert.deepEqual(map.audit(), [])
        map[Symbol.dispose]()
      }
    }
  }))

inSharedRooms(
  'concurrent Range: stores of multiples go on, every key comes exactly once with a multiple of itself',
  async room => {
    const size = 512
    for (let n = 1; n <= size; n++) room.map.set(room.key(n), n)
    const writers = [room.start('storeMultiples', 0, 2, size), room.start('storeMultiples', 1, 2, size)]
    const numbers = new Map(Array.from({ length: size }, (_, i) => [String(room.key(i + 1)), i + 1]))
    const look = async () => {
      const seen = new Set<string>()
      for (const [key, value] of room.map) {
        const n = numbers.get(String(key)) as number
        assert.equal((value as number) % n, 0, `key ${n} had the value ${String(value)}`)
        assert.ok(!seen.has(String(key)), `key ${n} came twice`)
        seen.add(String(key))
      }
      assert.equal(seen.size, size)
      await sleep(1)
      return counter(room.signals, 2) >= 4
    }
    await untilSeen(look, 'the writers have stored four times all keys', 16)
    openGate(room.signals, 3)
    await Promise.all(writers)
  },
  { pairs: ['f64 -> u32', 'string -> f64'] },
)

inSharedRooms(
  'Clear under load: stores, loads and clears go on together, and a clear at the end leaves nothing',
  async room => {
    const jobs = [0, 1, 2].map(thread => room.start('storeLoadOrClear', thread, 3, 50))
    await until(() => counter(room.signals, 2) >= 3000, '3000 stores, loads and clears')
    openGate(room.signals, 3)
    for (const wrong of await Promise.all(jobs)) assert.deepEqual(wrong, [])
    room.map.clear()
    for (const entry of room.map) assert.fail(`after clear the iteration showed ${String(entry)}`)
    assert.equal(room.map.size, 0)
    room.map.set(room.key(1), room.value(1))
    assert.equal(room.map.get(room.key(1)), room.value(1))
  },
  { pairs: ['string -> f64', 'i64 -> i64'] },
)

for (const Class of mapClasses) {
  test(`${Class.name}: nested calls inside Range see and change the map (Go issue 46399)`, () =>
    withMap(new Class({ key: f64, value: json<unknown>(), maxBytes: TEST_BYTES }), map => {
      for (const [at, value] of ['hello', 'world', 'Go'].entries()) map.set(at, value)
      let outer = 0
      map.forEach((_, key) => {
        outer++
        map.forEach((innerValue, innerKey) => {
          if (innerKey === 42) return // removed since, and of no interest to Go's Range over its snapshot
          assert.equal(map.get(innerKey), innerValue)
          assert.equal(map.getOrInsert(42, 'dummy'), 'dummy', 'key 42 was left behind')
          map.set(42, 'sync.Map')
          assert.equal(map.getAndDelete(42), 'sync.Map')
        })
        map.delete(key)
      })
      assert.equal(outer, 3)
      assert.deepEqual([...map], [])
      assert.equal(map.size, 0)
    }))

  test(`${Class.name}: compareAndSwap and compareAndDelete of a missing key fail`, () =>
    withMap(new Class({ key: string, value: json<unknown>(), maxBytes: TEST_BYTES }), map => {
      // Go's nil is what an absent key loads as: JavaScript's null is a value, and not that of an absent key.
      for (const expected of [null, 0, '', false]) {
        assert.equal(map.compareAndSwap('missing', expected, 42), false)
        assert.equal(map.compareAndDelete('missing', expected), false)
      }
      map.set('deleted', null)
      map.delete('deleted')
      assert.equal(map.compareAndSwap('deleted', null, 42), false)
      assert.equal(map.compareAndDelete('deleted', null), false)
      assert.equal(map.size, 0)
    }))

  test(`${Class.name}: keys stored and deleted once are not kept for ever (Go issue 40999)`, () =>
    withMap(new Class({ key: i64, value: json<unknown>(), maxBytes: TEST_BYTES }), map => {
      // One entry that stays keeps the misses below the size of dirty, as in Go's test.
      map.set(-1n, 'stays')
      const rounds = (from: number, to: number): number => {
        for (let i = from; i < to; i++) {
          map.set(BigInt(i), { filler: 'x'.repeat(100) })
          if (i % 2 === 0) map.delete(BigInt(i))
          else map.getAndDelete(BigInt(i))
        }
        return map.stats().usedBytes
      }
      const early = rounds(0, 2000)
      const late = rounds(2000, 30_000)
      assert.ok(late <= early + 256 * 1024, `used bytes grew from ${early} to ${late}`)
      assert.deepEqual([...map], [[-1n, 'stays']])
    }))

  test(`${Class.name}: store, load, delete, clear, as in Go's smallest tests`, () =>
    withMap(new Class({ key: string, value: f64, maxBytes: TEST_BYTES }), map => {
      map.set('go', 1.22)
      assert.equal(map.get('go'), 1.22)
      map.delete('go')
      assert.equal(map.get('go'), undefined)
      map.set('go', 1.21)
      map.clear()
      assert.equal(map.get('go'), undefined)
      map.set('go', 1.23)
      assert.equal(map.get('go'), 1.23)
    }))
}
