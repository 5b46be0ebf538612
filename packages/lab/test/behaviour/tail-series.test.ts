/** The pure parts of `threadmap lab tail`: traffic, figures over time, recovery, the check of writes, the limits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hotShardBelief } from '#lab/experiments/tail/folklore.js'
import { Refused } from '#lab/experiments/tail/guards/guard.js'
import { ConcurrencyLimit, GradientLimit } from '#lab/experiments/tail/guards/limits.js'
import { type Answers, Came } from '#lab/experiments/tail/load/protocol.js'
import { FAULT_NAMES, HOT_KEY, HOT_SHARD, PLANS, type Plan, SHARDS, shardOf } from '#lab/experiments/tail/plan.js'
import { figuresOf, windowsOf } from '#lab/experiments/tail/series/figures.js'
import { levelAt } from '#lab/experiments/tail/series/levels.js'
import { checkWrites, healthOf, recoveredAt, ruleHolds } from '#lab/experiments/tail/series/recovery.js'
import { cureOf, type Summary, summaryOf, usualOf } from '#lab/experiments/tail/series/summary.js'
import { type Traffic, trafficOf } from '#lab/experiments/tail/traffic.js'

const PLAN: Plan = {
  warmUp: 1000,
  faultFrom: 5000,
  faultUntil: 15_000,
  until: 25_000,
  window: 1000,
  step: 250,
  scale: 1,
}

/** A request every 10 ms, each fifth of them to the hot shard; `of` gives what came of it. */
function made(of: (at: number, isHot: boolean) => { latency: number; came?: number; age?: number }): {
  traffic: Traffic
  answers: Answers
} {
  const count = PLAN.until / 10
  const at = Float64Array.from({ length: count }, (_, i) => i * 10)
  const hot = Uint8Array.from({ length: count }, (_, i) => (i % 5 === 0 ? 1 : 0))
  const found = [...at].map((time, i) => ({ came: Came.answered, age: 0, ...of(time, hot[i] === 1) }))
  return {
    traffic: {
      at,
      hot,
      key: new Uint32Array(count),
      writes: new Uint8Array(count),
      turn: new Uint16Array(count),
    },
    answers: {
      latency: Float32Array.from(found, ({ latency }) => latency),
      came: Uint8Array.from(found, ({ came }) => came),
      age: Float32Array.from(found, ({ age }) => age),
    },
  }
}

test('the traffic follows from the seed, and a fault changes nothing but its own keys', () => {
  const usual = trafficOf(undefined, PLANS.quick, 5)
  const { faultFrom, faultUntil } = PLANS.quick
  for (const fault of FAULT_NAMES) {
    const planted = trafficOf(fault, PLANS.quick, 5)
    assert.deepEqual(planted.at, usual.at, fault)
    assert.deepEqual(planted.writes, usual.writes, fault)
    const outside = [...usual.at.keys()].filter(i => usual.at[i] < faultFrom || usual.at[i] >= faultUntil)
    assert.deepEqual(
      outside.map(i => planted.key[i]),
      outside.map(i => usual.key[i]),
      fault,
    )
  }
  assert.notDeepEqual(trafficOf(undefined, PLANS.quick, 6).at, usual.at)
})

test('a hot key gets 60% of the requests of the fault, and a steeper zipf doubles the share of its shard', () => {
  const { faultFrom, faultUntil } = PLANS.full
  const share = (traffic: Traffic, of: (i: number) => boolean) => {
    const inside = [...traffic.at.keys()].filter(i => traffic.at[i] >= faultFrom && traffic.at[i] < faultUntil)
    return inside.filter(of).length / inside.length
  }
  const hot = trafficOf('hot key', PLANS.full, 3)
  const ofKey = share(hot, i => hot.key[i] === HOT_KEY)
  // Its own 9.5% of the others come on top.
  assert.ok(Math.abs(ofKey - 0.638) < 0.02, String(ofKey))
  const usual = trafficOf(undefined, PLANS.full, 3)
  const steep = trafficOf('steeper zipf', PLANS.full, 3)
  const [before, after] = [usual, steep].map(traffic => share(traffic, i => traffic.hot[i] === 1))
  assert.ok(after > 1.7 * before && after < 3 * before, `${before} to ${after}`)
})

