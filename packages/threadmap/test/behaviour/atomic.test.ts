import assert from 'node:assert/strict'
import { CodecError, RecursiveUpdateError } from 'threadmap'
import { type AnyMap, mapClass } from '../support/maps.js'
import { distinctValues, inEveryRoom, type Room } from '../support/room.js'

/** The atomic operations as one thread sees them, or two threads in turns; `alone/workers` has the races. */

inEveryRoom('getOrInsert keeps what is there and inserts what is not', room => {
  assert.deepEqual(room.map.getOrInsert(room.key(1), room.value(1)), room.value(1))
  assert.deepEqual(room.map.getOrInsert(room.key(1), room.value(2)), room.value(1))
  assert.deepEqual(room.map.get(room.key(1)), room.value(1))
  assert.equal(room.size, 1)
  room.map.delete(room.key(1))
  assert.deepEqual(room.map.getOrInsert(room.key(1), room.value(2)), room.value(2))
  assert.deepEqual(room.map.get(room.key(1)), room.value(2))
})

inEveryRoom('swap returns the previous value', room => {
  assert.equal(room.map.swap(room.key(0), room.value(0)), undefined)
  for (let i = 1; i < 25; i++) {
    assert.deepEqual(room.map.swap(room.key(0), room.value(i)), room.value(i - 1))
    assert.deepEqual(room.map.get(room.key(0)), room.value(i))
  }
  assert.equal(room.size, 1)
  room.map.delete(room.key(0))
  assert.equal(room.map.swap(room.key(0), room.value(1)), undefined)
})

inEveryRoom('getAndDelete returns the value it removed, once', room => {
  assert.equal(room.map.getAndDelete(room.key(2)), undefined)
  for (let i = 0; i < 25; i++) {
    room.map.set(room.key(2), room.value(i))
    assert.deepEqual(room.map.getAndDelete(room.key(2)), room.value(i))
    assert.equal(room.map.getAndDelete(room.key(2)), undefined)
    assert.equal(room.map.has(room.key(2)), false)
  }
  assert.equal(room.size, 0)
})

inEveryRoom('compareAndSwap sets only where the expected value stands', room => {
  room.map.set(room.key(3), room.value(0))
  assert.equal(room.map.compareAndSwap(room.key(3), room.value(1), room.value(1)), false)
  assert.deepEqual(room.map.get(room.key(3)), room.value(0))
  for (let i = 0; i < 25; i++) {
    assert.equal(room.map.compareAndSwap(room.key(3), room.value(i + 1), room.value(i)), false)
    assert.equal(room.map.compareAndSwap(room.key(3), room.value(i), room.value(i + 1)), true)
    assert.deepEqual(room.map.get(room.key(3)), room.value(i + 1))
  }
  assert.equal(room.size, 1)
})

inEveryRoom('compareAndSwap may set the very value that is there', room => {
  for (let i = 0; i < 10; i++) {
    room.map.set(room.key(i), room.value(i))
    assert.equal(room.map.compareAndSwap(room.key(i), room.value(i), room.value(i)), true)
    assert.deepEqual(room.map.get(room.key(i)), room.value(i))
  }
})

inEveryRoom('an absent or deleted key never matches', room => {
  for (let i = 0; i < 8; i++) {
    assert.equal(room.map.compareAndSwap(room.key(4), room.value(i), room.value(i + 1)), false)
    assert.equal(room.map.compareAndDelete(room.key(4), room.value(i)), false)
    assert.equal(room.map.has(room.key(4)), false)
  }
  room.map.set(room.key(4), room.value(1))
  room.map.delete(room.key(4))
  assert.equal(room.map.compareAndSwap(room.key(4), room.value(1), room.value(1)), false)
  assert.equal(room.map.compareAndDelete(room.key(4), room.value(1)), false)
  assert.equal(room.size, 0)
})

inEveryRoom('compareAndDelete removes only where the expected value stands', room => {
  for (let i = 0; i < 25; i++) {
    room.map.set(room.key(i), room.value(i))
    assert.equal(room.map.compareAndDelete(room.key(i), room.value(i + 1)), false)
    assert.deepEqual(room.map.get(room.key(i)), room.value(i))
    assert.equal(room.map.compareAndDelete(room.key(i), room.value(i)), true)
    assert.equal(room.map.has(room.key(i)), false)
    assert.equal(room.map.compareAndDelete(room.key(i), room.value(i)), false)
  }
  assert.equal(room.size, 0)
})

inEveryRoom(
  'two values of which one begins like the other do not compare equal',
  room => {
    const [longer, shorter] =
      room.pair.value.name === 'string' ? ['abcdefgh\0', 'abcdefgh'] : [Uint8Array.of(1, 2, 0), Uint8Array.of(1, 2)]
    room.map.set(room.key(0), longer)
    assert.equal(room.map.compareAndSwap(room.key(0), shorter, shorter), false)
    room.map.set(room.key(0), shorter)
    assert.equal(room.map.compareAndDelete(room.key(0), longer), false)
    assert.equal(room.map.compareAndDelete(room.key(0), shorter), true)
  },
  { pairs: ({ value }) => value.name === 'string' || value.name === 'bytes' },
)

