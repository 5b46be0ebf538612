/**
 * A thread that holds a lock for 1 ms, gives it up and takes it again leaves others a fair share: a thread that has waited
 * for 1 ms is handed the lock. The tests compare counts, not times: a busy machine slows both sides.
 */
import assert from 'node:assert/strict'
import { bytes, string } from 'threadmap'
import { CompatRWMutex, Mutex, RWMutex } from 'threadmap/sync'
import type { HogJobs } from '../../programs/hogs.js'
import type { LockJobs, RivalTask } from '../../programs/locking.js'
import { SAFE_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { seeded } from '../../support/seeded.js'
import { crewOf, type Team } from '../../support/team.js'

const team = crewOf<LockJobs>('locking')
const hogs = crewOf<HogJobs>('hogs')

const HOLD_MS = 1
const TIMES = 500
/** Turns of the others during 500 of the greedy thread. Without the hand-over it was 1 turn in 2,000. */
const SHARE = 50

/** Runs both teams until the greedy one is done; returns how often each of the others got the lock. */
async function rivals(greedy: Team<number>, modest: Team<number>): Promise<number[]> {
  try {
    await Promise.all([greedy.ready(), modest.ready()])
    modest.open()
    greedy.open()
    await Promise.race([greedy.reports(), modest.finished])
    modest.control.stop()
    return await modest.reports()
  } finally {
    await Promise.all([greedy.terminate(), modest.terminate()])
  }
}

for (const [name, Lock] of Object.entries({ Mutex, RWMutex, CompatRWMutex })) {
  for (const [greedy, modest] of [
    ['write', 'write'],
    ['write', 'read'],
    ['read', 'write'],
  ] as const) {
    if (name === 'Mutex' && (greedy === 'read' || modest === 'read')) continue
    seeded(`${name}: who locks again at once, to ${greedy}, leaves others that ${modest} their share`, async () => {
      using lock = new Lock()
      const task = (how: 'read' | 'write', hold: number, times: number): RivalTask => ({
        lock: lock.handle,
        how,
        hold,
        times,
      })
      const greedyTask = task(greedy, HOLD_MS, TIMES)
      // Two readers overlap, so there is always one.
      const many = greedy === 'read' ? [greedyTask, greedyTask] : [greedyTask]
      const counts = await rivals(team('rival', many), team('rival', [task(modest, 0, 0), task(modest, 0, 0)]))
      for (const count of counts) assert.ok(count >= SHARE, `${counts} of ${TIMES}`)
      assert.equal(lock.lock(), undefined, 'nobody died')
      lock.unlock()
    })
  }
}

/** Bytes of a value whose copy takes most of a millisecond, under the lock of its shard. */
const LARGE = 2 ** 21

for (const kind of SAFE_KINDS) {
  seeded(`${kind}: who changes large values without end leaves others their share of the lock`, async () => {
    using map = createMap(kind, { key: string, value: bytes, shards: 1 })
    map.set('large', new Uint8Array(LARGE))
    const counts = await rivals(
      hogs('large', [{ map: map.handle, bytes: LARGE, times: TIMES }]),
      hogs('small', [{ map: map.handle }, { map: map.handle }]),
    )
    for (const count of counts) assert.ok(count >= SHARE, `${counts} of ${TIMES}`)
    assert.deepEqual(map.audit(), [])
  })
}
