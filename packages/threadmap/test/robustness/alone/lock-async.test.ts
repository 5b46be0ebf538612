/** Waiting for locks without blocking the thread: by Atomics.waitAsync, or by timers where waitAsync is missing. */
import assert from 'node:assert/strict'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { OptionError } from 'threadmap'
import {
  type AsyncLocker,
  CompatRWMutex,
  DisposedError,
  LockTimeoutError,
  LockUsageError,
  Mutex,
  RWMutex,
} from 'threadmap/sync'
import { type AnyLock, type AsyncTask, HELD } from '../../programs/locking.js'
import { release, team, untilAsking, untilHeld, whileHeld, withTeams } from '../../support/lock-teams.js'
import { PATIENCE, until } from '../../support/patience.js'
import { seeded } from '../../support/seeded.js'

/** Runs `check` in this thread and its workers, once with `Atomics.waitAsync` and once as on a runtime without it. */
function onBoth(name: string, check: (timers: boolean) => Promise<void>): void {
  const { waitAsync } = Atomics as { waitAsync?: unknown }
  for (const timers of [false, true]) {
    seeded(`${name} (${timers ? 'timers' : 'waitAsync'})`, async () => {
      assert.equal(typeof waitAsync, 'function')
      if (timers) Reflect.deleteProperty(Atomics, 'waitAsync')
      try {
        await check(timers)
      } finally {
        Object.defineProperty(Atomics, 'waitAsync', { value: waitAsync, configurable: true, writable: true })
      }
    })
  }
}

/** How often a greedy thread locks, for 1 ms each time, and how many turns others must get meanwhile. */
const GREEDY = 300
const FAIR = 15

/** How often `take` gets a lock that another thread locks again as soon as it has given it up. `take` calls its argument with the lock. */
async function turnsBesideGreedy(
  { handle }: { readonly handle: AnyLock },
  take: (count: () => void) => Promise<unknown>,
): Promise<number> {
  let turns = 0
  const greedy = team('rival', [{ lock: handle, how: 'write', hold: 1, times: GREEDY }])
  await withTeams([greedy], async () => {
    greedy.open()
    let done = false
    const finished = greedy.reports().then(() => {
      done = true
    })
    while (!done) {
      await take(() => {
        turns++
      })
      // A free lock is had at once: without this the event loop would not turn.
      await nextTurn()
    }
    await finished
  })
  return turns
}

/** The ways to take a whole lock, or a share of one. */
const WHOLE = { Mutex, RWMutex, CompatRWMutex } as const

