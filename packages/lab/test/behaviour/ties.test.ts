/** What is said where maps cannot be told apart: the same in every run, and no more than the run could see. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedSubject } from '@threadmap/workbench/subjects/subject'
import { random, type Workload } from '@threadmap/workbench/workload'
import { answerFromMeasurement, answerText, choiceOf, shapeOf } from '#lab/advice/answer.js'
import { runWorkloads, type SubjectRounds } from '#lab/experiments/mix/measure.js'
import { enough } from '#lab/experiments/shards/index.js'

const WORKLOAD: Workload = { reads: 99.9, keys: 200, zipf: 0.99, threads: 2, valueBytes: 200, churn: 0 }
const [BLOCKS, PER_BLOCK] = [5, 2]

/** A run in which each block gives each subject a layout of its own, 6% up or down, and rounds inside a block differ by 2%. */
function run(rates: Readonly<Record<string, number>>, seed: number, layout = 0.06): SubjectRounds[] {
  const next = random(seed)
  const swing = (by: number) => Math.exp(by * (2 * next() - 1) * 1.7)
  return Object.entries(rates).map(([name, rate]) => ({
    name,
    perBlock: PER_BLOCK,
    rounds: Array.from({ length: BLOCKS }, () => rate * swing(layout)).flatMap(base =>
      Array.from({ length: PER_BLOCK }, () => base * swing(0.02)),
    ),
  }))
}

function answerOf(subjects: readonly SubjectRounds[], leaf?: string) {
  const about = {
    from: 'measured',
    question: 'q',
    workload: WORKLOAD,
    shape: shapeOf(WORKLOAD),
    variants: [],
    notes: [],
  } as const
  return answerFromMeasurement({ ...about, subjects, leaf })
}

test('twenty runs of one question have one answer where two maps are equal, whichever was a nose ahead', () => {
  const rates = { RWMutexMap: 4, SyncMap: 10, ShardedMap: 6, FastMap: 10, 'plain Map per thread': 30 }
  const ahead = new Set<string>()
  const headlines = new Set<string>()
  for (let seed = 1; seed <= 20; seed++) {
    const subjects = run(rates, seed)
    ahead.add(choiceOf(subjects, 2).fastest.name)
    const answer = answerOf(subjects)
    assert.equal(answer.choice, 'FastMap')
    assert.deepEqual(answer.tied, ['SyncMap'])
    assert.match(answer.notes.join(), /differs by \d+\.\d% from round to round and \d+\.\d% from one set of fresh maps/)
    const [low, high] = answer.otherwise[0].interval ?? [0, 0]
    assert.ok(low < answer.otherwise[0].slower && answer.otherwise[0].slower < high)
    headlines.add(
      answerText(answer, String, String)
        .split('\n')[0]
        .replace(/[\d.]+x/, 'Nx'),
    )
    // With a tree, its leaf decides.
    assert.equal(answerOf(subjects, 'SyncMap').choice, 'SyncMap')
    assert.equal(answerOf(subjects, 'RWMutexMap').choice, 'FastMap', 'the leaf does not win over a difference')
  }
  assert.equal(ahead.size, 2, 'each of the two was ahead in some run')
  assert.deepEqual(
    [...headlines],
    ['FastMap or SyncMap: no difference here (differences below Nx could hide); take FastMap.'],
  )
})

test('what is called sure differs by more than 5%, by the figure that is shown, and sure answers do not contradict each other', () => {
  const sides = new Set<string>()
  for (let seed = 1; seed <= 60; seed++) {
    const { choice, otherwise } = answerOf(run({ SyncMap: 10, FastMap: 11, RWMutexMap: 3 }, seed))
    for (const { slower, isSure } of otherwise) if (isSure) assert.ok(slower > 1.05, `${slower}`)
    const other = otherwise.find(({ name }) => name !== 'RWMutexMap')
    if (other?.isSure) sides.add(choice)
    assert.equal(otherwise.find(({ name }) => name === 'RWMutexMap')?.isSure, true)
  }
  assert.ok(!sides.has('SyncMap'), 'no run was sure of the map that is slower')
})

test('a noisy run says that it cannot tell, and which differences could hide, instead of "no difference"', () => {
  const loud = answerText(answerOf(run({ SyncMap: 10, FastMap: 10 }, 3, 1)), String, String).split('\n')[0]
  assert.match(
    loud,
    /^FastMap or SyncMap: too noisy to tell: differences below \d+(\.\d+)?x could hide; meanwhile take FastMap\.$/,
  )
  const shards = (layout: number) =>
    enough(
      run({ 1: 10, 8: 10, 64: 10 }, 5, layout).map(({ name, rounds, perBlock }) => ({
        kind: 'FastMap',
        shards: Number(name),
        bytes: 1,
        rounds: rounds.map(rate => ({ rate, operations: 1, seconds: 1 })),
        ...(perBlock === undefined ? {} : { perBlock }),
      })),
    )
  assert.match(
    shards(0.02),
    /^FastMap: the number of shards makes no difference with these threads; differences below 1\.\d\dx could hide\.$/,
  )
  assert.match(
    shards(1),
    /^FastMap: too noisy to tell: differences below \d+(\.\d+)?x could hide between numbers of shards\.$/,
  )
})

test('every block has fresh maps and threads, and measures all workloads', async () => {
  const begun: string[] = []
  const workloads = [WORKLOAD, { ...WORKLOAD, reads: 10 }]
  const found = await runWorkloads(workloads, {
    threads: 2,
    subjects: [sharedSubject('FastMap'), sharedSubject('SyncMap')],
    blocks: 3,
    rounds: 2,
    ms: 2,
    seed: 1,
    signal: new AbortController().signal,
    onWorkload: (at, block) => begun.push(`${block}:${at}`),
  })
  assert.deepEqual(begun, ['0:0', '0:1', '1:0', '1:1', '2:0', '2:1'])
  for (const row of found) {
    for (const { rounds, perBlock } of row) {
      assert.equal(perBlock, 2)
      assert.equal(rounds.length, 6)
    }
  }
})

test('beside other programs a difference that these can make is a tie, and the answer says what they had', () => {
  const rates = { FastMap: 10, SyncMap: 6, RWMutexMap: 2 }
  const beside = (others: number) => answerOf(run(rates, 3).map(each => ({ ...each, others })))
  assert.deepEqual(beside(0).tied, [])
  const half = beside(0.5)
  assert.deepEqual([half.choice, half.tied], ['FastMap', ['SyncMap']])
  assert.match(
    half.notes.join(),
    /Other programs had 50% of the processors meanwhile, so smaller differences than 2\.00x count as ties\./,
  )
  assert.doesNotMatch(beside(0).notes.join(), /Other programs/)
})
