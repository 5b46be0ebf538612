import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helperThreads } from './helper.js'
import { type AnyMap, concurrentClasses, type MapClass, TEST_BYTES } from './maps.js'
import { type Pair, pairNamed } from './pairs.js'
import { PATIENCE } from './patience.js'
import { naming } from './random.js'

const SIGNALS = 4096

/** One map that several threads use at once. */
export interface SharedRoom {
  readonly map: AnyMap
  readonly pair: Pair
  readonly kind: string
  readonly signals: Int32Array
  key(i: number): unknown
  value(i: number): unknown
  /** Starts job `name` in thread 0, 1, ... of `threads`. */
  start(name: string, thread: number, threads: number, count: number): Promise<unknown>
  /** Runs the same job in `threads` threads; resolves with their results. */
  all(name: string, threads: number, count: number): Promise<unknown[]>
}

export interface Which {
  pairs?: readonly string[]
  classes?: readonly MapClass[]
  caches?: readonly number[]
}

/** One test per map that allows concurrent use, run for each pair of codecs, with and without read cache. */
export function inSharedRooms(behaviour: string, body: (room: SharedRoom) => Promise<void>, options: Which = {}): void {
  for (const Class of options.classes ?? concurrentClasses) {
    test(`${Class.name}: ${behaviour}`, { timeout: 5 * PATIENCE }, async () => {
      for (const name of options.pairs ?? ['string -> f64', 'string -> json', 'i64 -> i64', 'f64 -> u32']) {
        for (const cache of options.caches ?? [0, 16]) {
          await naming(`${name}, cache ${cache}`, () => inSharedRoom(Class, pairNamed(name), cache, body))
        }
      }
    })
  }
}

async function inSharedRoom(
  Class: MapClass,
  pair: Pair,
  cache: number,
  body: (room: SharedRoom) => Promise<void>,
): Promise<void> {
  const map = new Class({
    key: pair.key.codec,
    value: pair.value.codec,
    cache,
    maxBytes: TEST_BYTES,
    lockTimeout: PATIENCE,
  })
  const signals = new Int32Array(new SharedArrayBuffer(SIGNALS * 4))
  const start: SharedRoom['start'] = (name, thread, threads, count) => {
    const helper = helperThreads(thread + 1)[thread]
    assert.ok(helper !== undefined)
    return helper.run(name, { kind: Class.name, pair: pair.name, handle: map.handle, thread, threads, count, signals })
  }
  try {
    await body({
      map,
      pair,
      kind: Class.name,
      signals,
      key: i => pair.key.of(i),
      value: i => pair.value.of(i),
      start,
      async all(name, threads, count) {
        const jobs = Array.from({ length: threads }, (_, thread) => start(name, thread, threads, count))
        await Promise.allSettled(jobs) // the next test must find every thread idle
        return Promise.all(jobs)
      },
    })
    assert.deepEqual(map.audit(), [], 'the audit found broken invariants')
    assert.equal(map.stats().threads, 1)
  } finally {
    map[Symbol.dispose]()
  }
}
