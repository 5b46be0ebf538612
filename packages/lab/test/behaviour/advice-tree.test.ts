import assert from 'node:assert/strict'
import { test } from 'node:test'
import { follow, type TreeAdvice, treeMermaid, treeText } from '@threadmap/lab'
import { random } from '@threadmap/workbench/workload'
import { answerFromTree, answerText, shapeOf } from '#lab/advice/answer.js'
import { casesOf } from '#lab/advice/cases.js'
import { codeLine, importLine } from '#lab/advice/code.js'
import { agreementText, leafEvidence, percent, regretText } from '#lab/advice/text.js'
import { adviceFrom, adviceLeaves, turnsOf } from '#lab/advice/tree.js'
import { mixCells } from '#lab/experiments/mix/cells.js'
import { outcomeOf } from '#lab/experiments/mix/index.js'
import { treeFigure } from '#lab/report/charts/tree.js'
import { treesAgree } from '../repeat/judge.js'
import { type MixCells, plantedCells } from '../support/mix-fixture.js'
import { runFixture } from '../support/run-fixture.js'

function adviceOn(cells: MixCells): TreeAdvice {
  const advice = adviceFrom(casesOf({ cells }))
  assert.ok(advice)
  return advice
}

test('a planted rule is found: who is fastest where, at which thresholds, with no regret on workloads it has not seen', () => {
  const advice = adviceOn(plantedCells({ seed: 1, noise: 0.02 }))
  const at = (reads: number, threads: number) =>
    follow(advice.tree, { reads, threads, keys: 4096, zipf: 0, valueBytes: 8, churn: 0 }).leaf.choice
  assert.equal(at(90, 2), 'FastMap')
  assert.equal(at(30, 2), 'ShardedMap')
  assert.equal(at(90, 1), 'plain Map per thread')
  assert.match(treeText(advice.tree), /reads ≤ 70%/)
  assert.ok(advice.heldOut.cases > 5)
  assert.ok((advice.heldOut.median ?? 1) < 0.05 && (advice.heldOut.worst ?? 1) < 0.3, JSON.stringify(advice.heldOut))
  assert.equal(advice.goal.met, true)
})

test('where nothing but noise tells the maps apart, the tree is cut back and the leaf names all that tie', () => {
  const advice = adviceOn(plantedCells({ seed: 2, noise: 0.15, isFlat: true }))
  const { leaf } = follow(advice.tree, { reads: 90, threads: 2, keys: 4096, zipf: 0, valueBytes: 8, churn: 0 })
  assert.deepEqual([leaf.choice, ...leaf.tied].sort(), ['FastMap', 'RWMutexMap', 'ShardedMap', 'SyncMap'])
  assert.ok(advice.crossValidation.leavesBefore > 4, 'there was something to cut')
  assert.equal(adviceLeaves(advice.tree).length, 2, 'one thread or several is all there is to tell')
  assert.equal(leaf.others.find(({ name }) => name === 'message passing')?.slower.toFixed(0), '10')
})

/** Real matrices: the speeds of maps that are close, a little different in each workload, and in each run. */
function matrix(seed: number): MixCells {
  const fixed = random(5)
  const drawn = random(seed)
  const normal = (next: () => number) => Math.sqrt(-2 * Math.log(next() || 1e-9)) * Math.cos(2 * Math.PI * next())
  return mixCells(72, 2, 20261123).map(cell => {
    const { reads, churn, threads } = cell.workload
    const logs: Record<string, number> = {
      FastMap: 0,
      ShardedMap: reads <= 50 ? (churn > 0 ? 0.15 : 0.05) : -0.3,
      SyncMap: reads >= 90 && churn === 0 ? 0.08 : -0.3,
      RWMutexMap: -0.8,
      ...(threads === 1 ? { 'plain Map per thread': 1.2 } : {}),
    }
    const subjects = Object.entries(logs).map(([name, log]) => {
      const base = log + 0.08 * normal(fixed) + 0.05 * normal(drawn)
      return { name, perBlock: 1, rounds: Array.from({ length: 5 }, () => 10 * Math.exp(base + 0.05 * normal(drawn))) }
    })
    return { ...cell, subjects }
  })
}

test('trees of four runs agree on the workloads that were held out, where maps are close to each other', () => {
  const documents = [1, 2, 3, 4].map(seed => {
    const outcome = outcomeOf(matrix(seed))
    const [record] = runFixture().experiments
    assert.ok(record.status === 'finished')
    return { ...runFixture({ id: String(seed) }), experiments: [{ ...record, ...outcome, name: 'mix' }] }
  })
  const { workloads, agree } = treesAgree(documents)
  assert.ok(workloads >= 60 && agree >= 0.95 * workloads, `${agree} of ${workloads}`)
  const advice = adviceOn(matrix(1))
  assert.ok((advice.agreement.share ?? 0) > 0.9, JSON.stringify(advice.agreement))
  assert.match(agreementText(advice), /^Of 25 trees fitted to samples of the workloads, (9\d|100)% of the choices/)
})

