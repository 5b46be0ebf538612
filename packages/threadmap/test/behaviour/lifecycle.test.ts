import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { AttachError, CodecError, DisposedError, f64, json, string, ThreadLimitError, ThreadmapError } from 'threadmap'
import { L } from '../explore/thread.js'
import { helperThreads } from '../support/helper.js'
import { mapClasses, TEST_BYTES } from '../support/maps.js'
import { date, digits, pairs } from '../support/pairs.js'
import { inEveryRoom, withMap } from '../support/room.js'

/** Handles, attaching, disposing. */

const base = { key: string, value: f64, maxBytes: TEST_BYTES }

inEveryRoom('the handle describes the map and survives structured cloning', room => {
  const { handle } = room.here
  assert.equal(handle.kind, room.kind)
  assert.equal(typeof handle.threadmap, 'number')
  assert.ok(handle.memory instanceof WebAssembly.Memory)
  assert.ok(handle.memory.buffer instanceof SharedArrayBuffer)
  assert.equal(typeof handle.key, 'string')
  assert.equal(typeof handle.value, 'string')
  assert.equal(handle.cache, room.mode === 'cached' ? 8 : 0)
  const { port1, port2 } = new MessageChannel()
  port1.postMessage({ handle })
  const received = receiveMessageOnPort(port2) as { message: { handle: typeof handle } }
  const copy = received.message.handle
  assert.deepEqual({ ...copy, memory: null }, { ...handle, memory: null })
  port1.close()
})

inEveryRoom(
  'a second map object of the same thread shares the entries',
  room => {
    const Class = room.here.constructor as unknown as (typeof mapClasses)[number]
    const second = Class.attach(structuredCloneOf(room.here.handle), { value: room.pair.value.codec })
    assert.ok(second instanceof Class)
    room.map.set(room.key(1), room.value(1))
    assert.deepEqual(second.get(room.key(1)), room.value(1))
    second.set(room.key(2), room.value(2))
    assert.deepEqual(room.map.get(room.key(2)), room.value(2))
    assert.equal(second.size, room.map.size)
    assert.equal(room.map.stats().threads, 1, 'a thread has one place')
    second[Symbol.dispose]()
    assert.equal(room.map.stats().threads, 1)
    assert.deepEqual(room.map.get(room.key(2)), room.value(2))
  },
  { modes: ['fresh', 'grown'] },
)

function structuredCloneOf(handle: unknown): unknown {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(handle)
  const received = receiveMessageOnPort(port2) as { message: unknown }
  port1.close()
  return received.message
}

inEveryRoom('every operation after dispose throws DisposedError, a second dispose is nothing', room => {
  room.map.set(room.key(0), room.value(0))
  const iterators = [room.here.keys(), room.here.values(), room.here.entries()]
  const pair = room.pair
  const Class = room.here.constructor as unknown as (typeof mapClasses)[number]
  const map = Class.attach(room.here.handle, { value: pair.value.codec })
  const started = map.entries()
  map.get(room.key(0)) // what a read cache holds must not answer after dispose either
  map.get(room.key(0))
  map[Symbol.dispose]()
  map[Symbol.dispose]()
  const key = room.key(0)
  const value = room.value(0)
  const uses: Record<string, () => unknown> = {
    get: () => map.get(key),
    set: () => map.set(key, value),
    has: () => map.has(key),
    delete: () => map.delete(key),
    clear: () => map.clear(),
    size: () => map.size,
    getOrInsert: () => map.getOrInsert(key, value),
    getOrInsertComputed: () => map.getOrInsertComputed(key, () => value),
    swap: () => map.swap(key, value),
    compareAndSwap: () => map.compareAndSwap(key, value, value),
    compareAndDelete: () => map.compareAndDelete(key, value),
    getAndDelete: () => map.getAndDelete(key),
    update: () => map.update(key, () => value),
    forEach: () => map.forEach(() => {}),
    keys: () => [...map.keys()],
    values: () => [...map.values()],
    entries: () => [...map.entries()],
    iteration: () => [...map],
    'an iterator from before': () => started.next(),
    stats: () => map.stats(),
    shardStats: () => map.shardStats(),
  }
  if (['f64', 'u32', 'i64'].includes(pair.value.name)) uses.add = () => map.add(key, value)
  for (const [name, use] of Object.entries(uses)) {
    assert.throws(
      use,
      error => error instanceof DisposedError && error.code === 'ERR_THREADMAP_DISPOSED' && error.message.length > 10,
      name,
    )
  }
  assert.deepEqual(room.map.get(key), value, 'the others go on')
  for (const iterator of iterators) assert.equal(iterator.next().done, false)
})

