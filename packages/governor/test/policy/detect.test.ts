import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COLD, type Detected, detect, type Heat, type ShardLook } from '#governor/policy/detect.js'
import { evenly, look, SETTINGS, shard } from '../support/looks.js'

const LOOK = SETTINGS.windows.look
const SHARDS = 16

/** Looks for `seconds` at shards as `of(seconds)` describes them. Returns what was detected, and the second at which `until` first held. */
function watch(
  seconds: number,
  of: (second: number) => ShardLook[],
  until: (detected: Detected) => boolean = () => false,
  heats: readonly Heat[] = [],
): { detected: Detected; second: number | undefined } {
  let detected: Detected = { shards: [], allSlow: false }
  let known = heats
  for (let second = 5; second <= seconds; second += LOOK / 1000) {
    detected = detect(look(second * 1000 + 1e6, of(second)), known, SETTINGS)
    known = detected.shards
    if (until(detected)) return { detected, second }
  }
  return { detected, second: undefined }
}

const usual = () => shard(evenly(100, 2, 10))
const slow = (factor = 20) => shard(evenly(100, 2 * factor, 10 * factor))
/** All shards are usual but those that `special` gives. */
function shards(special: Record<number, ShardLook>): ShardLook[] {
  return Array.from({ length: SHARDS }, (_, index) => special[index] ?? usual())
}
const hot = ({ shards }: Detected) => shards.flatMap((verdict, index) => (verdict.hot ? [index] : []))

test('a shard that becomes slow at once is hot after 30 s, since the begin of the first window, as a slow shard', t => {
  const { detected, second } = watch(
    120,
    s => shards(s > 20 ? { 3: slow() } : {}),
    d => hot(d).length > 0,
  )
  assert.deepEqual(hot(detected), [3])
  t.diagnostic(`detected ${Number(second) - 20} s after the onset`)
  assert.ok(Number(second) - 20 <= 30)
  assert.equal(detected.shards[3].cause, 'slow shard')
  assert.equal(detected.shards[3].hotSince, 1e6 + 15_000)
})

test('a shard that becomes slow gradually is hot 30 s after it is three times as slow', t => {
  const of = (s: number) => shards({ 3: shard(evenly(100, 2 * (1 + s / 40), 10 * (1 + s / 40))) })
  const { detected, second } = watch(300, of, d => hot(d).length > 0)
  assert.deepEqual(hot(detected), [3])
  // Three times is reached after 80 s.
  t.diagnostic(`detected ${Number(second) - 80} s after three times the P99`)
  assert.ok(Number(second) >= 95 && Number(second) <= 115, String(second))
})

test('two hot shards do not hide each other', () => {
  const { detected } = watch(60, () => shards({ 3: slow(), 11: slow(10) }))
  assert.deepEqual(hot(detected), [3, 11])
})

test('when all shards are slow none is hot, and the backend is slow', () => {
  const all = () => Array.from({ length: SHARDS }, () => slow())
  const { detected } = watch(120, all)
  assert.deepEqual(hot(detected), [])
  assert.equal(detected.allSlow, true)
  const three = () => Array.from({ length: SHARDS }, (_, index) => (index < 13 ? slow() : usual()))
  assert.deepEqual(hot(watch(120, three).detected), [])
})

test('a hot shard that moves is followed', () => {
  const first = watch(60, () => shards({ 3: slow() }))
  assert.deepEqual(hot(first.detected), [3])
  const { detected } = watch(60, () => shards({ 9: slow() }), undefined, first.detected.shards)
  assert.deepEqual(hot(detected), [9])
})

test('a shard between the two ratios stays what it was', () => {
  const between = () => shards({ 3: shard(evenly(100, 5, 25)) })
  assert.deepEqual(hot(watch(120, between).detected), [])
  const before = watch(60, () => shards({ 3: slow() }))
  assert.deepEqual(hot(watch(300, between, undefined, before.detected.shards).detected), [3])
  assert.deepEqual(hot(watch(60, () => shards({}), undefined, before.detected.shards).detected), [])
})

test('one good window in between begins the 30 s anew', () => {
  const { second } = watch(
    300,
    s => shards(s % 25 < 5 ? {} : { 3: slow() }),
    d => hot(d).length > 0,
  )
  assert.equal(second, undefined)
})

