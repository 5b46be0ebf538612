import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f64, SyncMap } from 'threadmap'
import { type AnyMap, mapClasses, syncStats, TEST_BYTES } from '../support/maps.js'
import { naming, Random } from '../support/random.js'
import { withMap } from '../support/room.js'

/**
 * `SyncMap` as a faithful port of Go's `sync.Map` up to 1.23: its counters after each step, derived by hand from
 * src/sync/map.go, and compared with a model of read, dirty and misses.
 */

interface Counters {
  misses: number
  promotions: number
  entriesCopied: number
  dirtyEntries: number
}

function counters(map: AnyMap): Counters {
  const { misses, promotions, entriesCopied, dirtyEntries } = syncStats(map)
  return { misses, promotions, entriesCopied, dirtyEntries }
}

/** SyncMap, unless THREADMAP_MAP excludes it. */
const here = mapClasses.find(({ name }) => name === SyncMap.name)

function onSyncMap(
  behaviour: string,
  body: (map: AnyMap, expect: (expected: Partial<Counters>) => void) => void,
): void {
  test(`SyncMap: ${behaviour}`, { skip: here === undefined }, () => {
    if (here === undefined) return
    return withMap(new here({ key: f64, value: f64, maxBytes: TEST_BYTES }), map =>
      body(map, expected => assert.deepEqual(counters(map), { ...counters(map), ...expected })),
    )
  })
}

/** Keys 0 to count - 1, all in `read`, with no `dirty`. */
function promoted(map: AnyMap, count: number): void {
  for (let key = 0; key < count; key++) map.set(key, key)
  for (let miss = 0; miss < count; miss++) map.get(0)
}

onSyncMap('a new map has counted nothing', (_, expect) => {
  expect({ misses: 0, promotions: 0, entriesCopied: 0, dirtyEntries: 0 })
})

onSyncMap('new keys go to dirty, without a miss', (map, expect) => {
  for (let key = 0; key < 10; key++) {
    map.set(key, key)
    expect({ misses: 0, promotions: 0, entriesCopied: 0, dirtyEntries: key + 1 })
  }
  map.set(3, 33)
  map.swap(4, 44)
  expect({ misses: 0, promotions: 0, dirtyEntries: 10 })
})

onSyncMap('dirty is promoted exactly when the misses reach its size', (map, expect) => {
  for (let key = 0; key < 10; key++) map.set(key, key)
  for (let miss = 1; miss <= 9; miss++) {
    assert.equal(map.get(miss), miss)
    expect({ misses: miss, promotions: 0, dirtyEntries: 10 })
  }
  assert.equal(map.get(0), 0)
  expect({ misses: 10, promotions: 1, entriesCopied: 0, dirtyEntries: 0 })
})

onSyncMap('after a promotion reads and writes of known keys touch neither dirty nor the counters', (map, expect) => {
  promoted(map, 10)
  const before = counters(map)
  for (let key = 0; key < 10; key++) {
    map.get(key)
    map.has(key)
    map.set(key, key + 1)
    map.swap(key, key + 2)
    map.compareAndSwap(key, key + 2, key + 3)
    map.compareAndSwap(key, -1, 0)
    map.getOrInsert(key, 5)
    map.getAndDelete(key)
    map.getOrInsert(key, key)
    map.delete(key)
    map.set(key, key)
    map.compareAndDelete(key, -1)
  }
  expect(before)
})

onSyncMap('a missing key is no miss while there is no dirty', (map, expect) => {
  promoted(map, 5)
  for (let i = 0; i < 20; i++) {
    assert.equal(map.get(100), undefined)
    assert.equal(map.has(100), false)
    assert.equal(map.delete(100), false)
    assert.equal(map.compareAndSwap(100, 1, 2), false)
    assert.equal(map.compareAndDelete(100, 1), false)
  }
  expect({ misses: 5, promotions: 1, dirtyEntries: 0 })
})

onSyncMap('a missing key is a miss while there is a dirty', (map, expect) => {
  for (let key = 0; key < 10; key++) map.set(key, key)
  map.get(100)
  expect({ misses: 1 })
  map.has(100)
  expect({ misses: 2 })
  map.delete(100)
  expect({ misses: 3 })
  map.getAndDelete(100)
  expect({ misses: 4 })
  map.compareAndDelete(100, 1)
  expect({ misses: 5 })
  map.compareAndSwap(100, 1, 2) // Go does not count this one: only a key found in dirty
  expect({ misses: 5, promotions: 0 })
  map.compareAndSwap(1, 1, 2)
  expect({ misses: 6 })
  map.getOrInsert(1, 5)
  expect({ misses: 7 })
  map.set(1, 6) // nor a store
  map.getOrInsert(200, 5) // nor an insertion
  expect({ misses: 7, promotions: 0, dirtyEntries: 11 })
})

