/**
 * Several threads die at once. The main thread hears of one death after the other; its recovery of the first must not wait for a lock
 * of the second, or it never hears of the second death.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConcurrentMap } from 'threadmap'
import { bytes, string } from 'threadmap'
import { HUGE, type VictimJobs, type VictimTask, type Work } from '../../programs/victims.js'
import { formOf } from '../../support/forms.js'
import { READ_LOCK_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { until } from '../../support/patience.js'
import type { Random } from '../../support/random.js'
import { SOAKING, seeded } from '../../support/seeded.js'
import { crewOf } from '../../support/team.js'

const team = crewOf<VictimJobs>('victims')

const LOCK_TIMEOUT = 60_000
/** Milliseconds, far below the time-out: an operation within them has not waited for the time-out. A busy machine stays far below too. */
const AT_ONCE = 15_000
const ROUNDS = SOAKING ? 200 : 6

type AnyMap = ConcurrentMap<string, unknown>

function taskFor(map: AnyMap, form: VictimTask['form'], work: Work, name: string): VictimTask {
  return { map: map.handle, form, work, name, log: new SharedArrayBuffer(12) }
}

/** Lets victims work for some milliseconds, and terminates them all in one turn of the event loop. */
async function dieTogether(tasks: VictimTask[], random: Random): Promise<void> {
  const victims = team('victim', tasks)
  try {
    await victims.ready()
    victims.open()
    const working = () => tasks.every(task => Atomics.load(new Int32Array(task.log), 1) > 0)
    await until(working, 'the victims work')
    await sleep(random.below(8))
  } finally {
    await victims.terminate()
  }
}

/** Milliseconds for which the event loop stands still at most during `action`. */
async function longestStandstill(action: () => Promise<void>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const look = () => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }
  const timer = setInterval(look, 5)
  try {
    await action()
    // Time for recoveries that were postponed.
    await sleep(30)
    look()
    return longest
  } finally {
    clearInterval(timer)
  }
}

async function allForgotten(map: AnyMap): Promise<void> {
  await until(() => map.stats().threads === 1, 'all that died are forgotten')
  assert.deepEqual(map.audit(), [])
}

for (const kind of READ_LOCK_KINDS) {
  seeded(`${kind}: a writer that waits for a reader, and that reader, die at once and stop nobody`, async random => {
    for (let round = 0; round < ROUNDS; round++) {
      using map = createMap<string, unknown>(kind, { key: string, value: bytes, shards: 1, lockTimeout: LOCK_TIMEOUT })
      map.set(HUGE, new Uint8Array(2 ** 24))
      const tasks = [taskFor(map, 'bytes32', 'set', 'writer'), taskFor(map, 'bytes32', 'readHuge', 'reader')]
      const stood = await longestStandstill(async () => {
        await dieTogether(tasks, random)
        map.set('alive', new Uint8Array(1))
      })
      assert.ok(stood < AT_ONCE, `the main thread stood still for ${stood} ms`)
      await allForgotten(map)
    }
  })

  seeded(
    `${kind}: readers that die stop neither the writers that live nor the readers that wait for those`,
    async random => {
      using map = createMap<string, unknown>(kind, { key: string, value: bytes, shards: 1, lockTimeout: LOCK_TIMEOUT })
      map.set(HUGE, new Uint8Array(2 ** 24))
      const survivor = { map: map.handle, form: 'bytes32', cleared: false } as const
      const survivors = team('survive', [
        { ...survivor, seed: random.next() },
        { ...survivor, seed: random.next() },
      ])
      try {
        await survivors.ready()
        survivors.open()
        for (let round = 0; round < ROUNDS; round++) {
          const tasks = [0, 1].map(which => taskFor(map, 'bytes32', 'readHuge', `reader ${round}.${which}`))
          await Promise.race([dieTogether(tasks, random), survivors.finished])
        }
        survivors.control.stop()
        // An operation that had waited for lockTimeout would have thrown.
        await survivors.reports()
      } finally {
        await survivors.terminate()
      }
      await allForgotten(map)
    },
  )
}

for (const kind of ['SyncMap', 'FastMap'] as const) {
  seeded(
    `${kind}: three writers of large values die at once, and the main thread does not stand still`,
    async random => {
      const { codec, make } = formOf('large')
      using map = createMap<string, unknown>(kind, { key: string, value: codec, lockTimeout: LOCK_TIMEOUT })
      for (let round = 0; round < ROUNDS; round++) {
        const tasks = [0, 1, 2].map(which => taskFor(map, 'large', 'set', `writer ${which}`))
        const stood = await longestStandstill(() => dieTogether(tasks, random))
        assert.ok(stood < AT_ONCE, `the main thread stood still for ${stood} ms`)
        const began = performance.now()
        for (let index = 0; index < 8; index++) map.set(`alive ${index}`, make(index, 1))
        assert.ok(performance.now() - began < AT_ONCE, `eight sets took ${performance.now() - began} ms`)
      }
      await allForgotten(map)
    },
  )
}

seeded('RWMutexMap: the workers of a worker that dies end with it, and are forgotten with it', async random => {
  using map = createMap<string, unknown>('RWMutexMap', { key: string, value: string, lockTimeout: LOCK_TIMEOUT })
  for (let round = 0; round < (SOAKING ? 100 : 3); round++) {
    const child = taskFor(map, 'strings', 'mixed', `child ${round}`)
    const parents = team('parent', [child])
    try {
      await parents.ready()
      parents.open()
      await until(() => Atomics.load(new Int32Array(child.log), 1) > random.below(2000), 'the child works')
    } finally {
      await parents.terminate()
    }
    await until(() => map.stats().threads === 1, 'both are forgotten')
    map.set('alive', 'yes')
  }
  await allForgotten(map)
})
