/** A thread's scratch areas are pages that may have been another thread's, and hold anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f64, string } from 'threadmap'
import { ALL_KINDS } from '../support/kinds.js'
import { createMap } from '../support/maps.js'

const dist = new URL('../../../dist/bridge/layout.generated.js', import.meta.url).href
const L = (await import(dist)) as typeof import('../../dist/bridge/layout.generated.js')

for (const kind of ALL_KINDS) {
  test(`${kind}: add does not take what the area for results held for the length of its result`, () => {
    using map = createMap<string, number>(kind, { key: string, value: f64 })
    const { scratch } = (map as unknown as { session: { scratch: { u32: Uint32Array; resultWord: number } } }).session
    for (const total of [1, 2, 3]) {
      scratch.u32[(scratch.resultWord + L.R_META) >>> 2] = L.META_LENGTH
      assert.equal(map.add('counter', 1), total)
    }
  })
}
