import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePorts } from '#mesh/processes/ports.js'
import { Origin } from '#mesh/topology/origin.js'
import { PAIRS, resampled } from '../../support/resample.js'
import { QUANTILES, type Rounds, recorded } from '../../support/rounds.js'

/** At most one pair of twenty may be told apart by chance. */
const MOST = PAIRS * 0.05
const SEED = 20261127

const data = join(dirname(fileURLToPath(import.meta.resolve('@threadmap/mesh/package.json'))), 'test/data')

function check(targets: readonly Rounds[], rounds: number): void {
  const { preferred } = resampled(targets, rounds, SEED)
  for (const [by, count] of Object.entries(preferred)) {
    assert.ok(
      count <= MOST,
      `${count} of ${PAIRS} equal pairs are told apart by ${by} (${rounds} rounds, seed ${SEED})`,
    )
  }
}

test('equals tie in rounds recorded now: at most 5% of 200 pairs are told apart', async t => {
  const controller = new AbortController()
  const [stable, canary] = await freePorts(19_100, 2)
  const origin = await Origin.start(stable, canary, controller.signal)
  t.after(() => origin.stop())
  const ports = [stable, stable, stable, stable]
  const targets = await recorded({ ports, rounds: 20, ms: 250, rate: 300, signal: controller.signal })
  for (const rounds of [3, 5, 15]) check(targets, rounds)
  // A statistic that never tells anything apart would tie, too. However busy the machine is, a hundred times the latency is seen.
  const { preferred } = resampled(targets, 15, SEED, value => value * 100)
  assert.ok(preferred.p50 >= PAIRS * 0.9, `only ${preferred.p50} of ${PAIRS} medians of 100 times are seen`)
})

interface RecordedRun {
  readonly note: string
  readonly groups: Readonly<Record<string, readonly Rounds[]>>
}

const run = JSON.parse(readFileSync(join(data, 'equal-rounds.json'), 'utf8')) as RecordedRun

for (const [name, targets] of Object.entries(run.groups)) {
  test(`equals tie in the recorded rounds of ${name}`, () => {
    assert.ok(targets.length >= 2 && targets.every(target => QUANTILES.every(q => target[q].length >= 15)))
    for (const rounds of [3, 5, 15]) check(targets, rounds)
  })
}

test('5 ms more are seen in the recorded rounds', () => {
  const { preferred } = resampled(run.groups.direct, 15, SEED, value => value + 5)
  assert.ok(preferred.p50 >= PAIRS * 0.95, `only ${preferred.p50} of ${PAIRS}`)
})
