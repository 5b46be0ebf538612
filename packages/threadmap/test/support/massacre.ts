/** Kills workers in the middle of their work, and holds the survivors and the map to account. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConcurrentMap } from 'threadmap'
import { string } from 'threadmap'
import {
  BEAT,
  COUNTERS,
  type CounterTask,
  counterKey,
  operate,
  type VictimJobs,
  type VictimTask,
  victimKey,
  type Work,
} from '../programs/victims.js'
import { type FormName, formOf } from './forms.js'
import type { SafeKind } from './kinds.js'
import { createMap } from './maps.js'
import { until } from './patience.js'
import type { Random } from './random.js'
import { crewOf } from './team.js'

const team = crewOf<VictimJobs>('victims')

/** The number of workers terminated, and of locks taken over from them. */
export interface Toll {
  deaths: number
  recoveries: number
}

type AnyMap = ConcurrentMap<string, unknown>

/** Milliseconds. No machine is busy enough to delay an operation for half of this: such an operation has waited for a dead thread. */
const LOCK_TIMEOUT = 60_000

export const WRITES: Work[] = ['set', 'delete', 'swap', 'update', 'compareAndSwap', 'getOrInsert', 'grow', 'mixed']
export const READS: Work[] = ['read', 'iterate']

/** The map's entries of a victim: number of the key -> version. */
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
export async function kill(map: AnyMap, tasks: VictimTask[], random: Random, toll: Toll): Promise<void> {
  const victims = team('victim', tasks)
  try {
    await victims.ready()
    victims.open()
    // The victims die at once, or after a random number of operations.
    const slow = tasks[0]!.work === 'iterate' || tasks[0]!.work === 'clear'
    // An iteration takes long once earlier victims have made the map grow.
    const most = slow ? Math.max(1, Math.min(20, 100_000 / (map.size + 1))) : tasks[0]!.form === 'large' ? 60 : 3000
    const enough = random.oneIn(3) ? 0 : random.below(Math.ceil(most))
    // A victim that fails by itself ends the wait, and says why.
    await Promise.race([
      until(() => new Int32Array(tasks[0]!.log)[1]! >= enough, `${enough} operations of ${tasks[0]!.work}`),
      victims.finished,
    ])
    await sleep(random.below(3))
    for (let spins = random.below(20_000); spins > 0; spins--);
  } finally {
    await victims.terminate()
  }
  toll.deaths += tasks.length
  // The entries of a victim are unknown if another one clears the map.
  if (!tasks.some(task => task.work === 'clear')) for (const task of tasks) verify(map, task)
}

/** Uses every shard once, so that whatever a dead thread left there is found and repaired, and then audits. */
export function settle(map: AnyMap, form: FormName, toll: Toll): void {
  for (let index = 0; index < 1000; index++) map.set(`settle ${index}`, formOf(form).make(index, 1))
  for (let index = 0; index < 1000; index++) assert.ok(map.delete(`settle ${index}`))
  assert.equal([...map].length, map.size)
  assert.deepEqual(map.audit(), [])
  toll.recoveries += map.stats().recoveries
}

/** `rounds` times, two workers die at once while a survivor works on. */
export async function massacre(
  kind: SafeKind,
  form: FormName,
  works: Work[],
  rounds: number,
  random: Random,
  toll: Toll,
): Promise<void> {
  using map = createMap<string, unknown>(kind, {
    key: string,
    value: formOf(form).codec,
    shards: 4,
    lockTimeout: LOCK_TIMEOUT,
  })
  const cleared = works.includes('clear')
  const survivors = team('survive', [{ map: map.handle, form, seed: random.next(), cleared }])
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
      await Promise.race([kill(map, tasks, random, toll), survivors.finished])
      const beat = survivors.control.get(0, BEAT)
      await Promise.race([
        until(() => survivors.control.get(0, BEAT) > beat + 10, `the survivor of ${tasks[0]!.work} goes on`),
        survivors.finished,
      ])
    }
    survivors.control.stop()
    const [{ longest } = { longest: 0 }] = await survivors.reports()
    // Recovery follows the death at once, without waiting for a time-out.
    assert.ok(longest < LOCK_TIMEOUT / 2, `an operation of the survivor took ${longest} ms`)
    settle(map, form, toll)
  } finally {
    await survivors.terminate()
  }
}

/** The additions that a worker has begun, and those acknowledged. */
function logOf(task: CounterTask): [begun: number, done: number] {
  const log = new Int32Array(task.log)
  return [Atomics.load(log, 0), Atomics.load(log, 1)]
}

/**
 * Workers raise a few shared counters in several ways, and victims die meanwhile. The counters' sum must be at least the number of
 * acknowledged additions, and at most the number of those begun.
 */
export async function count(kind: SafeKind, form: FormName, rounds: number, random: Random, toll: Toll): Promise<void> {
  const { codec, check } = formOf(form)
  using map = createMap<string, unknown>(kind, { key: string, value: codec, shards: 2, lockTimeout: LOCK_TIMEOUT })
  const taskOf = (): CounterTask => ({ map: map.handle, form, seed: random.next(), log: new SharedArrayBuffer(8) })
  const survivorTasks = [taskOf()]
  const tasks = [...survivorTasks]
  const survivors = team('count', survivorTasks)
  try {
    await survivors.ready()
    survivors.open()
    for (let round = 0; round < rounds; round++) {
      const doomed = [taskOf(), taskOf(), taskOf()]
      tasks.push(...doomed)
      const victims = team('count', doomed)
      try {
        await Promise.race([victims.ready(), survivors.finished])
        victims.open()
        const enough = random.below(form === 'large' ? 60 : 400)
        const begun = until(() => logOf(doomed[0]!)[1] >= enough, `${enough} additions`)
        await Promise.race([begun, survivors.finished, victims.finished])
        for (let spins = random.below(20_000); spins > 0; spins--);
      } finally {
        await victims.terminate()
      }
      toll.deaths += doomed.length
      const [before] = logOf(survivorTasks[0]!)
      const goesOn = until(() => logOf(survivorTasks[0]!)[1] > before + 10, 'the survivor goes on')
      await Promise.race([goesOn, survivors.finished])
    }
    survivors.control.stop()
    await survivors.reports()
    let sum = 0
    for (let index = 0; index < COUNTERS; index++) {
      const value = map.get(counterKey(index))
      if (value !== undefined) sum += check(value, index)
    }
    const logs = tasks.map(logOf)
    const begun = logs.reduce((total, [n]) => total + n, 0)
    const done = logs.reduce((total, [, n]) => total + n, 0)
    assert.ok(
      sum >= done && sum <= begun,
      `the counters' sum is ${sum}: ${done} additions were acknowledged, ${begun} begun`,
    )
    settle(map, form, toll)
  } finally {
    await survivors.terminate()
  }
}
