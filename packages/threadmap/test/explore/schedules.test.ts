/**
 * Every map under every interleaving with at most two preemptions of small programs that conflict. After each schedule the whole
 * memory is audited, and the history must be linearizable. `npm run explore` goes further.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explore, report, table } from './run.js'

test('no interleaving of two or three threads breaks a map', async () => {
  const { rows, failures } = await explore({
    bound: 2,
    most: 2000,
    random: 30,
    changes: 4,
    // Twenty times what the search takes on a quiet machine, so that the number of schedules does not depend on the machine's load. After
    // that time the remaining scenarios get one preemption each, so that all scenarios run in any case.
    milliseconds: 400_000,
  })
  console.log(table(rows))
  assert.equal(failures.length, 0, failures.map(report).join('\n\n'))
  const schedules = rows.reduce((sum, row) => sum + row.complete + row.merged + row.random, 0)
  assert.ok(schedules > 100_000, `${schedules} schedules`)
})
