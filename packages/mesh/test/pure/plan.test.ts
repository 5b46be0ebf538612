/** Guards the promises of the command: below three minutes with --quick, below 40 without it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshExperiment } from '#mesh/experiments/experiment.js'
import { EXPERIMENTS } from '#mesh/experiments/index.js'
import { aroundSeconds, Forecast, LIMIT_S, plannedSeconds, usualExperiments } from '#mesh/run/plan.js'
import { ADAPTERS } from '#mesh/subjects/index.js'

/** Subjects that no package manager has: whoever gives their binaries waits longer. */
const GIVEN = ['linkerd2-proxy', 'istiod']
const INSTALLED = ADAPTERS.filter(({ subject }) => !GIVEN.includes(subject))

for (const length of ['quick', 'whole'] as const) {
  test(`the plan of a ${length} run with all installed subjects keeps its limit`, () => {
    const settings = { quick: length === 'quick' }
    const subjects = settings.quick ? INSTALLED.filter(({ onlyIn }) => onlyIn === undefined) : INSTALLED
    const experiments = usualExperiments(EXPERIMENTS, settings)
    const count = ({ name }: MeshExperiment) =>
      subjects.filter(({ onlyIn }) => onlyIn === undefined || onlyIn.includes(name)).length
    const planned = plannedSeconds(experiments, count, settings)
    const all = planned.reduce((sum, seconds) => sum + seconds, aroundSeconds(subjects.length))
    const parts = experiments.map(({ name }, at) => `${name} ${planned[at].toFixed(0)} s`).join(', ')
    assert.ok(subjects.length >= 8)
    assert.ok(all <= LIMIT_S[length], `${all.toFixed(0)} s, more than ${LIMIT_S[length]}: ${parts}`)
  })
}

test('a quick run leaves long experiments out, and a soak takes its hours', () => {
  const names = (settings: Parameters<typeof usualExperiments>[1]) =>
    usualExperiments(EXPERIMENTS, settings).map(({ name }) => name)
  assert.ok(!names({ quick: true }).includes('federation'))
  assert.ok(names({ quick: false }).includes('federation'))
  assert.ok(!names({ quick: false }).includes('soak'))
  assert.ok(
    names({ quick: true, soakHours: 1 }).includes('soak') === names({ quick: false, soakHours: 1 }).includes('soak'),
  )
})

test('the forecast counts what is left', () => {
  const forecast = new Forecast([60, 30, 10])
  assert.equal(forecast.remaining(0, 0), 'about 1 min 40 s left')
  assert.equal(forecast.remaining(1, 0.5), 'about 25 s left')
  assert.equal(forecast.remaining(3, 0), 'nothing left')
})
