/** Locks that are disposed, and deaths of which no owner has been told. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { AttachError } from 'threadmap'
import { CompatRWMutex, DisposedError, LockUsageError, Mutex, RWMutex, WaitGroup } from 'threadmap/sync'
import { ASKING, HELD, RELEASE } from '../../programs/locking.js'
import { release, team, untilAsking, untilHeld, withTeams } from '../../support/lock-teams.js'
import { PATIENCE, until } from '../../support/patience.js'
import { seeded } from '../../support/seeded.js'
import { run } from '../../support/team.js'

seeded('a lock that was disposed twice is one lock less: two new ones have two addresses', () => {
  for (const Lock of [Mutex, RWMutex, CompatRWMutex, WaitGroup]) {
    const old = new Lock()
    old[Symbol.dispose]()
    old[Symbol.dispose]()
    const locks = [new Lock(), new Lock(), new Lock()]
    assert.equal(new Set(locks.map(lock => lock.handle.address)).size, 3)
    // One of these uses the memory of the old lock: disposing the old lock again must not dispose it.
    old[Symbol.dispose]()
    for (const lock of locks) assert.equal(lock.handle.kind, Lock.name)
    for (const lock of locks) lock[Symbol.dispose]()
  }
})

seeded('after its disposal every method of a lock throws DisposedError, and its handle is refused', async () => {
  const mutex = new Mutex()
  const rw = new RWMutex()
  const compat = new CompatRWMutex()
  const group = new WaitGroup()
  const calls: [lock: { handle: unknown }, calls: (() => unknown)[]][] = [
    [mutex, [() => mutex.lock(), () => mutex.tryLock(), () => mutex.unlock(), () => mutex.withLock(() => 1)]],
    [rw, [() => rw.lock(), () => rw.unlock(), () => rw.withLock(() => 1), () => rw.rlock(), () => rw.runlock()]],
    [rw, [() => rw.withRLock(() => 1)]],
    [compat, [() => compat.lock(), () => compat.unlock(), () => compat.reader.lock(), () => compat.reader.unlock()]],
    [group, [() => group.add(1), () => group.done(), () => group.wait(), () => group.count]],
  ]
  const handles = [mutex, rw, compat, group].map(({ handle }) => handle)
  const promises = [
    () => mutex.lockAsync(),
    () => mutex.withLockAsync(() => 1),
    () => rw.lockAsync(),
    () => rw.rlockAsync(),
    () => rw.withRLockAsync(() => 1),
    () => compat.reader.lockAsync(),
  ]
  // A second object for one of these locks.
  const same = Mutex.attach(mutex.handle)
  for (const lock of [mutex, rw, compat, group]) lock[Symbol.dispose]()
  // New locks use their addresses now.
  using _one = new Mutex()
  using _other = new RWMutex()
  for (const [lock, methods] of calls) {
    for (const method of methods) assert.throws(method, DisposedError, String(method))
    assert.throws(() => lock.handle, DisposedError)
  }
  assert.throws(() => same.lock(), DisposedError)
  for (const promise of promises) await assert.rejects(promise, DisposedError)
  const attaches = [Mutex, RWMutex, CompatRWMutex, WaitGroup].map(
    ({ attach }) => attach as (handle: unknown) => unknown,
  )
  for (const [i, handle] of handles.entries()) assert.throws(() => attaches[i]!(handle), AttachError)
})

seeded('a lock that is disposed while a thread holds it and another waits is refused to both', async () => {
  const lock = new Mutex()
  const task = { lock: lock.handle, how: 'write', timeout: PATIENCE } as const
  const threads = team('hold', [task, task])
  await withTeams([threads], async () => {
    threads.open()
    const held = () => threads.control.get(0, HELD) + threads.control.get(1, HELD)
    await until(
      () => held() === 1 && threads.control.get(0, ASKING) + threads.control.get(1, ASKING) === 2,
      'one waits',
    )
    await sleep(30)
    lock[Symbol.dispose]()
    const others = Array.from({ length: 50 }, () => new Mutex())
    assert.ok(others.every(other => other.tryLock() === true))
    const holder = threads.control.get(0, HELD) === 1 ? 0 : 1
    threads.control.set(holder, RELEASE, 1)
    threads.control.wake(holder, RELEASE)
    await assert.rejects(threads.reports(), { name: 'DisposedError' })
    for (const other of others) {
      other.unlock()
      other[Symbol.dispose]()
    }
  })
})

/** A thread takes the lock and is terminated. */
async function dieWith(lock: Mutex | RWMutex | CompatRWMutex): Promise<number> {
  const victim = team('hold', [{ lock: lock.handle, how: 'write', timeout: PATIENCE }])
  await victim.ready()
  victim.open()
  await untilHeld(victim, 'the victim holds it')
  const { threadId } = victim.workers[0]!
  await victim.terminate()
  return threadId
}

