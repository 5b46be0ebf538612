import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { f64, LockTimeoutError, type MapKind, string } from 'threadmap'
import { formOf } from './threads/forms.js'
import { type AuditedMap, createMap, SAFE_KINDS } from './threads/maps.js'
import type { Random } from './threads/random.js'
import { SOAKING, seeded } from './threads/seeded.js'
import { crewOf, until } from './threads/team.js'
import type { VictimJobs, Work } from './threads/victims.js'

const team = crewOf<VictimJobs>('victims')

const LOCK_TIMEOUT = 300
/** What a busy machine may add to a time-out. */
const SLACK = 1200

type AnyMap = AuditedMap<string, unknown>

const KNOWN = 40
const known = (index: number) => `known:${index}`
const { codec, make, check } = formOf('strings')

/** One operation: how long it took, and whether it gave up. Any error but the time-out is a failure. */
function attempt(operation: () => void): { took: number; error: LockTimeoutError | undefined } {
  const began = performance.now()
  let error: LockTimeoutError | undefined
  try {
    operation()
  } catch (thrown) {
    if (!(thrown instanceof LockTimeoutError)) throw thrown
    assert.equal(thrown.code, 'ERR_THREADMAP_LOCK_TIMEOUT')
    error = thrown
  }
  return { took: performance.now() - began, error }
}

/** A map of one shard with some known keys, which (`SyncMap`) are promoted to the read index. */
function mapOfKnown(kind: MapKind): AnyMap {
  const map = createMap<string, unknown>(kind, { key: string, value: codec, shards: 1, lockTimeout: LOCK_TIMEOUT })
  for (let index = 0; index < KNOWN; index++) map.set(known(index), make(index, 1))
  for (let round = 0; round < 3; round++) for (let index = 0; index < KNOWN; index++) map.get(known(index))
  return map
}

/** Terminates a worker in the middle of its work, whose death nobody tells the map of. */
async function dieUnknown(map: AnyMap, victim: ReturnType<typeof lateVictim>, random: Random): Promise<void> {
  victim.team.open()
  victim.team.workers[0]!.postMessage(map.handle)
  await until(() => new Int32Array(victim.log)[1]! > 20, 'the victim works')
  await sleep(random.below(4))
  await victim.team.terminate()
}

/** A worker that is older than the map it will use, and so is not watched. */
function lateVictim(work: Work) {
  const log = new SharedArrayBuffer(8)
  return { log, team: team('lateVictim', [{ work, log }]) }
}

for (const kind of SAFE_KINDS) {
  seeded(
    `${kind}: after a death that nobody noticed operations go on or give up in time, and free reads never wait`,
    async random => {
      const readsAreFree = kind === 'FastMap' || kind === 'SyncMap'
      // The dead hold the lock only in some of the rounds. Until two did, nothing is shown.
      let locked = 0
      const rounds = SOAKING ? 200 : 40
      for (let round = 0; round < rounds && (SOAKING || locked < 2); round++) {
        const victim = lateVictim('grow')
        await victim.team.ready()
        using map = mapOfKnown(kind)
        await dieUnknown(map, victim, random)

        for (let index = 0; index < KNOWN; index++) {
          const read = attempt(() => assert.equal(check(map.get(known(index)), index), 1))
          if (readsAreFree) {
            assert.equal(read.error, undefined, `a read gave up: ${read.error?.message}`)
            assert.ok(read.took < LOCK_TIMEOUT / 2, `a read took ${read.took} ms`)
          } else {
            assert.ok(read.took < LOCK_TIMEOUT + SLACK, `a read took ${read.took} ms`)
            if (read.error) break
          }
        }

        const write = attempt(() => map.set('new', make(0, 2)))
        assert.ok(write.took < LOCK_TIMEOUT + SLACK, `a write took ${write.took} ms`)
        if (!write.error) {
          assert.equal(check(map.get('new'), 0), 2)
          continue
        }
        locked++
        assert.ok(write.took >= LOCK_TIMEOUT * 0.8, `gave up after ${write.took} ms already`)
        assert.ok(Number.isInteger(write.error.owner) && write.error.owner >= 0, 'the error names the owner')
        assert.ok(write.error.shard === 0 || write.error.shard === -1, 'and the shard')
        assert.match(write.error.message, /300/, 'and the limit')
        // What was refused is not there, as far as reads can tell without the lock.
        if (readsAreFree) assert.equal(attempt(() => assert.equal(map.get('new'), undefined)).error, undefined)
      }
      assert.ok(locked > 0, `in ${rounds} rounds no victim died with the lock`)
    },
  )
}

