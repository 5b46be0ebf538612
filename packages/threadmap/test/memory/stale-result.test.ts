import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f64, i64, string, u32 } from 'threadmap'
import { mapClasses, TEST_BYTES } from '../support/maps.js'

/** What a scratch area can hold when a thread gets it: the pages may have been any other thing before. */
const STALE = 0xffffffff

interface Inside {
  readonly session: { readonly scratch: { readonly u32: Uint32Array; readonly resultWord: number } }
}

for (const Class of mapClasses) {
  for (const [value, one, two] of [
    [f64, 1, 2],
    [u32, 1, 2],
    [i64, 1n, 2n],
  ] as const) {
    test(`${Class.name}: add to ${value.name} returns the sum, whatever is left in the result area`, () => {
      using map = new Class({ key: string, value, maxBytes: TEST_BYTES })
      const { scratch } = (map as unknown as Inside).session
      const spoil = () => scratch.u32.fill(STALE, scratch.resultWord >>> 2, (scratch.resultWord >>> 2) + 16)
      spoil()
      assert.equal(map.add('key', one), one)
      spoil()
      assert.equal(map.add('key', one), two)
    })
  }
}
