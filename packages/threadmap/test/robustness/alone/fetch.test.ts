/**
 * `SharedCache.fetch` among real threads: one load per key, and no thread waits for ever, whatever becomes of the one that loads.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Piscina } from 'piscina'
import { f64, string } from 'threadmap'
import { type CacheOptions, SharedCache } from 'threadmap/cache'
import { ABORT, CALLED, ENDED, type FetchJobs, type FetchTask, LOADS, RELEASE } from '../../programs/fetching.js'
import { until } from '../../support/patience.js'
import { crewOf, run } from '../../support/team.js'

const layout = new URL('../../../../dist/bridge/layout.generated.js', import.meta.url).href
const L = (await import(layout)) as typeof import('../../../dist/bridge/layout.generated.js')

const team = crewOf<FetchJobs>('fetching')

function newCache(options: Partial<CacheOptions<string, string>> = {}): SharedCache<string, string> {
  return new SharedCache({ key: string, value: string, max: 1000, ...options })
}

/** Starts a thread, and waits until `word` says that it has come so far. */
async function started(task: FetchTask, word: number) {
  const one = team('fetch', [task])
  await one.ready()
  one.open()
  await until(() => one.control.get(0, word) !== 0, `${task.manner} has begun`)
  return one
}

function release(one: {
  control: { set(worker: number, word: number, value: number): void; wake(worker: number, word: number): void }
}): void {
  one.control.set(0, RELEASE, 1)
  one.control.wake(0, RELEASE)
}

for (const timers of [false, true]) {
  test(`4 workers that fetch one key 1000 times at once load it once${timers ? ', also without Atomics.waitAsync' : ''}`, async () => {
    using cache = newCache()
    for (let round = 0; round < 3; round++) {
      const task: FetchTask = { cache: cache.handle, key: `key ${round}`, manner: 'slow', times: 1000, timers }
      const reports = await run(team('fetch', [task, task, task, task]))
      assert.equal(
        reports.reduce((sum, { loads }) => sum + loads, 0),
        1,
        'one loader ran',
      )
      const loader = reports.findIndex(({ loads }) => loads === 1)
      for (const { value } of reports) assert.equal(value, `of ${loader}`)
      assert.equal(cache.get(task.key), `of ${loader}`)
    }
    assert.equal(cache.stats().loads, 3)
    assert.deepEqual(cache.audit(), [])
  })
}

/** Words of the kernel's memory: how many entries in all shards never had a value. */
function loading(cache: SharedCache<string, string>): number {
  return cache.session.kernel.cacheTotal(L.Q_LOADING + L.Q_COUNT)
}

test('a cache of 64 entries loads 1000 keys at once, each key once among three threads, while others are set', async () => {
  const COUNT = 1000
  const MAX = 64
  using cache = newCache({ max: MAX })
  const task = { cache: cache.handle, count: COUNT }
  const loader = team('many', [task])
  const waiters = team('many', [task, task])
  try {
    await loader.ready()
    loader.open()
    await until(() => loader.control.get(0, LOADS) === COUNT, 'all keys are being loaded')
    await waiters.ready()
    waiters.open()
    await until(() => waiters.control.get(0, CALLED) + waiters.control.get(1, CALLED) === 2, 'the others ask')
    assert.equal(loading(cache), COUNT)
    for (let i = 0; i < 3000; i++) {
      cache.set(`set ${i}`, 'a value')
      if (i % 3 === 0) cache.get(`set ${i - 20}`)
      assert.ok(cache.size <= MAX)
    }
    assert.equal(cache.size, MAX)
    assert.equal(loading(cache), COUNT, 'none was evicted')
    // Outcomes take the places of values: no more of them at once than the cache has.
    for (let level = 16; level < COUNT + 16; level += 16) {
      const released = Math.min(level, COUNT)
      loader.control.set(0, RELEASE, released)
      await until(
        () => [0, 1].every(worker => waiters.control.get(worker, ENDED) >= released),
        `the others have ${released} keys`,
      )
      assert.ok(cache.size <= MAX)
    }
    for (const worker of [0, 1]) waiters.control.set(worker, RELEASE, COUNT)
    const reports = [...(await loader.reports()), ...(await waiters.reports())]
    assert.deepEqual(
      reports.map(({ loads }) => loads),
      [COUNT, 0, 0],
    )
    const wanted = Array.from({ length: COUNT }, (_, i) => `key ${i}, loaded`)
    for (const { values } of reports) assert.deepEqual(values, wanted)
    assert.equal(loading(cache), 0)
    assert.deepEqual(cache.audit(), [])
  } finally {
    await Promise.all([loader.terminate(), waiters.terminate()])
  }
})