onSyncMap('the first new key after a promotion copies read into a new dirty', (map, expect) => {
  promoted(map, 10)
  map.set(100, 1)
  expect({ promotions: 1, entriesCopied: 10, dirtyEntries: 11 })
  map.set(101, 1)
  map.getOrInsert(102, 1)
  expect({ promotions: 1, entriesCopied: 10, dirtyEntries: 13, misses: 10 })
  for (let miss = 1; miss <= 13; miss++) map.get(101)
  expect({ promotions: 2, entriesCopied: 10, dirtyEntries: 0, misses: 23 })
  map.getOrInsert(103, 1)
  expect({ promotions: 2, entriesCopied: 23, dirtyEntries: 14 })
})

onSyncMap('known keys are read without a miss while dirty holds new ones', (map, expect) => {
  promoted(map, 10)
  map.set(100, 1)
  for (let round = 0; round < 5; round++) for (let key = 0; key < 10; key++) assert.equal(map.get(key), key)
  expect({ misses: 10, promotions: 1, dirtyEntries: 11 })
})

onSyncMap(
  'entries deleted before the copy are left out of it, and expunged ones come back when stored',
  (map, expect) => {
    promoted(map, 10)
    for (let key = 0; key < 4; key++) map.delete(key)
    expect({ dirtyEntries: 0, entriesCopied: 0 })
    map.set(100, 1)
    expect({ entriesCopied: 6, dirtyEntries: 7 })
    assert.equal(map.get(0), undefined)
    assert.equal(map.has(1), false)
    assert.equal(map.compareAndSwap(1, 1, 2), false)
    assert.equal(map.getAndDelete(2), undefined)
    expect({ misses: 10, dirtyEntries: 7 }) // they are in read, if only as expunged
    map.set(0, 7)
    expect({ dirtyEntries: 8, entriesCopied: 6 })
    assert.equal(map.getOrInsert(1, 8), 8)
    expect({ dirtyEntries: 9, misses: 10 })
    assert.equal(map.swap(2, 9), undefined)
    expect({ dirtyEntries: 10 })
    assert.deepEqual([map.get(0), map.get(1), map.get(2), map.get(3), map.get(100)], [7, 8, 9, undefined, 1])
    for (let miss = 0; miss < 9; miss++) map.get(100)
    expect({ promotions: 2, dirtyEntries: 0 })
    assert.deepEqual([map.get(0), map.get(1), map.get(2), map.get(3), map.get(100)], [7, 8, 9, undefined, 1])
    assert.equal(map.size, 10)
  },
)

onSyncMap('an entry deleted after the copy stays in dirty until the next one', (map, expect) => {
  promoted(map, 4)
  map.set(100, 1)
  map.delete(0)
  map.delete(1)
  expect({ dirtyEntries: 5 })
  for (let miss = 1; miss <= 4; miss++) map.get(100)
  expect({ promotions: 1 })
  map.get(100)
  expect({ promotions: 2, dirtyEntries: 0 })
  assert.equal(map.size, 3)
  map.set(101, 1)
  expect({ entriesCopied: 4 + 3, dirtyEntries: 4 })
})

onSyncMap(
  'deleting a key that only dirty has removes it there, and the shorter dirty may be promoted',
  (map, expect) => {
    map.set(1, 1)
    map.set(2, 2)
    map.set(3, 3)
    assert.equal(map.getAndDelete(1), 1)
    expect({ misses: 1, promotions: 0, dirtyEntries: 2 })
    assert.equal(map.delete(2), true)
    expect({ misses: 2, promotions: 1, dirtyEntries: 0 })
    assert.deepEqual([...map], [[3, 3]])
  },
)

onSyncMap('iterating promotes dirty at once', (map, expect) => {
  for (let key = 0; key < 10; key++) map.set(key, key)
  assert.equal([...map].length, 10)
  expect({ misses: 0, promotions: 1, dirtyEntries: 0 })
  map.forEach(() => {})
  assert.equal([...map.keys()].length, 10)
  expect({ misses: 0, promotions: 1 })
  map.set(10, 10)
  expect({ entriesCopied: 10, dirtyEntries: 11 })
  assert.equal([...map.values()].length, 11)
  expect({ promotions: 2, dirtyEntries: 0 })
})

onSyncMap('clear empties both, forgets the misses towards promotion, and is no promotion', (map, expect) => {
  promoted(map, 4)
  for (let key = 10; key < 16; key++) map.set(key, key)
  for (let miss = 0; miss < 9; miss++) map.get(10)
  expect({ promotions: 1, dirtyEntries: 10, misses: 13 })
  map.clear()
  expect({ promotions: 1, dirtyEntries: 0 })
  for (let key = 0; key < 3; key++) map.set(key, key)
  expect({ dirtyEntries: 3, entriesCopied: 4 })
  map.get(0)
  map.get(0)
  expect({ promotions: 1 })
  map.get(0)
  expect({ promotions: 2, dirtyEntries: 0 })
})