inEveryRoom('update hands over the current value and the key, and stores the result', room => {
  const seen: [unknown, unknown][] = []
  const result = room.map.update(room.key(5), (current, key) => {
    seen.push([current, key])
    return room.value(0)
  })
  assert.deepEqual(result, room.value(0))
  assert.deepEqual(seen, [[undefined, room.key(5)]])
  for (let i = 0; i < 20; i++) {
    const next = room.map.update(room.key(5), current => {
      assert.deepEqual(current, room.value(i))
      return room.value(i + 1)
    })
    assert.deepEqual(next, room.value(i + 1))
  }
  assert.deepEqual(room.map.get(room.key(5)), room.value(20))
  assert.equal(room.size, 1)
})

inEveryRoom('update removes the key when the result is undefined', room => {
  assert.equal(
    room.map.update(room.key(6), () => undefined),
    undefined,
  )
  assert.equal(room.map.has(room.key(6)), false)
  room.map.set(room.key(6), room.value(1))
  assert.equal(
    room.map.update(room.key(6), () => undefined),
    undefined,
  )
  assert.equal(room.map.has(room.key(6)), false)
  assert.equal(room.size, 0)
})

inEveryRoom('an update whose function throws changes nothing', room => {
  room.map.set(room.key(6), room.value(1))
  const thrown = new Error('from the function')
  const fail = (): never => {
    throw thrown
  }
  for (const key of [6, 7]) {
    assert.throws(
      () => room.map.update(room.key(key), fail),
      error => error === thrown,
    )
  }
  assert.deepEqual(room.map.get(room.key(6)), room.value(1))
  assert.equal(room.map.has(room.key(7)), false)
  assert.equal(room.size, 1)
})

inEveryRoom('the function of update may use the map', room => {
  room.map.set(room.key(1), room.value(1))
  const result = room.map.update(room.key(0), () => {
    room.map.set(room.key(2), room.value(2))
    room.map.delete(room.key(1))
    assert.equal(room.contents().size, 1)
    room.map.update(room.key(3), () => room.value(3))
    return room.map.get(room.key(2))
  })
  assert.deepEqual(result, room.value(2))
  assert.equal(room.size, 3)
})

/** Rooms in which another thread has the map as well. */
const together = { modes: ['attached', 'cached'] } as const

/** Runs `meanwhile` within an update of key 0 that then wants to store value 2; returns what each call was handed. */
function updateWith(room: Room, meanwhile: () => void): unknown[] {
  const handed: unknown[] = []
  const result = room.here.update(room.key(0), current => {
    handed.push(current)
    if (handed.length === 1) meanwhile()
    return room.value(2)
  })
  assert.deepEqual(result, room.value(2))
  assert.deepEqual(room.map.get(room.key(0)), room.value(2))
  assert.equal(room.size, 1)
  return handed
}

inEveryRoom(
  'update runs its function again when another thread changed the key meanwhile',
  room => {
    room.map.set(room.key(0), room.value(0))
    const handed = updateWith(room, () => room.there.set(room.key(0), room.value(1)))
    assert.deepEqual(handed, [room.value(0), room.value(1)])
  },
  together,
)

inEveryRoom(
  'update runs its function again when another thread removed the key meanwhile',
  room => {
    room.map.set(room.key(0), room.value(0))
    const handed = updateWith(room, () => room.there.delete(room.key(0)))
    assert.deepEqual(handed, [room.value(0), undefined])
  },
  together,
)

inEveryRoom(
  'update runs its function again when another thread inserted the key meanwhile',
  room => {
    const handed = updateWith(room, () => room.there.set(room.key(0), room.value(1)))
    assert.deepEqual(handed, [undefined, room.value(1)])
  },
  together,
)

inEveryRoom(
  'update does not restore a key that another thread cleared away meanwhile',
  room => {
    room.map.set(room.key(0), room.value(0))
    const handed = updateWith(room, () => {
      room.there.clear()
      room.sink()
    })
    assert.deepEqual(handed, [room.value(0), undefined])
  },
  together,
)

/** Every way to change key 0, for a map of this pair of codecs. */
const ownChanges: Record<string, (map: AnyMap, room: Room) => unknown> = {
  set: (map, room) => map.set(room.key(0), room.value(1)),
  delete: (map, room) => map.delete(room.key(0)),
  clear: map => map.clear(),
  swap: (map, room) => map.swap(room.key(0), room.value(1)),
  getOrInsert: (map, room) => map.getOrInsert(room.key(0), room.value(1)),
  getAndDelete: (map, room) => map.getAndDelete(room.key(0)),
  compareAndSwap: (map, room) => map.compareAndSwap(room.key(0), room.value(0), room.value(1)),
  compareAndDelete: (map, room) => map.compareAndDelete(room.key(0), room.value(0)),
  update: (map, room) => map.update(room.key(0), () => room.value(1)),
}

