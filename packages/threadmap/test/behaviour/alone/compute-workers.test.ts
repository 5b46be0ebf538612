import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { JobError } from '../../support/helper.js'
import { counter, openGate } from '../../support/jobs.js'
import { until } from '../../support/patience.js'
import { inSharedRooms, type SharedRoom } from '../../support/shared-room.js'

/** `getOrInsertComputed` by several threads: at most one computation, the others wait for its result. */

/** The job that computes opens INSIDE when its function runs; the test opens MAY_LEAVE to let the function return. */
const INSIDE = 1
const MAY_LEAVE = 2

const pairs = ['string -> f64', 'i64 -> i64', 'string -> json']

function compete(behaviour: string, body: (room: SharedRoom) => Promise<void>): void {
  inSharedRooms(behaviour, body, { pairs })
}

/** One thread computes slowly, `others` ask for the same key, and time passes for them to begin to wait. */
async function contend(
  room: SharedRoom,
  others: number,
  count: number,
): Promise<[Promise<unknown>, Promise<unknown>[]]> {
  const slow = room.start('computeSlowly', 0, 1, count)
  slow.catch(() => undefined) // the test looks at the result later
  const waiting = Array.from({ length: others }, (_, i) => room.start('computeToo', i + 1, 1, count))
  await until(() => counter(room.signals, 1) === others, 'the other threads to ask')
  await sleep(10)
  return [slow, waiting]
}

compete('several threads compute each key once between them, and all get that value', async room => {
  const count = 300
  const results = (await room.all('computeAll', 3, count)) as unknown[][]
  for (let i = 0; i < count; i++) {
    assert.equal(counter(room.signals, i), 1, `computations of key ${i}`)
    const stored = room.map.get(room.key(i))
    for (const result of results) assert.deepEqual(result[i], stored)
  }
  assert.equal(room.map.size, count)
})

compete('other threads wait for the one that computes, and get its result', async room => {
  const [slow, waiting] = await contend(room, 2, 1)
  let early = 0
  for (const waiter of waiting) waiter.then(() => early++)
  await sleep(5)
  assert.equal(early, 0, 'a waiter returned before the computation ended')
  assert.equal(room.map.has(room.key(0)), false)
  openGate(room.signals, MAY_LEAVE)
  for (const result of [await slow, ...(await Promise.all(waiting))]) assert.deepEqual(result, room.value(0))
  assert.equal(counter(room.signals, 0), 1)
  assert.deepEqual(room.map.get(room.key(0)), room.value(0))
})

compete('when the computation throws, one of those who wait takes over', async room => {
  const [slow, waiting] = await contend(room, 2, -1)
  openGate(room.signals, MAY_LEAVE)
  await assert.rejects(slow, error => error instanceof JobError && error.kind === 'RangeError')
  const results = await Promise.all(waiting)
  assert.equal(counter(room.signals, 0), 2, 'the one that failed and the one that took over')
  const stored = room.map.get(room.key(0))
  assert.notEqual(stored, undefined)
  for (const result of results) assert.deepEqual(result, stored)
  assert.equal(room.map.size, 1)
})

compete('a computation holds up nobody who does something else, and a value set meanwhile is kept', async room => {
  const count = 60
  const slow = room.start('computeSlowly', 0, 1, count)
  const busy = room.start('useMapMeanwhile', 1, 1, count)
  // The computation ends when the test tells it to, below: a thread that waited for it would time out.
  const report = await Promise.race([busy, slow.then(() => assert.fail('the computation ended by itself'))])
  assert.deepEqual(report, {
    before: [undefined, false, false, undefined],
    seen: 2 * (count - 1),
    size: 2 * (count - 1) + 1,
  })
  openGate(room.signals, MAY_LEAVE)
  assert.deepEqual(await slow, room.value(100))
  assert.deepEqual(room.map.get(room.key(0)), room.value(100))
})

compete('those who wait for a computation get a value that another operation sets meanwhile', async room => {
  const [slow, waiting] = await contend(room, 1, 1)
  room.map.set(room.key(0), room.value(50))
  openGate(room.signals, MAY_LEAVE)
  assert.deepEqual(await slow, room.value(50))
  assert.deepEqual(await waiting[0], room.value(50))
  assert.equal(counter(room.signals, 0), 1)
})

compete('this thread, too, waits for a computation of another one', async room => {
  const slow = room.start('computeSlowly', 0, 1, 1)
  await until(() => Atomics.load(room.signals, INSIDE) === 1, 'the computation to begin')
  const opener = room.start('openLater', 1, 1, 30)
  const result = room.map.getOrInsertComputed(room.key(0), () => assert.fail('computed twice'))
  assert.deepEqual(result, room.value(0))
  await Promise.all([slow, opener])
})
