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
  succeeded: 100,
  inFlight: 1,
  offered: 100,
  probes: 0,
  probeErrors: 0,
}
const SLOW = { ...GOOD, p99: 500 }

type Seen = Partial<Observation>

function seenAt(at: number, seen: Seen): Observation {
  const all = { hot: false, hotKey: false, ...GOOD, ...seen }
  return { at, minute: all.offered * 60, ...all }
}

/** Passes what `of(seconds)` says to the policy, look by look. */
function run(seconds: number, of: (second: number, state: Policy) => Seen, from: Policy = CALM, begin = 1000) {
  const steps: { second: number; from: number; to: number; limit: number }[] = []
  const actions: Decision['actions'][number][] = []
  let state = from
  for (let second = look / 1000; second <= seconds; second += look / 1000) {
    const at = (begin + second) * 1000
    const decision = decide(state, seenAt(at, of(second, state)), SETTINGS)
    state = decision.state
    actions.push(...decision.actions)
    for (const action of decision.actions) {
      if (action.type === 'level') steps.push({ second, from: action.from, to: action.to, limit: state.limit })
    }
  }
  return { state, steps, actions }
}

test('a hot shard over the limit twice in a row gets half of its rate', () => {
  const { state, steps } = run(10, () => ({ ...SLOW, hot: true, rate: 400, succeeded: 300 }))
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

test('who calls a degraded shard once in twenty seconds has not stopped to call it', () => {
  const rare = (second: number) => ({ operations: 0, p99: 0, rate: 0, offered: second % 20 === 0 ? 0.1 : 0, minute: 3 })
  assert.equal(run(600, rare, { ...CALM, level: 3, since: 1e6 }).state.level, 3)
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
  const hanging = { operations: 0, p99: 0, rate: 0, offered: 100, inFlight: 20 }
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
  // By then the shard is calm, so it is no longer hot and has no cause: the policy remembers it.
  const state = { ...CALM, level: 2 as const, since: 1e6, wanted: 1000, loaded: 1 }
  const same = run(300, () => ({ offered: 1000 }), state)
  assert.equal(same.steps[0].second, 40)
  const less = run(300, () => ({ offered: 600 }), state)
  assert.equal(less.steps[0].second, 10)
  // A shard that was slow is let out as soon as it is good.
  const mended = run(300, () => ({ offered: 1000 }), { ...state, loaded: 0 })
  assert.equal(mended.steps[0].second, 10)
})

test('a trial begins with what the shard does, and one that fails ends after two looks, not after a minute', () => {
  const state = { ...CALM, level: 2 as const, since: 1e6, wanted: 1000, loaded: 1 }
  const { steps } = run(
    120,
    (_, { level, limit }) => ({
      hot: true,
      hotKey: true,
      offered: 1000,
      // Isolated, 20 operations a second are done of many; alone it can do 12.
      rate: level === 2 ? 20 : limit,
      succeeded: level === 2 ? 20 : Math.min(limit, 12),
      p99: level === 1 && limit > 12 ? 500 : 10,
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
  const { steps } = run(60, () => ({ offered: 100 }), state)
  assert.equal(steps.at(-1)?.to, 0)
})

test('level 3 ends after twenty probes in a row without a failure, however long that takes, while callers want more', () => {
  const down = { ...CALM, level: 3 as const, since: 1e6 }
  assert.equal(run(60, s => ({ probes: s === 5 ? 19 : 0 }), down).state.level, 3)
  assert.equal(run(10, s => ({ probes: s === 5 ? 20 : 0 }), down).state.level, 2)
  assert.equal(run(15, () => ({ probes: 7 }), down).state.level, 2)
  // Seven good ones and three that failed, for ever: 30% fail.
  assert.equal(run(1200, () => ({ probes: 10, probeErrors: 3 }), down).state.level, 3)
  // One in forty may fail.
  const rare = run(60, s => ({ probes: 10, probeErrors: s % 20 === 0 ? 1 : 0 }), down)
  assert.equal(rare.steps[0].to, 2)
  // Who is called six times in a minute is judged by three probes.
  assert.equal(run(15, () => ({ probes: 1, offered: 0.1 }), down).state.level, 2)
})

test('relapses make a level last longer', () => {
  const times: number[] = []
  let down = 0
  // Slow whenever the level is 0, and good under any limit.
  run(1200, (_, { level, since }) => {
    if (level === 0 && since !== down) {
      down = since
      times.push(since)
    }
    return level === 0 ? { ...SLOW, hot: true } : {}
  })
  const gaps = times.slice(1).map((time, index) => (time - times[index]) / 1000)
  assert.ok(gaps.length >= 3, String(gaps))
  assert.ok(gaps[1] > 1.5 * gaps[0] && gaps[2] >= gaps[1], String(gaps))
  // Four steps of four times `hold`, and the looks in between.
  assert.ok(gaps.at(-1)! <= 240, String(gaps))
})

test('half of what succeeded is admitted: what only waited in vain is nothing that the shard can do', () => {
  const { steps } = run(10, () => ({ ...SLOW, hot: true, rate: 75, succeeded: 25, offered: 75 }))
  assert.equal(steps[0].limit, 12.5)
})

/** A shard that can do 100 operations per second, of which callers want `wanted`; its queue grows while it gets more. */
function queue(wanted: (second: number) => number, can = (_: number) => 100) {
  let waiting = 0
  return (second: number, { level, limit }: Policy): Seen => {
    const offered = wanted(second)
    const admitted = level === 0 ? offered : Math.min(limit, offered)
    const most = can(second)
    waiting = Math.min(1000, Math.max(0, waiting + (admitted - most) * (look / 1000)))
    const rate = waiting > 0 ? most : admitted
    const p99 = 10 + (1000 * waiting) / most
    return {
      hot: p99 > 150,
      hotKey: p99 > 150,
      offered,
      rate,
      succeeded: rate,
      operations: rate * 10,
      p99,
      inFlight: waiting,
    }
  }
}

test('a limit stays below what the shard can do, and is tried above it seldom and shortly, while callers want a little more than that', () => {
  for (const wanted of [108, 150, 400]) {
    let over = 0
    const load = queue(() => wanted)
    const { steps, state } = run(1800, (second, policy) => {
      const seen = load(second, policy)
      if (second > 60 && (seen.p99 ?? 0) > SETTINGS.limits.p99) over++
      return seen
    })
    assert.equal(state.level, 1)
    assert.ok(over <= 0.1 * (1740 / (look / 1000)), `${wanted}: over the limit in ${over} looks`)
    assert.ok(steps.length <= 3, `${wanted}: ${JSON.stringify(steps)}`)
  }
})

test('when callers want less, or the shard can do more, a limit ends within a minute', () => {
  const less = run(
    400,
    queue(second => (second < 200 ? 300 : 60)),
  )
  assert.deepEqual(
    less.steps.map(({ to }) => to),
    [1, 0],
  )
  assert.ok(less.steps[1].second <= 230, `${less.steps[1].second} s`)
  const load = queue(
    () => 80,
    second => (second < 100 ? 40 : 200),
  )
  // Not by a key: the shard was slow.
  const mended = run(400, (second, policy) => ({ ...load(second, policy), hotKey: false }))
  assert.equal(mended.state.level, 0)
  assert.ok(mended.steps.at(-1)!.second <= 180, JSON.stringify(mended.steps))
})

test('a shard that hangs is limited and isolated, although none of its operations ends', () => {
  const hanging = { operations: 0, p99: 0, rate: 0, succeeded: 0, offered: 20, inFlight: 50, hot: true }
  const { steps } = run(120, () => hanging)
  assert.deepEqual(
    steps.map(({ second, to, limit }) => [second, to, limit]),
    [
      [10, 1, SETTINGS.limits.least],
      [80, 2, SETTINGS.limits.least],
    ],
  )
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
    succeeded: fc.double({ min: 0, max: 1e5, noNaN: true }),
    inFlight: fc.constantFrom(0, 3, 30),
    minute: fc.constantFrom(0, 5, 5000),
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
  const seen = seenAt(1e6, { hot: true, ...SLOW })
  const state = Object.freeze({ ...CALM, over: 1, overSince: 995_000 })
  assert.deepEqual(decide(state, Object.freeze(seen), SETTINGS), decide({ ...state }, { ...seen }, SETTINGS))
})
