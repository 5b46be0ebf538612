import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { string } from 'threadmap'
import { type FormName, formOf } from './threads/forms.js'
import { type AuditedMap, createMap, SAFE_KINDS } from './threads/maps.js'
import type { Random } from './threads/random.js'
import { SEED, SOAKING, seeded } from './threads/seeded.js'
import { crewOf, until } from './threads/team.js'
import { BEAT, operate, type VictimJobs, type VictimTask, victimKey, type Work } from './threads/victims.js'

const team = crewOf<VictimJobs>('victims')

/** Workers terminated by all tests of this file, and locks taken over from them. */
let deaths = 0
let recoveries = 0

type AnyMap = AuditedMap<string, unknown>

const WRITES: Work[] = ['set', 'delete', 'swap', 'update', 'compareAndSwap', 'getOrInsert', 'grow', 'mixed']
const READS: Work[] = ['read', 'iterate']

/** What the map holds of a victim's keys: the number in the key's name -> version. */
function contentOf(map: AnyMap, task: VictimTask, upTo: number): Map<number, number> {
  const content = new Map<number, number>()
  for (let index = 0; index <= upTo; index++) {
    const value = map.get(victimKey(task.name, index))
    if (value !== undefined) content.set(index, formOf(task.form).check(value, index & 0xfff))
  }
  return content
}

/** No acknowledged operation is lost, and the one that was interrupted took place wholly or not at all. */
function verify(map: AnyMap, task: VictimTask): void {
  const [begun, done] = new Int32Array(task.log) as unknown as [number, number]
  assert.ok(begun === done || begun === done + 1)
  const model = new Map<number, number>()
  for (let n = 1; n <= done; n++) operate(undefined, model, task, n)
  const found = contentOf(map, task, task.work === 'grow' ? begun : 8)
  const same = () => found.size === model.size && [...model].every(([index, version]) => found.get(index) === version)
  if (same()) return
  if (begun > done) operate(undefined, model, task, begun)
  assert.deepEqual(found, model, `${task.name} (${task.work}): ${begun} operations begun, ${done} acknowledged`)
}

/** Starts two victims, and terminates them at any moment. */
async function kill(map: AnyMap, tasks: VictimTask[], random: Random): Promise<void> {
  const victims = team('victim', tasks)
  try {
    await victims.ready()
    victims.open()
    // At once, or after some operations; never at the same point.
    const slow = tasks[0]!.work === 'iterate' || tasks[0]!.work === 'clear'
    const enough = random.oneIn(3) ? 0 : random.below(slow ? 20 : 3000)
    await until(() => new Int32Array(tasks[0]!.log)[1]! >= enough, `${enough} operations of ${tasks[0]!.work}`, 15_000)
    await sleep(random.below(3))
    for (let spins = random.below(20_000); spins > 0; spins--);
  } finally {
    await victims.terminate()
  }
  deaths += tasks.length
  // Who lives beside one that clears can't tell what is left.
  if (!tasks.some(task => task.work === 'clear')) for (const task of tasks) verify(map, task)
}

/** Uses every shard once, so that whatever a dead thread left there is found and repaired, and then audits. */
function settle(map: AnyMap, form: FormName): void {
  for (let index = 0; index < 1000; index++) map.set(`settle ${index}`, formOf(form).make(index, 1))
  for (let index = 0; index < 1000; index++) assert.ok(map.delete(`settle ${index}`))
  assert.equal([...map].length, map.size)
  assert.deepEqual(map.audit(), [])
  recoveries += map.stats().recoveries
}

/** `rounds` times, two workers die at once while a survivor works on. */
async function massacre(
  kind: (typeof SAFE_KINDS)[number],
  form: FormName,
  works: Work[],
  rounds: number,
  random: Random,
): Promise<void> {
  using map = createMap<string, unknown>(kind, { key: string, value: formOf(form).codec, shards: 4 })
  const cleared = works.includes('clear')
  const survivors = team('survive', [{ map: map.handle, form, seed: random.next(), cleared }], { deadline: 120_000 })
  try {
    await survivors.ready()
    survivors.open()
    for (let round = 0; round < rounds; round++) {
      const tasks = [0, 1].map(which => ({
        map: map.handle,
        form,
        work: works[(round * 2 + which) % works.length]!,
        name: `victim ${round}.${which}`,
        log: new SharedArrayBuffer(8),
      }))
      await Promise.race([kill(map, tasks, random), survivors.finished])
      const beat = survivors.control.get(0, BEAT)
      await Promise.race([
        until(() => survivors.control.get(0, BEAT) > beat + 10, `the survivor of ${tasks[0]!.work} goes on`, 4000),
        survivors.finished,
      ])
    }
    survivors.control.stop()
    const [{ longest } = { longest: 0 }] = await survivors.reports()
    // Half of the default lockTimeout: recovery follows the death, it does not wait for the clock.
    assert.ok(longest < 2500, `an operation of the survivor took ${longest} ms`)
    settle(map, form)
  } finally {
    await survivors.terminate()
  }
}

for (const kind of SAFE_KINDS) {
  const rounds = SOAKING ? 100 : 10
  seeded(`${kind}: workers terminated while they write strings lose nothing acknowledged and stop nobody`, random =>
    massacre(kind, 'strings', WRITES, rounds, random),
  )
  seeded(`${kind}: workers terminated while they write, add to and read numbers lose nothing and stop nobody`, random =>
    massacre(kind, 'number', ['add', 'read', 'set', 'iterate', 'grow', 'add', 'delete', 'update'], rounds, random),
  )
  seeded(`${kind}: workers terminated while they clear the map stop nobody`, random =>
    massacre(kind, 'strings', ['clear', 'clear', 'clear', 'grow'], Math.ceil(rounds / 4), random),
  )
  seeded(`${kind}: workers terminated while they read or iterate stop no writer`, random =>
    massacre(kind, 'bytesOfAnyLength', READS, Math.ceil(rounds / 4), random),
  )
}

seeded(
  'UnsafeMap: a worker terminated while it writes accuses nobody afterwards, and loses nothing acknowledged',
  async random => {
    using map = createMap<string, unknown>('UnsafeMap', { key: string, value: formOf('strings').codec })
    for (let round = 0; round < (SOAKING ? 200 : 16); round++) {
      const task: VictimTask = {
        map: map.handle,
        form: 'strings',
        work: [...WRITES, 'iterate' as const][round % (WRITES.length + 1)]!,
        name: `victim ${round}`,
        log: new SharedArrayBuffer(8),
      }
      await kill(map, [task], random)
      map.set('alive', formOf('strings').make(0, round))
      assert.deepEqual(map.audit(), [])
    }
    settle(map, 'strings')
  },
)

test('200 workers died in all, some of them while they held a lock', () => {
  assert.ok(deaths >= 200, `${deaths} deaths`)
  // Without one the tests above have shown nothing about recovery.
  assert.ok(recoveries > 0, `no lock had to be taken over (THREADMAP_SEED=${SEED})`)
})
