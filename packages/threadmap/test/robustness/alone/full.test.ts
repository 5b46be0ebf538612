import assert from 'node:assert/strict'
import type { ConcurrentMap } from 'threadmap'
import { bytes, f64, MapFullError, string } from 'threadmap'
import { type FillJobs, isMixedValue, mixedKey, mixedValue } from '../../programs/filling.js'
import { ALL_KINDS, SAFE_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { SOAKING, seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<FillJobs>('filling')

const MAX_BYTES = 2 * 1024 * 1024

type Bytes = ConcurrentMap<string, Uint8Array>

/** Inserts mixed entries from number `from` on until the map refuses one; returns the number of the refused entry. */
function fillUp(map: Bytes, from: number): number {
  for (let index = from; ; index++) {
    try {
      map.set(mixedKey(index), mixedValue(index))
    } catch (error) {
      assert.ok(error instanceof MapFullError, String(error))
      assert.equal(error.code, 'ERR_THREADMAP_FULL')
      return index
    }
    assert.ok(index < from + 100_000, 'maxBytes is no limit')
  }
}

/** The contents of the map, as plain data. */
function content(map: Bytes): Map<string, string> {
  return new Map([...map].map(([key, value]) => [key, Buffer.from(value).toString('hex')]))
}

for (const kind of ALL_KINDS) {
  const create = () => createMap(kind, { key: string, value: bytes, maxBytes: MAX_BYTES, shards: 8 })

  seeded(`${kind}: a full map refuses by name and with its limit, and is as it was`, () => {
    using map = create()
    const count = fillUp(map, 0)
    assert.ok(count > 2000, `only ${count} entries fit into ${MAX_BYTES} bytes`)
    assert.ok(map.stats().bytes <= MAX_BYTES)
    const before = content(map)
    assert.equal(before.size, count)
    assert.equal(map.size, count)

    const absent = mixedKey(count)
    const big = new Uint8Array(60_000).fill(7)
    const refused = { name: 'MapFullError', code: 'ERR_THREADMAP_FULL', message: /2097152|2(\.0+)? ?Mi?B/i }
    assert.throws(() => map.set(absent, big), refused)
    assert.throws(() => map.getOrInsert(absent, big), refused)
    assert.throws(() => map.getOrInsertComputed(absent, () => big), refused)
    // The failed computation is over: the next one neither is recursive nor waits.
    assert.throws(() => map.getOrInsertComputed(absent, () => big), refused)
    assert.throws(() => map.swap(absent, big), refused)
    assert.throws(() => map.update(absent, () => big), refused)
    const present = mixedKey(5)
    assert.throws(() => map.set(present, big), refused)
    assert.throws(() => map.swap(present, big), refused)
    assert.throws(() => map.update(present, () => big), refused)
    assert.throws(() => map.compareAndSwap(present, mixedValue(5), big), refused)
    assert.equal(map.compareAndSwap(present, mixedValue(6), mixedValue(5)), false)
    assert.equal(map.has(absent), false)
    assert.equal(map.size, count)
    assert.deepEqual(content(map), before)
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: a full map goes on after deletes, and after clear holds as much as before`, () => {
    using map = create()
    const count = fillUp(map, 0)
    for (let index = 0; index < count; index += 2) assert.ok(map.delete(mixedKey(index)))
    assert.equal(map.size, count >> 1)
    const again = fillUp(map, count) - count
    assert.ok(again >= count * 0.35, `${again} entries fit where ${count - (count >> 1)} were deleted`)
    for (let index = 0; index < count; index++) {
      const value = map.get(mixedKey(index))
      assert.ok(index % 2 === 0 ? value === undefined : isMixedValue(value, index), `entry ${index}`)
    }
    for (let index = count; index < count + again; index++) assert.ok(isMixedValue(map.get(mixedKey(index)), index))
    assert.deepEqual(map.audit(), [])

    map.clear()
    assert.equal(map.size, 0)
    const anew = fillUp(map, 0)
    assert.ok(anew >= count * 0.9, `${anew} entries fit after clear, ${count} before`)
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: in a full map numbers are still updated, added to, read, iterated and deleted`, () => {
    using map = createMap(kind, { key: string, value: f64, maxBytes: MAX_BYTES, shards: 8 })
    let count = 0
    assert.throws(() => {
      for (; count < 1_000_000; count++) map.set(`key:${count}`, count)
    }, MapFullError)
    assert.throws(() => {
      for (let more = 0; more < 5000; more++) map.add(`absent:${more}`, 1)
    }, MapFullError)
    map.set('key:1', -1)
    assert.equal(map.add('key:2', 10), 12)
    assert.equal(map.swap('key:3', -3), 3)
    assert.equal(
      map.update('key:4', current => current! + 1),
      5,
    )
    assert.equal(map.compareAndSwap('key:5', 5, -5), true)
    assert.deepEqual([map.get('key:1'), map.get('key:5'), map.get(`key:${count - 1}`)], [-1, -5, count - 1])
    assert.equal([...map.keys()].length, map.size)
    for (let index = 0; index < count; index++) assert.ok(map.delete(`key:${index}`))
    assert.deepEqual(map.audit(), [])
  })
}

for (const kind of SAFE_KINDS) {
  seeded(`${kind}: two workers that hit the limit at the same time lose nothing, and go on after deletes`, async () => {
    using map = createMap(kind, { key: string, value: bytes, maxBytes: MAX_BYTES, shards: 8 })
    const rounds = SOAKING ? 300 : 8
    const reports = await run(
      team(
        'overfill',
        [0, 1].map(() => ({ map: map.handle, rounds })),
      ),
    )
    assert.deepEqual(reports, [rounds, rounds])
    assert.ok(map.stats().bytes <= MAX_BYTES)
    assert.deepEqual(map.audit(), [])
    map.clear()
    using fresh = createMap(kind, { key: string, value: bytes, maxBytes: MAX_BYTES, shards: 8 })
    const [used, unused] = [fillUp(map, 0), fillUp(fresh, 0)]
    assert.ok(used >= unused * 0.9, `${used} entries fit now, ${unused} into a new map`)
  })
}