seeded('Mutex: a death is told by tryLock, and by withLock to a function that takes an argument', async () => {
  using lock = new Mutex()
  let threadId = await dieWith(lock)
  assert.deepEqual(lock.tryLock(), { threadId })
  lock.unlock()
  assert.equal(lock.tryLock(), true, 'it is told once')
  lock.unlock()

  threadId = await dieWith(lock)
  assert.deepEqual(
    lock.withLock(died => died),
    { threadId },
  )
  assert.equal(lock.lock(), undefined)
  lock.unlock()

  threadId = await dieWith(lock)
  assert.equal(
    lock.withLock(() => 5),
    5,
  )
  assert.deepEqual(lock.lock(), { threadId }, 'the function before could not be told')
  lock.unlock()

  threadId = await dieWith(lock)
  await lock.withLockAsync(async () => {})
  assert.deepEqual((await lock.lockAsync()).ownerDied, { threadId }, 'nor the one that was async')
})

for (const [name, Lock] of Object.entries({ RWMutex, CompatRWMutex })) {
  seeded(`${name}: a death is told to every reader until a writer is told`, async () => {
    using lock = new Lock()
    const reader =
      lock instanceof CompatRWMutex ? lock.reader : { lock: () => lock.rlock(), unlock: () => lock.runlock() }
    const threadId = await dieWith(lock)
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(reader.lock(), { threadId })
      reader.unlock()
    }
    assert.deepEqual(lock.lock(), { threadId })
    lock.unlock()
    assert.equal(reader.lock(), undefined)
    reader.unlock()
  })

  seeded(`${name}: a writer that dies while it waits blocks no new readers, and is no news`, async () => {
    using lock = new Lock()
    const task = (how: 'read' | 'write', timeout: number) => ({ lock: lock.handle, how, timeout }) as const
    const reader = team('hold', [task('read', PATIENCE)])
    const writer = team('hold', [task('write', PATIENCE)])
    const late = team('hold', [task('read', PATIENCE)])
    await withTeams([reader, writer, late], async () => {
      reader.open()
      await untilHeld(reader, 'the reader reads')
      writer.open()
      await untilAsking(writer, 'the writer asks')
      await sleep(50)
      await writer.terminate()
      late.open()
      // The first reader still holds its share.
      await untilHeld(late, 'a new reader reads')
      for (const each of [reader, late]) release(each)
      assert.equal((await late.reports())[0]!.died, undefined)
      assert.equal((await reader.reports())[0]!.error, undefined)
      assert.equal(lock.lock(PATIENCE), undefined)
      lock.unlock()
    })
  })

  seeded(`${name}: a thread that reads gets another share at once, also while a writer waits`, async () => {
    using lock = new Lock()
    const reader =
      lock instanceof CompatRWMutex
        ? lock.reader
        : { lock: (timeout?: number) => lock.rlock(timeout), unlock: () => lock.runlock() }
    reader.lock()
    const writer = team('hold', [{ lock: lock.handle, how: 'write', timeout: PATIENCE }])
    await withTeams([writer], async () => {
      writer.open()
      await untilAsking(writer, 'the writer asks')
      await sleep(50)
      reader.lock(0)
      reader.lock(0)
      assert.throws(() => lock.lock(), LockUsageError)
      for (let i = 0; i < 3; i++) reader.unlock()
      await untilHeld(writer, 'the writer gets it')
      release(writer)
      await writer.reports()
    })
  })
}

seeded('WaitGroup: a count that would not fit, or be negative, is refused before it changes', () => {
  using group = new WaitGroup()
  group.add(2 ** 30)
  assert.throws(() => group.add(2 ** 30), LockUsageError)
  assert.equal(group.count, 2 ** 30)
  group.add(2 ** 30 - 1)
  assert.throws(() => group.add(1), LockUsageError)
  assert.equal(group.count, 2 ** 31 - 1)
  group.add(-(2 ** 30))
  assert.throws(() => group.add(-(2 ** 30)), LockUsageError)
  assert.equal(group.count, 2 ** 30 - 1)
})

seeded('a mutex that was handed to a thread which died before it accepted is taken over, and is no news', async () => {
  for (const [Lock, how] of [
    [Mutex, 'write'],
    [RWMutex, 'write'],
    [RWMutex, 'read'],
    [CompatRWMutex, 'write'],
  ] as const) {
    using lock = new Lock()
    lock.lock()
    const heir = team('holdAsync', [{ lock: lock.handle, how, blocks: true }])
    await withTeams([heir], async () => {
      heir.open()
      await untilAsking(heir, 'the heir waits')
      lock.unlock()
      if (lock instanceof Mutex) assert.equal(lock.tryLock(), false, 'it was handed over')
    })
    assert.equal(lock.lock(PATIENCE), undefined)
    lock.unlock()
    // A later thread may have the dead thread's registry slot, and must not be handed a lock that it never asked for.
    await run(team('rival', [{ lock: lock.handle, how: 'write', hold: 0, times: 100 }]))
    assert.equal(lock.lock(0), undefined)
    lock.unlock()
  }
})
