import assert from 'node:assert/strict'
import { identity } from '../support/pairs.js'
import { inEveryRoom, type Room } from '../support/room.js'

/** Iteration of a map at rest, and of one that the iterating thread writes to, deletes from and clears. */

function fill(room: Room, count: number): Map<string, unknown> {
  const model = new Map<string, unknown>()
  for (let i = 0; i < count; i++) {
    room.map.set(room.key(i), room.value(i))
    model.set(identity(room.key(i)), room.value(i))
  }
  return model
}

/** Plain `Map`s of equal contents in any order. */
function assertSame(actual: Map<string, unknown>, expected: Map<string, unknown>): void {
  const sorted = (map: Map<string, unknown>): [string, unknown][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1))
  assert.deepEqual(sorted(actual), sorted(expected))
}

inEveryRoom('every way to iterate shows every entry once', room => {
  for (const count of [0, 1, 7, room.scale(120)]) {
    const model = fill(room, count)
    assertSame(room.contents(room.map), model)
    assertSame(room.contents(room.map.entries()), model)
    const keys = [...room.map.keys()]
    const values = [...room.map.values()]
    assertSame(room.contents(keys.map((key, at) => [key, values[at]] as const)), model)
    const pairs: [unknown, unknown][] = []
    assert.equal(
      room.map.forEach((value, key) => {
        pairs.push([key, value])
      }),
      undefined,
    )
    assertSame(room.contents(pairs), model)
  }
})

inEveryRoom('iterators follow the iterator protocol', room => {
  fill(room, 3)
  for (const iterator of [room.map.keys(), room.map.values(), room.map.entries(), room.map[Symbol.iterator]()]) {
    assert.equal(iterator[Symbol.iterator](), iterator)
    let step = iterator.next()
    while (step.done !== true) {
      assert.deepEqual(Object.keys(step).sort(), ['done', 'value'])
      step = iterator.next()
    }
    for (let i = 0; i < 3; i++) assert.deepEqual(iterator.next(), { value: undefined, done: true })
    room.map.set(room.key(50), room.value(50))
    assert.deepEqual(iterator.next(), { value: undefined, done: true }, 'an exhausted iterator stays exhausted')
    room.map.delete(room.key(50))
  }
})

inEveryRoom('forEach hands over value, key and map, and keeps thisArg', room => {
  fill(room, 5)
  const self = { name: 'this' }
  let calls = 0
  room.map.forEach(function (this: unknown, value, key, map) {
    calls++
    assert.deepEqual(map.get(key), value)
    assert.equal(map, room.map)
    if (room.mode === 'fresh' || room.mode === 'grown') assert.equal(this, self)
    else assert.deepEqual(this, self)
  }, self)
  assert.equal(calls, room.map.size)
})

inEveryRoom('an error in the callback of forEach ends it and reaches the caller', room => {
  fill(room, 5)
  const thrown = new Error('enough')
  let calls = 0
  assert.throws(
    () =>
      room.map.forEach(() => {
        if (++calls === 2) throw thrown
      }),
    error => error === thrown,
  )
  assert.equal(calls, 2)
  room.map.set(room.key(9), room.value(9))
  assert.equal(room.size, 6)
})

inEveryRoom('an iteration left early leaves nothing locked', room => {
  fill(room, 10)
  for (const _ of room.map) break
  for (const _ of room.map.keys()) break
  const forgotten = room.map.values()
  forgotten.next()
  room.there.set(room.key(20), room.value(20))
  room.here.delete(room.key(1))
  room.there.clear()
  room.sink()
  assert.equal(room.map.size, 0)
})

inEveryRoom('several iterations run side by side and inside each other', room => {
  const model = fill(room, 8)
  const outer = new Map<string, unknown>()
  for (const [key, value] of room.mode === 'grown' ? [...room.map].slice(0, 5) : room.map) {
    outer.set(identity(key), value)
    assertSame(room.contents(), model)
  }
  if (room.mode !== 'grown') assertSame(outer, model)
  const left = room.map.entries()
  const right = room.map.entries()
  const seen: [Map<string, unknown>, Map<string, unknown>] = [new Map(), new Map()]
  for (let i = 0; i < room.map.size; i++) {
    for (const [at, iterator] of [left, right].entries()) {
      const [key, value] = iterator.next().value as [unknown, unknown]
      seen[at as 0 | 1].set(identity(key), value)
    }
  }
  assert.equal(left.next().done, true)
  assert.equal(right.next().done, true)
  assertSame(seen[0], seen[1])
})

inEveryRoom('writing every key during iteration shows every key exactly once', room => {
  const model = fill(room, 60)
  const seen = room.contents(
    (function* () {
      for (const [key, value] of room.map) {
        if (model.has(identity(key))) room.map.set(key, room.value(60 + (identity(key).length % 20)))
        yield [key, value] as const
      }
    })(),
  )
  assert.deepEqual([...seen.keys()].sort(), [...model.keys()].sort())
  assert.equal(room.size, 60)
})

