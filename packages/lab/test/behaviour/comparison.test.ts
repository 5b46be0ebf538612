/** Comparisons of two runs, on generated runs of one build. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRuns, type FinishedRecord, type RunDocument } from '@threadmap/lab'
import { measured } from '@threadmap/workbench/evidence'
import { random } from '@threadmap/workbench/workload'
import { runFixture } from '../support/run-fixture.js'

const FIGURES = 749

/** A run of many figures, whose rounds differ by a standard deviation of `noise`; every tenth figure is `change` times as large. */
function run(
  seed: number,
  { rounds, noise, change = 1 }: { rounds: number; noise: number; change?: number },
): RunDocument {
  const next = random(seed)
  const normal = () => Math.sqrt(-2 * Math.log(next() || 1e-12)) * Math.cos(2 * Math.PI * next())
  const evidence = Array.from({ length: FIGURES }, (_, at) =>
    measured(
      {
        experiment: 'mix',
        subject: 'FastMap',
        workers: 2,
        workload: `workload ${at}`,
        metric: 'throughput',
        unit: 'M/s',
      },
      Array.from({ length: rounds }, () => (at % 10 === 0 ? change : 1) * 10 * Math.exp(noise * normal())),
    ),
  )
  const document = runFixture()
  const record = document.experiments[0] as FinishedRecord
  return { ...document, id: String(seed), experiments: [{ ...record, evidence }] }
}

const changed = (a: RunDocument, b: RunDocument) => compareRuns(a, b).figures.filter(({ isChange }) => isChange)

test('two runs of one build have nearly no changes, on a quiet machine and on a noisy one', () => {
  for (const noise of [0.03, 0.1, 0.3]) {
    for (let seed = 1; seed <= 5; seed++) {
      const made = { rounds: 5, noise }
      const { length } = changed(run(seed, made), run(seed + 100, made))
      assert.ok(length <= FIGURES / 100, `noise ${noise}: ${length} of ${FIGURES} figures changed`)
    }
  }
})

test('what really changed is found, also from a few rounds where it is large', () => {
  const planted = FIGURES / 10
  const quiet = changed(run(1, { rounds: 5, noise: 0.03 }), run(2, { rounds: 5, noise: 0.03, change: 1.5 }))
  assert.ok(quiet.length > planted * 0.9 && quiet.length < planted * 1.1, `${quiet.length} of ${planted}`)
  assert.ok(quiet.every(({ isBetter }) => isBetter))
  const quick = changed(run(1, { rounds: 3, noise: 0.03 }), run(2, { rounds: 3, noise: 0.03, change: 1.5 }))
  assert.ok(quick.length > planted * 0.9 && quick.length < planted * 1.1, `${quick.length} of ${planted}`)
  // 10% is more than what matters, and from three rounds less than what they can tell.
  assert.equal(changed(run(1, { rounds: 3, noise: 0.001 }), run(2, { rounds: 3, noise: 0.001, change: 1.1 })).length, 0)
})
