import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { adviceOf, finished, RunFolder, readDocument, runLab } from '@threadmap/lab'
import { UsageError } from '@threadmap/workbench/errors'
import type { Experiment, Outcome, Settings } from '@threadmap/workbench/experiment'
import { outcomeOf } from '#lab/experiments/mix/index.js'
import { newestWith } from '#lab/run-folder.js'
import { folder } from '../support/command.js'
import { plantedCells } from '../support/mix-fixture.js'

const SETTINGS: Settings = { quick: true, workers: 2, seed: 1, flags: {} }

function experiment(name: string, run: () => Outcome): Experiment {
  return { name, title: name, method: '', seconds: { quick: 1, full: 1 }, run: async () => run() }
}

const mix = experiment('mix', () => outcomeOf(plantedCells({ seed: 1, noise: 0.02 })))
const hash = experiment('hash', () => ({ evidence: [], charts: [], tables: [], findings: [], beliefs: [] }))

/** Runs experiments as `threadmap lab NAME...` does. */
async function run(
  path: string,
  experiments: Experiment[],
  settings = SETTINGS,
  signal = new AbortController().signal,
) {
  const into = new RunFolder(path)
  const earlier = existsSync(into.runFile) ? readDocument(path) : undefined
  const progress = { live() {}, step() {}, clear() {} }
  return runLab({ experiments, settings, folder: into, earlier, signal, progress })
}

test('a run of one experiment keeps the others of the folder, again and again, where machine and settings are the same', async t => {
  const out = folder(t)
  const whole = await run(out, [mix, hash])
  for (let again = 0; again < 3; again++) {
    await run(out, [hash])
    const now = readDocument(out)
    assert.ok(adviceOf(now), 'the advice is still in the run')
    assert.notEqual(now.id, whole.id)
    assert.notEqual(finished(now, 'hash')?.startedAt, undefined)
  }
  assert.deepEqual(readDocument(out).names, ['hash'])
})

test('with other settings figures are not mixed, and the older run still answers, however many runs follow', async t => {
  const out = folder(t)
  const whole = await run(out, [mix, hash])
  for (let again = 0; again < 3; again++) {
    await run(out, [hash], { ...SETTINGS, quick: again % 2 === 1, seed: again + 2 })
    assert.equal(finished(readDocument(out), 'mix'), undefined)
    const found = newestWith(out, 'mix')
    assert.equal(found?.document.id, whole.id)
  }
  assert.equal(newestWith(out, 'memory'), undefined)
  // Every run that was there is still there.
  const files = new RunFolder(out).runs()
  assert.equal(new Set(files.map(file => readDocument(file).id)).size, 4)
  // The flag of the experiment that runs may differ, another's may not.
  const flagged = folder(t)
  await run(flagged, [mix])
  await run(flagged, [hash], { ...SETTINGS, flags: { target: 'x' } })
  assert.equal(finished(readDocument(flagged), 'mix'), undefined)
})

test('one lab at a time writes to a folder, and a lab that died does not keep it', async t => {
  const out = folder(t)
  const first = new RunFolder(out)
  first.prepare()
  assert.throws(() => new RunFolder(out).prepare(), UsageError)
  await assert.rejects(run(out, [hash]), /is writing to/)
  first.release()
  // A process that has ended, and a lock that is no lock.
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  for (const text of [JSON.stringify({ pid: dead, began: null }), 'nonsense']) {
    writeFileSync(join(out, '.lock'), text)
    await run(out, [hash])
    assert.ok(!existsSync(join(out, '.lock')), 'the folder is free again')
  }
  // A number that another process has now, where the system tells when a process began.
  if (existsSync('/proc/self/stat')) {
    writeFileSync(join(out, '.lock'), JSON.stringify({ pid: process.pid, began: '1' }))
    await run(out, [hash])
  }
  assert.match(readFileSync(new RunFolder(out).runFile, 'utf8'), /"hash"/)
})
