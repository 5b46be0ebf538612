import assert from 'node:assert/strict'
import { test } from 'node:test'
import { build } from 'hdr-histogram-js'
import { Counts, latenciesOf } from '#governor/shared/counts.js'
import { bucketOf, lowOf, middleOf, quantileOf, totalOf } from '#governor/shared/latency.js'
import { COUNTERS, LATENCY_BITS, layoutOf, SharedMemory } from '#governor/shared/layout.js'

const SEED = 7

function* durations(count: number): Generator<number> {
  let state = SEED
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    // From 1 us to 60 s, evenly by their logarithms.
    yield 10 ** (-3 + (state / 2 ** 32) * 7.77) * 1
  }
}

for (const subBits of [3, 4]) {
  test(`buckets with ${subBits} bits have no gaps, and HdrHistogram agrees about every quantile`, () => {
    const buckets = (LATENCY_BITS - subBits + 1) * 2 ** subBits
    for (let bucket = 0; bucket < buckets; bucket++) {
      assert.equal(bucketOf(lowOf(bucket, subBits) / 1000, subBits), bucket)
      assert.equal(bucketOf((lowOf(bucket + 1, subBits) - 1) / 1000, subBits), bucket)
    }
    assert.equal(bucketOf(1e9, subBits), buckets - 1)
    assert.equal(bucketOf(-1, subBits), 0)
    const oracle = build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: 2 ** 27,
      numberOfSignificantValueDigits: 3,
    })
    const counts = new Uint32Array(buckets)
    for (const ms of durations(100_000)) {
      counts[bucketOf(ms, subBits)]++
      oracle.recordValue(Math.max(1, Math.floor(ms * 1000)))
    }
    for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
      const expected = oracle.getValueAtPercentile(share * 100) / 1000
      const error = Math.abs(quantileOf(counts, share, subBits) / expected - 1)
      assert.ok(error <= 1 / 2 ** (subBits + 1) + 0.002 || expected < 0.02, `${share}: ${error}`)
    }
  })
}

test('a quantile of few records is one of them', () => {
  const counts = new Uint32Array(368)
  assert.equal(quantileOf(counts, 0.99, 4), 0)
  for (let i = 0; i < 100; i++) counts[bucketOf(i === 99 ? 1000 : 1, 4)]++
  assert.ok(Math.abs(quantileOf(counts, 0.99, 4) - 1) < 0.04)
  assert.ok(Math.abs(quantileOf(counts, 1, 4) - 1000) < 35)
})

test('counts go on past 2^32, and a window is right across the wrap', () => {
  const layout = layoutOf(2, 12, 60)
  const memory = SharedMemory.create(layout)
  const counts = new Counts(memory, 0)
  const at = COUNTERS + bucketOf(3, 4)
  memory.words[layout.counts + layout.row + at] = -5
  counts.copy(1, 0, 2)
  counts.publish(1, 5000)
  // After each one: a carry that came too early or late would be right in the end.
  for (let i = 1; i <= 8; i++) {
    counts.add(1, at)
    assert.equal(counts.total(1, at), 2 ** 32 - 5 + i)
    assert.equal(counts.ended(1), 2 ** 32 - 5 + i)
  }
  const window = counts.window(1, 10_000, 15_000)
  assert.equal(totalOf(latenciesOf(window)), 8)
  assert.equal(window.length, 10_000)
  assert.ok(Math.abs(quantileOf(latenciesOf(window), 0.5, 4) - middleOf(bucketOf(3, 4), 4)) < 1e-9)
  assert.equal(totalOf(counts.totals(0)), 0)
})

test('windows begin at the nearest look that is kept, up to the long one', () => {
  const layout = layoutOf(1, 12, 60)
  const counts = new Counts(SharedMemory.create(layout), 0)
  // One operation a second, and a look every 5 s.
  for (let second = 1; second <= 1000; second++) {
    counts.add(0, COUNTERS)
    if (second % 5 !== 0) continue
    counts.copy(second / 5, 0, 1)
    counts.publish(second / 5, second * 1000)
  }
  for (const seconds of [5, 10, 60]) {
    const window = counts.window(0, seconds * 1000, 1000_000)
    assert.equal(window.length, seconds * 1000)
    assert.equal(totalOf(latenciesOf(window)), seconds)
  }
  const long = counts.window(0, 300_000, 1000_000)
  assert.ok(long.length >= 285_000 && long.length <= 315_000, String(long.length))
  assert.equal(totalOf(latenciesOf(long)), long.length / 1000)
})
