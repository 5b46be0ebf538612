import assert from 'node:assert/strict'
import { f64, string, UnsafeMap } from 'threadmap'
import { type MisuseJobs, PAIR_KEYS, type Turn } from '../../programs/misuse.js'
import type { TurnJobs } from '../../programs/turns.js'
import { formOf } from '../../support/forms.js'
import { PATIENCE, untilSeen } from '../../support/patience.js'
import { seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<MisuseJobs>('misuse')

const turns = crewOf<TurnJobs>('turns')

const WRITES = 'concurrent map writes'
const READ_AND_WRITE = 'concurrent map read and map write'
const ITERATION_AND_WRITE = 'concurrent map iteration and map write'

function useAlone(map: UnsafeMap<number, number>, operations: number): void {
  for (let count = 0; count < operations; count++) {
    map.set(count % 100, count)
    assert.equal(map.get(count % 100), count)
  }
}

/** The time when two of the turns first overlapped; if none did, the time when the last one ended. */
function meeting(turns: readonly Turn[]): number {
  const sorted = [...turns].sort((a, b) => a.from - b.from)
  let end = Number.NEGATIVE_INFINITY
  for (const { from, to } of sorted) {
    if (from < end) return from
    end = Math.max(end, to)
  }
  return end
}

interface Catch {
  /** Runs in which a worker was accused. */
  readonly caught: number
  /** Runs in which a bare flag in shared memory saw two workers inside at once. */
  readonly met: number
  /** Milliseconds from the first overlap of two turns to the first error, in the median run. */
  readonly median: number
}

/** Ten workers x 1,000 writes, several times over. */
async function tenWriters(rounds: number): Promise<Catch> {
  const maps = Array.from({ length: rounds }, () => new UnsafeMap({ key: f64, value: f64 }))
  const probe = new SharedArrayBuffer(rounds * 4)
  const tasks = Array.from({ length: 10 }, () => ({ maps: maps.map(map => map.handle), writes: 1000, probe }))
  const reports = await run(team('writeAll', tasks))
  let caught = 0
  let met = 0
  const delays: number[] = []
  for (const [round, map] of maps.entries()) {
    const turns = reports.map(report => report[round]!)
    const accused = turns.filter(turn => turn.message !== undefined)
    for (const { message } of accused) assert.equal(message, WRITES)
    if (turns.some(turn => turn.met)) met++
    if (accused.length > 0) {
      caught++
      delays.push(Math.min(...accused.map(turn => turn.to)) - meeting(turns))
    }
    // The detected conflict did no damage, and the one remaining thread is not accused.
    assert.deepEqual(map.audit(), [])
    useAlone(map, 200)
    map[Symbol.dispose]()
  }
  delays.sort((a, b) => a - b)
  return { caught, met, median: (delays[delays.length >> 1] ?? 0) / 1000 }
}

seeded(
  'UnsafeMap: ten workers with 1,000 writes each are caught within milliseconds in practically every run',
  async () => {
    // On a busy machine workers often run one after the other: then there is no conflict, and a bare flag sees none either.
    // Where that flag saw two workers at once in every round, the cores were free.
    const rounds = 20
    const all = { caught: 0, met: 0, median: 0 }
    const attempt = async () => {
      const { caught, met, median } = await tenWriters(rounds)
      if (met === rounds) assert.ok(caught >= rounds * 0.75, `caught ${caught} times; a bare flag always met two`)
      all.caught += caught
      all.met += met
      all.median = median
      return all.caught >= rounds / 2
    }
    await untilSeen(attempt, 'ten workers are caught, in as many rounds as half of an attempt')
    assert.ok(all.met > 0, 'no two workers ever ran at once')
    // It takes about a millisecond; a busy machine lets those that are under way sleep for many of its time slices.
    assert.ok(all.median < 5000, `the median run was caught after ${all.median} ms`)
  },
)

for (const [role, message] of [
  ['read', READ_AND_WRITE],
  ['iterate', ITERATION_AND_WRITE],
] as const) {
  seeded(`UnsafeMap: a thread that ${role}s while another writes is told "${message}"`, async () => {
    using map = new UnsafeMap({ key: f64, value: f64 })
    for (let key = 0; key < PAIR_KEYS; key++) map.set(key, key)
    const tasks = [
      { map: map.handle, role: 'write' },
      { map: map.handle, role },
    ] as const
    // An accused worker stops both.
    const [writer, other] = await run(team('pair', tasks), PATIENCE / 2)
    const all = [...writer!, ...other!]
    assert.ok(all.length > 0, `nobody was accused in ${PATIENCE / 2} ms`)
    for (const each of all) assert.equal(each, message)
    assert.deepEqual(map.audit(), [])
    useAlone(map, 200)
  })
}

seeded('UnsafeMap: threads that only read and iterate are never accused', async () => {
  using map = new UnsafeMap({ key: f64, value: f64 })
  for (let key = 0; key < PAIR_KEYS; key++) map.set(key, key)
  const tasks = (['read', 'iterate', 'read'] as const).map(role => ({ map: map.handle, role }))
  const peaceful = team('pair', tasks)
  const reports = await run(peaceful, 200, () => peaceful.control.allHaveSeen)
  assert.deepEqual(reports, [[], [], []])
})

seeded('UnsafeMap: a single thread is never accused in a million operations', random => {
  using map = new UnsafeMap({ key: f64, value: f64 })
  for (let count = 0; count < 1_000_000; count++) {
    const key = random.below(1000)
    switch (count % 8) {
      case 0:
        map.delete(key)
        break
      case 1:
        map.add(key, 1)
        break
      case 2:
        map.has(key)
        break
      case 3:
        map.swap(key, count)
        break
      case 4:
        map.update(key, current => (current === undefined ? count : undefined))
        break
      case 5:
        map.getOrInsert(key, count)
        break
      case 6:
        map.get(key)
        break
      default:
        map.set(key, count)
    }
    if (count % 50_000 === 0) map.clear()
  }
  assert.deepEqual(map.audit(), [])
})

seeded(
  'UnsafeMap: a single thread that writes during its own iteration is never accused and sees no key twice',
  random => {
    using map = new UnsafeMap({ key: f64, value: f64 })
    for (let round = 0; round < 200; round++) {
      for (let key = 0; key < 100; key++) map.set(key, key)
      const met = new Set<number>()
      for (const [key] of map) {
        assert.ok(!met.has(key), `${key} twice`)
        met.add(key)
        switch (random.below(5)) {
          case 0:
            map.delete(random.below(100))
            break
          case 1:
            // The number is bounded: an iteration that meets all keys added during it must still end.
            if (map.size < 3000) for (let more = 0; more < 40; more++) map.set(random.below(1 << 20) + 1000, 1)
            break
          case 2:
            map.set(key, -key)
            break
          case 3:
            for (const inner of map.keys()) if (inner === key) break
            break
          case 4:
            if (random.oneIn(40)) map.clear()
            else map.get(key)
            break
        }
      }
      map.forEach((value, key) => {
        if (value !== key) map.set(key, key)
      })
      map.clear()
    }
    assert.deepEqual(map.audit(), [])
  },
)

seeded('UnsafeMap: a thread that uses the map from within its own callbacks is not accused', () => {
  using map = new UnsafeMap({ key: string, value: f64 })
  assert.equal(
    map.getOrInsertComputed('a', () => map.set('b', 2).get('b')! + 1),
    3,
  )
  assert.equal(
    map.update('a', current => {
      map.set('c', current!)
      map.delete('b')
      for (const [key, value] of map) map.set(`copy of ${key}`.slice(0, 30), value)
      return current! + 1
    }),
    4,
  )
  assert.equal(map.get('c'), 3)
  assert.equal(map.has('b'), false)
  assert.deepEqual(map.audit(), [])
})

seeded('UnsafeMap: three workers that take turns by Atomics are never accused', async random => {
  using map = new UnsafeMap<string, unknown>({ key: string, value: formOf('strings').codec })
  const keys = 30
  const expected = new SharedArrayBuffer((keys + 1) * 4)
  const tasks = Array.from({ length: 3 }, () => ({
    ...{ map: map.handle, form: 'strings' as const, keys, cache: 0, workers: 3, turns: 6000, expected },
    seed: random.next(),
  }))
  await run(turns('turns', tasks))
  assert.deepEqual(map.audit(), [])
})

seeded('UnsafeMap: an iteration that was given up does not count as one', async () => {
  using map = new UnsafeMap({ key: f64, value: f64 })
  for (let key = 0; key < PAIR_KEYS; key++) map.set(key, key)
  for (const _ of map) break
  const entries = map.entries()
  entries.next()
  // The iteration is over: a writer in another thread, and then this thread, must not be accused.
  const writer = team('pair', [{ map: map.handle, role: 'write' }])
  const [messages] = await run(writer, 50, () => writer.control.allHaveSeen)
  assert.deepEqual(messages, [])
  useAlone(map, 100)
})

for (const detect of [true, false]) {
  seeded(`UnsafeMap with detect ${detect}: whatever four careless workers do, the memory stays whole`, async () => {
    using map = new UnsafeMap({ key: f64, value: f64, detect })
    const tasks = Array.from({ length: 4 }, () => ({ map: map.handle, operations: 60_000 }))
    if (detect) {
      // On a busy machine they may run one after the other: then there is no conflict.
      await untilSeen(async () => Math.max(...(await run(team('racy', tasks)))) > 0, 'somebody is accused')
    } else {
      assert.deepEqual(await run(team('racy', tasks)), [0, 0, 0, 0])
    }
    assert.deepEqual(map.audit(), [])
    assert.equal([...map].length, map.size)
    useAlone(map, 200)
  })
}