test('what a dead thread was loading is forgotten by later writes, and takes no place of values', async () => {
  const COUNT = 500
  using cache = newCache({ max: 64 })
  const loader = team('many', [{ cache: cache.handle, count: COUNT }])
  try {
    await loader.ready()
    loader.open()
    await until(() => loader.control.get(0, LOADS) === COUNT, 'all keys are being loaded')
  } finally {
    await loader.terminate()
  }
  assert.equal(loading(cache), COUNT)
  await until(() => cache.stats().threads === 1, 'its death is known')
  for (let i = 0; i < COUNT; i++) cache.set(`set ${i % 64}`, 'a value')
  assert.equal(loading(cache), 0)
  assert.equal(cache.size, 64)
  assert.equal(await cache.fetch('key 3', () => 'here'), 'here')
  assert.deepEqual(cache.audit(), [])
})

test('a load that hangs stops neither other keys nor this thread', async () => {
  using cache = newCache({ shards: 1 })
  const slow = await started({ cache: cache.handle, key: 'slow', manner: 'hangs' }, LOADS)
  try {
    for (let i = 0; i < 100; i++) assert.equal(await cache.fetch(`key ${i}`, key => key), `key ${i}`)
    const waiting = cache.fetch('slow', () => 'never called')
    // The event loop turns.
    await new Promise(resolve => setTimeout(resolve, 20))
    cache.set('slow', 'by hand')
    assert.equal(await waiting, 'by hand', 'who waits takes a value that was set')
  } finally {
    await slow.terminate()
  }
})

for (const timers of [false, true]) {
  test(`when a worker dies in the middle of a load one of those who wait loads${timers ? ', also without Atomics.waitAsync' : ''}`, async () => {
    using cache = newCache()
    for (let round = 0; round < 3; round++) {
      const key = `key ${round}`
      const victim = await started({ cache: cache.handle, key, manner: 'hangs' }, LOADS)
      const task: FetchTask = { cache: cache.handle, key, manner: 'slow', times: 10, timers }
      const waiters = team('fetch', [task, task])
      try {
        await waiters.ready()
        waiters.open()
        await until(() => waiters.control.get(0, CALLED) + waiters.control.get(1, CALLED) === 2, 'the others ask')
        await victim.terminate()
        const reports = await waiters.reports()
        assert.equal(reports[0]!.loads + reports[1]!.loads, 1, 'one of the waiters loaded')
        const value = `of ${reports.findIndex(({ loads }) => loads === 1)}`
        assert.deepEqual(
          reports.map(report => report.value),
          [value, value],
        )
        assert.equal(cache.get(key), value)
      } finally {
        await Promise.all([victim.terminate(), waiters.terminate()])
      }
    }
    assert.deepEqual(cache.audit(), [])
  })
}

test('a thread that blocks loses its load at loadTimeout, and what it returns later is refused', async () => {
  using cache = newCache()
  const blocked = await started(
    { cache: cache.handle, key: 'key', manner: 'blocks', options: { loadTimeout: 100 } },
    LOADS,
  )
  try {
    assert.equal(await cache.fetch('key', () => 'here'), 'here')
    release(blocked)
    const [report] = await blocked.reports()
    assert.equal(blocked.control.get(0, ENDED), 1, 'the loader returned at last')
    assert.equal(cache.get('key'), 'here', 'the late value was refused')
    // Its caller is told of the time-out, or gets what the others have.
    assert.ok(report!.value === 'here' || report!.error?.name === 'LoadTimeoutError', JSON.stringify(report))
  } finally {
    await blocked.terminate()
  }
})

test('a loader that never settles ends at loadTimeout, for all who wait', async () => {
  using cache = newCache()
  const task: FetchTask = { cache: cache.handle, key: 'key', manner: 'hangs', options: { loadTimeout: 1500 }, times: 5 }
  const one = await started(task, LOADS)
  try {
    const there = cache.fetch('key', () => 'here')
    await assert.rejects(there, { name: 'LoadTimeoutError', code: 'ERR_THREADMAP_LOAD_TIMEOUT' })
    const [report] = await one.reports()
    assert.equal(report!.error?.name, 'LoadTimeoutError')
    assert.equal(report!.aborted, true)
    assert.equal(await cache.fetch('key', () => 'again'), 'again')
  } finally {
    await one.terminate()
  }
})