for (const kind of ['RWMutexMap', 'ShardedMap'] as const) {
  for (const work of ['read', 'iterate'] as const) {
    seeded(
      `${kind}: a reader (${work}) that dies unnoticed stops a writer for no longer than lockTimeout`,
      async random => {
        for (let round = 0; round < (SOAKING ? 100 : 8); round++) {
          const victim = lateVictim(work)
          await victim.team.ready()
          using map = mapOfKnown(kind)
          await dieUnknown(map, victim, random)
          const write = attempt(() => map.set(known(1), make(1, 2)))
          assert.ok(write.took < LOCK_TIMEOUT + SLACK, `a write took ${write.took} ms`)
          if (!write.error) assert.equal(check(map.get(known(1)), 1), 2)
        }
      },
    )

    seeded(`${kind}: a reader (${work}) that dies as its parent watches stops no writer at all`, async random => {
      using map = mapOfKnown(kind)
      for (let round = 0; round < (SOAKING ? 100 : 8); round++) {
        const log = new SharedArrayBuffer(8)
        const victim = team('victim', [{ map: map.handle, form: 'strings', work, name: `v${round}`, log }])
        try {
          await victim.ready()
          victim.open()
          await until(() => new Int32Array(log)[1]! > 3, 'the reader reads')
          await sleep(random.below(3))
        } finally {
          await victim.terminate()
        }
        const write = attempt(() => map.set(known(1), make(1, round)))
        assert.equal(write.error, undefined)
        assert.ok(write.took < LOCK_TIMEOUT / 2, `a write took ${write.took} ms`)
      }
      assert.deepEqual(map.audit(), [])
    })
  }
}

for (const kind of SAFE_KINDS) {
  seeded(
    `${kind}: a thread that uses the map before it could learn of a death gives up at worst, and recovers after`,
    async random => {
      using map = mapOfKnown(kind)
      for (let round = 0; round < (SOAKING ? 100 : 6); round++) {
        const log = new SharedArrayBuffer(8)
        const victim = team('victim', [{ map: map.handle, form: 'strings', work: 'grow', name: `v${round}`, log }])
        await victim.ready()
        victim.open()
        await until(() => new Int32Array(log)[1]! > random.below(2000), 'the victim works')
        // Not awaited: this thread's event loop does not turn, so no 'exit' reaches it during the next operations.
        const dying = victim.terminate()
        for (let index = 0; index < 5; index++) {
          const write = attempt(() => map.set(known(index), make(index, 1)))
          assert.ok(write.took < LOCK_TIMEOUT + SLACK, `a write took ${write.took} ms`)
        }
        await dying
        for (let index = 0; index < KNOWN; index++) {
          const after = attempt(() => map.set(known(index), make(index, 1)))
          assert.equal(after.error, undefined)
          assert.ok(after.took < LOCK_TIMEOUT / 2, `a write took ${after.took} ms`)
        }
        assert.deepEqual(map.audit(), [])
      }
    },
  )

  seeded(`${kind}: a worker older than the map is noticed when watch was told of it`, async random => {
    for (let round = 0; round < (SOAKING ? 100 : 6); round++) {
      const victim = lateVictim('grow')
      await victim.team.ready()
      using map = mapOfKnown(kind)
      assert.equal(map.watch(victim.team.workers[0]!), map)
      await dieUnknown(map, victim, random)
      const write = attempt(() => map.set('new', make(0, 2)))
      assert.equal(write.error, undefined)
      assert.ok(write.took < LOCK_TIMEOUT / 2, `a write took ${write.took} ms`)
      assert.deepEqual(map.audit(), [])
    }
  })

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
        // No lock is held while a computation runs: all other keys go on, in the same shard as well.
        const began = performance.now()
        for (let index = 0; index < 300; index++) map.set(`other:${index}`, index)
        for (let index = 0; index < 300; index++) assert.equal(map.get(`other:${index}`), index)
        assert.equal(map.get(task.key), undefined)
        assert.ok(performance.now() - began < 1000, 'other keys wait for a computation')
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
    using map = createMap(kind, { key: string, value: f64, computeTimeout: LOCK_TIMEOUT })
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
      assert.ok(answer!.waited >= LOCK_TIMEOUT * 0.8 && answer!.waited < LOCK_TIMEOUT + SLACK, `${answer!.waited} ms`)
      // The one who computes is alive, and comes to its end.
      slow.control.stop()
      await slow.reports()
      assert.equal(map.get('lazy'), -1)
    } finally {
      await Promise.all([slow.terminate(), waiter.terminate()])
    }
    assert.deepEqual(map.audit(), [])
  })
}