test('the regret is told as it is where the held-out workloads go against the tree', () => {
  const cells = plantedCells({ seed: 3, noise: 0.01 }).map(cell =>
    cell.heldOut && cell.workload.threads > 1
      ? {
          ...cell,
          subjects: cell.subjects.map(each =>
            each.name === 'SyncMap' ? { ...each, rounds: each.rounds.map(() => 100) } : each,
          ),
        }
      : cell,
  )
  const advice = adviceOn(cells)
  assert.equal(advice.goal.met, false)
  assert.ok((advice.heldOut.worst ?? 0) > 4, JSON.stringify(advice.heldOut))
})

test('what only one thread may use is never advised for several', () => {
  const cells = plantedCells({ seed: 4, noise: 0.02 }).map(cell => ({
    ...cell,
    subjects: [...cell.subjects, { name: 'UnsafeMap', rounds: [900, 900, 900] }],
  }))
  const advice = adviceOn(cells)
  for (const reads of [10, 50, 99]) {
    const { leaf } = follow(advice.tree, { reads, threads: 2, keys: 256, zipf: 0.99, valueBytes: 64, churn: 0 })
    assert.ok(!['UnsafeMap', 'plain Map per thread'].includes(leaf.choice), leaf.choice)
  }
})

test('each regret stands beside the workloads that it is of, and one thread does not dilute what several cost', () => {
  // On workloads that the tree has not seen, ShardedMap is twice as slow as FastMap where the tree expects it to be the fastest.
  const cells = plantedCells({ seed: 1, noise: 0.02 }).map(cell => ({
    ...cell,
    subjects: cell.subjects.map(subject =>
      cell.heldOut && subject.name === 'ShardedMap'
        ? { ...subject, rounds: subject.rounds.map(rate => rate / 4) }
        : subject,
    ),
  }))
  const advice = adviceOn(cells)
  const several = cells.filter(({ heldOut, workload }) => heldOut && workload.threads > 1)
  assert.equal(advice.heldOut.cases, several.length)
  assert.match(regretText(advice.heldOut), new RegExp(`^On ${several.length} workloads of several threads`))
  const drawn = treeFigure(advice.tree, 'tree').text
  for (const leaf of adviceLeaves(advice.tree)) {
    assert.equal(leaf.fitted.cases, leaf.cases)
    assert.equal(leaf.all.cases, leaf.cases + leaf.heldOut.cases)
    assert.equal(leaf.all.worst, Math.max(leaf.fitted.worst ?? 0, leaf.heldOut.worst ?? 0))
    assert.match(
      leafEvidence(leaf),
      new RegExp(
        `^fitted to ${leaf.cases} workloads?: regret .*, at worst .*; (held out ${leaf.heldOut.cases}: regret|none)`,
      ),
    )
    assert.ok(
      drawn.includes(`>${leaf.all.cases} workloads, ≤ ${percent(leaf.all.worst ?? 0)} lost<`),
      leafEvidence(leaf),
    )
  }
  const workload = { reads: 50, threads: 2, keys: 256, zipf: 0.99, valueBytes: 64, churn: 0 }
  const text = answerText(answerFromTree(advice, workload), String, String)
  assert.match(text, /Choosing otherwise would take \(on average over the measured workloads of this leaf/)
})

test('the same evidence gives the same tree, in JSON and as a Mermaid chart', () => {
  const [a, b] = [adviceOn(plantedCells({ seed: 5, noise: 0.1 })), adviceOn(plantedCells({ seed: 5, noise: 0.1 }))]
  assert.deepEqual(a, b)
  assert.deepEqual(JSON.parse(JSON.stringify(a)), a)
  const mermaid = treeMermaid(a.tree)
  assert.match(mermaid, /^flowchart TD\n {2}n\d/)
  const nodes = new Set([...mermaid.matchAll(/^ {2}(n\d+)[[({]/gm)].map(found => found[1]))
  for (const [, from, to] of mermaid.matchAll(/^ {2}(n\d+) -->\|(?:yes|no)\| (n\d+)$/gm)) {
    assert.ok(nodes.has(from) && nodes.has(to), mermaid)
  }
})

test('it says which change of the workload would change the answer', () => {
  const { tree } = adviceOn(plantedCells({ seed: 1, noise: 0.02 }))
  const turns = turnsOf(tree, { reads: 90, threads: 2, keys: 4096, zipf: 0, valueBytes: 8, churn: 0 })
  assert.deepEqual(
    turns.map(({ change, leaf }) => [change, leaf.choice]),
    [
      ['one thread', 'plain Map per thread'],
      ['reads ≤ 70%', 'ShardedMap'],
    ],
  )
})

test('the code to paste imports what it uses', () => {
  const shape = { key: 'string', value: 'json()', capacity: 1_234_567 }
  assert.equal(importLine('FastMap', shape), "import { FastMap, string, json } from 'threadmap'")
  assert.equal(
    codeLine('FastMap', shape),
    'const map = new FastMap({ key: string, value: json(), capacity: 1_234_567 })',
  )
  // 1.2 GB do not fit into a map without the option.
  const large = shapeOf({ keys: 20_000, reads: 90, zipf: 0, threads: 2, valueBytes: 60_000, churn: 0 })
  assert.equal(
    codeLine('FastMap', large),
    'const map = new FastMap({ key: string, value: string, capacity: 20_000, maxBytes: 2 ** 32 })',
  )
  assert.equal(importLine('message passing', shape), undefined)
})
