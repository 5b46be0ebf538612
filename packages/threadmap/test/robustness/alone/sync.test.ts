import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { AttachError, ThreadLimitError } from 'threadmap'
import { CompatRWMutex, LockTimeoutError, LockUsageError, Mutex, RWMutex, WaitGroup } from 'threadmap/sync'
import { HELD } from '../../programs/locking.js'
import { release, team, untilAsking, untilHeld, whileHeld, withTeams } from '../../support/lock-teams.js'
import { PATIENCE, until, untilSeen } from '../../support/patience.js'
import { SOAKING, seeded } from '../../support/seeded.js'

const KINDS = { Mutex, RWMutex, CompatRWMutex } as const

for (const [name, Lock] of Object.entries(KINDS)) {
  seeded(`${name}: who locks again, or unlocks what it does not hold, is told, and nothing is changed`, () => {
    using lock = new Lock()
    assert.throws(() => lock.unlock(), LockUsageError)
    assert.equal(lock.lock(), undefined)
    assert.throws(() => lock.lock(), LockUsageError)
    lock.unlock()
    assert.throws(() => lock.unlock(), LockUsageError)
    assert.equal(lock.lock(0), undefined)
    lock.unlock()
  })

  seeded(
    `${name}: lock gives up after its time-out and names the owner; unlock by another thread is refused`,
    async () => {
      using lock = new Lock()
      await whileHeld(lock, async holder => {
        for (const timeout of [0, 80]) {
          const began = performance.now()
          assert.throws(
            () => lock.lock(timeout),
            (error: unknown) => error instanceof LockTimeoutError && error.owner > 0 && error.shard === -1,
          )
          const took = performance.now() - began
          // A time near PATIENCE is wrong: the lock waited for its holder. A busy machine adds some seconds at most.
          assert.ok(took >= timeout * 0.8 && took < timeout + 20_000, `gave up after ${took} of ${timeout} ms`)
        }
        assert.throws(() => lock.unlock(), LockUsageError)
        if (lock instanceof Mutex) assert.equal(lock.tryLock(), false)
        release(holder)
        assert.equal((await holder.reports())[0]!.error, undefined)
        assert.equal(lock.lock(), undefined, 'nobody died')
        lock.unlock()
      })
    },
  )

  seeded(`${name}: the next owner is told who died with the lock, whether it waited or came later`, async () => {
    using lock = new Lock()
    const task = { lock: lock.handle, how: 'write', timeout: PATIENCE } as const
    for (const waiting of [true, false]) {
      const victim = team('hold', [task])
      const waiter = team('hold', waiting ? [task] : [])
      await withTeams([victim, waiter], async () => {
        victim.open()
        await untilHeld(victim, 'the victim holds it')
        const { threadId } = victim.workers[0]!
        if (waiting) {
          waiter.open()
          await untilAsking(waiter, 'the waiter asks')
          await sleep(30)
        }
        await victim.terminate()
        if (waiting) {
          await untilHeld(waiter, 'the waiter gets it')
          release(waiter)
          assert.deepEqual((await waiter.reports())[0]!.died, { threadId })
        } else {
          assert.deepEqual(lock.lock(PATIENCE), { threadId })
          lock.unlock()
        }
        assert.equal(lock.lock(PATIENCE), undefined, 'it is told once')
        lock.unlock()
      })
    }
  })

  seeded(
    `${name}: workers terminated at any moment leave a lock that works, and half a change only if it says so`,
    async random => {
      using lock = new Lock()
      const words = new SharedArrayBuffer(8)
      const task = { lock: lock.handle, times: 0, words }
      const survivor = team('countForever', [task])
      let told = 0
      await withTeams([survivor], async () => {
        survivor.open()
        // Rounds go on until a victim has died with the lock and the survivor has been told.
        const round = async () => {
          const victims = team('countForever', [task, task])
          try {
            await victims.ready()
            victims.open()
            await until(() => victims.control.get(0, HELD) > random.below(200), 'the victims count')
            await sleep(random.below(3))
          } finally {
            await victims.terminate()
          }
          const beat = survivor.control.get(0, HELD)
          await Promise.race([
            until(() => survivor.control.get(0, HELD) > beat + 10, 'the survivor goes on'),
            survivor.finished,
          ])
          return survivor.control.allHaveSeen
        }
        await untilSeen(round, 'a victim dies with the lock', SOAKING ? 300 : 12)
        survivor.control.stop()
        told = (await survivor.reports())[0]!
      })
      assert.ok(told > 0, 'no victim died with the lock')
      assert.equal(lock.lock(), undefined)
      lock.unlock()
    },
  )
}

