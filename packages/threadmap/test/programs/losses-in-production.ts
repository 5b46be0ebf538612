/** Run by codec/losses.test.ts in a process of its own, with NODE_ENV=production. */
import assert from 'node:assert/strict'
import { json, string } from 'threadmap'
import { lost, lostInside, refusedBy } from '../support/losses.js'
import { mapClasses, TEST_BYTES } from '../support/maps.js'

assert.equal(process.env.NODE_ENV, 'production')
for (const Class of mapClasses) {
  using map = new Class({ key: string, value: json(), maxBytes: TEST_BYTES })
  for (const value of Object.values(lost)) {
    refusedBy(map, value, /json codec/)
    refusedBy(map, { deep: [value] }, /deep\[0\]/)
  }
  for (const value of Object.values(lostInside)) refusedBy(map, value, /json codec/)
  // In production these are not looked for: the check would cost a seventh to a half of the encoding.
  map.set('k', { nan: Number.NaN, fn: () => 1, list: [undefined], empty: {} })
  assert.deepEqual(map.get('k'), { nan: null, list: [null], empty: {} })
}