for (const [name, Lock] of Object.entries(WHOLE)) {
  onBoth(`${name}: calls of one thread get the lock one after the other, in their order`, async () => {
    using lock = new Lock()
    const seen: number[] = []
    let inside = 0
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        lock.withLockAsync(async () => {
          assert.equal(++inside, 1, 'two at once')
          seen.push(i)
          await sleep(i % 3 === 0 ? 1 : 0)
          inside--
        }),
      ),
    )
    assert.deepEqual(
      seen,
      seen.map((_, i) => i),
    )
    lock.lock()
    lock.unlock()
  })

  onBoth(`${name}: what lockAsync took is for its guard to give up; blocking for it is refused`, async () => {
    using lock = new Lock()
    const guard = await lock.lockAsync()
    assert.equal(guard.ownerDied, undefined)
    assert.throws(() => lock.lock(), LockUsageError)
    assert.throws(() => lock.unlock(), LockUsageError)
    if (lock instanceof Mutex) assert.equal(lock.tryLock(), false)
    guard.unlock()
    assert.throws(() => guard.unlock(), LockUsageError)
    guard[Symbol.dispose]()
    lock.lock()
    // A request waits for this thread's own blocking lock.
    const next = lock.lockAsync()
    await sleep(5)
    lock.unlock()
    {
      using _held = await next
      assert.throws(() => lock.lock(), LockUsageError)
    }
    lock.lock()
    lock.unlock()
  })

  onBoth(`${name}: while lockAsync waits for another thread, this one's event loop turns`, async () => {
    using lock = new Lock()
    await whileHeld(lock, async holder => {
      let turns = 0
      const timer = setInterval(() => turns++, 1)
      const asked = lock.lockAsync({ timeout: PATIENCE })
      await until(() => turns > 20, 'the event loop turns')
      release(holder)
      using guard = await asked
      clearInterval(timer)
      assert.equal(guard.ownerDied, undefined)
    })
  })

  onBoth(`${name}: lockAsync gives up after its time-out, or by its signal, and the next one goes on`, async () => {
    using lock = new Lock()
    await whileHeld(lock, async holder => {
      const controller = new AbortController()
      const reason = new Error('mine')
      const [late, aborted, queued] = [
        lock.lockAsync({ timeout: 20 }),
        lock.lockAsync({ timeout: PATIENCE, signal: controller.signal }),
        lock.lockAsync({ timeout: PATIENCE }),
      ]
      await assert.rejects(late, (error: unknown) => error instanceof LockTimeoutError && error.owner > 0)
      // The second request waits now.
      await sleep(20)
      controller.abort(reason)
      await assert.rejects(aborted, error => error === reason)
      await assert.rejects(lock.lockAsync({ signal: controller.signal }), error => error === reason)
      await assert.rejects(lock.lockAsync({ timeout: 0 }), LockTimeoutError)
      release(holder)
      const guard = await queued
      guard.unlock()
      lock.lock(PATIENCE)
      lock.unlock()
    })
  })

  onBoth(`${name}: a waiting request keeps its thread alive, and its thread's death is no hindrance`, async timers => {
    using lock = new Lock()
    const task: AsyncTask = { lock: lock.handle, how: 'write', blocks: false, timers }
    lock.lock()
    const waiter = team('holdAsync', [task])
    const victim = team('holdAsync', [task])
    await withTeams([waiter, victim], async () => {
      victim.open()
      await untilAsking(victim, 'the victim waits')
      await sleep(20)
      await victim.terminate()
      waiter.open()
      await untilAsking(waiter, 'the waiter waits')
      // A thread that nothing keeps alive would end within this time.
      await sleep(200)
      lock.unlock()
      await untilHeld(waiter, 'the waiter gets it')
      const { threadId } = waiter.workers[0]!
      await waiter.terminate()
      using guard = await lock.lockAsync({ timeout: PATIENCE })
      assert.deepEqual(guard.ownerDied, { threadId }, 'it died with the lock')
    })
  })

  onBoth(`${name}: a thread that locks again at once leaves lockAsync its share`, async () => {
    using lock = new Lock()
    const times = await turnsBesideGreedy(lock, count => lock.withLockAsync(count, { timeout: PATIENCE }))
    assert.ok(times >= FAIR, `${times} of ${GREEDY}`)
  })

  onBoth(`${name}: who waits for a lock that is disposed is told`, async () => {
    const lock = new Lock()
    const guard = await lock.lockAsync()
    const waiting = [lock.lockAsync(), lock.lockAsync()]
    const outcomes = Promise.allSettled(waiting)
    await sleep(5)
    lock[Symbol.dispose]()
    for (const outcome of await outcomes) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof DisposedError)
    }
    assert.throws(() => guard.unlock(), DisposedError)
  })
}

/** The two sides of a readers-writer lock. */
function sidesOf(lock: RWMutex | CompatRWMutex): { writer: AsyncLocker; reader: AsyncLocker } {
  if (lock instanceof CompatRWMutex) return { writer: lock, reader: lock.reader }
  const reader: AsyncLocker = {
    lock: timeout => lock.rlock(timeout),
    unlock: () => lock.runlock(),
    withLock: action => lock.withRLock(action),
    lockAsync: options => lock.rlockAsync(options),
    withLockAsync: (action, options) => lock.withRLockAsync(action, options),
  }
  return { writer: lock, reader }
}

