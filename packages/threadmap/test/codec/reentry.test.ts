import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, type Codec, CodecError, DisposedError, f64, hash, json, string, struct } from 'threadmap'
import { type AnyMap, type MapClass, mapClasses, TEST_BYTES } from '../support/maps.js'

/**
 * Code of the program that runs in the middle of an operation: getters, `toJSON`, `encode`, `decode`. It uses the map of that
 * operation (the same object, or another one on the same memory), and the result of the operation does not change.
 */

interface Thing {
  readonly a: number
}

/** A value that runs `run` when it is encoded. */
interface Hooked {
  readonly name: string
  readonly codec: (run: () => void) => unknown
  /** A value of `a` that runs `run` when it is stored. */
  hook(a: number, run: () => void): unknown
}

/** Encodes everything into one array, as a fast codec may do; the outer value is written last. */
function sharedArray(run: () => void): Codec<Thing> {
  const array = new Uint8Array(8)
  return {
    name: 'shared array',
    encode(value) {
      if (value instanceof Runner) run()
      new DataView(array.buffer).setFloat64(0, value.a)
      return array
    },
    decode: from => ({ a: new DataView(from.buffer).getFloat64(0) }),
  }
}

class Runner {
  readonly a: number
  constructor(a: number) {
    this.a = a
  }
}

const hooks: readonly Hooked[] = [
  {
    name: 'a getter of a struct',
    codec: () => struct({ a: 'f64', b: 'f64' }),
    hook: (a, run) => ({
      a,
      get b() {
        run()
        return 0
      },
    }),
  },
  {
    name: 'a getter of json',
    codec: () => json(),
    hook: (a, run) => ({
      get a() {
        run()
        return a
      },
      b: 0,
    }),
  },
  {
    name: 'toJSON',
    codec: () => json(),
    hook: (a, run) => ({
      toJSON() {
        run()
        return { a, b: 0 }
      },
    }),
  },
  { name: 'encode', codec: sharedArray, hook: a => new Runner(a) },
]

const isStruct = (hooked: Hooked): boolean => hooked.name.includes('struct') || hooked.codec !== sharedArray
const plain = (hooked: Hooked, a: number): Thing => (isStruct(hooked) ? ({ a, b: 0 } as Thing) : { a })

/** Uses every scratch area of the thread, for other keys. */
function meddle(map: AnyMap, hooked: Hooked): void {
  map.set('meddler', plain(hooked, 999))
  map.get('meddler')
  map.swap('other', plain(hooked, 998))
  map.compareAndSwap('meddler', plain(hooked, 999), plain(hooked, 997))
  map.compareAndDelete('other', plain(hooked, 998))
  map.getOrInsertComputed('other', () => plain(hooked, 996))
  map.update('other', () => plain(hooked, 995))
  for (const _ of map) map.has('meddler')
}

/** Each operation on the key 'k', which holds `a: 1`; returns its result. */
const operations: Record<string, (map: AnyMap, old: () => unknown, hook: (a: number) => unknown) => unknown> = {
  set: (map, _, hook) => map.set('k', hook(111)) === map,
  swap: (map, _, hook) => map.swap('k', hook(111)),
  'getOrInsert of a key that is there': (map, _, hook) => map.getOrInsert('k', hook(111)),
  getOrInsert: (map, _, hook) => map.delete('k') && map.getOrInsert('k', hook(111)) !== undefined,
  getOrInsertComputed: (map, _, hook) => map.delete('k') && map.getOrInsertComputed('k', () => hook(111)) !== undefined,
  'compareAndSwap with a hooked value': (map, old, hook) => map.compareAndSwap('k', old(), hook(111)),
  'compareAndSwap with a hooked expectation': (map, old, hook) => map.compareAndSwap('k', hook(1), old()),
  'compareAndSwap with a wrong expectation': (map, old, hook) => map.compareAndSwap('k', hook(2), old()),
  'compareAndSwap with both hooked': (map, _, hook) => map.compareAndSwap('k', hook(1), hook(111)),
  'compareAndSwap with both hooked, and wrong': (map, _, hook) => map.compareAndSwap('k', hook(111), hook(111)),
  compareAndDelete: (map, _, hook) => map.compareAndDelete('k', hook(1)),
  'compareAndDelete with a wrong expectation': (map, _, hook) => map.compareAndDelete('k', hook(2)),
  update: (map, _, hook) => map.update('k', () => hook(111)) !== undefined,
  'update of an absent key': (map, _, hook) => map.delete('k') && map.update('k', () => hook(111)) !== undefined,
}

function open(Class: MapClass, value: unknown, cache = 0): AnyMap {
  return new Class({ key: string, value, maxBytes: TEST_BYTES, cache })
}

