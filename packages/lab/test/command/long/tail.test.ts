/** `threadmap lab tail` on real servers, stores and load, shortened: what holds on any machine, however busy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GuardName } from '#lab/experiments/tail/guards/guard.js'
import { Came } from '#lab/experiments/tail/load/protocol.js'
import { Servers } from '#lab/experiments/tail/measure.js'
import { outcomeOf } from '#lab/experiments/tail/outcome.js'
import { ACQUIRE_MS, type Plan, WARM_UP } from '#lab/experiments/tail/plan.js'

const PLAN: Plan = {
  warmUp: 500,
  faultFrom: 2000,
  faultUntil: 10_000,
  until: 12_000,
  window: 1000,
  step: 250,
  scale: 0.05,
}

test('a slow shard takes the connections of all, bulkheads keep it from them, and no write is lost or made twice', async t => {
  const { signal } = new AbortController()
  const guards: GuardName[] = ['no protection', 'governor', 'cockatiel per shard']
  const servers = await Servers.start({ guards, workers: 2, seed: 11, signal })
  t.after(() => servers.stop())
  const warm = await servers.run(undefined, WARM_UP, () => {})
  const shares: number[] = []
  const run = await servers.run('slow shard', PLAN, share => shares.push(share))
  assert.ok(shares.length > 10 && Math.max(...shares) > 0.8, 'progress is reported')

  for (const { guard, answers, writes } of [...warm.served, ...run.served]) {
    assert.deepEqual([writes.lost, writes.twice], [0, 0], guard)
    assert.ok(writes.acknowledged > 0, guard)
    assert.ok(
      answers.latency.every(latency => latency > 0),
      `${guard}: every request ended`,
    )
  }
  // 24 requests hold all connections, and the slow shard serves two in 1.6 s: who comes then waits longer than for a second.
  const { at, hot } = run.traffic
  const busy = ({ answers }: (typeof run.served)[number]) =>
    [...at.keys()].filter(i => hot[i] === 0 && at[i] >= PLAN.faultFrom && answers.came[i] === Came.busy)
  const [bare, , bulkheads] = run.served
  assert.ok(busy(bare).length > 50, `${busy(bare).length} of everyone else had no connection in time`)
  for (const i of busy(bare)) assert.ok(bare.answers.latency[i] >= ACQUIRE_MS)
  assert.ok(busy(bulkheads).length < busy(bare).length / 2, `${busy(bulkheads).length} behind bulkheads`)
  const refused = [...at.keys()].filter(i => hot[i] === 1 && bulkheads.answers.came[i] === Came.refused)
  assert.ok(refused.length > 10, 'the bulkhead of the slow shard refuses')

  const { evidence, charts, tables, findings, beliefs } = outcomeOf([run], 2)
  for (const row of evidence) assert.ok(Number.isFinite(row.value), JSON.stringify(row))
  assert.equal(new Set(charts.map(({ id }) => id)).size, charts.length)
  for (const chart of charts)
    assert.ok(chart.alternative.length > 20 && chart.kind === 'line' && chart.series.length > 0)
  for (const { columns, rows } of tables) for (const row of rows) assert.equal(row.length, columns.length)
  assert.match(findings.join('\n'), /acknowledged writes the stores' logs miss 0, and 0 writes took effect twice/)
  assert.equal(beliefs[0].belief, 15)
})
