import assert from 'node:assert/strict'
import { f64, string, UnsafeMap } from 'threadmap'
import { Backoff, CompatRWMutex, Mutex, RWMutex, WaitGroup } from 'threadmap/sync'
import { ASKING, type GroupTask, HELD, type LockJobs, RELEASE } from '../../programs/locking.js'
import { PATIENCE, until } from '../../support/patience.js'
import { duration, SOAKING, seeded } from '../../support/seeded.js'
import { crewOf, run, together } from '../../support/team.js'

const team = crewOf<LockJobs>('locking')

const KINDS = { Mutex, RWMutex, CompatRWMutex } as const

for (const [name, Lock] of Object.entries(KINDS)) {
  seeded(`${name}: four workers that count plain words under it lose none and never meet inside`, async () => {
    using lock = new Lock()
    const words = new SharedArrayBuffer(8)
    const times = SOAKING ? 500_000 : 20_000
    await run(
      team(
        'count',
        [1, 2, 3, 4].map(() => ({ lock: lock.handle, times, words })),
      ),
    )
    assert.deepEqual([...new Int32Array(words)], [4 * times, 4 * times])
  })

  seeded(`${name}: threads that use an UnsafeMap only while they hold it are never accused`, async random => {
    using lock = new Lock()
    using map = new UnsafeMap({ key: string, value: f64 })
    const times = SOAKING ? 100_000 : 5000
    const tasks = [1, 2, 3].map(() => ({ map: map.handle, lock: lock.handle, seed: random.next(), times }))
    await run(team('guarded', tasks))
    let sum = 0
    for (const [, count] of map) sum += count
    assert.equal(sum, 3 * times)
    assert.deepEqual(map.audit(), [])
  })
}

for (const [name, Lock] of Object.entries({ RWMutex, CompatRWMutex })) {
  seeded(`${name}: readers never see half of a write, and neither side starves`, async () => {
    using lock = new Lock()
    const words = new SharedArrayBuffer(8)
    const task = { lock: lock.handle, words, times: 0 }
    const writer = team('countForever', [task])
    const readers = team('readPair', [task, task])
    const bothSides = () => readers.control.allHaveSeen && writer.control.get(0, HELD) > 0
    await together(writer, readers, duration(250), bothSides)
    assert.ok(bothSides(), 'a side starved')
  })

  seeded(`${name}: readers share, a writer waits for them, and new readers wait behind the writer`, async () => {
    using lock = new Lock()
    const hold = (how: 'read' | 'write', timeout: number) => ({ lock: lock.handle, how, timeout })
    const readers = team('hold', [hold('read', PATIENCE), hold('read', PATIENCE)])
    const writer = team('hold', [hold('write', PATIENCE)])
    const late = team('hold', [hold('read', 150)])
    try {
      await Promise.all([readers.ready(), writer.ready(), late.ready()])
      readers.open()
      await until(() => readers.control.get(0, HELD) + readers.control.get(1, HELD) === 2, 'two readers at once')
      writer.open()
      await until(() => writer.control.get(0, ASKING) === 1, 'the writer asks')
      await new Promise(resolve => setTimeout(resolve, 50))
      assert.equal(writer.control.get(0, HELD), 0, 'a writer among readers')
      late.open()
      const [outcome] = await late.reports()
      assert.equal(outcome!.error, 'LockTimeoutError')
      for (const reader of [0, 1]) {
        readers.control.set(reader, RELEASE, 1)
        readers.control.wake(reader, RELEASE)
      }
      await until(() => writer.control.get(0, HELD) === 1, 'the writer gets it')
      writer.control.set(0, RELEASE, 1)
      writer.control.wake(0, RELEASE)
      assert.equal((await writer.reports())[0]!.error, undefined)
    } finally {
      await Promise.all([readers.terminate(), writer.terminate(), late.terminate()])
    }
  })
}

seeded('WaitGroup: those who wait go on when the last task is done, not before', async () => {
  using group = new WaitGroup()
  const done = new SharedArrayBuffer(4)
  const task = (role: GroupTask['role']) => ({ group: group.handle, role, done }) as const
  for (let round = 0; round < 3; round++) {
    new Int32Array(done).fill(0)
    group.add(3)
    assert.equal(group.count, 3)
    const seen = await run(team('group', [task('task'), task('task'), task('task'), task('waiter'), task('waiter')]))
    assert.deepEqual(seen, [0, 0, 0, 3, 3])
    assert.equal(group.count, 0)
    group.wait(0)
  }
})

seeded('WaitGroup: wait gives up after its time-out, and a task too many is refused', () => {
  using group = new WaitGroup()
  group.add(2)
  group.done()
  const began = performance.now()
  assert.throws(() => group.wait(60), {
    name: 'LockTimeoutError',
    code: 'ERR_THREADMAP_LOCK_TIMEOUT',
    message: /1 task/,
  })
  assert.ok(performance.now() - began >= 50)
  group.done()
  group.wait()
  assert.throws(() => group.done(), { name: 'LockUsageError', code: 'ERR_THREADMAP_LOCK_USAGE' })
  assert.equal(group.count, 0)
  assert.throws(() => group.add(0.5), { name: 'OptionError' })
})

seeded('Backoff: each pause is twice as long as the one before, and they end', () => {
  const backoff = new Backoff({ initialDelay: 200, maxRetries: 4 })
  const delays: number[] = []
  do delays.push(backoff.delay)
  while (backoff.pause())
  assert.deepEqual(delays.slice(0, 4), [200, 400, 800, 1600])
  assert.equal(backoff.retries, 4)
  assert.equal(backoff.pause(), false)
  backoff.reset()
  assert.equal(backoff.retries, 0)
  assert.equal(backoff.delay, 200)
  assert.equal(backoff.pause(), true)
  assert.equal(new Backoff({ maxRetries: 0 }).pause(), false)
  for (const options of [{ initialDelay: -1 }, { maxRetries: 1.5 }, { initialDelay: Number.NaN }]) {
    assert.throws(() => new Backoff(options), { name: 'OptionError', code: 'ERR_THREADMAP_OPTION' })
  }
})
