import assert from 'node:assert/strict'
import type { MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { type FormName, formOf } from '../support/forms.js'
import { attachMap } from '../support/maps.js'
import { Random } from '../support/random.js'

export interface ChurnTask {
  readonly map: MapHandle<string, unknown>
  readonly form: FormName
  readonly keys: number
  readonly cache: number
  readonly seed: number
}

export interface StableTask {
  readonly map: MapHandle<string, string>
  /** Keys `stable:0` to `stable - 1` are in the map before the start, and no worker removes them. */
  readonly stable: number
  /** How many other keys the inserter adds before it removes them all again. */
  readonly others: number
  readonly cache: number
}

export interface ClearTask {
  readonly map: MapHandle<string, unknown>
  readonly form: FormName
  /** The writers' keys: each writer owns those whose number is its index modulo `writers`. */
  readonly keys: number
  readonly writers: number
  readonly seed: number
  /** Int32Array of `keys` words: the last version that was written. */
  readonly published: SharedArrayBuffer
}

export interface SizeTask {
  readonly map: MapHandle<number, number>
  /** Keys 0 to `stable - 1` stay in the map. Each toggler owns `own` keys after those. */
  readonly stable: number
  readonly own: number
  readonly togglers: number
  readonly seed: number
}

export function textOf(key: string): string {
  return `the value of ${key}, ${'x'.repeat((key.length * 7) % 40)}`
}

const jobs = {
  /** Inserts and deletes the same few keys, so that blocks are freed and used again at once, often for another key. */
  churn(task: ChurnTask, crew: Crew): number {
    const map = attachMap(task.map, { cache: task.cache })
    const form = formOf(task.form)
    const random = new Random(task.seed)
    let operations = 0
    crew.start()
    while (crew.running()) {
      crew.worked(++operations)
      const index = random.below(task.keys)
      const key = `churn:${index}`
      const value = form.make(index, random.below(1 << 20))
      const check = (returned: unknown) => returned === undefined || form.check(returned, index) >= 0
      switch (random.below(9)) {
        case 0:
        case 1:
          map.set(key, value)
          break
        case 2:
        case 3:
          map.delete(key)
          break
        case 4:
          check(map.swap(key, value))
          break
        case 5:
          check(map.getAndDelete(key))
          break
        case 6:
          check(map.getOrInsert(key, value))
          break
        case 7: {
          const current = map.get(key)
          check(current)
          if (current !== undefined) {
            if (random.oneIn(2)) map.compareAndSwap(key, current, value)
            else map.compareAndDelete(key, current)
          }
          break
        }
        case 8:
          map.update(key, current => {
            check(current)
            return random.oneIn(2) ? undefined : value
          })
          break
      }
    }
    return operations
  },

  /** Every value that a key gives must be a value of that key. */
  watchChurn(task: ChurnTask, crew: Crew): { found: number; missed: number } {
    const map = attachMap(task.map, { cache: task.cache })
    const form = formOf(task.form)
    const random = new Random(task.seed)
    let found = 0
    let missed = 0
    crew.start()
    while (crew.running()) {
      if (random.oneIn(50)) {
        const met = new Set<string>()
        for (const [key, value] of map) {
          assert.ok(!met.has(key), `an iteration gave ${key} twice`)
          met.add(key)
          form.check(value, Number(key.split(':')[1]))
        }
        continue
      }
      const index = random.below(task.keys)
      const value = map.get(`churn:${index}`)
      if (value === undefined) missed++
      else {
        form.check(value, index)
        found++
      }
      if (found > 0 && missed > 0) crew.seen()
    }
    return { found, missed }
  },

  /** Adds `others` keys and removes them, again and again: the tables grow (and shrink). Returns the rounds. */
  insertOthers(task: StableTask, crew: Crew): number {
    const map = attachMap(task.map, { cache: task.cache })
    let rounds = 0
    crew.start()
    while (crew.running() || rounds === 0) {
      for (let count = 0; count < task.others; count++) {
        const key = `other:${crew.index}:${count}`
        map.set(key, textOf(key))
        // The first round is always a whole one, however busy the machine is.
        if (!crew.running() && rounds > 0) break
      }
      for (let count = 0; count < task.others; count++) map.delete(`other:${crew.index}:${count}`)
      rounds++
    }
    return rounds
  },

  /** Every stable key is found at any moment, and is met exactly once by any iteration. */
  findStable(task: StableTask, crew: Crew): { lookups: number; iterations: number } {
    const map = attachMap(task.map, { cache: task.cache })
    let lookups = 0
    let iterations = 0
    crew.start()
    while (crew.running() || iterations < 3) {
      for (let index = 0; index < task.stable; index++) {
        const key = `stable:${index}`
        assert.equal(map.get(key), textOf(key))
        assert.ok(map.has(key))
        lookups++
      }
      const met = new Set<string>()
      let stable = 0
      const meet = (key: string, value: string) => {
        assert.ok(!met.has(key), `an iteration gave ${key} twice`)
        met.add(key)
        assert.equal(value, textOf(key))
        if (key.startsWith('stable:')) stable++
      }
      if (iterations % 3 === 0) for (const [key, value] of map) meet(key, value)
      else if (iterations % 3 === 1) map.forEach((value, key) => void meet(key, value))
      else for (const key of map.keys()) meet(key, textOf(key))
      assert.equal(stable, task.stable, 'stable keys met by one iteration')
      iterations++
    }
    return { lookups, iterations }
  },

  writeUnderClear(task: ClearTask, crew: Crew): number {
    const map = attachMap(task.map)
    const form = formOf(task.form)
    const random = new Random(task.seed)
    const published = new Int32Array(task.published)
    let writes = 0
    crew.start()
    while (crew.running()) {
      const index = crew.index + task.writers * random.below(Math.floor(task.keys / task.writers))
      const key = `key:${index}`
      const version = Atomics.load(published, index) + 1
      map.set(key, form.make(index, version))
      Atomics.store(published, index, version)
      const own = map.get(key)
      // A clear may have removed the key. An older version cannot have come back.
      if (own !== undefined) assert.equal(form.check(own, index), version)
      writes++
    }
    return writes
  },

  /** A version that was written before a clear began is gone when the clear ends. */
  clear(task: ClearTask, crew: Crew): { clears: number; survivors: number } {
    const map = attachMap(task.map)
    const form = formOf(task.form)
    const published = new Int32Array(task.published)
    let clears = 0
    let survivors = 0
    crew.start()
    while (crew.running()) {
      const before = Array.from({ length: task.keys }, (_, index) => Atomics.load(published, index))
      map.clear()
      for (let index = 0; index < task.keys; index++) {
        const value = map.get(`key:${index}`)
        if (value === undefined) continue
        survivors++
        const version = form.check(value, index)
        assert.ok(version > before[index]!, `version ${version} of key ${index} outlived a clear`)
      }
      const size = map.size
      assert.ok(size >= 0 && size <= task.keys, `size is ${size}`)
      clears++
      if (survivors > 0) crew.seen()
    }
    return { clears, survivors }
  },

  toggle(task: SizeTask, crew: Crew): number {
    const map = attachMap(task.map)
    const random = new Random(task.seed)
    const first = task.stable + crew.index * task.own
    const present = new Array<boolean>(task.own).fill(false)
    let operations = 0
    crew.start()
    while (crew.running()) {
      crew.worked(++operations)
      const index = random.below(task.own)
      if (present[index]) assert.equal(map.delete(first + index), true)
      else map.set(first + index, index)
      present[index] = !present[index]
      const size = map.size
      const own = present.filter(Boolean).length
      const most = task.stable + (task.togglers - 1) * task.own + own
      assert.ok(size >= task.stable + own && size <= most, `size is ${size}, not ${task.stable + own} to ${most}`)
    }
    return present.filter(Boolean).length
  },
}

export type ChurnJobs = typeof jobs

serve(jobs)