inEveryRoom('deleting each key as it is visited shows every key exactly once and empties the map', room => {
  const model = fill(room, room.scale(120))
  const seen = room.contents(
    (function* () {
      for (const entry of room.map) {
        if (model.has(identity(entry[0]))) assert.equal(room.map.delete(entry[0]), true)
        yield entry
      }
    })(),
  )
  assertSame(seen, model)
  assert.equal(room.size, 0)
})

inEveryRoom('a key deleted before its turn is not shown, all others are', room => {
  const count = room.scale(90)
  fill(room, count)
  const deleted = new Set<string>()
  const seen = new Set<string>()
  for (const [key] of room.map) {
    const id = identity(key)
    assert.ok(!deleted.has(id), `${id} was deleted before`)
    assert.ok(!seen.has(id), `${id} was seen twice`)
    seen.add(id)
    const victim = room.key(room.random.below(count))
    if (!seen.has(identity(victim)) && room.map.delete(victim)) deleted.add(identity(victim))
  }
  for (let i = 0; i < count; i++) {
    const id = identity(room.key(i))
    assert.notEqual(seen.has(id), deleted.has(id), `${id} was neither deleted nor seen`)
  }
  assert.ok(deleted.size > 0)
})

inEveryRoom('clearing during iteration ends it', room => {
  fill(room, 50)
  let visits = 0
  for (const _ of room.map) {
    if (++visits === 5) {
      room.map.clear()
      room.sink()
    }
  }
  assert.equal(visits, 5)
  assert.equal(room.map.size, 0)
})

inEveryRoom('clearing and filling again during iteration shows no key twice', room => {
  fill(room, 40)
  room.map.clear()
  room.sink()
  fill(room, 40)
  const visited: string[] = []
  for (const [key] of room.map) {
    visited.push(identity(key))
    if (visited.length === 10) {
      room.map.clear()
      fill(room, 40)
    }
  }
  assert.equal(new Set(visited).size, visited.length)
  assert.equal(room.map.size, 40)
})

inEveryRoom('a key deleted and inserted again while it is visited is not seen twice', room => {
  fill(room, 60)
  const seen = new Set<string>()
  for (const [key, value] of room.map) {
    const id = identity(key)
    assert.ok(!seen.has(id), `${id} was seen twice`)
    seen.add(id)
    room.map.delete(key)
    room.map.set(key, value)
  }
  assert.equal(room.size, 60)
})

inEveryRoom('growth during iteration: it ends, and the keys present throughout come exactly once', room => {
  const model = fill(room, 50)
  const seen = new Set<string>()
  const enough = 1000 + room.scale(1200)
  let added = 1000
  for (const [key] of room.map) {
    const id = identity(key)
    assert.ok(!seen.has(id), `${id} was seen twice`)
    seen.add(id)
    for (let i = 0; i < (added < enough ? 40 : 1); i++) room.map.set(room.key(added++), room.value(added % 100))
    assert.ok(added < 200_000, 'an iteration that inserts does not end')
  }
  for (const id of model.keys()) assert.ok(seen.has(id), `${id} was missed`)
  assert.equal(room.size, 50 + added - 1000)
})

inEveryRoom('shrinking during iteration: the keys present throughout come exactly once', room => {
  const count = room.scale(440)
  for (let i = 0; i < count; i++) room.map.set(room.key(i), room.value(i % 50))
  const seen = new Set<string>()
  for (const [key] of room.map) {
    const id = identity(key)
    assert.ok(!seen.has(id), `${id} was seen twice`)
    if (seen.size === 20) for (let i = 0; i < count; i++) if (i % 10 !== 0) room.map.delete(room.key(i))
    seen.add(id)
  }
  for (let i = 0; i < count; i += 10) assert.ok(seen.has(identity(room.key(i))), `key ${i} was missed`)
  assert.equal(room.size, count / 10)
})

inEveryRoom('random writes during iteration: it ends, and the untouched keys come exactly once', room => {
  const half = room.scale(60)
  fill(room, 2 * half)
  const seen = new Map<string, number>()
  let steps = 0
  for (const [key] of room.map) {
    const id = identity(key)
    seen.set(id, (seen.get(id) ?? 0) + 1)
    for (let i = 0; i < 3; i++) {
      const at = half + room.random.below(2 * half)
      if (room.random.below(2) === 0) room.map.set(room.key(at), room.value(at))
      else room.map.delete(room.key(at))
    }
    assert.ok(++steps < 20_000, 'an iteration that writes does not end')
  }
  for (let i = 0; i < half; i++) assert.equal(seen.get(identity(room.key(i))), 1)
})
