import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CALM, type Decision, decide, type Observation, type Policy } from '#governor/policy/decide.js'
import { SETTINGS } from '../support/looks.js'

const { look, short } = SETTINGS.windows
const GOOD = {
  operations: 1000,
  p99: 10,
  errorShare: 0,
  rate: 100,
  offered: 100,
  refused: 0,
  probes: 0,
  probeErrors: 0,
}
const SLOW = { ...GOOD, p99: 500 }

type Seen = Partial<Observation>

/** Passes what `of(seconds)` says to the policy, look by look. */
function run(seconds: number, of: (second: number, state: Policy) => Seen, from: Policy = CALM, begin = 1000) {
  const steps: { second: number; from: number; to: number; limit: number }[] = []
  const actions: Decision['actions'][number][] = []
  let state = from
  for (let second = look / 1000; second <= seconds; second += look / 1000) {
    const at = (begin + second) * 1000
    const decision = decide(state, { at, hot: false, hotKey: false, ...GOOD, ...of(second, state) }, SETTINGS)
    state = decision.state
    actions.push(...decision.actions)
    for (const action of decision.actions) {
      if (action.type === 'level') steps.push({ second, from: action.from, to: action.to, limit: state.limit })
    }
  }
  return { state, steps, actions }
}

test('a hot shard over the limit twice in a row gets half of its rate', () => {
  const { state, steps } = run(10, () => ({ ...SLOW, hot: true, rate: 300 }))
  assert.deepEqual(steps, [{ second: 10, from: 0, to: 1, limit: 150 }])
  assert.equal(state.level, 1)
})

test('a shard that is not hot, or over the limit only once, stays free', () => {
  assert.deepEqual(run(600, () => SLOW).steps, [])
  assert.deepEqual(run(600, s => (s % 10 === 0 ? { ...SLOW, hot: true } : { hot: true })).steps, [])
})

test('over the limit for more than 60 s it is isolated, and one alert is raised', () => {
  const { steps, actions } = run(300, () => ({ ...SLOW, hot: true }))
  assert.deepEqual(
    steps.map(({ second, to }) => [second, to]),
    [
      [10, 1],
      [80, 2],
    ],
  )
  assert.equal(actions.filter(({ type }) => type === 'alert').length, 1)
})

test('failing, it is degraded from any level; probes bring it back, step by step', () => {
  const failing = { hot: true, errorShare: 0.3, operations: 200 }
  for (const level of [0, 1, 2] as const) {
    assert.equal(run(10, () => failing, { ...CALM, level }).state.level, 3)
  }
  const down = run(10, () => failing).state
  const bad = run(600, () => ({ probes: 10, probeErrors: 3, operations: 10, errorShare: 0.3 }), down, 1010)
  assert.equal(bad.state.level, 3)
  const back = run(60, () => ({ probes: 10 }), down, 1010)
  assert.deepEqual(
    back.steps.map(({ to }) => to),
    [2, 1, 0],
  )
})

test('a degraded shard that nobody calls is not degraded for ever', () => {
  const quiet = { operations: 0, p99: 0, rate: 0, offered: 0 }
  const { steps } = run(200, () => quiet, { ...CALM, level: 3, since: 1e6 })
  assert.deepEqual(
    steps.map(({ to }) => to),
    [2, 1, 0],
  )
})

test('a look without operations is no good one, and lets nobody free before a minute', () => {
  const quiet = { operations: 0, p99: 0, rate: 0, offered: 0 }
  for (const level of [1, 2, 3] as const) {
    const { steps } = run(65, () => quiet, { ...CALM, level, since: 1e6, limit: 50 })
    assert.deepEqual(
      steps.map(({ second, to }) => [second, to]),
      [[60, level - 1]],
    )
  }
  // Callers come, and none of their operations ends: the shard hangs.
  const hanging = { operations: 0, p99: 0, rate: 0, offered: 100, refused: 500 }
  assert.deepEqual(run(600, () => hanging, { ...CALM, level: 2, since: 1e6 }).steps, [])
})

test('after the fault all is back to normal within 60 s, from each level', () => {
  for (const level of [1, 2, 3] as const) {
    const state = { ...CALM, level, since: 900_000, limit: 50, wanted: 100 }
    const { steps } = run(60, () => ({ probes: 10 }), state)
    assert.equal(steps.at(-1)?.to, 0, `from level ${level}`)
  }
})

test('a hot key that callers want as before is let out of isolation on trial only, one that they want less at once', () => {
  const state = { ...CALM, level: 2 as const, since: 1e6, wanted: 1000 }
  const same = run(300, () => ({ hot: true, hotKey: true, offered: 1000 }), state)
  assert.equal(same.steps[0].second, 40)
  const less = run(300, () => ({ hotKey: true, offered: 600 }), state)
  assert.equal(less.steps[0].second, 10)
})

test('a trial begins with what the shard does, and one that fails ends after two looks, not after a minute', () => {
  const state = { ...CALM, level: 2 as const, since: 1e6, wanted: 1000 }
  const { steps } = run(
    120,
    (_, { level, limit }) => ({
      hot: true,
      hotKey: true,
      offered: 1000,
      // Isolated, 20 operations a second reach the shard; it can do 50.
      rate: level === 2 ? 20 : limit,
      refused: level === 1 ? 100 : 0,
      p99: level === 1 && limit > 50 ? 500 : 10,
    }),
    state,
  )
  const [trial, end] = steps
  assert.deepEqual([trial.from, trial.to, trial.limit], [2, 1, 10])
  assert.deepEqual([end.from, end.to], [1, 2])
  assert.ok(end.second - trial.second <= 80, `${end.second - trial.second} s`)
  const again = run(10, () => ({ ...SLOW, hot: true }), { ...CALM, level: 1, since: 1e6, fell: 1e6, limit: 100 })
  assert.deepEqual(
    again.steps.map(({ second, to }) => [second, to]),
    [[10, 2]],
  )
})

