import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Governor } from '@threadmap/governor'
import { bytes, FastMap, f64, RWMutexMap, SyncMap, string, u32 } from 'threadmap'
import { QUICK, until } from '../support/load.js'
import { member } from '../support/threads.js'

test('the keys that are read most from a watched map are found, in all threads, and the counters of its shards shown', async () => {
  using governor = new Governor(QUICK)
  using map = new FastMap({ key: string, value: f64 })
  for (let i = 0; i < 100; i++) map.set(`key ${i}`, i)
  const other = await member({ handle: governor.handle })
  await other.tell({ do: 'open', map: map.handle })
  governor.watch(map, 'users')
  const own = setInterval(() => {
    for (let i = 0; i < 300; i++) map.get(i % 3 === 0 ? 'key 1' : `key ${i % 100}`)
  }, 5)
  await other.tell({ do: 'get', key: 'key 2', ms: 1500 })
  const { maps } = await until(
    governor,
    ({ maps }) => {
      const top = maps[0].topKeys.slice(0, 2).map(({ key }) => key)
      return top.includes('key 1') && top.includes('key 2')
    },
    'the keys of both threads',
  )
  clearInterval(own)
  assert.equal(maps.length, 1)
  assert.equal(maps[0].name, 'users')
  assert.equal(maps[0].entries, 100)
  assert.ok(maps[0].reads > 0)
  assert.deepEqual(
    maps[0].shards.map(({ entries }) => entries),
    map.shardStats().map(({ entries }) => entries),
  )
  assert.ok(maps[0].topKeys[0].share > 0.2 && maps[0].topKeys[0].share <= 1)
  assert.equal(governor.unwatch(map), true)
  assert.equal(governor.unwatch(map), false)
  assert.deepEqual(governor.snapshot().maps, [])
  await other.worker.terminate()
})

test('maps of every kind and with keys of every kind are watched, up to four', async () => {
  using governor = new Governor(QUICK)
  const maps = [
    new FastMap({ key: f64, value: u32 }),
    new SyncMap({ key: string, value: u32, cache: 100 }),
    new RWMutexMap({ key: bytes, value: u32 }),
    new FastMap({ key: string, value: u32 }),
  ] as const
  for (const map of maps) governor.watch(map)
  governor.watch(maps[0])
  using fifth = new FastMap({ key: string, value: u32 })
  assert.throws(() => governor.watch(fifth), /watches up to 4 maps/)
  assert.throws(() => governor.watch(new Map() as never), { code: 'ERR_THREADMAP_OPTION' })
  const reads = setInterval(() => {
    maps[0].get(1.5)
    maps[1].get('a')
    maps[2].get(Uint8Array.of(1, 255))
    maps[3].get('b')
  }, 5)
  const { maps: seen } = await until(governor, ({ maps }) => maps.every(({ topKeys }) => topKeys.length === 1), 'keys')
  clearInterval(reads)
  assert.deepEqual(
    seen.map(({ topKeys }) => topKeys[0].key),
    ['1.5', 'a', '01ff', 'b'],
  )
  assert.match(seen[1].name, /^SyncMap \d+$/)
  for (const map of maps) map[Symbol.dispose]()
  assert.equal(governor.snapshot().maps.length, 4, 'a closed map is still watched elsewhere')
})

test('a disposed governor no longer samples', async () => {
  using map = new FastMap({ key: string, value: u32 })
  const governor = new Governor(QUICK)
  governor.watch(map)
  governor.dispose()
  using other = new Governor(QUICK)
  map.get('a')
  assert.deepEqual(other.snapshot().maps, [])
})
