import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  age,
  count,
  duration,
  heats,
  percent,
  perSecond,
  timesOfAll,
  verdict,
  worstFirst,
} from '#governor/seeing/figures.js'
import { sparing } from '#governor/seeing/seen.js'
import { visible } from '#governor/seeing/visible.js'
import { calm, HOSTILE, shard, trouble } from '../support/seen.js'

test('figures have units, and two or three digits', () => {
  assert.deepEqual([0.004, 0.42, 0.999, 3.14, 9.96, 812.4, 994.9, 995, 1340, 9960, 64_000].map(duration), [
    '0.00 ms',
    '0.42 ms',
    '1.0 ms',
    '3.1 ms',
    '10 ms',
    '812 ms',
    '995 ms',
    '1.0 s',
    '1.3 s',
    '10 s',
    '64 s',
  ])
  assert.deepEqual([0, null, undefined, Number.NaN].map(duration), ['–', '–', '–', '–'])
  assert.deepEqual(
    [0, 7, 7.25, 812, 9949, 9950, 12_345, 99_949, 99_950, 999_499, 999_500, 4_100_000, 41_000_000].map(count),
    ['0', '7', '7.3', '812', '9949', '9.9k', '12.3k', '99.9k', '100k', '999k', '1.0M', '4.1M', '41M'],
  )
  assert.equal(perSecond(530), '530/s')
  assert.deepEqual([0, 0.0004, 0.004, 0.0994, 0.0995, 0.31, 1].map(percent), [
    '0%',
    '<0.1%',
    '0.4%',
    '9.9%',
    '10%',
    '31%',
    '100%',
  ])
  assert.deepEqual([0, 400, 5000, 65_000, 3_600_000, 90_061_000].map(age), [
    '0 s',
    '0 s',
    '5 s',
    '1 min 5 s',
    '1 h',
    '1 d 1 h',
  ])
  assert.equal(timesOfAll(shard(1, { p99: 812 }), { p99: 48 }), '17×')
  assert.equal(timesOfAll(shard(1, { p99: 0 }), { p99: 48 }), '–')
})

test('heat is latency x rate beside the median shard: an even load is cool, whatever it is', () => {
  const even = [1, 1000].map(rate => heats(Array.from({ length: 64 }, (_, at) => shard(at, { rate, p99Short: 500 }))))
  for (const heat of even.flat()) assert.ok(heat < 0.1, String(heat))
  const heat = heats([
    ...Array.from({ length: 60 }, (_, at) => shard(at, { rate: 10, p99Short: 10 })),
    shard(60, { rate: 80, p99Short: 10 }),
    shard(61, { rate: 10, p99Short: 80 }),
    shard(62, { rate: 1000, p99Short: 1000 }),
    shard(63, { rate: 0, p99Short: 0, p99: 0 }),
  ])
  assert.equal(heat[60], heat[61], 'rate and latency count alike')
  assert.ok(heat[60] > 0.7 && heat[60] < 0.9, String(heat[60]))
  assert.equal(heat[62], 1)
  assert.equal(heat[63], 0)
  assert.deepEqual(heats([shard(0, { rate: 0 })]), [0])
  assert.deepEqual(heats([]), [])
})

test('the verdict is what somebody who was woken up needs first', () => {
  assert.equal(verdict(calm()), 'All 64 shards are normal.')
  assert.equal(verdict(calm(1)), 'The one shard is normal.')
  assert.equal(
    verdict(trouble()),
    '4 of 64 shards need attention: shard 40 is degraded, shard 17 is isolated, shard 9 is limited, shard 41 is hot.',
  )
  const one = calm()
  assert.equal(
    verdict({ ...one, shards: one.shards.map(each => (each.shard === 17 ? trouble().shards[17] : each)) }),
    'Shard 17 is isolated (hot key), hot for 3 min 5 s.',
  )
  const many = calm()
  assert.equal(
    verdict({
      ...many,
      shards: many.shards.map((each, at) => ({
        ...each,
        hot: at < 3,
        level: at > 10 && at < 15 ? 1 : at === 20 ? 3 : 0,
      })),
    }),
    '8 of 64 shards need attention: 1 degraded, 4 limited, 3 hot and not limited yet.',
  )
  assert.equal(
    verdict({ ...calm(), backendSlow: true }),
    'The backend is slow: all shards are, so none of them is hot.',
  )
  assert.match(verdict({ ...calm(), enabled: false }), /switched off: it watches and does not act\.$/)
  assert.deepEqual(worstFirst(trouble().shards).slice(0, 4), [40, 17, 9, 41])
})

test('characters without a shape are shown as escapes, so that no key looks like another or turns a line around', () => {
  assert.equal(visible('user:1\u200b'), 'user:1\\u{200b}')
  assert.equal(visible('a\u001b[2J\r\n\u202eb\u2028\ud800'), 'a\\u{1b}[2J\\u{d}\\u{a}\\u{202e}b\\u{2028}\\u{d800}')
  assert.equal(visible('東京 é 👍'), '東京 é 👍')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  assert.ok(!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(visible(HOSTILE)))
})

test('all who look in a row get one snapshot, so that a thread spends at most a part in 20 of its time on them', () => {
  let [now, made] = [0, 0]
  const governor = {
    snapshot: () => {
      now += 50
      made++
      return { ...calm(), at: made }
    },
    latency: () => assert.fail('nobody asked'),
  }
  const seen = sparing(governor, () => now)
  assert.equal(seen.snapshot().at, 1)
  now += 949
  assert.equal(seen.snapshot().at, 1)
  now += 1
  assert.equal(seen.snapshot().at, 2)
  assert.equal(made, 2)
  // What fails is not kept.
  const broken = sparing({ ...governor, snapshot: () => assert.fail('disposed of') }, () => now)
  for (let i = 0; i < 2; i++) assert.throws(() => broken.snapshot(), /disposed of/)
})
