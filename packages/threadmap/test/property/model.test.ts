import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type AnyMap, type MapClass, mapClasses, TEST_BYTES } from '../support/maps.js'
import { identity, type Pair, pairNamed } from '../support/pairs.js'
import { SEED } from '../support/random.js'

/** Any sequence of operations gives the answers of a plain `Map`. fast-check prints seed and path of a failure. */

const RUNS = 30
const KEYS = 24
const VALUES = 12

/** The system under test: two map objects over one memory, so that each read cache can become stale. */
interface Real {
  maps: readonly AnyMap[]
  pair: Pair
}

/** Keys and values by their sample number. */
type Model = Map<number, number>

interface Samples {
  key(i: number): unknown
  value(i: number): unknown
}

type Step<A extends unknown[]> = (model: Model, map: AnyMap, of: Samples, ...args: A) => void

/** One operation on one of the two map objects, checked against the model. */
class Command<A extends unknown[]> implements fc.Command<Model, Real> {
  readonly #name: string
  readonly #who: number
  readonly #args: A
  readonly #step: Step<A>

  constructor(name: string, who: number, args: A, step: Step<A>) {
    this.#name = name
    this.#who = who
    this.#args = args
    this.#step = step
  }

  check(): boolean {
    return true
  }

  run(model: Model, { maps, pair }: Real): void {
    const of = { key: (i: number) => pair.key.of(i), value: (i: number) => pair.value.of(i) }
    this.#step(model, maps[this.#who] as AnyMap, of, ...this.#args)
  }

  toString(): string {
    return `${this.#name}@${this.#who}(${this.#args.join(', ')})`
  }
}

type AnyCommand = fc.Arbitrary<fc.Command<Model, Real>>

function command<A extends unknown[]>(
  name: string,
  args: { [I in keyof A]: fc.Arbitrary<A[I]> },
  step: Step<A>,
): AnyCommand {
  return fc.tuple(fc.nat(1), fc.tuple<A>(...args)).map(([who, chosen]) => new Command(name, who, chosen, step))
}

const key = fc.nat(KEYS - 1)
const value = fc.nat(VALUES - 1)

/** The sample value that the model holds, or undefined. */
function held(model: Model, of: Samples, k: number): unknown {
  const at = model.get(k)
  return at === undefined ? undefined : of.value(at)
}

/** Whether two sample values are equal: `bool` has only two. */
function alike(of: Samples, one: number | undefined, other: number): boolean {
  return one !== undefined && isDeepStrictEqual(of.value(one), of.value(other))
}

/** Operations on one key. */
const single: AnyCommand[] = [
  command('get', [key], (model, map, of, k) => {
    assert.deepEqual(map.get(of.key(k)), held(model, of, k))
    assert.equal(map.has(of.key(k)), model.has(k))
  }),
  command('set', [key, value], (model, map, of, k, v) => {
    assert.equal(map.set(of.key(k), of.value(v)), map)
    model.set(k, v)
  }),
  command('swap', [key, value], (model, map, of, k, v) => {
    assert.deepEqual(map.swap(of.key(k), of.value(v)), held(model, of, k))
    model.set(k, v)
  }),
  command('delete', [key], (model, map, of, k) => {
    assert.equal(map.delete(of.key(k)), model.delete(k))
  }),
  command('getAndDelete', [key], (model, map, of, k) => {
    assert.deepEqual(map.getAndDelete(of.key(k)), held(model, of, k))
    model.delete(k)
  }),
  command('getOrInsert', [key, value], (model, map, of, k, v) => {
    if (!model.has(k)) model.set(k, v)
    assert.deepEqual(map.getOrInsert(of.key(k), of.value(v)), held(model, of, k))
  }),
  command('getOrInsertComputed', [key, value], (model, map, of, k, v) => {
    const absent = !model.has(k)
    let calls = 0
    if (absent) model.set(k, v)
    const result = map.getOrInsertComputed(of.key(k), () => {
      calls++
      return of.value(v)
    })
    assert.deepEqual(result, held(model, of, k))
    assert.equal(calls, absent ? 1 : 0)
  }),
  command('compareAndSwap', [key, value, value], (model, map, of, k, expected, v) => {
    const matches = alike(of, model.get(k), expected)
    assert.equal(map.compareAndSwap(of.key(k), of.value(expected), of.value(v)), matches)
    if (matches) model.set(k, v)
  }),
  command('compareAndDelete', [key, value], (model, map, of, k, expected) => {
    const matches = alike(of, model.get(k), expected)
    assert.equal(map.compareAndDelete(of.key(k), of.value(expected)), matches)
    if (matches) model.delete(k)
  }),
  command('update', [key, fc.option(value)], (model, map, of, k, v) => {
    const result = map.update(of.key(k), current => {
      assert.deepEqual(current, held(model, of, k))
      return v === null ? undefined : of.value(v)
    })
    if (v === null) model.delete(k)
    else model.set(k, v)
    assert.deepEqual(result, held(model, of, k))
  }),
]

/** Operations on many keys. */
const whole: AnyCommand[] = [
  command(
    'grow',
    [fc.constantFrom(KEYS, 100, 600), fc.integer({ min: 1, max: 300 })],
    (model, map, of, from, count) => {
      for (let k = from; k < from + count; k++) {
        map.set(of.key(k), of.value(k % VALUES))
        model.set(k, k % VALUES)
      }
    },
  ),
  command('thin', [fc.constantFrom(2, 3, 10)], (model, map, of, nth) => {
    for (const k of [...model.keys()]) {
      if (k % nth === 0) continue
      assert.equal(map.delete(of.key(k)), true)
      model.delete(k)
    }
  }),
  command('clear', [], (model, map) => {
    map.clear()
    model.clear()
  }),
  command('iterate', [], (model, map, of) => {
    const expected = new Map([...model].map(([k, v]) => [identity(of.key(k)), of.value(v)]))
    let seen = 0
    for (const [found, got] of map) {
      assert.deepEqual(got, expected.get(identity(found)))
      expected.delete(identity(found))
      seen++
    }
    assert.equal(expected.size, 0)
    assert.equal(seen, model.size)
    assert.equal(map.size, model.size)
  }),
]

const step = fc.oneof(
  ...single.map(arbitrary => ({ arbitrary, weight: 8 })),
  ...whole.map(arbitrary => ({ arbitrary, weight: 2 })),
)

function check(Class: MapClass, pair: Pair, cache: number): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.constantFrom(1, 16, 200), (sequence, capacity) => {
      const maker = new Class({
        key: pair.key.codec,
        value: pair.value.codec,
        capacity,
        cache,
        maxBytes: TEST_BYTES,
        seed: 42n, // a failure that needs certain collisions must repeat
      })
      const other = Class.attach(maker.handle, { value: pair.value.codec, cache })
      const real: Real = { maps: [maker, other], pair }
      try {
        fc.modelRun(() => ({ model: new Map(), real }), sequence)
        assert.deepEqual(maker.audit(), [], 'the audit found broken invariants')
      } finally {
        for (const map of real.maps) map[Symbol.dispose]()
      }
    }),
    { seed: SEED, numRuns: RUNS },
  )
}

for (const Class of mapClasses) {
  for (const name of [
    'string -> f64',
    'string -> json',
    'string -> string',
    'f64 -> u32',
    'i64 -> bool',
    'bytes -> bytes',
  ]) {
    for (const cache of [0, 6]) {
      test(`${Class.name} of ${name}, cache ${cache}: any sequence of operations gives the answers of a plain Map`, () =>
        check(Class, pairNamed(name), cache))
    }
  }
}
