/** The A/A pair of a measurement, and what `npm run repeat` says of many runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AGAIN_NAME } from '@threadmap/workbench/subjects/subject'
import { random } from '@threadmap/workbench/workload'
import { answerFromMeasurement, answerText, shapeOf } from '#lab/advice/answer.js'
import { outcomeOf } from '#lab/experiments/mix/index.js'
import type { SubjectRounds } from '#lab/experiments/mix/measure.js'
import { enough } from '#lab/experiments/shards/index.js'
import { choose } from '#lab/preference.js'
import { broken, judgeRuns, tableOf } from '../repeat/judge.js'

const WORKLOAD = { reads: 90, keys: 200, zipf: 0, threads: 2, valueBytes: 8, churn: 0 }
const BLOCKS = 5

/** A run whose rates differ by `noise` from block to block. */
function run(rates: Readonly<Record<string, number>>, seed: number, noise = 0.01): SubjectRounds[] {
  const next = random(seed)
  return Object.entries(rates).map(([name, rate]) => ({
    name,
    perBlock: 1,
    rounds: Array.from({ length: BLOCKS }, () => rate * Math.exp(noise * 1.7 * (2 * next() - 1))),
  }))
}

const asked = (answer: string, subjects: readonly SubjectRounds[]) => ({ answer, groups: [subjects] })

test('the second of an A/A pair is never the answer, and a difference smaller than that of the pair is none', () => {
  const quiet = run({ FastMap: 10, SyncMap: 8.8, [AGAIN_NAME]: 10 }, 1)
  assert.deepEqual([choose(quiet).choice.name, choose(quiet).tied], ['FastMap', []])
  const disturbed = run({ FastMap: 10, SyncMap: 8.8, RWMutexMap: 4, [AGAIN_NAME]: 12.5 }, 1)
  const { choice, tied, visible } = choose(disturbed)
  assert.deepEqual([choice.name, tied.map(({ name }) => name)], ['FastMap', ['SyncMap']])
  assert.ok((visible ?? 0) > 1.2, `${visible}`)

  const about = { from: 'measured', question: 'q', workload: WORKLOAD, shape: shapeOf(WORKLOAD), variants: [] } as const
  const answer = answerFromMeasurement({ ...about, subjects: disturbed, notes: [] })
  assert.equal(answer.control?.ties, false)
  assert.ok(answer.otherwise.every(({ name }) => name !== AGAIN_NAME))
  assert.match(
    answerText(answer, String, String),
    /The same map twice \(FastMap, with other threads\) differed by 1\.2\dx/,
  )
  assert.equal(answerFromMeasurement({ ...about, subjects: quiet, notes: [] }).control?.ties, true)
})

test('mix and shards say how the A/A pair did', () => {
  const cell = (again: number, seed: number) => ({
    workload: WORKLOAD,
    heldOut: false,
    subjects: run({ FastMap: 10, SyncMap: 8.8, [AGAIN_NAME]: again }, seed),
  })
  const found = (cells: ReturnType<typeof cell>[]) => outcomeOf(cells).findings.find(text => text.includes('A/A'))
  assert.equal(
    found([cell(10, 1), cell(10, 2)]),
    'The same map twice (A/A pairs) ties in 2 of 2 workloads, as it must.',
  )
  assert.match(found([cell(10, 1), cell(13, 2)]) ?? '', /ties in 1 of 2 workloads; .*by up to 1\.[23]\dx, smaller/)

  const shards = (again: number) =>
    enough(
      run({ 1: 10, 8: 11.5, again }, 3).map(({ name, rounds, perBlock = 1 }) => ({
        kind: 'FastMap',
        shards: name === 'again' ? 8 : Number(name),
        bytes: 1,
        rounds: rounds.map(rate => ({ rate, operations: 1, seconds: 1 })),
        perBlock,
        isAgain: name === 'again',
      })),
    )
  assert.match(shards(11.5), /^FastMap: 8 shards are enough: [^.]*\.\d\dx as fast as one shard\.$/)
  assert.match(shards(14), /no difference .* The same map twice \(8 shards\) differed by 1\.2\dx here/)
})

test('in a run whose A/A pairs differ from workload to workload, maps that are no farther apart tie', () => {
  const next = random(9)
  const swing = () => Math.exp(0.5 * (2 * next() - 1))
  const matrix = (isNoisy: boolean) =>
    Array.from({ length: 40 }, (_, keys) => {
      const rates = { FastMap: 10, SyncMap: 10, RWMutexMap: 0.5, [AGAIN_NAME]: 10 }
      const disturbed = Object.entries(rates).map(([name, rate]) => [name, rate * (isNoisy ? swing() : 1)])
      return {
        workload: { ...WORKLOAD, keys: keys + 1 },
        heldOut: false,
        subjects: run(Object.fromEntries(disturbed), keys, 0.005),
      }
    })
  for (const isNoisy of [false, true]) {
    for (const { answer, tied } of outcomeOf(matrix(isNoisy)).conclusions ?? []) {
      assert.deepEqual([answer, tied], ['FastMap', ['SyncMap']])
    }
  }
})

test('runs that repeat break nothing; contradictions, intervals that miss and A/A pairs that differ are named', () => {
  const rates = { FastMap: 10, SyncMap: 10, RWMutexMap: 4, [AGAIN_NAME]: 10 }
  const good = judgeRuns(
    'equal maps',
    Array.from({ length: 20 }, (_, seed) => asked('FastMap = SyncMap', run(rates, seed, 0.03))),
  )
  assert.deepEqual(broken([good]), [])
  assert.deepEqual(good.answers, [['FastMap = SyncMap', 20]])
  // Three pairs of maps in each run; the A/A pair is counted apart.
  assert.deepEqual([good.comparisons, good.sure, good.controls], [60, 40, 20])
  assert.ok(good.covering >= 54, `${good.covering} of 60 intervals hold the median`)
  assert.match(tableOf([good]), /\| equal maps \| FastMap = SyncMap: 20 \| 40 of 60 \| 0 \|/)

  // What differs from run to run, and not within one: no run can see it.
  const swinging = Array.from({ length: 20 }, (_, seed) => {
    const [up, again] = [seed % 2 === 0 ? 1.3 : 1 / 1.3, seed % 4 < 2 ? 1.01 : 1.2]
    return asked('?', run({ FastMap: 10, SyncMap: 10 * up, [AGAIN_NAME]: 10 * again }, seed))
  })
  const bad = judgeRuns('swinging maps', swinging)
  assert.deepEqual(bad.contradictions.length, 1)
  const faults = broken([good, bad])
  assert.match(faults[0], /^swinging maps: FastMap against SyncMap: 0\.7\dx and 1\.\d\dx$/)
  assert.match(faults.join('\n'), /of the 95% intervals hold the median of all runs\nonly \d+% of the A\/A pairs tie/)
})
