/** What a map looks like from outside: in logs, in JSON, to test runners, to structured clone, to a subclass. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'
import { FastMap, f64, json, OptionError, string, ThreadmapError } from 'threadmap'
import { guard } from 'threadmap/guard'
import { Histogram } from 'threadmap/histogram'
import { Backoff, CompatRWMutex, Mutex, RWMutex, WaitGroup } from 'threadmap/sync'
import { type AnyMap, type MapClass, mapClasses, TEST_BYTES } from '../support/maps.js'

function filled(Class: MapClass, entries: number): AnyMap {
  const map = new Class({ key: string, value: f64, maxBytes: TEST_BYTES })
  for (let i = 0; i < entries; i++) map.set(`key${i}`, i)
  return map
}

for (const Class of mapClasses) {
  test(`${Class.name}: console.log shows entries as it does of a Map`, () => {
    const map = filled(Class, 1)
    assert.equal(inspect(map), `${Class.name}(1) { 'key0' => 0 }`)
    assert.equal(inspect({ deep: { down: { here: map } } }), `{ deep: { down: { here: [${Class.name}] } } }`)
    map.clear()
    assert.equal(inspect(map), `${Class.name}(0) {}`)
    map[Symbol.dispose]()
    assert.match(inspect(map), new RegExp(`^${Class.name} \\{ <this ${Class.name} was disposed`))
  })

  test(`${Class.name}: a large map is shown in part`, () => {
    const map = filled(Class, 5000)
    const text = inspect(map)
    assert.match(text, /4900 more items\n\}$/)
    assert.ok(text.length < 5000)
    assert.match(
      inspect(map, { maxArrayLength: 3 }),
      /^\w+\(5000\) \{(\s+'key\d+' => \d+,){3}\s+\.\.\. 4997 more items\s*\}$/,
    )
    assert.match(inspect(map, { maxArrayLength: 0 }), /5000 more items/)
    assert.equal(inspect(map, { maxArrayLength: null }).match(/=>/g)?.length, 5000)
    assert.match(inspect(map, { maxArrayLength: 4999 }), /\.\.\. 1 more item\s*\}$/)
    map[Symbol.dispose]()
  })

  test(`${Class.name}: nothing of the memory is enumerable, and JSON of a map is that of a Map`, () => {
    const map = filled(Class, 3)
    assert.equal(JSON.stringify(map), JSON.stringify(new Map()))
    assert.equal(JSON.stringify({ map }), '{"map":{}}')
    assert.deepEqual(Object.keys(map), ['threadmap'])
    const spread: Record<string, unknown> = { ...map }
    assert.equal(typeof spread.threadmap, 'symbol')
    // Output that shows private state, as that of assertion libraries does, must stay short.
    assert.ok(inspect(map, { customInspect: false, showHidden: true, depth: 20 }).length < 1000)
    map[Symbol.dispose]()
  })

  test(`${Class.name}: deepStrictEqual tells two maps apart, soon and in few words`, () => {
    const [one, other] = [filled(Class, 20_000), filled(Class, 20_000)]
    assert.deepStrictEqual({ map: one }, { map: one })
    assert.throws(
      () => assert.deepStrictEqual({ map: one }, { map: other }),
      (error: Error) => error.message.length < 5000,
    )
    one[Symbol.dispose]()
    other[Symbol.dispose]()
  })

  test(`${Class.name}: sending the map itself is refused with the words that help`, () => {
    const map = filled(Class, 1)
    const words = new RegExp(
      `a ${Class.name} cannot be sent: send its handle, and call ${Class.name}.attach\\(handle\\)`,
    )
    assert.throws(() => structuredClone(map), words)
    assert.throws(() => structuredClone({ message: [map] }), words)
    assert.throws(() => new Worker('', { eval: true, workerData: { map } }), words)
    const { port1 } = new MessageChannel()
    assert.throws(() => port1.postMessage(map), words)
    port1.close()
    map[Symbol.dispose]()
  })

  test(`${Class.name}: options that there are not are refused, and the nearest is named`, () => {
    const options = { key: string, value: f64, maxBytes: TEST_BYTES }
    const refused = (wrong: object, words: RegExp): void => {
      assert.throws(
        () => new Class({ ...options, ...wrong }),
        (error: unknown) =>
          error instanceof OptionError &&
          error instanceof TypeError &&
          error instanceof ThreadmapError &&
          error.code === 'ERR_THREADMAP_OPTION' &&
          words.test(error.message),
      )
    }
    refused({ maxbytes: 1 }, /has no option 'maxbytes'; did you mean 'maxBytes'\?/)
    refused({ capcity: 1 }, /did you mean 'capacity'\?/)
    refused({ lockTimeOut: 1 }, /did you mean 'lockTimeout'\?/)
    refused({ somethingElse: 1 }, /has no option 'somethingElse'\. It takes key, value, capacity/)
    refused(
      { backoff: { retries: 3 } },
      /the option backoff has no option 'retries'\. It takes initialDelay, maxRetries/,
    )
    const map = new Class(options)
    assert.throws(
      () => Class.attach(map.handle, { chache: 5 } as object),
      /attach\(\) has no option 'chache'; did you mean 'cache'/,
    )
    map[Symbol.dispose]()
  })

  test(`${Class.name}: attach on a subclass returns one of the subclass`, () => {
    class Sub extends (Class as new (options: unknown) => AnyMap) {
      readonly extra = 'mine'
    }
    const attach = (Sub as unknown as MapClass).attach
    const map = new Class({ key: string, value: f64, maxBytes: TEST_BYTES })
    const attached = (Sub as unknown as MapClass).attach(map.handle) as InstanceType<typeof Sub>
    assert.ok(attached instanceof Sub)
    assert.equal(attached.extra, 'mine')
    attached.set('a', 1)
    assert.equal(map.get('a'), 1)
    // `attach` without its class as `this` uses the class that defines it.
    const plain = attach.call(undefined, map.handle)
    assert.ok(plain instanceof (Class as new (options: unknown) => AnyMap))
    assert.ok(!(plain instanceof Sub))
    for (const one of [plain, attached, map]) one[Symbol.dispose]()
  })
}

for (const Class of [Mutex, RWMutex, CompatRWMutex, WaitGroup, Histogram]) {
  test(`${Class.name}: shows nothing of its memory, and says how it is sent`, () => {
    const shared = new Class()
    assert.ok(inspect(shared).length < 600, inspect(shared))
    assert.equal(JSON.stringify(shared).includes('memory'), false)
    const words = new RegExp(
      `a ${Class.name} cannot be sent: send its handle, and call ${Class.name}.attach\\(handle\\)`,
    )
    assert.throws(() => structuredClone(shared), words)
    assert.throws(() => new Worker('', { eval: true, workerData: { shared } }), words)
  })
}

test('locks, histograms and the guard refuse options that there are not, too', () => {
  const refused = (make: () => unknown, words: RegExp): void => {
    assert.throws(make, (error: unknown) => error instanceof OptionError && words.test(error.message))
  }
  refused(
    () => new Backoff({ maxretries: 3 } as object),
    /new Backoff\(\) has no option 'maxretries'; did you mean 'maxRetries'/,
  )
  refused(
    () => new Histogram({ higest: 3 } as object),
    /new Histogram\(\) has no option 'higest'; did you mean 'highest'/,
  )
  refused(
    () => guard(new Map(), { onreport: () => {} } as object),
    /guard\(\) has no option 'onreport'; did you mean 'onReport'/,
  )
})

test('console.log survives a codec that throws', () => {
  const map = new FastMap({
    key: string,
    value: {
      name: 'bad',
      encode: () => new Uint8Array(1),
      decode: () => {
        throw new Error('undecodable')
      },
    },
    maxBytes: TEST_BYTES,
  })
  map.set('a', 'anything' as never)
  assert.equal(inspect(map), 'FastMap { <undecodable> }')
  map[Symbol.dispose]()
})

test('values are shown with the depth and the options of the caller', () => {
  const map = new FastMap({ key: string, value: json<unknown>(), maxBytes: TEST_BYTES })
  map.set('a', { b: { c: { d: 1 } } })
  const like = new Map([['a', { b: { c: { d: 1 } } }]])
  for (const options of [{}, { depth: 0 }, { depth: 1 }, { depth: null }, { compact: false }, { colors: true }]) {
    assert.equal(inspect(map, options), inspect(like, options).replace('Map(1)', 'FastMap(1)'), JSON.stringify(options))
    assert.equal(
      inspect({ in: map }, options),
      inspect({ in: like }, options).replace('Map(1)', 'FastMap(1)').replace('[Map]', '[FastMap]'),
      JSON.stringify(options),
    )
  }
  map[Symbol.dispose]()
})
