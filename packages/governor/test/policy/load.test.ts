/** The whole policy against a simulated store (see `support/simulation.ts`): the goals of issue 12, which `lab tail` measures on a real one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOT_SHARD, OBJECTIVE_MS, type Request, simulate } from '../support/simulation.js'

const WARM_UP = 5000
const TIMES = { faultFrom: 35_000, faultUntil: 185_000, until: 260_000, scale: 1 }
const WINDOW = 5000
const STEP = 500
/** Everyone else is healthy within so many times the P99 of before, this long after the level that cures takes hold. */
const HEALTHY = 1.5
const CURE_MS = 5000
const BACK_MS = 60_000

interface Figures {
  readonly p99: number
  readonly answered: number
}

function figures(requests: readonly Request[], from: number, until: number, isHot = false): Figures {
  const due = requests.filter(({ at, shard }) => at >= from && at < until && (shard === HOT_SHARD) === isHot)
  const times = due.flatMap(({ came, at, end }) => (came === 'answered' ? end - at : [])).sort((a, b) => a - b)
  return { p99: times[Math.ceil(0.99 * times.length) - 1] ?? 0, answered: times.length / Math.max(1, due.length) }
}

/** When at most one in five of the windows that follow is not healthy, as in `lab tail`. */
function healthyFrom(requests: readonly Request[], before: Figures, from: number, until: number): number {
  let bad = 0
  let all = 0
  let found = Number.POSITIVE_INFINITY
  for (let at = until - WINDOW; at >= from; at -= STEP) {
    const { p99, answered } = figures(requests, at, at + WINDOW)
    const isHealthy = p99 <= HEALTHY * before.p99 && answered >= before.answered - 0.01
    all++
    if (!isHealthy) bad++
    if (isHealthy && all >= WINDOW / STEP && bad <= 0.2 * all) found = at
  }
  return found
}

for (const fault of ['hot key', 'slow shard', 'steeper zipf', 'failing shard'] as const) {
  for (const seed of [1, 3]) {
    test(`${fault}, seed ${seed}: everyone else is healthy soon after the level that cures, and all is as before within a minute after it`, () => {
      const { requests, transitions } = simulate({ fault, seed, ...TIMES })
      const before = figures(requests, WARM_UP, TIMES.faultFrom)
      const healed = healthyFrom(requests, before, TIMES.faultFrom, TIMES.faultUntil)
      const steps = transitions.filter(({ shard }) => shard === HOT_SHARD)
      const text = steps.map(({ at, from, to }) => `${from} > ${to} at ${(at - TIMES.faultFrom) / 1000} s`).join(', ')
      const ups = steps.filter(({ from, to, at }) => to > from && at <= healed)
      assert.ok(healed < TIMES.faultUntil, `everyone else is not healthy; ${text}`)
      const took = healed - (ups.at(-1)?.at ?? TIMES.faultFrom)
      assert.ok(took <= CURE_MS || ups.length === 0, `healthy ${took} ms after the level; ${text}`)
      assert.equal(transitions.length, steps.length, 'everyone else is left alone')
      assert.ok(steps.length <= 8, `it flaps: ${text}`)
      const last = steps.at(-1)!
      assert.equal(last.to, 0, text)
      assert.ok(last.at - TIMES.faultUntil <= BACK_MS, text)
      assert.ok(last.at > TIMES.faultUntil, `the shard was free before the fault ended: ${text}`)
      // The last requests are still under way.
      const end = TIMES.until - 2000
      const after = figures(requests, TIMES.faultUntil + BACK_MS, end)
      assert.ok(after.p99 <= HEALTHY * before.p99 && after.answered === 1)
      const own = figures(requests, TIMES.faultUntil + BACK_MS, end, true)
      assert.ok(own.p99 <= OBJECTIVE_MS && own.answered === 1)
    })
  }
}

test('without the governor everyone else suffers from each of these faults, so the tests above say something', () => {
  for (const fault of ['hot key', 'slow shard', 'failing shard'] as const) {
    const { requests } = simulate({ fault, seed: 1, ...TIMES, governed: false })
    const before = figures(requests, WARM_UP, TIMES.faultFrom)
    assert.ok(figures(requests, TIMES.faultUntil - 50_000, TIMES.faultUntil).p99 > 5 * before.p99, fault)
  }
})
