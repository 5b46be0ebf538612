/** Which conclusions of two runs differ, which of these should not, and why. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRuns, type RunDocument } from '@threadmap/lab'
import type { Conclusion } from '@threadmap/workbench/experiment'
import { outcomeOf } from '#lab/experiments/mix/index.js'
import { comparisonFindings } from '#lab/report/comparison.js'
import { comparisonPage } from '#lab/report/comparison-section.js'
import { conclusionText } from '#lab/report/conclusions.js'
import { plantedCells } from '../support/mix-fixture.js'
import { runFixture } from '../support/run-fixture.js'

/** A run whose only experiment concludes this. */
function run(conclusions: readonly Conclusion[], more: Partial<RunDocument> = {}, others = 0): RunDocument {
  const document = runFixture()
  const [first] = document.experiments
  assert.ok(first.status === 'finished')
  const processors = { own: 0.4, others, idle: 0.6 - others }
  return { ...document, experiments: [{ ...first, beliefs: [], processors, conclusions }], ...more }
}

const said = (answer: string, ...tied: string[]): Conclusion => ({ question: 'which?', workload: 'all', answer, tied })

function compared(before: RunDocument, after: RunDocument) {
  const comparison = compareRuns(before, after)
  return { ...comparison.conclusions, findings: comparisonFindings(comparison).join('\n') }
}

test('an answer that the other run could not tell apart is a tie; one that it ruled out should not have changed', () => {
  const same = compared(run([said('FastMap')]), run([said('FastMap', 'SyncMap')]))
  assert.deepEqual([same.both, same.changed.length], [1, 0])
  assert.match(same.findings, /All 1 conclusions are the same\./)

  const tie = compared(run([said('FastMap', 'SyncMap')]), run([said('SyncMap')]))
  assert.deepEqual(
    tie.changed.map(each => [each.isContradiction, each.shouldNot]),
    [[false, false]],
  )
  assert.match(tie.findings, /1 of 1 conclusions changed: 1 within a tie\./)

  const fault = compared(run([said('FastMap', 'ShardedMap')]), run([said('SyncMap', 'ShardedMap')]))
  assert.deepEqual(
    fault.changed.map(each => [each.isContradiction, each.shouldNot]),
    [[true, true]],
  )
  assert.match(fault.findings, /1 to one that the other run had ruled out; 1 of them should not have\./)
  assert.match(
    conclusionText(fault.changed[0]),
    /^planted, which\?: FastMap = ShardedMap -> SyncMap = ShardedMap: no figure/,
  )
})

test('why: other settings, another machine, disturbance, a figure that changed', () => {
  const [a, b] = [run([said('FastMap')]), run([said('SyncMap')])]
  const node = compared(a, { ...b, machine: { ...b.machine, node: 'v26.0.0' } })
  assert.deepEqual([node.changed[0].isContradiction, node.changed[0].shouldNot], [true, false])
  assert.match(node.changed[0].why, /^Node v20\.0\.0 and v26\.0\.0$/)
  const seed = compared(a, { ...b, settings: { ...b.settings, seed: 2 } })
  assert.equal(seed.changed[0].why, 'the seeds differ')

  const disturbed = compared(a, run([said('SyncMap')], {}, 0.5))
  assert.equal(disturbed.changed[0].shouldNot, true)
  assert.match(disturbed.changed[0].why, /^in the second run other programs had 50% of the processors meanwhile$/)

  const faster = runFixture({ speed: 2 }).experiments
  assert.ok(faster[0].status === 'finished')
  const moved = compared(a, { ...b, experiments: [{ ...faster[0], beliefs: [], conclusions: [said('SyncMap')] }] })
  assert.match(moved.changed[0].why, /FastMap, figure: 2\.00 times the first run's/)
  assert.match(comparisonPage(a, b), /should not have changed/)
})

test('verdicts on the folklore and the advice of the tree are conclusions, too', () => {
  const withMix = (isFlat: boolean, verdict: 'holds' | 'does not hold' | 'cannot tell') => {
    const document = run([])
    const outcome = outcomeOf(plantedCells({ seed: 1, noise: 0.01, isFlat }))
    const beliefs = [{ belief: 16, verdict, measured: 'so' }]
    const [record] = document.experiments
    assert.ok(record.status === 'finished')
    return { ...document, experiments: [{ ...record, ...outcome, name: 'mix', beliefs }] }
  }
  const opposed = compared(withMix(false, 'holds'), withMix(true, 'does not hold'))
  const questions = opposed.changed.filter(({ isContradiction }) => isContradiction).map(({ after }) => after.question)
  assert.ok(questions.some(each => each.startsWith('belief 16: ')))
  assert.ok(opposed.both > 60, `${opposed.both}`)
  assert.ok(opposed.changed.some(({ after }) => after.question.startsWith("the tree's advice for ")))
  const same = compared(withMix(false, 'holds'), withMix(false, 'cannot tell'))
  assert.deepEqual([same.changed.length, same.changed[0].isContradiction], [1, false])
})
