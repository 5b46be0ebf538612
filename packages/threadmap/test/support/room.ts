import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandedMap, localHand, remoteHand } from './handed-map.js'
import { type Helper, helperThreads } from './helper.js'
import { type AnyMap, type MapClass, mapClasses, TEST_BYTES } from './maps.js'
import { identity, type Pair, pairs } from './pairs.js'
import { naming, Random } from './random.js'

/**
 * - `fresh`: a new map.
 * - `grown`: grown from capacity 1 by entries that stay during the test and must not change.
 * - `attached`: this thread and another one take turns.
 * - `cached`: as `attached`, with a read cache in both threads that is too small for all keys.
 */
export type Mode = 'fresh' | 'grown' | 'attached' | 'cached'

const ALL: readonly Mode[] = ['fresh', 'grown', 'attached', 'cached']

/** `THREADMAP_MODE=fresh,grown` runs the suites in those modes only. */
const MODES = ALL.filter(mode => (process.env.THREADMAP_MODE ?? mode).split(',').includes(mode))
/** Thousands of entries for one row of the matrix, hundreds for the others; both make the table grow from capacity 1. */
const BALLAST = 3000
const LESS_BALLAST = 300
const BALLAST_FROM = 1_000_000
const CACHE = 8

/** One map under test, with samples for its codecs. */
export class Room {
  readonly map: AnyMap
  readonly mode: Mode
  readonly pair: Pair
  readonly kind: string
  readonly random: Random
  /** The map object of this thread, and that of the other thread (this thread's, if there is no other). */
  readonly here: AnyMap
  readonly there: AnyMap
  readonly #helper: Helper | null = null
  #ballast = 0

  constructor(Class: MapClass, pair: Pair, mode: Mode, label: string) {
    this.pair = pair
    this.mode = mode
    this.kind = Class.name
    this.random = Random.of(label)
    this.here = new Class({
      key: pair.key.codec,
      value: pair.value.codec,
      capacity: mode === 'grown' ? 1 : 16,
      maxBytes: TEST_BYTES,
      cache: mode === 'cached' ? CACHE : 0,
    })
    if (mode === 'attached' || mode === 'cached') {
      this.#helper = helperThreads(1)[0] as Helper
      const local = localHand(this.here)
      const remote = remoteHand(this.#helper.peer, this.#helper.attach(this.kind, pair.name, this.here.handle))
      this.map = new HandedMap([local, remote], this.random)
      this.there = new HandedMap([remote], this.random)
    } else {
      this.map = this.here
      this.there = this.here
    }
    if (mode === 'grown') {
      this.#ballast = pair === pairs[0] ? BALLAST : LESS_BALLAST
      for (let i = 0; i < this.#ballast; i++) this.here.set(this.key(BALLAST_FROM + i), this.value(i))
    }
  }

  /** The i-th sample key: the first ones are corner cases. */
  key(i: number): unknown {
    return this.pair.key.of(i)
  }

  /** The i-th sample value: different for different `i` below `pair.value.distinct`. */
  value(i: number): unknown {
    return this.pair.value.of(i)
  }

  /** `count`, or a fourth of it where every operation is a message to another thread, which makes it 100 times as long. */
  scale(count: number): number {
    return this.here === this.there ? count : Math.ceil(count / 4)
  }

  /** The map's size without the ballast. */
  get size(): number {
    return this.map.size - this.#ballast
  }

  /** All entries but the ballast, as a plain `Map` by `identity`; no key may come twice. */
  contents(entries: Iterable<readonly [unknown, unknown]> = this.#everything()): Map<string, unknown> {
    const seen = new Map<string, unknown>()
    for (const [key, value] of entries) {
      const id = identity(key)
      assert.ok(!seen.has(id), `key ${id} was seen twice`)
      seen.set(id, value)
    }
    for (let i = 0; i < this.#ballast; i++) {
      const id = identity(this.key(BALLAST_FROM + i))
      assert.ok(seen.has(id), `iteration missed ${id}`)
      assert.deepEqual(seen.get(id), this.value(i))
      seen.delete(id)
    }
    return seen
  }

  #everything(): [unknown, unknown][] {
    return this.map instanceof HandedMap ? this.map.collect() : [...this.map]
  }

  /** Tells the room that the test itself emptied the map. */
  sink(): void {
    this.#ballast = 0
  }

  /** Checks at the end of every test that the ballast is whole and that the audit finds nothing. */
  close(): void {
    for (let i = 0; i < this.#ballast; i++) {
      assert.deepEqual(this.here.get(this.key(BALLAST_FROM + i)), this.value(i), 'an entry the test did not touch')
    }
    assert.deepEqual(this.map.audit(), [], 'the audit found broken invariants')
  }

  dispose(): void {
    this.map[Symbol.dispose]()
    this.#helper?.forget()
  }
}

export interface Which {
  modes?: readonly Mode[]
  classes?: readonly MapClass[]
  pairs?: (pair: Pair) => boolean
}

/**
 * One test per map class, run with every pair of codecs in every mode. A failure names the first room it happened in
 * and how many there were.
 */
export function inEveryRoom(behaviour: string, body: (room: Room) => void, which: Which = {}): void {
  const chosen = pairs.filter(which.pairs ?? (() => true))
  const modes = MODES.filter(mode => which.modes?.includes(mode) ?? true)
  for (const Class of which.classes ?? mapClasses) {
    test(`${Class.name}: ${behaviour}`, async () => {
      const failures: Error[] = []
      for (const pair of chosen) {
        for (const mode of modes) {
          const place = `${pair.name}, ${mode}`
          await naming(place, () => inRoom(Class, pair, mode, behaviour + place, body)).catch((error: Error) =>
            failures.push(error),
          )
        }
      }
      if (failures.length === 0) return
      const rooms = chosen.length * modes.length
      const places = failures.map(({ message }) => /^\[(.*), THREADMAP_SEED/.exec(message)?.[1])
      throw new Error(`${failures.length} of ${rooms} rooms failed (${places.join('; ')}). ${failures[0]?.message}`)
    })
  }
}

function inRoom(Class: MapClass, pair: Pair, mode: Mode, label: string, body: (room: Room) => void): void {
  const room = new Room(Class, pair, mode, label)
  try {
    body(room)
    room.close()
  } finally {
    room.dispose()
  }
}

/** A map for a test that needs one of its own, audited and disposed at the end. */
export async function withMap<T>(map: AnyMap, body: (map: AnyMap) => T | Promise<T>): Promise<T> {
  try {
    const result = await body(map)
    assert.deepEqual(map.audit(), [], 'the audit found broken invariants')
    return result
  } finally {
    map[Symbol.dispose]()
  }
}

/** Whether `values` has at least `count` different samples: `bool` has two. */
export function distinctValues(count: number): (pair: Pair) => boolean {
  return pair => pair.value.distinct >= count
}