test('every shard has keys, and the hot shard is that of the most frequent key', () => {
  const counts = new Array<number>(SHARDS).fill(0)
  for (let key = 0; key < 10_000; key++) counts[shardOf(key)]++
  assert.ok(Math.min(...counts) > 100 && Math.max(...counts) < 220, String(counts))
  assert.equal(shardOf(HOT_KEY), HOT_SHARD)
})

test('figures tell answered, refused, failed and stale apart, and count latency of the answered only', () => {
  const { traffic, answers } = made((at, isHot) => {
    if (!isHot) return { latency: 50 }
    if (at % 200 === 0) return { latency: 1, came: Came.refused }
    if (at % 200 === 50) return { latency: 2000, came: Came.timedOut }
    return { latency: 300, age: at % 200 === 100 ? 4000 : 0 }
  })
  const hot = figuresOf(traffic, answers, 'hot', 1000, 2000)
  assert.deepEqual(
    { ...hot, p50: Math.round(hot.p50 ?? 0) },
    {
      from: 1000,
      until: 2000,
      requests: 20,
      p50: 300,
      p99: 300,
      answered: 0.5,
      refused: 0.25,
      failed: 0.25,
      stale: 0.5,
      oldest: 4000,
    },
  )
  const others = figuresOf(traffic, answers, 'others', 1000, 2000)
  assert.deepEqual([others.requests, others.p99, others.answered, others.stale], [80, 50, 1, 0])
  assert.equal(figuresOf(traffic, answers, 'all', 1000, 2000).requests, 100)
  const none = figuresOf(traffic, answers, 'all', 30_000, 31_000)
  assert.deepEqual([none.requests, none.p50, none.p99, none.answered], [0, null, null, 1])
  const windows = windowsOf(traffic, answers, 'all', PLAN)
  assert.equal(windows[0].from, PLAN.warmUp)
  assert.equal(windows[windows.length - 1].until, PLAN.until)
})

/** Everyone else's latency over time, and when it recovers. */
function recovery(latency: (at: number) => number, came: (at: number) => number = () => Came.answered) {
  const { traffic, answers } = made(at => ({ latency: latency(at), came: came(at) }))
  const windows = windowsOf(traffic, answers, 'others', PLAN)
  const health = healthOf(figuresOf(traffic, answers, 'others', PLAN.warmUp, PLAN.faultFrom))
  const { faultFrom, faultUntil, until } = PLAN
  return [recoveredAt(windows, health, faultFrom, faultUntil), recoveredAt(windows, health, faultUntil, until)]
}

test('recovery is the begin of the first healthy window after which the windows stay healthy', () => {
  const slow = (from: number, until: number) => (at: number) => (at >= from && at < until ? 500 : 50)
  assert.deepEqual(
    recovery(() => 50),
    [5000, 15_000],
    'never ill',
  )
  assert.deepEqual(recovery(slow(5000, 9000)), [9000, 15_000], 'healed in the fault')
  assert.deepEqual(recovery(slow(5000, 17_000)), [undefined, 17_000], 'healed after it')
  assert.deepEqual(recovery(slow(5000, 25_000)), [undefined, undefined], 'never healed')
  assert.deepEqual(recovery(slow(12_000, 15_000)), [undefined, 15_000], 'healthy, then ill at the end of the fault')
})

