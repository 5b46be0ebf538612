import assert from 'node:assert/strict'
import { inEveryRoom } from '../support/room.js'

/** What every user of JavaScript's `Map` expects, over every map, codec and mode. */

inEveryRoom('a new map is empty', room => {
  assert.equal(room.size, 0)
  assert.equal(room.contents().size, 0)
  for (let i = 0; i < 20; i++) {
    assert.equal(room.map.get(room.key(i)), undefined)
    assert.equal(room.map.has(room.key(i)), false)
    assert.equal(room.map.delete(room.key(i)), false)
  }
  assert.equal(room.size, 0)
})

inEveryRoom('what was set is there', room => {
  for (let i = 0; i < 40; i++) {
    assert.equal(room.map.has(room.key(i)), false)
    room.map.set(room.key(i), room.value(i))
    assert.equal(room.map.has(room.key(i)), true)
    assert.deepEqual(room.map.get(room.key(i)), room.value(i))
    assert.equal(room.size, i + 1)
  }
  for (let i = 0; i < 40; i++) {
    assert.equal(room.map.has(room.key(i)), true)
    assert.deepEqual(room.map.get(room.key(i)), room.value(i))
  }
})

inEveryRoom('set returns the map', room => {
  assert.equal(room.map.set(room.key(0), room.value(0)), room.map)
  room.map.set(room.key(1), room.value(1)).set(room.key(2), room.value(2))
  assert.equal(room.size, 3)
})

inEveryRoom('setting a key again replaces its value, whatever the sizes of old and new, and adds no entry', room => {
  for (let i = 0; i < 30; i++) {
    for (let key = 0; key < 4; key++) {
      room.map.set(room.key(key), room.value(i + key))
      assert.deepEqual(room.map.get(room.key(key)), room.value(i + key))
    }
    assert.equal(room.size, 4)
  }
})

inEveryRoom('has does not depend on the value', room => {
  for (let i = 0; i < 10; i++) {
    room.map.set(room.key(0), room.value(i))
    assert.equal(room.map.has(room.key(0)), true)
  }
})

inEveryRoom('a deleted key is gone, and delete says once that it was there', room => {
  for (let i = 0; i < 30; i++) room.map.set(room.key(i), room.value(i))
  for (let i = 0; i < 30; i += 2) {
    assert.equal(room.map.delete(room.key(i)), true)
    assert.equal(room.map.delete(room.key(i)), false)
    assert.equal(room.map.has(room.key(i)), false)
    assert.equal(room.map.get(room.key(i)), undefined)
  }
  assert.equal(room.size, 15)
  for (let i = 1; i < 30; i += 2) assert.deepEqual(room.map.get(room.key(i)), room.value(i))
})

inEveryRoom('a deleted key can be set again', room => {
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 10; i++) room.map.set(room.key(i), room.value(i + round))
    for (let i = 0; i < 10; i++) assert.deepEqual(room.map.get(room.key(i)), room.value(i + round))
    for (let i = 0; i < 10; i++) assert.equal(room.map.delete(room.key(i)), true)
    assert.equal(room.size, 0)
  }
})

inEveryRoom('many entries live side by side and go one by one', room => {
  const count = room.scale(240)
  const order = room.random.shuffle(Array.from({ length: count }, (_, i) => i))
  for (const i of order) room.map.set(room.key(i), room.value(i))
  assert.equal(room.size, count)
  assert.equal(room.contents().size, count)
  for (const i of room.random.shuffle(order)) assert.deepEqual(room.map.get(room.key(i)), room.value(i))
  for (const [at, i] of room.random.shuffle(order).entries()) {
    assert.equal(room.map.delete(room.key(i)), true)
    if (at % 100 === 50) assert.equal(room.contents().size, count - 1 - at)
  }
  assert.equal(room.size, 0)
})

inEveryRoom('clear removes everything, and the map goes on', room => {
  room.map.clear()
  room.sink()
  assert.equal(room.map.size, 0)
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 50; i++) room.map.set(room.key(i), room.value(i + round))
    assert.equal(room.map.size, 50)
    assert.equal(room.map.clear(), undefined)
    assert.equal(room.map.size, 0)
    assert.deepEqual([...room.map], [])
    for (let i = 0; i < 50; i++) assert.equal(room.map.get(room.key(i)), undefined)
  }
})