for (const [name, Lock] of Object.entries({ RWMutex, CompatRWMutex })) {
  seeded(`${name}: the share of a reader that died is given back, and its death is no news`, async () => {
    using lock = new Lock()
    const read = { lock: lock.handle, how: 'read', timeout: PATIENCE } as const
    const victims = team('hold', [read, read])
    const writer = team('hold', [{ lock: lock.handle, how: 'write', timeout: PATIENCE }])
    await withTeams([victims, writer], async () => {
      victims.open()
      await until(() => victims.control.get(0, HELD) + victims.control.get(1, HELD) === 2, 'both read')
      writer.open()
      await untilAsking(writer, 'the writer asks')
      await victims.terminate()
      await untilHeld(writer, 'the writer gets it')
      release(writer)
      assert.deepEqual((await writer.reports())[0]!.died, undefined, 'a reader leaves nothing half done')
      assert.equal(lock.lock(PATIENCE), undefined)
      lock.unlock()
    })
  })
}

seeded(
  'RWMutex: shares are counted, a reader cannot lock for writing, and there is a limit to what a thread reads',
  () => {
    const locks = Array.from({ length: 17 }, () => new RWMutex())
    const [lock] = locks as [RWMutex, ...RWMutex[]]
    lock.rlock()
    lock.rlock()
    assert.throws(() => lock.lock(), LockUsageError)
    lock.runlock()
    assert.throws(() => lock.lock(), LockUsageError)
    lock.runlock()
    assert.throws(() => lock.runlock(), LockUsageError)
    lock.lock()
    assert.throws(() => lock.runlock(), LockUsageError)
    lock.unlock()
    for (const each of locks.slice(0, 16)) each.rlock()
    assert.throws(() => locks[16]!.rlock(), ThreadLimitError)
    for (const each of locks.slice(0, 16)) each.runlock()
    locks[16]!.rlock()
    locks[16]!.runlock()
    for (const each of locks) {
      each.lock(0)
      each.unlock()
      each[Symbol.dispose]()
    }
  },
)

seeded('Mutex: withLock gives the lock up when its action throws', () => {
  using lock = new Mutex()
  assert.equal(
    lock.withLock(() => 5),
    5,
  )
  assert.throws(
    () =>
      lock.withLock(() => {
        throw new RangeError('mine')
      }),
    RangeError,
  )
  assert.equal(lock.tryLock(), true)
  assert.equal(lock.tryLock(), false)
  lock.unlock()
})

seeded('a handle of another kind of lock, or of nothing, is refused by name', () => {
  using mutex = new Mutex()
  using group = new WaitGroup()
  assert.throws(() => RWMutex.attach(mutex.handle as never), AttachError)
  assert.throws(() => Mutex.attach(group.handle as never), AttachError)
  assert.throws(() => CompatRWMutex.attach({} as never), AttachError)
  assert.throws(() => Mutex.attach({ ...mutex.handle, address: mutex.handle.address + 8 }), AttachError)
  const same = Mutex.attach(mutex.handle)
  same.lock()
  assert.throws(() => mutex.lock(), LockUsageError, 'it is one lock')
  mutex.unlock()
})

seeded('thousands of locks can be made and disposed', () => {
  for (let round = 0; round < 20; round++) {
    const locks = Array.from({ length: 500 }, () => new Mutex())
    assert.equal(new Set(locks.map(lock => lock.handle.address)).size, 500)
    for (const lock of locks) lock.withLock(() => {})
    for (const lock of locks) lock[Symbol.dispose]()
  }
})
