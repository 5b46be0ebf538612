import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Governor, type GovernorOptions } from '@threadmap/governor'
import { OptionError } from 'threadmap'

const objective = { p99: 50 }
const refused: [object, RegExp][] = [
  [{}, /needs an objective/],
  [{ objective: { p99: 0 } }, /objective\.p99 must be a number from 0\.001/],
  [{ objective, shards: 0 }, /shards must be a number from 1 to 4096/],
  [{ objective, shards: 4097 }, /shards must be/],
  [{ objective, shards: 1.5 }, /shards must be a whole number/],
  [{ objective, shardOf: 3 }, /shardOf must be a function/],
  [{ objective, windows: { short: 0 } }, /windows\.short must be a number from/],
  [{ objective, windows: { look: 3000 } }, /windows\.short must be a multiple of windows\.look \(3000 ms\)/],
  [{ objective, windows: { short: 120_000 } }, /windows must be in order/],
  [{ objective, windows: { look: 500 } }, /60 looks, and has 120/],
  [{ objective, timeScale: 0.001 }, /the least is 10 ms/],
  [{ objective, detection: { ratio: 0.5 } }, /detection\.ratio must be a number from 1/],
  [{ objective, detection: { ratio: 2, coolRatio: 3 } }, /coolRatio \(3\) must not be above detection\.ratio \(2\)/],
  [{ objective, detection: { for: 1000 } }, /must be at least one short window/],
  [{ objective, limits: { share: 0 } }, /limits\.share/],
  [{ objective, limits: { looks: 100 } }, /levels are out of order: isolation\.after \(60000 ms\) is shorter/],
  [{ objective, isolation: { after: 1000 } }, /levels are out of order/],
  [{ objective, isolation: { concurrency: 65 } }, /isolation\.concurrency must be a number from 1 to 64/],
  [{ objective, degrade: { errors: 1.5 } }, /degrade\.errors/],
  [{ objective, recovery: { growth: 1 } }, /recovery\.growth/],
  [{ objective, copies: { keep: 'never' } }, /copies\.keep is 'suspect' or 'always', and is never/],
  [{ objective, preset: 'other' }, /preset is 'guide'/],
  [{ objective, windowz: {} }, /has no option 'windowz'/],
  [{ objective, limits: { p98: 1 } }, /limits has no option 'p98'/],
]

for (const [options, message] of refused) {
  test(`refused at construction: ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => new Governor(options as GovernorOptions),
      error => error instanceof OptionError && message.test(error.message),
    )
  })
}

test('the figures of the guide are the defaults, and its 800 ms the preset', () => {
  using governor = new Governor({ objective })
  const { windows, detection, limits, isolation, degrade } = governor.handle.settings
  assert.deepEqual(windows, { look: 5000, short: 10_000, minute: 60_000, long: 300_000 })
  assert.deepEqual([detection.ratio, detection.for, detection.minOperations], [3, 30_000, 200])
  assert.deepEqual([limits.p99, limits.looks, limits.share], [50, 2, 0.5])
  assert.deepEqual([isolation.after, degrade.errors], [60_000, 0.15])
  using guide = new Governor({ objective, preset: 'guide' })
  assert.equal(guide.handle.settings.limits.p99, 800)
})

test('the options of a call are checked, and so is what shardOf returns', async () => {
  using governor = new Governor({ objective, shards: 2, shardOf: key => Number(key) })
  await assert.rejects(
    governor.read('5', () => 1),
    /shardOf\('5'\) must return a whole number from 0 to 1, and returned 5/,
  )
  await assert.rejects(
    governor.read(5 as unknown as string, () => 1),
    /a key of a governor is a string/,
  )
  governor.pin(1, 1)
  const read = (options: object) => governor.read('1', () => 1, options)
  await assert.rejects(read({ maxAge: -1 }), /maxAge/)
  await assert.rejects(read({ value: 'json' }), /takes a codec/)
  await assert.rejects(read({ fallback: 1 }), /fallback must be a function/)
  await assert.rejects(read({ maxage: 1 }), /no option 'maxage'/)
  governor.dispose()
  await assert.rejects(
    governor.read('1', () => 1),
    { code: 'ERR_THREADMAP_DISPOSED' },
  )
})