/** Go's algorithm over plain Maps: an entry is an object that `read` and `dirty` share. */
class Model {
  read = new Map<number, { value: number | null | 'expunged' }>()
  dirty: Map<number, { value: number | null | 'expunged' }> | null = null
  amended = false
  missesNow = 0
  counters: Counters = { misses: 0, promotions: 0, entriesCopied: 0, dirtyEntries: 0 }

  get(key: number): number | undefined {
    const entry = this.#lookUp(key)
    return typeof entry?.value === 'number' ? entry.value : undefined
  }

  swap(key: number, value: number): number | undefined {
    const known = this.read.get(key)
    if (known !== undefined) {
      const before = known.value
      if (before === 'expunged') this.dirty?.set(key, known)
      known.value = value
      return typeof before === 'number' ? before : undefined
    }
    const fresh = this.dirty?.get(key)
    if (fresh !== undefined) {
      const before = fresh.value
      fresh.value = value
      return typeof before === 'number' ? before : undefined
    }
    this.#insert(key, value)
    return undefined
  }

  getOrInsert(key: number, value: number): number {
    const known = this.read.get(key)
    const entry = known ?? this.dirty?.get(key)
    if (entry === undefined) {
      this.#insert(key, value)
      return value
    }
    if (entry.value === 'expunged') this.dirty?.set(key, entry)
    if (typeof entry.value !== 'number') entry.value = value
    const result = entry.value
    if (known === undefined) this.#miss()
    return result
  }

  getAndDelete(key: number): number | undefined {
    const entry = this.#lookUp(key, () => this.dirty?.delete(key))
    const before = entry?.value
    if (entry !== undefined && typeof before === 'number') entry.value = null
    return typeof before === 'number' ? before : undefined
  }

  compareAndSwap(key: number, expected: number, value: number): boolean {
    const known = this.read.get(key)
    const entry = known ?? this.dirty?.get(key)
    const matches = entry?.value === expected
    if (entry !== undefined && matches) entry.value = value
    if (known === undefined && entry !== undefined) this.#miss()
    return matches
  }

  compareAndDelete(key: number, expected: number): boolean {
    const entry = this.#lookUp(key)
    if (entry?.value !== expected) return false
    entry.value = null
    return true
  }

  range(): [number, number][] {
    if (this.amended) this.#promote()
    const found: [number, number][] = []
    for (const [key, { value }] of this.read) if (typeof value === 'number') found.push([key, value])
    return found
  }

  clear(): void {
    if (this.read.size === 0 && !this.amended) return
    this.read = new Map()
    this.amended = false
    this.dirty?.clear()
    this.missesNow = 0
  }

  #lookUp(key: number, beforeMiss?: () => void): { value: number | null | 'expunged' } | undefined {
    const known = this.read.get(key)
    if (known !== undefined || !this.amended) return known
    const entry = this.dirty?.get(key)
    beforeMiss?.()
    this.#miss()
    return entry
  }

  #insert(key: number, value: number): void {
    if (!this.amended) {
      if (this.dirty === null) {
        this.dirty = new Map()
        for (const [known, entry] of this.read) {
          if (entry.value === null) entry.value = 'expunged'
          else {
            this.dirty.set(known, entry)
            this.counters.entriesCopied++
          }
        }
      }
      this.amended = true
    }
    this.dirty?.set(key, { value })
  }

  #miss(): void {
    this.counters.misses++
    if (++this.missesNow >= (this.dirty?.size ?? 0)) this.#promote()
  }

  #promote(): void {
    this.read = this.dirty ?? new Map()
    this.dirty = null
    this.amended = false
    this.missesNow = 0
    this.counters.promotions++
  }
}

test('SyncMap: answers and counters follow the model of read, dirty and misses', { skip: here === undefined }, () =>
  naming('model', async () => {
    if (here === undefined) return
    const random = Random.of('sync map model')
    for (let round = 0; round < 60; round++) {
      const model = new Model()
      const map = new here({ key: f64, value: f64, maxBytes: TEST_BYTES })
      await withMap(map, () => {
        for (let step = 0; step < 200; step++) {
          const key = random.below(12)
          const value = random.below(4)
          const operation = random.below(20)
          const apply = (to: Model | AnyMap): unknown => {
            if (operation < 5) return to.get(key)
            if (operation < 9) return to.swap(key, value)
            if (operation < 11) return to.getOrInsert(key, value)
            if (operation < 14) return to.getAndDelete(key)
            if (operation < 16) return to.compareAndSwap(key, value, 3 - value)
            if (operation < 18) return to.compareAndDelete(key, value)
            if (operation === 18 && step % 4 === 0) return to instanceof Model ? to.range().sort() : [...to].sort()
            if (operation === 19 && step % 5 === 0) return to.clear()
            return null
          }
          const place = `round ${round}, step ${step}, operation ${operation}, key ${key}`
          assert.deepEqual(apply(map), apply(model), place)
          model.counters.dirtyEntries = model.dirty?.size ?? 0
          assert.deepEqual(counters(map), model.counters, place)
        }
      })
    }
  }),
)