inEveryRoom('a reader sees each write of the other thread at once', room => {
  for (let i = 0; i < 25; i++) {
    room.there.set(room.key(i % 3), room.value(i))
    assert.deepEqual(room.here.get(room.key(i % 3)), room.value(i))
    room.here.set(room.key(i % 3), room.value(i + 1))
    assert.deepEqual(room.there.get(room.key(i % 3)), room.value(i + 1))
  }
  room.there.delete(room.key(0))
  assert.equal(room.here.has(room.key(0)), false)
  assert.equal(room.here.get(room.key(0)), undefined)
  room.here.delete(room.key(1))
  assert.equal(room.there.get(room.key(1)), undefined)
  room.there.set(room.key(0), room.value(1))
  assert.deepEqual(room.here.get(room.key(0)), room.value(1))
  room.there.clear()
  room.sink()
  for (let i = 0; i < 3; i++) assert.equal(room.here.get(room.key(i)), undefined)
})

inEveryRoom('a repeated read gives an equal value, and undefined stays undefined', room => {
  room.map.set(room.key(1), room.value(3))
  for (let i = 0; i < 12; i++) {
    assert.deepEqual(room.map.get(room.key(1)), room.value(3))
    assert.equal(room.map.get(room.key(2)), undefined)
  }
  room.map.set(room.key(2), room.value(2))
  assert.deepEqual(room.map.get(room.key(2)), room.value(2))
})

inEveryRoom('more keys than the read cache holds are read right in any order', room => {
  for (let i = 0; i < 60; i++) room.map.set(room.key(i), room.value(i))
  for (let i = 0; i < 200; i++) {
    const at = room.random.below(60)
    if (room.random.below(4) === 0) room.map.set(room.key(at), room.value(at))
    assert.deepEqual(room.map.get(room.key(at)), room.value(at))
  }
})

inEveryRoom('what the caller does to its key or value afterwards does not reach the map', room => {
  const key = structuredClone(room.key(30))
  const value = structuredClone(room.value(30))
  room.map.set(key, value)
  for (const mine of [key, value]) {
    if (mine instanceof Uint8Array) mine.fill(99)
    else if (mine instanceof Date) mine.setTime(1)
    else if (Array.isArray(mine)) mine.push(1)
    else if (typeof mine === 'object' && mine !== null) Object.assign(mine, { id: 1, added: true })
  }
  assert.deepEqual(room.map.get(room.key(30)), room.value(30))
  assert.equal(room.contents().size, 1)
})

inEveryRoom(
  'what the caller does to what it got does not reach the map',
  room => {
    room.map.set(room.key(30), room.value(30))
    for (const mine of [room.map.get(room.key(30)), ...room.map.keys()]) {
      if (mine instanceof Uint8Array) mine.fill(99)
      else if (mine instanceof Date) mine.setTime(1)
      else if (typeof mine === 'object' && mine !== null) Object.assign(mine, { id: 1, added: true })
    }
    assert.deepEqual(room.map.get(room.key(30)), room.value(30))
    assert.equal(room.contents().size, 1)
  },
  { modes: ['fresh', 'grown', 'attached'] }, // cached objects are shared within a thread, and documented so
)

inEveryRoom(
  'entries that come and go use the same memory over and over',
  room => {
    const churn = (rounds: number): number => {
      for (let i = 0; i < rounds; i++) {
        const key = room.key(100 + (i % 500))
        room.here.set(key, room.value(i))
        room.here.set(key, room.value(i + 1))
        room.here.delete(key)
      }
      return room.here.stats().usedBytes
    }
    // A shard keeps one page of each block size that it has used: the first round makes it use them all.
    const before = churn(12_000)
    const after = churn(12_000)
    assert.ok(after <= before + 256 * 1024, `used bytes went from ${before} to ${after}`)
    assert.equal(room.size, 0)
  },
  { modes: ['fresh'], pairs: ({ name }) => /^(string -> string|string -> json|f64 -> u32|bytes -> bytes)$/.test(name) },
)

inEveryRoom('stats count what is there', room => {
  for (let i = 0; i < 50; i++) room.map.set(room.key(i), room.value(i))
  const stats = room.map.stats()
  assert.equal(stats.size, room.map.size)
  assert.ok(stats.slots >= stats.size, `${stats.slots} slots for ${stats.size} entries`)
  assert.equal(stats.bytes, room.here.handle.memory.buffer.byteLength)
  assert.ok(stats.usedBytes > 0 && stats.usedBytes <= stats.bytes)
  assert.ok(stats.freeBytes >= 0 && stats.freeBytes <= stats.usedBytes)
  assert.equal(stats.threads, room.mode === 'attached' || room.mode === 'cached' ? 2 : 1)
  assert.equal(stats.recoveries, 0)
  assert.ok(Number.isInteger(Math.log2(stats.shards)))
  if (room.mode === 'grown') assert.ok(stats.resizes > 0)
  for (const [name, count] of Object.entries(stats)) assert.ok(count >= 0 && Number.isInteger(count), name)
})

inEveryRoom('the map says its name', room => {
  assert.equal(room.map[Symbol.toStringTag], room.kind)
  assert.equal(Object.prototype.toString.call(room.here), `[object ${room.kind}]`)
})