test('loaders of two threads that fetch each other end by loadTimeout', async () => {
  using cache = newCache()
  const options = { loadTimeout: 1000 }
  const both = team('fetch', [
    { cache: cache.handle, key: 'a', next: 'b', manner: 'asks', options },
    { cache: cache.handle, key: 'b', next: 'a', manner: 'asks', options },
  ])
  try {
    await both.ready()
    both.open()
    await until(() => both.control.get(0, LOADS) + both.control.get(1, LOADS) === 2, 'both load')
    for (const worker of [0, 1]) both.control.set(worker, RELEASE, 1)
    for (const { error } of await both.reports()) assert.equal(error?.name, 'LoadTimeoutError')
  } finally {
    await both.terminate()
  }
  assert.deepEqual([cache.get('a'), cache.get('b')], [undefined, undefined])
  assert.equal(await cache.fetch('a', () => 'here'), 'here')
})

test('an error of a loader reaches all who wait, with its class, code and properties, and is not stored', async () => {
  using cache = newCache()
  const task: FetchTask = { cache: cache.handle, key: 'key', manner: 'error', times: 20 }
  const reports = await run(team('fetch', [task, task, task]))
  const wanted = { name: 'RangeError', message: 'no key today', code: 'ENOENT', status: 404 }
  for (const { error } of reports) assert.deepEqual(error, wanted)
  assert.equal(cache.get('key'), undefined)
  assert.equal(await cache.fetch('key', () => 'here'), 'here')
})

test('negativeTtl keeps an error for all threads', async () => {
  using cache = newCache({ negativeTtl: 600_000 })
  const task: FetchTask = { cache: cache.handle, key: 'key', manner: 'error' }
  await run(team('fetch', [task]))
  let runs = 0
  const load = () => String(++runs)
  await assert.rejects(cache.fetch('key', load), error => {
    assert.ok(error instanceof RangeError)
    assert.equal((error as { code?: string }).code, 'ENOENT')
    return true
  })
  assert.equal(runs, 0)
  assert.equal(cache.has('key'), false)
  assert.equal(await cache.fetch('key', load, { forceRefresh: true }), '1')
})

test('an error crosses also where values are numbers, and in a text that is cut short', async () => {
  using cache = new SharedCache({ key: string, value: f64, max: 1000 })
  for (const key of ['short', `long ${'漢'.repeat(2000)}`]) {
    const task = { cache: cache.handle, key, manner: 'fails' } as unknown as FetchTask
    const one = await started(task, LOADS)
    try {
      let runs = 0
      const waiting = cache.fetch(key, () => ++runs)
      release(one)
      await assert.rejects(waiting, (error: Error & { code?: string }) => {
        assert.ok(error instanceof RangeError)
        assert.equal(error.code, 'ENOENT')
        assert.ok(error.message.startsWith(`no ${key.slice(0, 100)}`))
        return true
      })
      assert.equal(runs, 0)
    } finally {
      await one.terminate()
    }
  }
  assert.deepEqual(cache.audit(), [])
})

test('the abort of one caller does not end a load for which another thread waits', async () => {
  using cache = newCache()
  const one = await started({ cache: cache.handle, key: 'key', manner: 'released', isAborted: true }, LOADS)
  try {
    const waiting = cache.fetch('key', () => 'not called')
    one.control.set(0, ABORT, 1)
    const [report] = await one.reports()
    assert.equal(report!.error?.message, 'the caller is gone')
    assert.equal(report!.aborted, false, 'the load goes on')
    release(one)
    assert.equal(await waiting, 'of 0')
  } finally {
    await one.terminate()
  }
})

test('the abort of the only caller ends the load, and the next who fetches loads at once', async () => {
  using cache = newCache()
  const one = await started({ cache: cache.handle, key: 'key', manner: 'aborts', isAborted: true }, LOADS)
  try {
    one.control.set(0, ABORT, 1)
    const [report] = await one.reports()
    assert.equal(report!.error?.message, 'the caller is gone')
    assert.equal(report!.aborted, true)
    assert.equal(await cache.fetch('key', () => 'here'), 'here')
  } finally {
    await one.terminate()
  }
})

