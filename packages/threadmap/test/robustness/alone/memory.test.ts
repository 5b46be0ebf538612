import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConcurrentMap } from 'threadmap'
import { bytes, string } from 'threadmap'
import { type FillJobs, isMixedValue, mixedKey, mixedValue } from '../../programs/filling.js'
import { SAFE_KINDS, type SafeKind } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { mix } from '../../support/random.js'
import { SOAKING, seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<FillJobs>('filling')

type Bytes = ConcurrentMap<string, Uint8Array>

/** One job of two workers on the entries `from` to `to`. */
async function both(job: 'fill' | 'deleteOdd' | 'verify', map: Bytes, from: number, to: number) {
  const tasks = [0, 1].map(() => ({ map: map.handle, from, to, step: 2 }))
  // All three jobs take this task; only the report of `verify` is used.
  return await run(team(job as 'verify', tasks))
}

async function countWhole(map: Bytes, from: number, to: number): Promise<number> {
  const counts = await both('verify', map, from, to)
  return counts[0]! + counts[1]!
}

for (const kind of SAFE_KINDS) {
  // The recommended map gets a million entries, the others fewer: all maps share the code of table, heap and growth.
  const entries = kind === 'FastMap' || SOAKING ? 1_000_000 : 200_000

  seeded(
    `${kind}: from capacity 16 two workers insert ${entries} entries of mixed sizes, delete half and insert as many without growing`,
    async () => {
      using map = createMap(kind, { key: string, value: bytes, capacity: 16 })
      await both('fill', map, 0, entries)
      assert.equal(map.size, entries)
      assert.equal(await countWhole(map, 0, entries), entries)
      const full = map.stats().bytes

      await both('deleteOdd', map, 0, entries)
      assert.equal(map.size, entries / 2)

      await both('fill', map, entries, entries + entries / 2)
      assert.equal(map.size, entries)
      assert.equal(await countWhole(map, 0, entries), entries / 2)
      assert.equal(await countWhole(map, entries, entries + entries / 2), entries / 2)
      const again = map.stats().bytes
      // SyncMap has two tables, each of which doubles; both exist again when all entries are inserted.
      const bound = kind === 'SyncMap' ? 1.25 : 1.15
      assert.ok(again <= full * bound, `memory went from ${full} to ${again} bytes`)
      assert.deepEqual(map.audit(), [])
    },
  )
}

/** Inserts `count` entries whose values have `size` bytes, under names that begin with `prefix`. */
function insert(map: Bytes, prefix: string, count: number, size: number): void {
  for (let index = 0; index < count; index++) map.set(`${prefix}${index}`, new Uint8Array(size).fill(index & 255))
}

/** All bytes that an entry of this size takes, measured in a map of such entries only. */
function bytesPerEntry(kind: SafeKind, count: number, size: number): number {
  using map = createMap(kind, { key: string, value: bytes })
  const empty = map.stats().usedBytes
  insert(map, 'x', count, size)
  return (map.stats().usedBytes - empty) / count
}

for (const kind of SAFE_KINDS) {
  for (const [small, large] of [
    [16, 120],
    [120, 16],
  ] as const) {
    seeded(
      `${kind}: when 90% of the ${small}-byte values are deleted, half of their memory or more serves ${large}-byte ones`,
      () => {
        const count = 400_000
        using map = createMap(kind, { key: string, value: bytes })
        insert(map, 'first:', count, small)
        const full = map.stats()
        const perFirst = full.usedBytes / count
        for (let index = 0; index < count; index++) if (mix(index) % 10 !== 0) assert.ok(map.delete(`first:${index}`))
        const left = map.size
        const freed = (count - left) * perFirst

        const perSecond = bytesPerEntry(kind, 20_000, large)
        const more = Math.floor(freed / perSecond)
        insert(map, 'second:', more, large)
        const grown = map.stats().bytes - full.bytes
        const reused = 1 - grown / (more * perSecond)
        assert.ok(reused >= 0.5, `${(reused * 100).toFixed(0)}% of ${freed.toFixed(0)} bytes were used again`)

        for (let index = 0; index < count; index++) {
          const value = map.get(`first:${index}`)
          if (mix(index) % 10 !== 0) assert.equal(value, undefined)
          else assert.deepEqual(value, new Uint8Array(small).fill(index & 255))
        }
        assert.equal(map.size, left + more)
        assert.deepEqual(map.audit(), [])
      },
    )
  }

  seeded(`${kind}: memory does not grow in 200,000 overwrites of 100 keys by values of changing lengths`, random => {
    using map = createMap(kind, { key: string, value: bytes })
    const value = new Uint8Array(400)
    for (let count = 0; count < 20_000; count++)
      map.set(`key:${random.below(100)}`, value.subarray(0, random.below(400)))
    const settled = map.stats().bytes
    const times = SOAKING ? 1_000_000 : 200_000
    for (let count = 0; count < times; count++)
      map.set(`key:${random.below(100)}`, value.subarray(0, random.below(400)))
    assert.ok(map.stats().bytes <= settled * 1.15, `from ${settled} to ${map.stats().bytes} bytes`)
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: memory does not grow while keys that never come again are inserted and deleted`, () => {
    using map = createMap(kind, { key: string, value: bytes })
    const live = 1000
    const add = (index: number) => map.set(mixedKey(index), mixedValue(index))
    let next = 0
    const churn = (times: number) => {
      for (let count = 0; count < times; count++, next++) {
        add(next)
        if (next >= live) assert.ok(map.delete(mixedKey(next - live)))
      }
    }
    churn(20_000)
    const settled = map.stats().bytes
    churn(SOAKING ? 1_000_000 : 150_000)
    assert.equal(map.size, live)
    for (let index = next - live; index < next; index++) assert.ok(isMixedValue(map.get(mixedKey(index)), index))
    assert.ok(map.stats().bytes <= settled * 1.25, `from ${settled} to ${map.stats().bytes} bytes`)
    assert.deepEqual(map.audit(), [])
  })
}

test('SyncMap: the time that audit takes grows with the entries, not with their square', () => {
  /** The processor time of an audit while all entries are in both tables, in us. Some kernels count it in steps of 10 ms: so many audits as take 300. */
  function auditTime(entries: number): number {
    using map = createMap('SyncMap', { key: string, value: bytes })
    insert(map, 'x', entries, 8)
    // Reads move the entries to the table for reads; the new one makes a second table of them all.
    for (let index = 0; index < 2 * entries; index++) map.get(`x${index % entries}`)
    insert(map, 'new', 1, 8)
    const before = process.cpuUsage()
    let [audits, used] = [0, 0]
    for (; used < 300_000; audits++) {
      assert.deepEqual(map.audit(), [])
      used = process.cpuUsage(before).user
    }
    return used / audits
  }
  const few = auditTime(10_000)
  const many = auditTime(80_000)
  assert.ok(many < 30 * few, `8 times the entries took ${(many / few).toFixed(0)} times as long`)
})
