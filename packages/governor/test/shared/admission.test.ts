import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from '#governor/shared/admission.js'
import { layoutOf, SharedMemory } from '#governor/shared/layout.js'

test('the limiter admits its rate, and a burst of a tenth of a second', () => {
  for (const rate of [0.5, 5, 100, 33_333]) {
    const admission = new Admission(SharedMemory.create(layoutOf(2, 12, 60)), 0)
    let admitted = 0
    const seconds = 20
    // Ten times as many callers as the rate.
    const calls = Math.round(rate * 10 * seconds)
    for (let i = 0; i < calls; i++) {
      if (admission.take(1, rate, 0, 1e6 + (i * seconds * 1000) / calls) >= 0) admitted++
    }
    const expected = rate * seconds * 1.0001
    assert.ok(
      admitted >= rate * seconds - 1 && admitted <= expected + Math.max(1, rate / 10) + 1,
      `${rate}: ${admitted}`,
    )
  }
})

test('a caller that waits gets its turn; one that would wait longer learns how long, and takes no token', () => {
  const admission = new Admission(SharedMemory.create(layoutOf(1, 12, 60)), 0)
  const delays = Array.from({ length: 5 }, () => admission.take(0, 2, 10_000, 1000))
  assert.deepEqual(delays, [0, 500, 1000, 1500, 2000])
  assert.equal(admission.take(0, 2, 2499, 1000), -2500)
  assert.equal(admission.take(0, 2, 2500, 1000), 2500)
  assert.equal(admission.take(0, 2, 0, 4000), 0)
})