for (const Class of mapClasses) {
  for (const hooked of hooks) {
    test(`${Class.name}: ${hooked.name} that uses the map does no harm to the operation it is in`, () => {
      let run = (): void => {}
      const codec = hooked.codec(() => run())
      const map = open(Class, codec)
      const meddlers = {
        'the same object': map,
        'another object of the memory': Class.attach(map.handle, { value: codec }),
        'another map': open(Class, codec),
      }
      /** The result of an operation, and the map after it, when the hook runs `meddling`. */
      const outcome = (act: (typeof operations)[string], meddling: () => void): unknown => {
        map.clear()
        map.set('k', plain(hooked, 1))
        let runs = 0
        const hook = (): void => {
          // Values that the hook itself stores do not run the hook again.
          run = () => {}
          meddling()
          runs++
          run = hook
        }
        run = hook
        const returned = act(
          map,
          () => plain(hooked, 1),
          a => hooked.hook(a, () => run()),
        )
        run = () => {}
        assert.ok(runs > 0, 'the hook did not run')
        return { returned, found: map.get('k') }
      }
      for (const [operation, act] of Object.entries(operations)) {
        const undisturbed = outcome(act, () => {})
        for (const [which, meddler] of Object.entries(meddlers)) {
          assert.deepEqual(
            outcome(act, () => meddle(meddler, hooked)),
            undisturbed,
            `${operation}, ${which}`,
          )
          assert.deepEqual(meddler.get('other'), plain(hooked, 995))
        }
      }
      for (const each of Object.values(meddlers)) {
        assert.deepEqual(each.audit(), [])
        each[Symbol.dispose]()
      }
    })
  }

  test(`${Class.name}: a decode that uses the map does no harm to the operation it is in`, () => {
    let run = (): void => {}
    const codec: Codec<number> = {
      name: 'running',
      encode: value => Uint8Array.of(value),
      decode(from) {
        const mine = run
        run = () => {}
        mine()
        run = mine
        return from[0] as number
      },
    }
    for (const cache of [0, 8]) {
      const map = open(Class, codec, cache)
      map.set('k', 1).set('j', 2)
      run = () => {
        map.set('meddler', 99)
        map.get('meddler')
        map.swap('other', 98)
        map.compareAndSwap('meddler', 99, 97)
        for (const _ of map.keys()) map.has('other')
        map.delete('meddler')
        map.delete('other')
      }
      for (let round = 0; round < 3; round++) {
        assert.equal(map.get('k'), 1)
        assert.equal(map.get('j'), 2)
      }
      assert.equal(map.swap('k', 3), 1)
      assert.equal(map.get('k'), 3)
      assert.equal(map.getOrInsert('k', 7), 3)
      assert.equal(
        map.update('k', current => (current as number) + 1),
        4,
      )
      assert.equal(
        map.getOrInsertComputed('k', () => 9),
        4,
      )
      assert.deepEqual([...map].sort(), [
        ['j', 2],
        ['k', 4],
      ])
      assert.deepEqual([...map.values()].sort(), [2, 4])
      const seen: unknown[] = []
      map.forEach((value, key) => {
        seen.push([key, value])
      })
      assert.equal(seen.length, 2)
      assert.equal(map.getAndDelete('k'), 4)
      run = () => {}
      assert.deepEqual(map.audit(), [])
      map[Symbol.dispose]()
    }
  })

  test(`${Class.name}: a hook that disposes the map gets DisposedError for the operation it is in, and the others go on`, () => {
    for (const act of Object.values(operations)) {
      const map = open(Class, json())
      const twin = Class.attach(map.handle)
      map.set('k', { a: 1, b: 0 })
      const hook = (a: number): unknown => ({
        toJSON() {
          map[Symbol.dispose]()
          return { a, b: 0 }
        },
      })
      assert.throws(() => act(map, () => ({ a: 1, b: 0 }), hook), DisposedError)
      twin.set('after', 'x'.repeat(10_000))
      assert.equal(twin.get('after'), 'x'.repeat(10_000))
      assert.deepEqual(twin.audit(), [])
      twin[Symbol.dispose]()
    }
  })

  test(`${Class.name}: each field of a struct is read once: what is validated is what is stored`, () => {
    using map = open(Class, struct({ a: 'u8' }))
    let reads = 0
    map.set('k', {
      get a() {
        return reads++ === 0 ? 7 : 'not a number'
      },
    })
    assert.equal(reads, 1)
    assert.deepEqual(map.get('k'), { a: 7 })
  })

  test(`${Class.name}: bytes are what the runtime says, whatever a subclass or a Proxy says`, () => {
    class Liar extends Uint8Array {
      override get length(): number {
        map.set('meddler', new Uint8Array(100).fill(9))
        return 2
      }
      override get byteLength(): number {
        return this.length
      }
      override get buffer(): ArrayBuffer {
        map.set('meddler', new Uint8Array(100).fill(9))
        return new ArrayBuffer(1)
      }
      override *[Symbol.iterator](): ArrayIterator<number> {
        yield this.length
      }
    }
    using map = open(Class, bytes)
    for (const size of [3, 40, 400]) {
      const liar = new Liar(size)
      for (let i = 0; i < size; i++) liar[i] = i
      const own = Uint8Array.from({ length: size }, (_, i) => i)
      Object.defineProperty(own, 'length', { get: () => 1 })
      for (const value of [liar, own]) {
        map.set('k', value)
        assert.deepEqual(
          [...(map.get('k') as Uint8Array)],
          Array.from({ length: size }, (_, i) => i & 255),
        )
      }
    }
    const impostors = [
      new Proxy(Uint8Array.of(1, 2), {}),
      Object.create(Uint8Array.prototype),
      { length: 2, 0: 1, 1: 2 },
      new Uint8ClampedArray(2),
      new Int8Array(2),
      new DataView(new ArrayBuffer(2)),
      new ArrayBuffer(2),
    ]
    for (const value of impostors) assert.throws(() => map.set('k', value), CodecError)
    for (const cache of [0, 8]) {
      using keyed = new Class({ key: bytes, value: f64, maxBytes: TEST_BYTES, cache })
      for (const key of impostors) {
        assert.throws(() => keyed.set(key, 1), CodecError)
        assert.throws(() => keyed.get(key), CodecError)
        assert.throws(() => keyed.update(key, () => 1), CodecError)
        assert.throws(() => keyed.getOrInsertComputed(key, () => 1), CodecError)
      }
      const liar = new Liar(3)
      keyed.set(Uint8Array.of(0, 0), 2)
      assert.equal(keyed.get(Uint8Array.of(0, 0)), 2)
      for (let round = 0; round < 2; round++) assert.equal(keyed.get(liar), undefined)
      keyed.set(liar, 3)
      for (let round = 0; round < 2; round++) {
        assert.equal(keyed.get(liar), 3)
        assert.equal(keyed.get(new Uint8Array(3)), 3)
        assert.equal(keyed.get(Uint8Array.of(0, 0)), 2)
      }
    }
  })

  test(`${Class.name}: a Uint8Array without its buffer is refused, as key and as value`, () => {
    using map = new Class({ key: bytes, value: bytes, maxBytes: TEST_BYTES })
    const gone = Uint8Array.of(1, 2, 3)
    structuredClone(gone, { transfer: [gone.buffer] })
    const empty = new Uint8Array(0)
    assert.throws(() => map.set(empty, gone), CodecError)
    assert.throws(() => map.set(gone, empty), CodecError)
    assert.throws(() => map.has(gone), CodecError)
    assert.equal(map.size, 0)
    map.set(empty, empty)
    assert.deepEqual(map.get(empty), new Uint8Array(0))
  })

  test(`${Class.name}: a key that the program changes while its function runs is the key it was`, () => {
    using map = new Class({ key: bytes, value: f64, maxBytes: TEST_BYTES })
    for (const key of [Uint8Array.of(1), new Uint8Array(new SharedArrayBuffer(1)).fill(1)]) {
      map.set(Uint8Array.of(1), 5)
      map.update(key, current => {
        key[0] = 2
        return (current as number) + 1
      })
      assert.equal(map.get(Uint8Array.of(1)), 6)
      assert.equal(map.size, 1)
      key[0] = 3
      map.getOrInsertComputed(key, () => {
        key[0] = 4
        return 1
      })
      assert.equal(map.get(Uint8Array.of(3)), 1)
      assert.equal(map.size, 2)
      map.clear()
    }
  })

  test(`${Class.name}: a shared array that grows, and one of another realm, are stored as they were`, async () => {
    const { runInNewContext } = await import('node:vm')
    using map = open(Class, bytes)
    const Growable = SharedArrayBuffer as unknown as new (length: number, options: object) => SharedArrayBuffer
    const tracking = new Uint8Array(new Growable(60, { maxByteLength: 4096 })).fill(5)
    for (const value of [tracking, runInNewContext('new Uint8Array(60).fill(5)') as Uint8Array]) {
      map.set('k', value)
      assert.deepEqual(map.get('k'), new Uint8Array(60).fill(5))
    }
  })
}

test('hash() takes bytes as the runtime says they are, and no impostors', () => {
  class Liar extends Uint8Array {
    override get length(): number {
      return 2
    }
  }
  const liar = new Liar(20_000)
  liar.fill(7)
  assert.equal(hash('default', liar), hash('default', new Uint8Array(20_000).fill(7)))
  for (const wrong of [new Proxy(liar, {}), Object.create(Uint8Array.prototype), new Int8Array(2), null]) {
    assert.throws(() => hash('default', wrong as Uint8Array), CodecError)
  }
})