test('a healthy stretch between two ill ones is no recovery, and one disturbed moment does not undo one', () => {
  const wave = (at: number) => (at < 5000 || (at >= 7000 && at < 9000) || at >= 12_000 ? 50 : 500)
  assert.deepEqual(recovery(wave), [12_000, 15_000])
  // A P99 of 80 requests is disturbed by two of them, in the windows that contain these.
  const disturbed = (at: number) => (at >= 5000 && at < 6000 ? 500 : at >= 22_000 && at < 22_050 ? 500 : 50)
  assert.deepEqual(recovery(disturbed), [6000, 15_000])
})

test('fast answers of few are no health: who is refused is not served', () => {
  const refused = (at: number) => (at >= 5000 && at < 10_000 && at % 30 === 10 ? Came.refused : Came.answered)
  assert.deepEqual(
    recovery(() => 50, refused),
    [10_000, 15_000],
  )
})

test('the check of writes finds what is lost and what was made twice', () => {
  assert.deepEqual(checkWrites([1, 2, 3], Int32Array.of(3, 1, 2, 9)), { acknowledged: 3, lost: 0, twice: 0 })
  assert.deepEqual(checkWrites([1, 2, 3], Int32Array.of(1, 3, 3)), { acknowledged: 3, lost: 1, twice: 1 })
  assert.deepEqual(
    checkWrites([], Int32Array.of(7, 7)),
    { acknowledged: 0, lost: 0, twice: 1 },
    'unacknowledged, but twice',
  )
})

test('the level that cures is the last step up before the recovery', () => {
  const change = (at: number, from: number, to: number) => ({ at, from, to, reason: '' })
  const levels = {
    changes: [change(4000, 0, 1), change(7000, 0, 1), change(9000, 1, 2), change(14_000, 2, 3), change(20_000, 3, 0)],
    found: 6000,
    cause: 'slow shard',
    elsewhere: 0,
    key: undefined,
  }
  assert.deepEqual(cureOf(levels, 10_500, PLAN), { level: 2, at: 4000, took: 1500 })
  assert.deepEqual(cureOf(levels, 5500, PLAN), undefined)
  assert.deepEqual(
    [3000, 4500, 9000, 30_000].map(time => levelAt(levels, time)),
    [0, 1, 2, 0],
  )
})

/** A run in which the fault makes everyone slow for good, unless `healed`. */
function summary(
  guard: Summary['guard'],
  fault: Summary['fault'],
  healed: boolean,
  late = new Map<number, number>(),
): Summary {
  const { traffic, answers } = made((at, isHot) => ({
    latency: at >= PLAN.faultFrom && at < (healed ? PLAN.faultFrom + 2000 : PLAN.faultUntil) ? (isHot ? 900 : 500) : 50,
  }))
  const writes = { acknowledged: 1, lost: 0, twice: 0 }
  const lateness = Float32Array.from(traffic.at, at => late.get(Math.floor(at / 1000)) ?? 1)
  const served = { guard, answers, writes, levels: undefined }
  return summaryOf({ fault, plan: PLAN, traffic, served: [served], lateness }, served)
}

