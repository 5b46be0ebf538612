/** Every experiment as `threadmap lab --quick` runs it, except mix, whose parts have tests of their own. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { EXPERIMENTS, type FinishedRecord, FOLKLORE, finished, RunFolder, readDocument, runLab } from '@threadmap/lab'
import { SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { FastMap, f64 } from 'threadmap'
import type { MemoryDetails } from '#lab/experiments/memory/index.js'
import { folder } from '../../support/command.js'

/** Other files test these experiments, or their parts. */
const ELSEWHERE = ['mix', 'step', 'tail']

test('the quick lab: figures, charts and tables that agree, findings, verdicts', async t => {
  const out = new RunFolder(join(folder(t), 'run'))
  const steps: string[] = []
  await runLab({
    experiments: EXPERIMENTS.filter(({ name }) => !ELSEWHERE.includes(name)),
    settings: { quick: true, workers: 2, seed: 1, flags: {} },
    folder: out,
    signal: new AbortController().signal,
    progress: { live() {}, step: text => steps.push(text), clear() {} },
  })
  const document = readDocument(out.path)
  assert.equal(steps.length, document.experiments.length)
  const beliefs = new Set<number>()
  for (const record of document.experiments) {
    await t.test(record.name, () => {
      assert.equal(record.status, 'finished', record.status === 'failed' ? record.reason : '')
      const { evidence, charts, tables, findings, beliefs: found } = record as FinishedRecord
      assert.ok(evidence.length > 0 && charts.length > 0 && tables.length > 0 && findings.length > 0)
      for (const row of evidence) {
        assert.equal(row.experiment, record.name)
        assert.ok(Number.isFinite(row.value), JSON.stringify(row))
      }
      assert.equal(new Set(charts.map(({ id }) => id)).size, charts.length)
      for (const chart of charts) {
        assert.ok(chart.alternative.length > 10, chart.id)
        if (chart.kind === 'bar') {
          for (const { values } of chart.series) assert.equal(values.length, chart.categories.length, chart.id)
        }
        if (chart.kind === 'line')
          assert.ok(
            chart.series.every(({ points }) => points.length > 1),
            chart.id,
          )
      }
      for (const { columns, rows } of tables) for (const row of rows) assert.equal(row.length, columns.length)
      for (const { belief, measured } of found) {
        assert.ok(FOLKLORE.some(({ id }) => id === belief))
        assert.ok(measured.length > 20, measured)
        beliefs.add(belief)
      }
    })
  }
  assert.deepEqual(
    [...beliefs].sort((a, b) => a - b),
    [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14],
  )
  await t.test('what does not depend on the machine', () => {
    const value = (experiment: string, subject: string, metric: string) =>
      finished(document, experiment)
        ?.evidence.filter(row => row.subject === subject && row.metric === metric)
        .map(row => row.value) ?? []
    for (const kind of SAFE_KINDS) {
      assert.deepEqual(value('race', kind, 'updates lost'), [0], kind)
    }
    assert.deepEqual(value('race', 'map.add(key, 1)', 'lost'), [0])
    assert.deepEqual(value('race', 'map.getOrInsertComputed(key, make)', 'made twice'), [0])
    const [inMap] = value('gc', 'FastMap', 'allocated')
    const [inPlain] = value('gc', 'plain Map per thread', 'allocated')
    assert.ok(
      inMap > 50 && inPlain < inMap / 2,
      `a value that is read becomes a string: ${inMap} against ${inPlain} bytes`,
    )
    const memory = value('shards', 'FastMap', 'memory')
    assert.ok(memory[memory.length - 1] > memory[0] * 2, 'a thousand shards take more memory than one')
    const { fits } = (finished(document, 'memory') as FinishedRecord).details as MemoryDetails
    for (const { kind, worstError } of fits) assert.ok(worstError <= 0.05, `${kind}: ${worstError}`)
    const { shards } = new FastMap({ key: f64, value: f64 }).stats()
    assert.match(String(finished(document, 'memory')?.findings), new RegExp(`in a FastMap of ${shards} shards`))
    assert.equal(finished(document, 'gc')?.beliefs.find(({ belief }) => belief === 2)?.verdict, 'holds')
    assert.equal(finished(document, 'memory')?.beliefs.find(({ belief }) => belief === 14)?.verdict, 'holds')
  })
})