test('a thread that disposes the cache while it loads passes the load on', async () => {
  using cache = newCache()
  const one = await started({ cache: cache.handle, key: 'key', manner: 'hangs', isDisposed: true }, LOADS)
  try {
    const waiting = cache.fetch('key', () => 'here')
    one.control.set(0, ABORT, 1)
    const [report] = await one.reports()
    assert.equal(report!.error?.name, 'DisposedError')
    assert.equal(report!.aborted, true)
    assert.equal(await waiting, 'here')
  } finally {
    await one.terminate()
  }
})

test('a thread that disposes the cache during a refresh passes the load on, and not the old value', async () => {
  using cache = newCache()
  cache.set('key', 'old')
  const options = { forceRefresh: true }
  const one = await started({ cache: cache.handle, key: 'key', manner: 'hangs', isDisposed: true, options }, LOADS)
  try {
    const waiting = cache.fetch('key', () => 'here', options)
    one.control.set(0, ABORT, 1)
    assert.equal(await waiting, 'here')
  } finally {
    await one.terminate()
  }
})

test('a refresh that fails rejects those who waited for it in other threads, and the value stays', async () => {
  using cache = newCache()
  cache.set('key', 'old')
  const options = { forceRefresh: true }
  const one = await started({ cache: cache.handle, key: 'key', manner: 'fails', options }, LOADS)
  try {
    const waiting = cache.fetch('key', () => 'not called', options)
    release(one)
    await assert.rejects(waiting, { name: 'LoadFailedError', code: 'ERR_THREADMAP_LOAD_FAILED' })
    assert.equal((await one.reports())[0]!.error?.name, 'RangeError')
    assert.equal(cache.get('key'), 'old')
  } finally {
    await one.terminate()
  }
})

test('a key that is deleted while another thread loads it is loaded again, and the late value is refused', async () => {
  using cache = newCache()
  const one = await started({ cache: cache.handle, key: 'key', manner: 'released' }, LOADS)
  try {
    cache.delete('key')
    assert.equal(await cache.fetch('key', () => 'here'), 'here')
    release(one)
    const [report] = await one.reports()
    assert.equal(report!.value, 'here', 'its caller gets what the others have')
    assert.equal(cache.get('key'), 'here')
  } finally {
    await one.terminate()
  }
})

test('a thread that waits gets a value that was set meanwhile, and one that is not stored (ttl 0)', async () => {
  using cache = newCache()
  const one = await started({ cache: cache.handle, key: 'key', manner: 'released', options: { ttl: 0 } }, LOADS)
  try {
    let runs = 0
    const waiting = cache.fetch('key', () => String(++runs))
    release(one)
    assert.equal(await waiting, 'of 0')
    assert.equal(runs, 0)
    assert.equal(cache.get('key'), undefined)
  } finally {
    await one.terminate()
  }
})

test('nothing: all who wait get undefined from one load', async () => {
  using cache = newCache()
  const task: FetchTask = { cache: cache.handle, key: 'key', manner: 'nothing', times: 20 }
  const reports = await run(team('fetch', [task, task, task]))
  for (const { value, error } of reports) assert.deepEqual({ value, error }, { value: undefined, error: undefined })
  assert.equal(cache.has('key'), false)
})

test('piscina: tasks that fetch one key load it once, and the end of the pool passes a load on', async () => {
  using cache = newCache()
  const filename = new URL('../../programs/fetch-task.js', import.meta.url).href
  const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2, concurrentTasksPerWorker: 50 })
  const tasks = Array.from({ length: 500 }, () => pool.run({ cache: cache.handle, key: 'key', hangs: false }))
  const values = new Set(await Promise.all(tasks))
  assert.equal(values.size, 1)
  assert.equal(cache.stats().loads, 1)
  const hanging = Promise.allSettled([pool.run({ cache: cache.handle, key: 'slow', hangs: true })])
  await until(() => cache.get('slow begun') !== undefined, 'the task loads')
  const waiting = cache.fetch('slow', () => 'here')
  await pool.destroy()
  await hanging
  assert.equal(await waiting, 'here')
  assert.deepEqual(cache.audit(), [])
})