test('the verdict on the hot shard: it drives P99, and a rule that compares with all does not find it where all wait', () => {
  const bare = (['hot key', 'slow shard', 'failing shard'] as const).map(fault =>
    summary('no protection', fault, false),
  )
  const governed = bare.map(({ fault }) => summary('governor', fault, true))
  const { belief, verdict, measured } = hotShardBelief([...bare, ...governed])
  assert.equal(belief, 15)
  assert.equal(verdict, 'does not hold')
  assert.match(measured, /everyone else's P99 by 10.0 to 10.0/)
  assert.match(measured, /in 0 of 3 faults.*the others in 0.*back in 3 of 3/)
  assert.equal(hotShardBelief(bare.map(({ fault }) => summary('no protection', fault, true))).verdict, 'does not hold')
  assert.equal(governed[0].healed, 2000)
  assert.equal(governed[0].back, 0)
  assert.equal(bare[0].healed, undefined)
})

test('the rule of the folklore counts the windows in which it would fire', () => {
  const { traffic, answers } = made((at, isHot) => ({ latency: isHot && at >= 10_000 && at < 15_000 ? 200 : 50 }))
  const [hot, others] = (['hot', 'others'] as const).map(group => windowsOf(traffic, answers, group, PLAN))
  assert.equal(ruleHolds(hot, others, 10_000, 15_000), 1)
  assert.equal(ruleHolds(hot, others, 5000, 9000), 0)
})

test('a concurrency limit lets in so many, lets as many wait, and refuses the rest', async () => {
  const limit = new ConcurrencyLimit(2)
  const ends: (() => void)[] = []
  const call = () => limit.read(0, () => new Promise<number>(resolve => ends.push(() => resolve(1))))
  const calls = [call(), call(), call(), call()]
  await assert.rejects(call(), Refused)
  assert.equal(ends.length, 2)
  ends[0]()
  await calls[0]
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(ends.length, 3, 'one that waited took the free place')
  ends[1]()
  ends[2]()
  await Promise.all([calls[1], calls[2]])
  await new Promise(resolve => setImmediate(resolve))
  ends[3]()
  await calls[3]
  const failing = limit.write(0, () => Promise.reject(new Error('no')))
  await assert.rejects(failing, /no/)
  assert.equal(await limit.read(0, async () => 5), 5, 'a failure frees its place')
})

test('the gradient limit falls when latency rises, and grows again when it is as usual', () => {
  const gradient = new GradientLimit(12)
  for (let i = 0; i < 300; i++) gradient.ended(50, gradient.limit)
  const usual = gradient.limit
  assert.ok(usual > 12, String(usual))
  for (let i = 0; i < 60; i++) gradient.ended(2000, gradient.limit)
  const slow = gradient.limit
  assert.ok(slow < usual / 2, `${usual} to ${slow}`)
  for (let i = 0; i < 300; i++) gradient.ended(50, gradient.limit)
  assert.ok(gradient.limit > slow * 1.5, `${slow} to ${gradient.limit}`)
  const idle = gradient.limit
  for (let i = 0; i < 100; i++) gradient.ended(50, 1)
  assert.equal(gradient.limit, idle, 'a limit that nobody reaches says nothing about a higher one')
})

test('windows in which the load generator was late say nothing about health', () => {
  const ill = summary('no protection', 'slow shard', false, new Map([[2, 100]]))
  assert.equal(ill.healed, undefined)
  // Ill from 5 to 7 s. Where the requests of just these windows left late, the server is not blamed for them.
  const late = new Map([4, 5, 6, 7].map(second => [second, 100]))
  assert.equal(summary('no protection', 'slow shard', true).healed, 2000)
  assert.equal(summary('no protection', 'slow shard', true, late).healed, 3000)
})

test('what was usual before the fault is that of the median window: one in which the machine was busy does not make the fault small', () => {
  const window = (p99: number | null) => ({ ...figuresOf(...traffic, 'all', 1000, 2000), p50: p99, p99 })
  const { traffic: load, answers } = made(() => ({ latency: 10 }))
  const traffic = [load, answers] as const
  const whole = window(2000)
  assert.equal(usualOf(whole, [130, 2400, 125, null, 128].map(window)).p99, 129)
  assert.equal(usualOf(whole, []).p99, 2000)
  // Busy in the last of the four seconds before the fault.
  const busy = made(at => ({ latency: at >= 4000 && at < 5000 ? 900 : 10 }))
  const run = {
    fault: 'slow shard',
    plan: PLAN,
    traffic: busy.traffic,
    lateness: new Float32Array(busy.traffic.at.length),
  } as const
  const served = {
    guard: 'no protection',
    answers: busy.answers,
    writes: checkWrites([], new Int32Array()),
    levels: undefined,
  }
  assert.equal(
    summaryOf(run as Parameters<typeof summaryOf>[0], served as Parameters<typeof summaryOf>[1]).others.before.p99,
    10,
  )
})