test('a limit above what callers want ends although their bursts meet it', () => {
  const state = { ...CALM, level: 1 as const, since: 1e6, limit: 50, wanted: 100 }
  const { steps } = run(60, () => ({ offered: 100, refused: 8 }), state)
  assert.equal(steps.at(-1)?.to, 0)
})

test('three probes that succeed by chance do not end level 3 while callers want more', () => {
  const down = { ...CALM, level: 3 as const, since: 1e6 }
  assert.equal(run(60, () => ({ probes: 3 }), down).state.level, 3)
  assert.equal(run(60, () => ({ probes: 9 }), down).state.level, 3)
  assert.equal(run(15, () => ({ probes: 10 }), down).state.level, 2)
  // Who is called four times in 20 s is judged by three probes.
  assert.equal(run(15, () => ({ probes: 3, offered: 0.2 }), down).state.level, 2)
})

test('relapses make a level last longer, up to fourfold', () => {
  const times: number[] = []
  let down = 0
  // Slow whenever the level is 0, and good under any limit.
  run(600, (second, { level, since }) => {
    if (level === 0 && since !== down) {
      down = since
      times.push(second)
    }
    return level === 0 ? { ...SLOW, hot: true } : {}
  })
  const gaps = times.map((time, index) => time - (times[index - 1] ?? 0))
  assert.ok(gaps.at(-1)! >= 40 + 10, String(gaps))
  assert.ok(gaps.at(-1)! <= 100, String(gaps))
})

// --- Properties over any observations ------------------------------------------------------------------------------------

const observations = fc.array(
  fc.record({
    hot: fc.boolean(),
    hotKey: fc.boolean(),
    operations: fc.constantFrom(0, 1, 50, 5000),
    p99: fc.constantFrom(0, 1, 49, 51, 500),
    errorShare: fc.constantFrom(0, 0.05, 0.1, 0.3, 1),
    rate: fc.double({ min: 0, max: 1e5, noNaN: true }),
    offered: fc.double({ min: 0, max: 1e5, noNaN: true }),
    refused: fc.constantFrom(0, 100),
    probes: fc.constantFrom(0, 5, 10),
    probeErrors: fc.constantFrom(0, 1, 5),
  }),
  { minLength: 100, maxLength: 240 },
)

test('whatever is seen: levels rise as they must and fall one at a time, limits keep above the floor, nothing flaps', () => {
  const reached = new Set<string>()
  const check = (seen: Omit<Observation, 'at'>[]) => {
    let state: Policy = CALM
    const steps: { at: number; from: number; to: number }[] = []
    for (const [index, each] of seen.entries()) {
      const at = 1e6 + index * look
      const { state: next, actions } = decide(state, { ...each, at }, SETTINGS)
      for (const action of actions) {
        if (action.type === 'level') {
          steps.push({ at, from: action.from, to: action.to })
          reached.add(`${action.from}>${action.to}`)
          assert.equal(action.from, state.level)
          assert.equal(action.to, next.level)
          assert.ok(action.to < action.from ? action.to === action.from - 1 : [1, 2, 3].includes(action.to))
        }
        if (action.type === 'limit') assert.ok(action.limit >= SETTINGS.limits.least && Number.isFinite(action.limit))
      }
      if (next.level === 1) assert.ok(next.limit >= SETTINGS.limits.least)
      assert.ok(Object.values(next).every(Number.isFinite))
      state = next
    }
    // Each step down takes a short window at least, so each window has at most one of them and what it allows to rise again.
    const downs = steps.filter(({ from, to }) => to < from)
    for (const [index, { at }] of downs.entries()) {
      if (index > 0) assert.ok(at - downs[index - 1].at >= short - look, 'two steps down within one window')
    }
    // An up and a down again within less than `hold` would be flapping.
    for (const [index, { at, from, to }] of steps.entries()) {
      const before = steps[index - 1]
      if (before !== undefined && to < from && before.to > before.from) {
        assert.ok(at - before.at >= SETTINGS.recovery.hold - look, 'up and down within one hold')
      }
    }
    // With its relapses a shard that tries everything moves rarely: over ten minutes fewer than once in ten seconds.
    assert.ok(
      steps.length <= Math.ceil((seen.length * look) / short) + 3,
      `${steps.length} steps in ${seen.length} looks`,
    )
  }
  fc.assert(fc.property(observations, check), { numRuns: 500 })
  for (const step of ['0>1', '0>3', '1>0', '1>3', '3>2', '2>1']) assert.ok(reached.has(step), `${step} never happened`)
})

test('the policy is a pure function', () => {
  const seen = { at: 1e6, hot: true, hotKey: false, ...SLOW }
  const state = Object.freeze({ ...CALM, over: 1, overSince: 995_000 })
  assert.deepEqual(decide(state, Object.freeze(seen), SETTINGS), decide({ ...state }, { ...seen }, SETTINGS))
})