for (const [name, Lock] of Object.entries({ RWMutex, CompatRWMutex })) {
  onBoth(`${name}: any number of requests share, and writers wait for the last of them`, async () => {
    using lock = new Lock()
    const { writer, reader } = sidesOf(lock)
    // More than the 16 locks that a thread can hold for reading.
    const guards = await Promise.all(Array.from({ length: 40 }, () => reader.lockAsync()))
    assert.throws(() => reader.unlock(), LockUsageError, 'the guards have them')
    reader.lock()
    reader.unlock()
    let written = false
    const writing = writer.withLockAsync(() => {
      written = true
    })
    for (const guard of guards) {
      await sleep(0)
      assert.equal(written, false, 'a writer among readers')
      guard.unlock()
    }
    await writing
    assert.equal(written, true)
    writer.lock()
    writer.unlock()
  })

  onBoth(`${name}: who reads can read again while a writer waits`, async () => {
    using lock = new Lock()
    const { writer, reader } = sidesOf(lock)
    const other = team('hold', [{ lock: lock.handle, how: 'write', timeout: PATIENCE }])
    await withTeams([other], async () => {
      await reader.withLockAsync(async () => {
        other.open()
        await untilAsking(other, 'the writer asks')
        await sleep(20)
        await reader.withLockAsync(() => {}, { timeout: PATIENCE })
        assert.equal(other.control.get(0, HELD), 0)
      })
      await untilHeld(other, 'the writer writes')
      release(other)
      await other.reports()
      await writer.withLockAsync(() => {})
    })
  })

  onBoth(`${name}: requests of a thread that never stops reading let writers in`, async () => {
    using lock = new Lock()
    const { reader } = sidesOf(lock)
    const writer = team('rival', [{ lock: lock.handle, how: 'write', hold: 0, times: 20 }])
    await withTeams([writer], async () => {
      let done = false
      // Two chains that overlap: there is always a request, and nearly always a share.
      const chain = async () => {
        while (!done) await reader.withLockAsync(() => sleep(2), { timeout: PATIENCE })
      }
      const chains = [chain(), sleep(1).then(chain)]
      writer.open()
      await writer.reports()
      done = true
      await Promise.all(chains)
    })
  })

  onBoth(`${name}: writers of another thread leave rlockAsync its share`, async () => {
    using lock = new Lock()
    const { reader } = sidesOf(lock)
    const times = await turnsBesideGreedy(lock, count => reader.withLockAsync(count, { timeout: PATIENCE }))
    assert.ok(times >= FAIR, `${times} of ${GREEDY}`)
  })
}

seeded(
  'withLock refuses what goes on after its function has returned; withLockAsync keeps the lock till then',
  async () => {
    using lock = new Mutex()
    let called = false
    const thenable = Object.assign(() => {}, { [String('then')]: () => {} })
    const refused = { name: 'LockUsageError', message: /withLockAsync/ }
    for (const late of [
      async () => {
        called = true
      },
      function* () {
        called = true
        yield 1
      },
      async function* () {
        called = true
        yield 1
      },
    ]) {
      assert.throws(() => lock.withLock(late as () => unknown), refused)
    }
    assert.equal(called, false, 'it was refused before it ran')
    // A promise from a plain function is seen only afterwards; its failure is not reported a second time.
    for (const promise of [() => sleep(1), () => Promise.reject(new Error('unheard')), () => thenable]) {
      assert.throws(() => lock.withLock(promise as () => unknown), refused)
      assert.equal(lock.tryLock(), true, 'the lock was given up')
      lock.unlock()
    }
    assert.equal(
      await lock.withLockAsync(async () => {
        await sleep(1)
        assert.equal(lock.tryLock(), false)
        return 5
      }),
      5,
    )
    await assert.rejects(
      lock.withLockAsync(async () => {
        throw new RangeError('mine')
      }),
      RangeError,
    )
    assert.equal(lock.tryLock(), true)
    lock.unlock()
  },
)

seeded('lockAsync refuses options that it does not know', async () => {
  using lock = new Mutex()
  for (const options of [5, null, { timeout: -1 }, { timeout: '5' }, { timout: 5 }, { signal: {} }]) {
    await assert.rejects(lock.lockAsync(options as never), OptionError, JSON.stringify(options))
  }
  lock.lock()
  lock.unlock()
})
