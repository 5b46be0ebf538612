import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { f64, string } from 'threadmap'
import type { VictimJobs } from '../../programs/victims.js'
import { SAFE_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { until } from '../../support/patience.js'
import { seeded } from '../../support/seeded.js'
import { crewOf } from '../../support/team.js'

const team = crewOf<VictimJobs>('victims')

const COMPUTE_TIMEOUT = 300
/** Milliseconds that a busy machine may add to a time-out. A wait for a computation that never ends would be longer. */
const SLACK = 20_000

for (const kind of SAFE_KINDS) {
  seeded(`${kind}: when a worker dies inside a computation one of those who wait computes instead`, async () => {
    using map = createMap(kind, { key: string, value: f64, shards: 1 })
    for (let round = 0; round < 3; round++) {
      const task = { map: map.handle, key: `lazy:${round}` }
      const victim = team('computeForever', [task])
      const waiters = team('computeToo', [task, task])
      try {
        await victim.ready()
        victim.open()
        await until(() => victim.control.get(0, 0) === 1, 'the victim computes')
        await waiters.ready()
        waiters.open()
        await until(() => waiters.control.get(0, 0) + waiters.control.get(1, 0) === 2, 'the others ask')
        await sleep(30)
        // No lock is held while a computation runs: all other keys go on, in the same shard as well. It ends only with its
        // worker, so an operation that waits for it gives up with an error.
        for (let index = 0; index < 300; index++) map.set(`other:${index}`, index)
        for (let index = 0; index < 300; index++) assert.equal(map.get(`other:${index}`), index)
        assert.equal(map.get(task.key), undefined)
        await victim.terminate()
        const answers = await waiters.reports()
        assert.equal(answers.filter(answer => answer.ran).length, 1, 'one of the waiters computed')
        for (const { value, gaveUp } of answers) {
          assert.equal(gaveUp, false)
          assert.equal(value, 100 + answers.findIndex(answer => answer.ran))
        }
        assert.equal(map.get(task.key), answers[0]!.value)
      } finally {
        await Promise.all([victim.terminate(), waiters.terminate()])
      }
    }
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: a computation whose worker died before anybody waited is done by the next who asks`, async () => {
    using map = createMap(kind, { key: string, value: f64, shards: 2 })
    for (let round = 0; round < 3; round++) {
      const key = `lazy:${round}`
      const victim = team('computeForever', [{ map: map.handle, key }])
      try {
        await victim.ready()
        victim.open()
        await until(() => victim.control.get(0, 0) === 1, 'the victim computes')
      } finally {
        await victim.terminate()
      }
      assert.equal(map.has(key), false)
      assert.equal(
        map.getOrInsertComputed(key, () => 5),
        5,
      )
    }
    assert.equal(map.size, 3)
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: who waits for a computation that does not end gives up after computeTimeout`, async () => {
    using map = createMap(kind, { key: string, value: f64, computeTimeout: COMPUTE_TIMEOUT })
    const task = { map: map.handle, key: 'lazy' }
    const slow = team('computeForever', [task])
    const waiter = team('computeToo', [task])
    try {
      await slow.ready()
      slow.open()
      await until(() => slow.control.get(0, 0) === 1, 'the slow one computes')
      await waiter.ready()
      waiter.open()
      const [answer] = await waiter.reports()
      assert.equal(answer!.gaveUp, true)
      assert.equal(answer!.ran, false)
      assert.ok(
        answer!.waited >= COMPUTE_TIMEOUT * 0.8 && answer!.waited < COMPUTE_TIMEOUT + SLACK,
        `${answer!.waited} ms`,
      )
      // The computing thread is alive, and ends its computation.
      slow.control.stop()
      await slow.reports()
      assert.equal(map.get('lazy'), -1)
    } finally {
      await Promise.all([slow.terminate(), waiter.terminate()])
    }
    assert.deepEqual(map.audit(), [])
  })
}
