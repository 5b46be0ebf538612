/**
 * A thread may die before any shared access of any operation of any map, also while the table grows or `dirty` is promoted; so may the
 * thread that recovers it. Afterwards the survivor finds the memory whole, every acknowledged write, and the interrupted
 * operation done or not done; and it goes on. See test/explore/death.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_KINDS, type ExploredKind } from '../support/kinds.js'
import { dieEverywhere } from './death.js'
import { deathsOf } from './scenarios.js'
import { type FormName, forms } from './world.js'

/** At every 41st death the recovering thread dies too; at every death there would be millions of deaths. */
const EVERY = 41
/** The recovering thread dies at one in this many of its steps. In a SyncMap it takes thousands: it visits every thread's values. */
const strideOf = (map: ExploredKind): number => (map === 'SyncMap' ? 2003 : 17)

for (const map of [...ALL_KINDS, 'SharedCache'] as const) {
  for (const form of Object.keys(forms) as FormName[]) {
    test(`${map} of ${form}: a thread may die at any step`, () => {
      let deaths = 0
      let recoverers = 0
      for (const scenario of deathsOf(map, form)) {
        const made = dieEverywhere(scenario, EVERY, strideOf(map))
        assert.equal(made.problem, undefined)
        deaths += made.deaths
        recoverers += made.recoverers
      }
      console.log(`${map} of ${form}: ${deaths} deaths, and ${recoverers} of recoverers`)
      // Chains have fewer deaths: of those that leave the same memory only one is tried, and only one state of the map is used.
      assert.ok(deaths > (form === 'chains' ? 400 : 1000), `${deaths} deaths`)
    })
  }
}