for (const Class of mapClasses) {
  test(`${Class.name}: only its own class attaches a map`, () =>
    withMap(new Class(base), map => {
      for (const Other of mapClasses) {
        if (Other === Class) continue
        assert.throws(
          () => Other.attach(map.handle),
          error =>
            error instanceof AttachError &&
            error.code === 'ERR_THREADMAP_ATTACH' &&
            error.message.includes(Class.name) &&
            error.message.includes(Other.name),
        )
      }
      assert.equal(map.stats().threads, 1, 'a refused attach takes no place')
    }))

  test(`${Class.name}: attach finds built-in codecs by name and asks for others`, async () => {
    for (const { key, value } of pairs) {
      await withMap(new Class({ key: key.codec, value: value.codec, maxBytes: TEST_BYTES }), map => {
        map.set(key.of(1), value.of(1))
        const name = (value.codec as { name: string }).name
        if (value.codec === date || value.codec === digits) {
          assert.throws(
            () => Class.attach(map.handle),
            error => error instanceof CodecError && error.message.includes(name),
          )
          const wrong = value.codec === date ? digits : date
          assert.throws(() => Class.attach(map.handle, { value: wrong }), CodecError, 'a codec of another name')
          assert.equal(map.stats().threads, 1, 'a refused attach takes no place')
        }
        const attached = Class.attach(
          map.handle,
          value.codec === date || value.codec === digits ? { value: value.codec } : {},
        )
        assert.deepEqual(attached.get(key.of(1)), value.of(1))
        attached[Symbol.dispose]()
      })
    }
  })

  test(`${Class.name}: attach refuses a value codec that is not the map's`, () =>
    withMap(new Class({ ...base, value: json() }), map => {
      assert.throws(() => Class.attach(map.handle, { value: f64 }), ThreadmapError)
      assert.equal(map.stats().threads, 1)
    }))

  test(`${Class.name}: each thread chooses its own read cache when attaching`, () =>
    withMap(new Class({ ...base, cache: 100 }), map => {
      for (const cache of [0, 3]) {
        const attached = Class.attach(map.handle, { cache })
        for (let i = 0; i < 10; i++) attached.set(`${i}`, i)
        for (let i = 0; i < 20; i++) assert.equal(attached.get(`${i % 10}`), i % 10)
        map.set('1', 77)
        assert.equal(attached.get('1'), 77)
        attached[Symbol.dispose]()
      }
    }))

  test(`${Class.name}: threads that come and go leave their places free`, () =>
    withMap(new Class(base), map => {
      for (let i = 0; i < 600; i++) {
        const attached = Class.attach(map.handle)
        attached.set('rounds', i)
        attached[Symbol.dispose]()
      }
      assert.equal(map.get('rounds'), 599)
      assert.equal(map.stats().threads, 1)
    }))

  test(`${Class.name}: attaching again in a thread takes no place, also when nothing is disposed`, () =>
    withMap(new Class(base), map => {
      const attached = Array.from({ length: 2000 }, () =>
        Class.attach(structuredCloneOf(map.handle) as typeof map.handle),
      )
      attached.forEach((one, i) => {
        one.set(`${i}`, i)
      })
      assert.equal(map.size, 2000)
      assert.equal(map.stats().threads, 1)
      for (const one of attached.slice(1)) one[Symbol.dispose]()
      assert.equal(attached[0]?.get('7'), 7, 'the others go on')
      attached[0]?.[Symbol.dispose]()
      assert.equal(map.get('8'), 8)
    }))

  test(`${Class.name}: too many threads are refused by name, and one that leaves makes room`, () =>
    withMap(new Class(base), map => {
      // 255 living threads would take all the memory of a small machine: this thread takes their registry slots for them.
      const states = new Int32Array(map.handle.memory.buffer)
      const stateOf = (place: number) => (L.REGISTRY + place * L.SLOT_SIZE + L.S_STATE) >>> 2
      for (let place = 1; place < L.SLOT_COUNT; place++) Atomics.store(states, stateOf(place), L.SLOT_ALIVE)
      const [helper] = helperThreads(1)
      assert.throws(
        () => helper?.attach(Class.name, 'string -> f64', map.handle),
        error =>
          error instanceof ThreadLimitError && error.code === 'ERR_THREADMAP_THREAD_LIMIT' && /256/.test(error.message),
      )
      map.set('a', 1)
      Atomics.store(states, stateOf(200), L.SLOT_FREE)
      assert.equal(typeof helper?.attach(Class.name, 'string -> f64', map.handle), 'number')
      for (let place = 1; place < L.SLOT_COUNT; place++)
        if (place !== 200) Atomics.store(states, stateOf(place), L.SLOT_FREE)
      assert.equal(map.stats().threads, 2)
      helper?.forget()
    }))

  test(`${Class.name}: watch returns the map`, () =>
    withMap(new Class(base), map => {
      assert.equal(map.watch({ threadId: 12345, once: () => undefined }), map)
    }))

  test(`${Class.name}: an attached map outlives the one that made it`, () => {
    const maker = new Class(base)
    maker.set('a', 1)
    return withMap(Class.attach(maker.handle), map => {
      maker[Symbol.dispose]()
      assert.equal(map.get('a'), 1)
      map.set('b', 2)
      assert.equal(map.size, 2)
      const third = Class.attach(map.handle)
      assert.equal(third.get('b'), 2)
      third[Symbol.dispose]()
    })
  })
}
