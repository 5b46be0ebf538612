/** People have many small maps: what one of a thousand entries takes. See decision 0008. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f64, string } from 'threadmap'
import { ALL_KINDS } from '../support/kinds.js'
import { createMap } from '../support/maps.js'

const KIB = 1024
/** What a machine of two threads has by default: more machine, more shards, more pages. */
const SHARDS = 8

for (const kind of ALL_KINDS) {
  test(`${kind}: 1,000 entries take 128 KiB at most`, () => {
    using map = createMap(kind, { key: string, value: f64, shards: SHARDS })
    for (let i = 0; i < 1000; i++) map.set(`key:${String(i).padStart(8, '0')}`, i)
    const { usedBytes } = map.stats()
    assert.ok(usedBytes <= 128 * KIB, `${usedBytes} bytes`)
    assert.ok(usedBytes > 1000 * 24, `${usedBytes} bytes`)
  })
}
