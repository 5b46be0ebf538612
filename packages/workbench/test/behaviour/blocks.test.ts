/** The statistics of blocks, on generated runs whose variance between and within blocks is known. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hiddenText, isTooNoisy, judge, rateOf } from '@threadmap/workbench/blocks'
import { contrast } from '@threadmap/workbench/statistics'
import { random } from '@threadmap/workbench/workload'

interface Made {
  readonly blocks: number
  readonly perBlock: number
  /** Standard deviations of the logarithm, between blocks and between rounds of one. */
  readonly between: number
  readonly within: number
  /** The true ratio. */
  readonly ratio: number
}

/** Two subjects of one run. Each has a layout of its own in each block, which all rounds of the block share. */
function run({ blocks, perBlock, between, within, ratio }: Made, next: () => number) {
  const normal = () => Math.sqrt(-2 * Math.log(next() || 1e-12)) * Math.cos(2 * Math.PI * next())
  const subject = (rate: number) => ({
    perBlock,
    rounds: Array.from({ length: blocks }, () => between * normal()).flatMap(layout =>
      Array.from({ length: perBlock }, () => rate * Math.exp(layout + within * normal())),
    ),
  })
  return [subject(10 * ratio), subject(10)] as const
}

const RUNS = 2000
const TYPICAL: Made = { blocks: 5, perBlock: 3, between: 0.08, within: 0.02, ratio: 1 }

test('a map against itself ties in nearly every run, though its rounds inside a block are far apart from each other', () => {
  const next = random(1)
  let sure = 0
  let contrasted = 0
  for (let i = 0; i < RUNS; i++) {
    const [a, b] = run(TYPICAL, next)
    if (judge(a, b).differs) sure++
    // What was judged before: one block, whose rounds share a layout.
    if (contrast(a.rounds.slice(0, 3), b.rounds.slice(0, 3)).differs) contrasted++
  }
  assert.ok(sure / RUNS < 0.02, `${sure} of ${RUNS} A/A runs were sure of a difference`)
  assert.ok(
    contrasted / RUNS > 0.3,
    `the rounds of one block were sure in ${contrasted} of ${RUNS}: is this test any good?`,
  )
})

test('95% of the intervals hold the true ratio, and no two sure answers of a question contradict each other', () => {
  for (const ratio of [1, 1.1, 1.5]) {
    for (const blocks of [3, 5, 8]) {
      const next = random(blocks * 100 + ratio * 10)
      let held = 0
      let [up, down] = [0, 0]
      for (let i = 0; i < RUNS; i++) {
        const [a, b] = run({ ...TYPICAL, blocks, ratio }, next)
        const { low, high, differs, ratio: found } = judge(a, b)
        if (low <= ratio && ratio <= high) held++
        if (differs && found > 1) up++
        if (differs && found < 1) down++
      }
      assert.ok(held / RUNS > 0.93 && held / RUNS < 0.97, `${blocks} blocks, ${ratio}: ${held} of ${RUNS} intervals`)
      assert.ok(down / RUNS < 0.01, `${down} runs were sure of the opposite, ${up} of the truth`)
    }
  }
})

test('a real difference is seen, and what could not be seen is said', () => {
  const next = random(7)
  const seen = (made: Partial<Made>) => {
    let sure = 0
    for (let i = 0; i < 400; i++) if (judge(...run({ ...TYPICAL, ...made }, next)).differs) sure++
    return sure / 400
  }
  assert.ok(seen({ ratio: 1.5 }) > 0.95)
  assert.ok(seen({ ratio: 1.03, between: 0.001, within: 0.001 }) === 0, 'less than 5% is never a difference')
  // What a run calls visible is seen by most such runs, and a noisy machine makes it larger.
  const visible = (between: number) => {
    const all = Array.from({ length: 400 }, () => judge(...run({ ...TYPICAL, between }, next)).visible)
    return all.sort((a, b) => a - b)[200]
  }
  const [quiet, loud] = [visible(0.03), visible(0.6)]
  assert.ok(quiet < 1.15 && loud > 1.8, `${quiet}, ${loud}`)
  assert.equal(isTooNoisy(quiet), false)
  assert.equal(isTooNoisy(loud), true)
  assert.equal(hiddenText(1.07), 'differences below 1.07x could hide')
  assert.equal(hiddenText(3), 'too noisy to tell: differences below 3.00x could hide')
})

test('both spreads are told apart, and fewer than three blocks are believed only where the difference is large', () => {
  const next = random(9)
  const { within, between } = judge(...run({ ...TYPICAL, blocks: 400, between: 0.1, within: 0.03 }, next))
  assert.ok(Math.abs((between ?? 0) / (0.1 * Math.SQRT2) - 1) < 0.15, String(between))
  assert.ok(Math.abs((within ?? 0) / (0.03 * Math.SQRT2) - 1) < 0.15, String(within))
  const one = judge({ rounds: [11, 11.1, 11.2] }, { rounds: [10, 10, 10] })
  assert.deepEqual([one.differs, one.between], [false, null])
  assert.equal(judge({ rounds: [15, 15.1, 15.2] }, { rounds: [10, 10, 10] }).differs, true)
  assert.equal(judge({ rounds: [15, 5, 30, 4] }, { rounds: [10, 10, 10, 10] }).differs, false)
  assert.equal(rateOf({ rounds: [1, 2, 3, 11, 12, 13, 5, 6, 7], perBlock: 3 }), 6)
})

test('where other programs have a share of the processors, a difference must exceed what they can make, and the interval has that, too', () => {
  const [a, b] = [
    { perBlock: 1, rounds: [18, 18.2, 17.9, 18.1] },
    { perBlock: 1, rounds: [10, 10.1, 9.9, 10] },
  ]
  const quiet = judge(a, b)
  assert.ok(quiet.differs)
  // Half of the machine: one of the two may have run twice as fast as the other for that.
  const beside = judge({ ...a, others: 0.5 }, b)
  assert.equal(beside.differs, false)
  assert.ok(
    beside.ratio === quiet.ratio && beside.visible > 2 && beside.low < 0.95 && beside.high > 3.5,
    JSON.stringify(beside),
  )
  assert.ok(judge(a, { ...b, others: 0.3 }).differs, '1.4x of 1.8x')
  assert.equal(
    judge({ ...a, rounds: a.rounds.map(rate => 10 * rate), others: 1 }, b).differs,
    false,
    'no ratio is sure then',
  )
})
