// Any sequence of operations on a SharedCache, in one thread: never a value that was replaced, removed, or whose time is over.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import { SEED } from '../support/random.js'

const KEYS = 40
const key = fc.integer({ min: 0, max: KEYS - 1 }).map(n => `key ${n}`)
/** Lengths on both sides of the largest block, and of one page. */
const length = fc.oneof(
  fc.integer({ min: 0, max: 80 }),
  fc.integer({ min: 1960, max: 2020 }),
  fc.integer({ min: 4000, max: 9000 }),
)
const ttl = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 60 }))

const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ op: fc.constant('set' as const), key, length, ttl }) },
  { weight: 10, arbitrary: fc.record({ op: fc.constant('get' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('getOrInsert' as const), key, length }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('swap' as const), key, length }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('update' as const), key, length }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('clear' as const) }) },
)

for (const max of [3, 20, 1000]) {
  test(`a cache of ${max} is a Map with deadlines that may lose keys, and loses none while there is room`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 300 }), fc.constantFrom(0, 8), (steps, readCache) => {
        using cache = new SharedCache({
          key: string,
          value: string,
          max,
          shards: 1,
          ttl: 40,
          readCache,
          maxBytes: 2 ** 22,
        })
        let now = 1000
        cache.session.clock.now = () => now
        const model = new Map<string, { value: string; until: number }>()
        const expected = (name: string): string | undefined => {
          const known = model.get(name)
          return known !== undefined && now < known.until ? known.value : undefined
        }
        const check = (name: string, found: string | undefined): void => {
          if (found === undefined && max < KEYS) model.delete(name)
          assert.equal(found, expected(name))
        }
        for (const [number, each] of steps.entries()) {
          const value = 'length' in each ? `${number}:`.padEnd(each.length, 'x') : ''
          const put = (name: string, time = 40): void => void model.set(name, { value, until: now + time })
          if (each.op === 'pass') now += each.ms
          else if (each.op === 'clear') {
            cache.clear()
            model.clear()
          } else if (each.op === 'get') check(each.key, cache.get(each.key))
          else if (each.op === 'set') {
            cache.set(each.key, value, each.ttl === undefined ? {} : { ttl: each.ttl })
            put(each.key, each.ttl)
            check(each.key, cache.get(each.key))
          } else if (each.op === 'delete') {
            const had = cache.delete(each.key)
            if (had) assert.notEqual(expected(each.key), undefined)
            model.delete(each.key)
          } else if (each.op === 'getOrInsert') {
            const found = cache.getOrInsert(each.key, value)
            if (found === value) put(each.key)
            else check(each.key, found)
          } else if (each.op === 'swap') {
            check(each.key, cache.swap(each.key, value))
            put(each.key)
          } else {
            cache.update(each.key, found => {
              check(each.key, found)
              return value
            })
            put(each.key)
          }
          assert.ok(cache.size <= max)
        }
        for (const [name, found] of cache) assert.equal(found, expected(name))
        assert.deepEqual(cache.audit(), [])
      }),
      { numRuns: 40, seed: SEED },
    )
  })
}
