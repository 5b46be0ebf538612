import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConcurrentMapError, UnsafeMap } from 'threadmap'
import { helperThreads } from '../../support/helper.js'
import { counter, openGate } from '../../support/jobs.js'
import { mapClasses, TEST_BYTES } from '../../support/maps.js'
import { pairNamed } from '../../support/pairs.js'
import { until, untilSeen } from '../../support/patience.js'
import { inSharedRooms } from '../../support/shared-room.js'

/** Each atomic operation by several threads at once: exactly one thread wins, and nothing is lost. */

const THREADS = 3

/** How often each of `values` occurs, by its JSON-like form. */
function tally(values: readonly unknown[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) {
    const id = typeof value === 'object' ? JSON.stringify(value) : String(value)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}

inSharedRooms('of several threads that insert the same keys, one wins each and all see its value', async room => {
  const count = 300
  const results = (await room.all('getOrInsertAll', THREADS, count)) as unknown[][]
  for (let i = 0; i < count; i++) {
    const stored = room.map.get(room.key(i))
    for (const result of results) assert.deepEqual(result[i], stored)
    const offered = Array.from({ length: THREADS }, (_, thread) => room.value(thread * count + i))
    assert.ok(tally(offered).has([...tally([stored]).keys()][0] as string), 'a value that somebody offered')
  }
  assert.equal(room.map.size, count)
})

inSharedRooms('of several threads that take the same keys, one gets each value', async room => {
  const count = 300
  for (let i = 0; i < count; i++) room.map.set(room.key(i), room.value(i))
  const results = (await room.all('takeAll', THREADS, count)) as unknown[][]
  for (let i = 0; i < count; i++) {
    const taken = results.map(result => result[i]).filter(value => value !== undefined)
    assert.deepEqual(taken, [room.value(i)], `key ${i}`)
  }
  assert.equal(room.map.size, 0)
})

for (const job of ['deleteAll', 'compareAndDeleteAll', 'compareAndSwapOnce']) {
  inSharedRooms(`of several threads doing ${job} to the same keys, exactly one succeeds with each`, async room => {
    const count = 300
    for (let i = 0; i < count; i++) room.map.set(room.key(i), room.value(i))
    const results = (await room.all(job, THREADS, count)) as boolean[][]
    for (let i = 0; i < count; i++) {
      const winners = results.flatMap((result, thread) => (result[i] ? [thread] : []))
      assert.equal(winners.length, 1, `key ${i}: ${winners.length} threads succeeded`)
      const expected = job === 'compareAndSwapOnce' ? room.value((1 + (winners[0] as number)) * count + i) : undefined
      assert.deepEqual(room.map.get(room.key(i)), expected)
    }
    assert.equal(room.map.size, job === 'compareAndSwapOnce' ? count : 0)
  })
}

inSharedRooms('tokens swapped through one key by several threads come out once each', async room => {
  const count = 600
  const results = (await room.all('swapAll', THREADS, count)) as unknown[][]
  const out = [...results.flat().filter(value => value !== undefined), room.map.get(room.key(0))]
  const tokens = Array.from({ length: THREADS * count }, (_, i) => room.value(i))
  assert.deepEqual([...tally(out)].sort(), [...tally(tokens)].sort())
})

inSharedRooms(
  'two threads that update the same keys lose no update',
  async room => {
    const count = 3000
    const calls = (await room.all('updateAll', 2, count)) as number[]
    const sum = [0, 1, 2].reduce((total, i) => total + (room.map.get(room.key(i)) as number), 0)
    assert.equal(sum, 2 * count)
    for (const called of calls) assert.ok(called >= count)
  },
  { pairs: ['string -> f64', 'string -> json', 'f64 -> u32'] },
)

inSharedRooms(
  'two threads that read and compareAndSwap lose no update',
  async room => {
    await room.all('compareAndSwapAll', 2, 1500)
    assert.equal(room.map.get(room.key(0)), 3000)
  },
  { pairs: ['string -> f64', 'string -> json', 'f64 -> u32'] },
)

inSharedRooms(
  'several threads that add to the same keys lose nothing, and each sum is told once',
  async room => {
    const count = 4000
    const results = (await room.all('addAll', THREADS, count)) as (number | bigint)[][]
    for (const key of [0, 1]) {
      const sums = results.flatMap(result => result.filter((_, i) => i % 2 === key)).map(Number)
      assert.deepEqual(
        sums.sort((a, b) => a - b),
        Array.from({ length: (THREADS * count) / 2 }, (_, i) => i + 1),
      )
      assert.equal(Number(room.map.get(room.key(key))), (THREADS * count) / 2)
    }
  },
  { pairs: ['string -> f64', 'i64 -> i64', 'f64 -> u32'] },
)

inSharedRooms('each thread finds its own writes among those of the others', async room => {
  const count = 1500
  await room.all('setOwn', THREADS, count)
  for (let i = 0; i < count; i++) {
    assert.deepEqual(room.map.get(room.key(i)), i % 3 === 0 ? undefined : room.value(i), `key ${i}`)
  }
  assert.equal(room.map.size, count - count / 3)
  assert.equal([...room.map].length, count - count / 3)
})

inSharedRooms(
  'an iteration shows every key that stays exactly once, while others insert and delete',
  async room => {
    const count = 400
    for (let i = 0; i < count; i++) room.map.set(room.key(i), room.value(i))
    const jobs = [
      room.start('iterate', 0, 3, count),
      room.start('churn', 1, 3, count),
      room.start('churn', 2, 3, count),
    ]
    // First all threads work. Then two iterations end: at least the second one ran while the others wrote, from its beginning to its end.
    const meet = until(() => counter(room.signals, 2) > 0 && counter(room.signals, 3) > 0, 'both sides get their turn')
    await Promise.race([meet, ...jobs])
    const before = counter(room.signals, 3)
    await Promise.race([until(() => counter(room.signals, 3) >= before + 2, 'two iterations more'), ...jobs])
    openGate(room.signals, 3)
    const [iterated] = (await Promise.all(jobs)) as [{ wrong: string[]; rounds: number }]
    assert.deepEqual(iterated.wrong, [])
    assert.ok(iterated.rounds > 0 && counter(room.signals, 2) > 0, 'neither side got its turn')
    for (let i = 0; i < count; i++) assert.deepEqual(room.map.get(room.key(i)), room.value(i))
  },
  { pairs: ['string -> f64', 'string -> json', 'i64 -> i64'] },
)

inSharedRooms(
  'threads attach and let go while another one makes the memory grow',
  async room => {
    const count = 100
    // The key is set before the threads start: they may be done before this thread gets a core again.
    room.map.set(room.key(0), room.value(0))
    const attaching = [0, 1].map(thread => room.start('attachOften', thread, 2, count))
    let done = false
    const all = Promise.all(attaching).finally(() => {
      done = true
    })
    all.catch(() => undefined) // judged below
    for (let i = 0; !done && i < 150_000; i++) {
      room.map.set(room.key(i), room.value(i))
      if (i % 500 === 499) await new Promise(resolve => setImmediate(resolve))
    }
    for (const found of (await all) as number[]) assert.equal(found, count)
  },
  { pairs: ['string -> f64'] },
)

for (const Class of mapClasses.filter(({ name }) => name === UnsafeMap.name)) {
  const pair = pairNamed('string -> f64')

  test('UnsafeMap: threads that write at the same time are caught, with one of the three messages of Go', async () => {
    const map = new Class({ key: pair.key.codec, value: pair.value.codec, maxBytes: TEST_BYTES })
    const { handle } = map
    const threads = 3
    const attempt = async () => {
      const signals = new Int32Array(new SharedArrayBuffer(4096))
      const input = { kind: Class.name, pair: pair.name, handle, threads, count: 100_000, signals }
      const results = await Promise.all(
        helperThreads(threads).map((helper, thread) => helper.run('misuse', { ...input, thread })),
      )
      const caught = results.filter(result => result !== null) as { name: string; message: string }[]
      for (const { name, message } of caught) {
        assert.equal(name, ConcurrentMapError.name)
        assert.match(message, /concurrent map writes|concurrent map read and map write/)
      }
      return caught.length > 0
    }
    // On a busy machine the threads may write one after the other: then there is no conflict to detect.
    await untilSeen(attempt, 'of three threads that write 100,000 times each, one is told')
    assert.deepEqual(map.audit(), [], 'misuse broke the memory')
    map.set('afterwards', 1)
    assert.equal(map.get('afterwards'), 1)
    map[Symbol.dispose]()
  })

  test('UnsafeMap: threads that take turns are never accused', async () => {
    const map = new Class({ key: pair.key.codec, value: pair.value.codec, maxBytes: TEST_BYTES })
    for (let round = 0; round < 30; round++) {
      const signals = new Int32Array(new SharedArrayBuffer(4096))
      const input = {
        kind: Class.name,
        pair: pair.name,
        handle: map.handle,
        thread: 0,
        threads: 1,
        count: 300,
        signals,
      }
      const result = await helperThreads(2)[round % 2]?.run('misuse', input)
      assert.equal(result, null)
      assert.deepEqual(map.get(pair.key.of(20)), pair.value.of(20))
    }
    assert.equal(map.size, 300)
    assert.deepEqual(map.audit(), [])
    map[Symbol.dispose]()
  })
}
