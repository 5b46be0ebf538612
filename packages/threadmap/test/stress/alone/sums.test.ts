import assert from 'node:assert/strict'
import { f64, i64, type MapHandle, string, u32 } from 'threadmap'
import { HELD, type HoldJobs, RELEASE } from '../../programs/holding.js'
import type { SumsJobs } from '../../programs/sums.js'
import { SAFE_KINDS, SHARDED_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { PATIENCE, until } from '../../support/patience.js'
import type { Random } from '../../support/random.js'
import { duration, SOAKING, seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<SumsJobs>('sums')
const holders = crewOf<HoldJobs>('holding')

/** Enough keys for several shards, few enough for workers to meet on each key. */
const ACCOUNTS = 12

function bankTasks(workers: number, random: Random) {
  return Array.from({ length: workers }, () => ({ keys: ACCOUNTS, seed: random.next() }))
}

for (const kind of SAFE_KINDS) {
  seeded(
    `${kind}: no amount is lost or doubled when three workers add to a hot key and eleven others`,
    async random => {
      using map = createMap(kind, { key: string, value: f64 })
      const tasks = bankTasks(3, random).map(task => ({ ...task, map: map.handle, addOnly: true }))
      const workers = team('bank', tasks)
      const reports = await run(workers, duration(250), () => workers.control.allHaveSeen)
      for (let index = 0; index < ACCOUNTS; index++) {
        const added = reports.reduce((sum, report) => sum + report.added[index]!, 0)
        assert.equal(map.get(`account:${index}`) ?? 0, added, `account ${index}`)
      }
      assert.deepEqual(map.audit(), [])
    },
  )

  seeded(`${kind}: what eight kinds of atomic operations put in and take out adds up on every key`, async random => {
    using map = createMap(kind, { key: string, value: f64 })
    const tasks = bankTasks(3, random).map(task => ({ ...task, map: map.handle, addOnly: false }))
    const workers = team('bank', tasks)
    const reports = await run(workers, duration(400), () => workers.control.allHaveSeen)
    for (let index = 0; index < ACCOUNTS; index++) {
      const added = reports.reduce((sum, report) => sum + report.added[index]!, 0)
      const banked = reports.reduce((sum, report) => sum + report.banked[index]!, 0)
      assert.equal(map.get(`account:${index}`) ?? 0, added - banked, `account ${index}`)
    }
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: every string that went in came out exactly once or is still there`, async random => {
    using map = createMap(kind, { key: string, value: string })
    const operations = SOAKING ? 400_000 : 30_000
    const tasks = Array.from({ length: 3 }, () => ({ map: map.handle, keys: 6, seed: random.next(), operations }))
    const reports = await run(team('tokens', tasks))
    const entered = reports.flatMap(report => report.entered)
    const left = reports.flatMap(report => report.left).concat([...map.values()])
    const outside = new Set(entered)
    assert.equal(outside.size, entered.length, 'tokens are unique')
    for (const token of left) assert.ok(outside.delete(token), `${token} came out twice, or never went in`)
    assert.deepEqual([...outside], [], 'these are lost')
    assert.deepEqual(map.audit(), [])
  })

  seeded(
    `${kind}: of three workers that insert the same key one wins, and of three that remove it one does`,
    async () => {
      using map = createMap(kind, { key: string, value: string })
      const keys = SOAKING ? 60_000 : 3000
      const tasks = Array.from({ length: 3 }, () => ({ map: map.handle, keys, round: 30 }))
      const reports = await run(team('winners', tasks))
      for (const report of reports) assert.deepEqual(report.seen, reports[0]!.seen)
      for (const [index, winner] of reports[0]!.seen.entries()) assert.match(winner, new RegExp(`^[012]:${index}$`))
      assert.equal(
        reports.reduce((sum, report) => sum + report.removed, 0),
        keys,
      )
      assert.equal(map.size, 0)
      assert.deepEqual(map.audit(), [])
    },
  )

  seeded(
    `${kind}: across four workers a computation succeeds once per absent key, also after others failed`,
    async () => {
      using map = createMap(kind, { key: f64, value: f64 })
      const keys = SOAKING ? 20_000 : 1500
      const counts = new Int32Array(new SharedArrayBuffer(keys * 8))
      const tasks = Array.from({ length: 4 }, () => ({ map: map.handle, keys, counts: counts.buffer }))
      const reports = await run(team('compute', tasks))
      for (const seen of reports) assert.deepEqual(seen, reports[0])
      for (let key = 0; key < keys; key++) {
        assert.equal(counts[key], 1, `key ${key} was computed ${counts[key]} times`)
        assert.equal(map.get(key), reports[0]![key])
      }
      assert.equal(map.size, keys)
      assert.deepEqual(map.audit(), [])
    },
  )

  seeded(`${kind}: one worker at a time moves a version on by compareAndSwap`, async () => {
    using map = createMap(kind, { key: string, value: u32 })
    map.set('version', 0)
    const top = SOAKING ? 3_000_000 : 60_000
    const reports = await run(
      team(
        'versions',
        [1, 2, 3].map(() => ({ map: map.handle, top })),
      ),
    )
    assert.equal(
      reports.reduce((sum, won) => sum + won, 0),
      top,
    )
    assert.equal(map.get('version'), top)
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: 64-bit sums wrap and lose no addition`, async () => {
    using map = createMap(kind, { key: f64, value: i64 })
    const delta = 0x1234_5678_9abc_def1n
    const times = SOAKING ? 2_000_000 : 40_000
    await run(
      team(
        'addBig',
        [1, 2, 3].map(() => ({ map: map.handle, delta, times })),
      ),
    )
    for (let key = 0; key < 4; key++) assert.equal(map.get(key), BigInt.asIntN(64, (delta * BigInt(3 * times)) / 4n))
    assert.deepEqual(map.audit(), [])
  })
}

for (const kind of SHARDED_KINDS) {
  seeded(`${kind}: waits for a lock are counted at the shard where threads wait`, async () => {
    using map = createMap<string, number>(kind, { key: string, value: u32, shards: 16, lockTimeout: PATIENCE })
    map.set('version', 0)
    const hot = map.shardStats().findIndex(({ entries }) => entries === 1)
    const holder = holders('hold', [{ map: map.handle as MapHandle<string, unknown>, shard: hot, how: 'write' }])
    const waiters = holders(
      'ask',
      [1, 2, 3].map(() => ({ map: map.handle, key: 'version' })),
    )
    try {
      await Promise.all([holder.ready(), waiters.ready()])
      holder.open()
      await until(() => holder.control.get(0, HELD) === 1, 'a worker holds the lock')
      waiters.open()
      await until(() => map.stats().lockWaits >= 3, 'three workers wait for it')
      holder.control.set(0, RELEASE, 1)
      holder.control.wake(0, RELEASE)
      await Promise.all([holder.reports(), waiters.reports()])
    } finally {
      await Promise.all([holder.terminate(), waiters.terminate()])
    }
    const shards = map.shardStats()
    assert.equal(shards.length, 16)
    assert.ok(shards[hot]!.lockWaits >= 3, `${shards[hot]!.lockWaits} waits`)
    assert.ok(shards[hot]!.lockWaitMs > 0)
    assert.ok(shards[hot]!.lockWaits <= map.stats().lockWaits)
    for (const [index, { entries, lockWaits }] of shards.entries()) {
      if (index !== hot) assert.deepEqual([entries, lockWaits], [0, 0], `shard ${index}`)
    }
  })
}
