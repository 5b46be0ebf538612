import assert from 'node:assert/strict'
import type { MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { type FormName, formOf } from '../support/forms.js'
import { collectGarbage } from '../support/garbage.js'
import { attachMap } from '../support/maps.js'
import { Random } from '../support/random.js'

export interface TurnTask {
  readonly map: MapHandle<string, unknown>
  readonly form: FormName
  readonly keys: number
  readonly cache: number
  readonly workers: number
  readonly turns: number
  readonly seed: number
  /** Int32Array: per key the version it has now (0: absent), then the version that was given out last. */
  readonly expected: SharedArrayBuffer
}

export interface PhaseTask {
  readonly map: MapHandle<string, string>
  /** `writers` do what word 0 of their own control words says, and confirm in word 1. */
  readonly kept: number
  readonly others: number
}

export interface EchoTask {
  readonly map: MapHandle<string, string>
  readonly key: string
  readonly cache: number
}

export interface ObjectTask {
  readonly map: MapHandle<string, { readonly n: number; readonly inner: { readonly list: readonly number[] } }>
  readonly keys: number
  readonly cache: number
}

export const PHASES = ['fill', 'thin', 'refill', 'overwrite', 'remove', 'end'] as const
const TURN = 0

export function keptValue(index: number, version: number): string {
  return `kept ${index} version ${version}`.padEnd(24 + (index % 40), '.')
}

const jobs = {
  /**
   * One worker at a time uses the map, and hands it over through Atomics. So the result of each read is known exactly, and
   * a cache that gives an older value is caught at once.
   */
  turns(task: TurnTask, crew: Crew): { reads: number } {
    const map = attachMap(task.map, { cache: task.cache })
    const form = formOf(task.form)
    const random = new Random(task.seed)
    const expected = new Int32Array(task.expected)
    let reads = 0

    const verify = (index: number) => {
      const value = map.get(`key:${index}`)
      const version = value === undefined ? 0 : form.check(value, index)
      assert.equal(version, expected[index], `key ${index}: what the last owner of the turn left there`)
      reads++
    }

    const change = (index: number) => {
      const key = `key:${index}`
      const before = expected[index]!
      const version = ++expected[task.keys]!
      const value = form.make(index, version)
      const expect = (returned: unknown) =>
        assert.equal(
          returned === undefined ? 0 : form.check(returned, index),
          before,
          `what a change of ${key} replaced`,
        )
      switch (random.below(8)) {
        case 0:
        case 1:
          map.set(key, value)
          break
        case 2:
          expect(map.swap(key, value))
          break
        case 3:
          map.update(key, current => {
            expect(current)
            return value
          })
          break
        case 4:
          if (before === 0) map.getOrInsert(key, value)
          else assert.ok(map.compareAndSwap(key, form.make(index, before), value))
          break
        case 5:
          expect(map.getAndDelete(key))
          expected[index] = 0
          return
        case 6:
          assert.equal(map.delete(key), before !== 0)
          expected[index] = 0
          return
        case 7:
          // Deleted and inserted again at once, most likely in the same block.
          map.delete(key)
          map.set(key, value)
          break
      }
      expected[index] = version
    }

    crew.start()
    for (let turn = crew.index; turn < task.turns; turn += task.workers) {
      waitForTurn(crew, turn)
      for (let count = 0; count < 6; count++) verify(random.below(task.keys))
      for (let count = random.below(4); count >= 0; count--) {
        const index = random.below(task.keys)
        change(index)
        if (random.oneIn(2)) verify(index)
      }
      if (random.oneIn(100)) {
        map.clear()
        for (let index = 0; index < task.keys; index++) expected[index] = 0
      }
      if (random.oneIn(100)) {
        const present = new Map<number, number>()
        for (const [key, value] of map) {
          const index = Number(key.split(':')[1])
          present.set(index, form.check(value, index))
        }
        for (let index = 0; index < task.keys; index++) assert.equal(present.get(index) ?? 0, expected[index])
        assert.equal(map.size, present.size)
      }
      crew.control.set(0, TURN, turn + 1)
      crew.control.wake(0, TURN)
    }
    return { reads }
  },

  /** Changes the map in phases that the main thread asks for. */
  phases(task: PhaseTask, crew: Crew): void {
    const map = attachMap(task.map)
    crew.start()
    for (let phase = 0; phase < PHASES.length; phase++) {
      crew.control.sleepWhile(0, 0, phase)
      switch (PHASES[phase]) {
        case 'fill':
          for (let index = 0; index < task.others; index++) map.set(`other:${index}`, 'small')
          break
        case 'thin':
          for (let index = 0; index < task.others; index++) if (index % 20 !== 0) map.delete(`other:${index}`)
          break
        case 'refill':
          for (let index = 0; index < task.others; index++) map.set(`another:${index}`, 'a longer value'.repeat(6))
          break
        case 'overwrite':
          for (let index = 0; index < task.kept; index += 2) map.set(`kept:${index}`, keptValue(index, 2))
          break
        case 'remove':
          for (let index = 0; index < task.kept; index += 5) map.delete(`kept:${index}`)
          break
      }
      crew.control.set(0, 1, phase + 1)
    }
  },

  /** Reads one key whenever word 0 changes, and answers with the number in its value through word 1. */
  echo(task: EchoTask, crew: Crew): void {
    const map = attachMap(task.map, { cache: task.cache })
    crew.start()
    for (let request = 0; ; request++) {
      crew.control.sleepWhile(0, 0, request)
      if (!crew.running()) return
      // The second read is the one that the cache answers next time.
      const first = map.get(task.key)
      const second = map.get(task.key)
      crew.control.set(0, 1, first === second ? Number(first) : -2)
      crew.control.set(0, 2, request + 1)
    }
  },

  /** Reads every key once, and returns how many of the objects are still in memory afterwards. */
  async objectsKept(task: ObjectTask, crew: Crew): Promise<number> {
    const map = attachMap(task.map, { cache: task.cache })
    crew.start()
    const objects: WeakRef<object>[] = []
    for (let index = 0; index < task.keys; index++) objects.push(new WeakRef(map.get(`key:${index}`)!))
    await collectGarbage()
    const kept = objects.filter(object => object.deref() !== undefined).length
    // The map is used once more, so that it (and its cache) is alive until here.
    assert.ok(map.has('key:0'))
    return kept
  },

  /** Whether repeated reads give the same object, and whether it is frozen: as a whole, and what is inside. */
  identity(task: ObjectTask, crew: Crew): { same: boolean; frozen: boolean; deeply: boolean } {
    const map = attachMap(task.map, { cache: task.cache })
    crew.start()
    const object = map.get('key:1')!
    return {
      same: object === map.get('key:1'),
      frozen: Object.isFrozen(object),
      deeply: Object.isFrozen(object.inner) && Object.isFrozen(object.inner.list),
    }
  },

  /** Sets key:1 to `keys`. */
  setOne(task: ObjectTask, crew: Crew): void {
    const map = attachMap(task.map)
    crew.start()
    map.set('key:1', { n: task.keys, inner: { list: [task.keys] } })
  },
}

/** Spins a little, since the other worker answers quickly, and then sleeps. */
function waitForTurn(crew: Crew, turn: number): void {
  const { control } = crew
  for (let spins = 0; spins < 2000; spins++) if (control.get(0, TURN) === turn) return
  for (let now = control.get(0, TURN); now !== turn; now = control.get(0, TURN)) control.sleepWhile(0, TURN, now)
}

export type TurnJobs = typeof jobs

serve(jobs)
