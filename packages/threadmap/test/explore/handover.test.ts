/**
 * A thread may die before any access while locks are handed over: while it holds the lock, while it waits, or when it has just been
 * handed the lock. The waiting threads go on, and the map is whole. See test/explore/handover.ts; schedules.test.ts has
 * these scenarios without deaths.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Explorer } from './explorer.js'
import { handoverDeaths, MAPS } from './handover.js'
import { report } from './run.js'

/** Schedules of each death, with one preemption at most. */
const MOST = 20
/** The threads that die in turn. The third thread does what the second does. */
const MORTAL = [0, 1]

for (const map of MAPS) {
  test(`${map}: a death leaves no lock in a dead hand`, () => {
    let deaths = 0
    let schedules = 0
    for (const thread of MORTAL) {
      // A scenario is over when the thread no longer comes to its `at`th access.
      const over = new Set<number>()
      for (let at = 0; ; at++) {
        const scenarios = handoverDeaths(map, thread, at)
        if (over.size === scenarios.length) break
        scenarios.forEach((scenario, i) => {
          if (over.has(i)) return
          const explorer = new Explorer(scenario)
          const { complete, merged, failure } = explorer.search(1, MOST)
          explorer.dispose()
          assert.equal(failure, undefined, failure && report(failure))
          schedules += complete + merged
          deaths += explorer.deaths
          if (explorer.deaths === 0) over.add(i)
        })
      }
    }
    console.log(`${map}: ${deaths} deaths in ${schedules} schedules`)
    assert.ok(deaths > 1000, `${deaths} deaths`)
  })
}
