import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slopesInKilobytes } from '#mesh/experiments/growth.js'
import { commonSlope, estimateOf, type Point, slopeOf } from '#mesh/experiments/line.js'
import { resumptionVerdict } from '#mesh/experiments/resumption.js'
import { growthOf, growthVerdict } from '#mesh/experiments/soak.js'
import { random } from '../support/rows.js'

const line = (count: number, of: (at: number) => number): Point[] =>
  Array.from({ length: count }, (_, at) => ({ x: at, y: of(at) }))

test('the slope of a line is found, and of points around it that of least squares', () => {
  assert.ok(Math.abs(slopeOf(line(5, at => 7 + 3 * at)) - 3) < 1e-12)
  assert.equal(
    slopeOf([
      { x: 0, y: 0 },
      { x: 1, y: 3 },
      { x: 2, y: 0 },
      { x: 3, y: 3 },
    ]),
    0.6,
  )
})

test('megabytes over connections are kilobytes for each connection', () => {
  const curve = [0, 100, 1000].map(x => ({ x, y: 40 + x * 0.025 }))
  const [slope] = slopesInKilobytes([curve])
  assert.ok(Math.abs(slope - 25) < 1e-9)
})

test('repetitions give the interval of Student, a single one none', () => {
  const { value, low, high } = estimateOf([1, 2, 3])
  // The standard error is 1 / sqrt(3), with two degrees of freedom.
  assert.equal(value, 2)
  assert.ok(Math.abs(high - (2 + 4.303 / Math.sqrt(3))) < 1e-9)
  assert.ok(Math.abs(low + high - 4) < 1e-9)
  assert.deepEqual(estimateOf([5]), { value: 5, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY })
})

test('processes at different heights share a slope: a restart is no growth', () => {
  const found = commonSlope([line(60, at => 50 + 0.5 * at), line(60, at => 20 + 0.5 * at)], 12)!
  assert.ok(Math.abs(found.value - 0.5) < 1e-9)
  assert.ok(found.low <= found.value && found.value <= found.high && found.high - found.low < 1e-6)
  const flat = commonSlope([line(60, () => 20), line(60, () => 50)], 12)!
  assert.ok(Math.abs(flat.value) < 1e-12)
})

test('too few samples have no interval', () => {
  assert.equal(commonSlope([], 12), undefined)
  assert.equal(commonSlope([line(2, at => at)], 12), undefined)
  assert.notEqual(commonSlope([line(3, at => at)], 12), undefined)
})

/** Memory that wanders around its level and forgets in some 20 samples, which follow each other and are far from independent. */
function wandering(seed: number, slope: number): Point[] {
  const next = random(seed)
  let away = 0
  return line(600, at => {
    away = 0.95 * away + (next() - 0.5)
    return 100 + slope * at + away
  })
}

test('memory that wanders is seldom called growing; memory that grows is', () => {
  const seeds = Array.from({ length: 200 }, (_, at) => at + 1)
  const grows = (slope: number) =>
    seeds.filter(seed => {
      const { low, high } = growthOf([wandering(seed, slope)])!
      return low > 0 || high < 0
    }).length
  const mistaken = grows(0)
  assert.ok(mistaken <= 24, `${mistaken} of 200 were called growing or shrinking`)
  const found = grows(0.01)
  assert.ok(found >= 190, `${found} of 200 were found`)
})

test('what a process needs to get going is no growth', () => {
  const { value } = growthOf([line(400, at => Math.min(at, 30) + (at % 2) * 0.1)])!
  assert.ok(Math.abs(value) < 0.001, `${value}`)
})

test('an interval that has zero says which growth it excludes', () => {
  assert.equal(growthVerdict({ value: 0.1, low: -0.2, high: 0.4 }), 'no growth seen: less than 0.40 MB/h')
  assert.equal(growthVerdict({ value: 12, low: 11, high: 13 }), 'grows by 12 MB/h (11 to 13 MB/h)')
  assert.equal(growthVerdict({ value: -2, low: -3, high: -1 }), 'shrinks by 2.00 MB/h (-3.00 to -1.00 MB/h)')
})

test('a subject that refuses sessions says so', () => {
  assert.equal(resumptionVerdict(0, 0), 'refused: it gives no session')
  assert.equal(resumptionVerdict(10, 0), 'refused: every session was new')
  assert.equal(resumptionVerdict(10, 10), 'resumed')
  assert.equal(resumptionVerdict(10, 9), 'resumed 9 of 10')
})
