/** People have many small maps: what one of a thousand entries takes. See decision 0008. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FastMap, f64, RWMutexMap, ShardedMap, SyncMap, string, UnsafeMap } from 'threadmap'

const KIB = 1024
/** What a machine of two threads has by default: more machine, more shards, more pages. */
const SHARDS = 8

const made = { key: string, value: f64 } as const
const makers = {
  FastMap: () => new FastMap({ ...made, shards: SHARDS }),
  ShardedMap: () => new ShardedMap({ ...made, shards: SHARDS }),
  RWMutexMap: () => new RWMutexMap(made),
  SyncMap: () => new SyncMap(made),
  UnsafeMap: () => new UnsafeMap(made),
}

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: 1,000 entries take 128 KiB at most`, () => {
    using map = make()
    for (let i = 0; i < 1000; i++) map.set(`key:${String(i).padStart(8, '0')}`, i)
    const { usedBytes } = map.stats()
    assert.ok(usedBytes <= 128 * KIB, `${usedBytes} bytes`)
    assert.ok(usedBytes > 1000 * 24, `${usedBytes} bytes`)
  })
}