test('a shard with few operations is not judged', () => {
  const few = shard(evenly(20, 100, 200), { minute: 199 })
  assert.deepEqual(hot(watch(120, () => shards({ 3: few })).detected), [])
})

test('a hot key is told from a slow shard', () => {
  const key = shard(evenly(1000, 40, 200), { topShare: 0.9 })
  assert.equal(watch(60, () => shards({ 3: key })).detected.shards[3].cause, 'hot key')
  const frequentButSlow = shard(evenly(100, 40, 200), { topShare: 0.9 })
  assert.equal(watch(60, () => shards({ 3: frequentButSlow })).detected.shards[3].cause, 'slow shard')
})

test('where the shard holds what all wait for, so that all are equally slow, the one with the heat is hot', () => {
  const waiting = () => shard(evenly(50, 60, 200))
  const of = () =>
    Array.from({ length: SHARDS }, (_, i) => (i === 5 ? shard(evenly(1500, 60, 220), { topShare: 0.9 }) : waiting()))
  const { detected } = watch(60, of)
  assert.deepEqual(hot(detected), [5])
  assert.equal(detected.shards[5].cause, 'hot key')
  assert.equal(detected.allSlow, false)
})

/** 64 shards of which few get through: all wait 1,000 ms for a pool, and one holds its connections. */
function coupled(
  index: number,
  own: ShardLook,
  others: ShardLook = shard(evenly(8, 900, 1100), { minute: 50, inFlight: 1 }),
): ShardLook[] {
  return Array.from({ length: 64 }, (_, i) => (i === index ? own : others))
}

test('where all wait equally, the shard that holds more than its rate explains is hot, also if others have few operations each', () => {
  // A key with 60% of the load: its operations take twice as long, not three times. 750 end in 10 s; 75 of the 99 under way wait as all do.
  const key = shard(evenly(750, 1000, 2000), { topShare: 0.95, inFlight: 136 })
  const { detected } = watch(60, () => coupled(20, key))
  assert.deepEqual(hot(detected), [20])
  assert.equal(detected.shards[20].cause, 'hot key')
  assert.equal(detected.allSlow, false)
})

test('a slow shard that ends few operations is judged by those that it holds', () => {
  // 24 hold a connection, and 12 wait for one; 10 a second fail after a second of waiting.
  const own = shard(evenly(100, 950, 1050), { minute: 600, inFlight: 36 })
  const { detected } = watch(60, () => coupled(20, own, shard(evenly(15, 900, 1100), { minute: 90, inFlight: 2 })))
  assert.deepEqual(hot(detected), [20])
  assert.equal(detected.shards[20].cause, 'slow shard')
  const hangs = shard([], { minute: 200, inFlight: 200 })
  assert.deepEqual(hot(watch(60, () => coupled(20, hangs)).detected), [20])
})

test('a frequent shard that waits as all do holds no more than its part', () => {
  const frequent = shard(evenly(750, 900, 1100), { topShare: 0.3, inFlight: 75 })
  const others = shard(evenly(40, 900, 1100), { minute: 240, inFlight: 4 })
  assert.deepEqual(hot(watch(120, () => coupled(20, frequent, others)).detected), [])
  // Below the objective nobody suffers, whoever holds what.
  const quick = shard(evenly(40, 2, 10), { inFlight: 0 })
  assert.deepEqual(hot(watch(120, () => coupled(20, shard(evenly(750, 2, 12), { inFlight: 90 }), quick)).detected), [])
})

test('a shard that fails is hot after two looks; if all fail, none is', () => {
  const failing = () => shard(evenly(100, 2, 10), { errors: 30 })
  const { detected, second } = watch(
    60,
    () => shards({ 3: failing() }),
    d => hot(d).length > 0,
  )
  assert.deepEqual(hot(detected), [3])
  assert.equal(second, 10)
  assert.equal(detected.shards[3].cause, 'failing shard')
  const all = Array.from({ length: SHARDS }, failing)
  assert.deepEqual(hot(watch(60, () => all).detected), [])
})

test('one shard alone, and shards without operations, are never hot', () => {
  assert.deepEqual(hot(watch(120, () => [slow()]).detected), [])
  assert.deepEqual(hot(watch(120, () => Array.from({ length: 4 }, () => shard([]))).detected), [])
  assert.equal(detect(look(1, [shard([])]), [COLD], SETTINGS).shards[0].suspect, false)
})