inEveryRoom(
  'an update whose function changes its own key is refused at once, and changes nothing',
  room => {
    // A second map object of this thread on the same memory.
    const twin = reattach(room)
    for (const [name, change] of Object.entries(ownChanges)) {
      room.here.delete(room.key(0))
      for (const before of [[], [room.value(0)]]) {
        for (const value of before) room.map.set(room.key(0), value)
        for (const map of [room.here, twin]) {
          let calls = 0
          assert.throws(
            () =>
              room.here.update(room.key(0), () => {
                assert.equal(++calls, 1, 'the function ran again')
                change(map, room)
                return room.value(2)
              }),
            error =>
              error instanceof RecursiveUpdateError &&
              error.code === 'ERR_THREADMAP_RECURSIVE_UPDATE' &&
              error.message.includes(`${name}()`),
          )
          assert.deepEqual(room.map.get(room.key(0)), before[0])
        }
      }
      // The update is over: now the change succeeds.
      change(room.here, room)
    }
    twin[Symbol.dispose]()
    room.sink()
  },
  { modes: ['fresh', 'cached'] },
)

inEveryRoom(
  'the function of an update may change other keys, also by updates',
  room => {
    room.here.update(room.key(0), () => {
      room.map.set(room.key(1), room.value(1))
      room.here.update(room.key(2), () => room.value(2))
      room.here.delete(room.key(1))
      return room.value(2)
    })
    assert.equal(room.size, 2)
  },
  { modes: ['fresh', 'cached'] },
)

inEveryRoom(
  'an update may be caught changing its own key, and go on',
  room => {
    const result = room.here.update(room.key(0), () => {
      assert.throws(() => room.here.set(room.key(0), room.value(1)), RecursiveUpdateError)
      return room.value(2)
    })
    assert.deepEqual(result, room.value(2))
    assert.deepEqual(room.map.get(room.key(0)), room.value(2))
  },
  { modes: ['fresh', 'cached'] },
)

function reattach(room: Room): AnyMap {
  const Class = mapClass(room.kind)
  const { name } = room.pair.value
  return Class.attach(room.here.handle, name === 'date' || name === 'digits' ? { value: room.pair.value.codec } : {})
}

inEveryRoom(
  'add starts from 0 and returns the sum',
  room => {
    const number = room.pair.value.name === 'i64' ? BigInt : Number
    for (let i = 0; i < 40; i++) {
      assert.equal(room.map.add(room.key(i % 4), number(3)), number(3 * (1 + Math.floor(i / 4))))
    }
    for (let i = 0; i < 4; i++) assert.equal(room.map.get(room.key(i)), number(30))
    room.map.set(room.key(0), number(40))
    assert.equal(room.map.add(room.key(0), number(2)), number(42))
    assert.equal(room.size, 4)
  },
  { pairs: ({ value }) => ['f64', 'u32', 'i64'].includes(value.name) },
)

inEveryRoom(
  'add of other than numbers is refused',
  room => {
    room.map.set(room.key(0), room.value(0))
    for (const key of [0, 1]) assert.throws(() => room.map.add(room.key(key), room.value(1)), CodecError)
    assert.deepEqual(room.map.get(room.key(0)), room.value(0))
    assert.equal(room.map.has(room.key(1)), false)
    assert.equal(room.size, 1)
  },
  { pairs: ({ value }) => !['f64', 'u32', 'i64'].includes(value.name) },
)

inEveryRoom(
  'the operations of two threads in turns agree with a plain Map',
  room => {
    const model = new Map<number, unknown>()
    for (let step = 0; step < 150; step++) {
      const at = room.random.below(6)
      const key = room.key(at)
      const value = room.value(room.random.below(5))
      switch (room.random.below(5)) {
        case 0:
          assert.deepEqual(room.map.swap(key, value), model.get(at))
          model.set(at, value)
          break
        case 1:
          assert.deepEqual(room.map.getAndDelete(key), model.get(at))
          model.delete(at)
          break
        case 2:
          if (!model.has(at)) model.set(at, value)
          assert.deepEqual(room.map.getOrInsert(key, value), model.get(at))
          break
        case 3:
          room.map.update(key, current => (current === undefined ? value : undefined))
          if (!model.delete(at)) model.set(at, value)
          break
        default:
          assert.deepEqual(room.map.get(key), model.get(at))
      }
      assert.equal(room.size, model.size)
    }
  },
  { pairs: distinctValues(5) },
)
