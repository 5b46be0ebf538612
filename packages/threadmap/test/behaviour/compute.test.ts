import assert from 'node:assert/strict'
import { CodecError, RecursiveComputeError, ThreadmapError } from 'threadmap'
import { inEveryRoom } from '../support/room.js'

/** `getOrInsertComputed` without contention; `alone/compute-workers` has the threads that wait. */

inEveryRoom('getOrInsertComputed computes for an absent key and stores the result', room => {
  for (let i = 0; i < 20; i++) {
    const asked: unknown[] = []
    const compute = (key: unknown): unknown => {
      asked.push(key)
      return room.value(i)
    }
    assert.deepEqual(room.map.getOrInsertComputed(room.key(i), compute), room.value(i))
    assert.deepEqual(room.map.getOrInsertComputed(room.key(i), compute), room.value(i))
    assert.deepEqual(asked, [room.key(i)])
    assert.deepEqual(room.map.get(room.key(i)), room.value(i))
  }
  assert.equal(room.size, 20)
})

inEveryRoom('getOrInsertComputed does not call its function when the key is there', room => {
  room.map.set(room.key(0), room.value(0))
  const compute = (): never => assert.fail('called for a key that is there')
  assert.deepEqual(room.map.getOrInsertComputed(room.key(0), compute), room.value(0))
})

inEveryRoom('getOrInsertComputed computes again for a key deleted since', room => {
  for (let i = 0; i < 5; i++) {
    assert.deepEqual(
      room.map.getOrInsertComputed(room.key(0), () => room.value(i)),
      room.value(i),
    )
    room.map.delete(room.key(0))
  }
  assert.equal(room.size, 0)
})

inEveryRoom('the error of a compute function reaches its caller, and the key can be computed again', room => {
  const thrown = new Error('from the function')
  for (let i = 0; i < 3; i++) {
    assert.throws(
      () =>
        room.map.getOrInsertComputed(room.key(0), () => {
          throw thrown
        }),
      error => error === thrown,
    )
    assert.equal(room.map.has(room.key(0)), false)
    assert.equal(room.size, 0)
  }
  assert.deepEqual(
    room.map.getOrInsertComputed(room.key(0), () => room.value(1)),
    room.value(1),
  )
})

inEveryRoom('a compute function may use the map, and compute other keys', room => {
  const depth = 6
  const compute = (i: number): unknown =>
    room.map.getOrInsertComputed(room.key(i), key => {
      assert.deepEqual(key, room.key(i))
      if (i + 1 < depth) assert.deepEqual(compute(i + 1), room.value(i + 1))
      room.map.set(room.key(100 + i), room.value(i))
      room.map.delete(room.key(99 + i))
      return room.value(i)
    })
  assert.deepEqual(compute(0), room.value(0))
  for (let i = 0; i < depth; i++) assert.deepEqual(room.map.get(room.key(i)), room.value(i))
  // The innermost function ran first, so each outer one set 100 + i and took away what stood at 99 + i.
  assert.equal(room.size, depth + depth)
})

inEveryRoom('computing a key from within its own computation is refused', room => {
  let inner: unknown = null
  const result = room.map.getOrInsertComputed(room.key(0), key => {
    try {
      room.map.getOrInsertComputed(key, () => room.value(1))
    } catch (error) {
      inner = error
    }
    return room.value(2)
  })
  assert.ok(inner instanceof RecursiveComputeError, `threw ${String(inner)}`)
  assert.equal(inner.code, 'ERR_THREADMAP_RECURSIVE_COMPUTE')
  assert.deepEqual(result, room.value(2))
  assert.deepEqual(room.map.get(room.key(0)), room.value(2))
})

inEveryRoom('a recursion through another key is refused as well, and leaves nothing behind', room => {
  const compute = (i: number): unknown => room.map.getOrInsertComputed(room.key(i), () => compute(1 - i))
  assert.throws(() => compute(0), RecursiveComputeError)
  assert.equal(room.size, 0)
  assert.deepEqual(
    room.map.getOrInsertComputed(room.key(1), () => room.value(1)),
    room.value(1),
  )
})

inEveryRoom('a key that was set during its computation keeps that value', room => {
  for (const [i, other] of [room.map, room.there].entries()) {
    const result = room.map.getOrInsertComputed(room.key(i), key => {
      other.set(key, room.value(1))
      return room.value(2)
    })
    assert.deepEqual(result, room.value(1))
    assert.deepEqual(room.map.get(room.key(i)), room.value(1))
  }
  assert.equal(room.size, 2)
})

inEveryRoom('nobody sees a key while it is computed', room => {
  room.map.getOrInsertComputed(room.key(0), key => {
    assert.equal(room.there.get(key), undefined)
    assert.equal(room.there.has(key), false)
    assert.equal(room.size, 0)
    assert.equal(room.contents().size, 0)
    assert.equal(room.there.delete(key), false)
    return room.value(0)
  })
  assert.deepEqual(room.there.get(room.key(0)), room.value(0))
  assert.equal(room.size, 1)
})

inEveryRoom('clearing the map during a computation does not lose its result', room => {
  const result = room.map.getOrInsertComputed(room.key(0), () => {
    room.map.set(room.key(1), room.value(1))
    room.map.clear()
    room.sink()
    return room.value(0)
  })
  assert.deepEqual(result, room.value(0))
  assert.deepEqual(room.map.get(room.key(0)), room.value(0))
  assert.equal(room.map.size, 1)
})

inEveryRoom(
  'a compute function that returns undefined is refused, and the key stays absent',
  room => {
    for (let i = 0; i < 3; i++) {
      assert.throws(() => room.map.getOrInsertComputed(room.key(i), () => undefined), CodecError)
      assert.equal(room.map.has(room.key(i)), false)
    }
    assert.equal(room.size, 0)
  },
  { pairs: ({ value }) => value.name !== 'date' && value.name !== 'digits' }, // those throw errors of their own
)

inEveryRoom('an error of a user codec is no obstacle to the next call', room => {
  if (room.pair.value.name !== 'date') return
  assert.throws(() => room.map.getOrInsertComputed(room.key(0), () => 'not a date'))
  assert.throws(() => room.map.set(room.key(0), 'not a date'))
  assert.throws(() => room.map.update(room.key(0), () => 'not a date'))
  assert.equal(room.map.has(room.key(0)), false)
  assert.deepEqual(
    room.map.getOrInsertComputed(room.key(0), () => room.value(0)),
    room.value(0),
  )
})

inEveryRoom(
  'a wrong key is refused before the function is called',
  room => {
    const compute = (): never => assert.fail('called for a key of the wrong type')
    assert.throws(() => room.map.getOrInsertComputed(Symbol('no key') as unknown, compute), ThreadmapError)
    assert.equal(room.size, 0)
  },
  { modes: ['fresh', 'grown'] },
)
