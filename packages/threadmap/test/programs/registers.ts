import assert from 'node:assert/strict'
import type { MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { type FormName, formOf } from '../support/forms.js'
import { attachMap } from '../support/maps.js'
import { Random } from '../support/random.js'

/**
 * Registers: every key has one writer, which counts its versions up and tells, in memory of its own, which version it is
 * about to write (`attempted`) and which one it has written (`published`). A reader that looks at `published` before and
 * at `attempted` after it reads knows between which versions the answer must lie: linearizability of one register,
 * checked at full speed. `last` adds that no reader goes back in time.
 */
export interface RegisterTask {
  readonly map: MapHandle<string, unknown>
  readonly form: FormName
  readonly keys: number
  readonly cache: number
  readonly seed: number
  /** With deletes, every fifth version of a key is its absence; without, only version 0 is. */
  readonly deletes: boolean
  /** Int32Array of twice `keys` words: attempted, then published. */
  readonly versions: SharedArrayBuffer
}

export interface ReaderReport {
  readonly reads: number
  /** How often a read gave another version than the read before: without any the test has tested nothing. */
  readonly changes: number
}

export function registerKey(index: number): string {
  return `register:${index}`
}

class Book {
  readonly #words: Int32Array
  readonly #keys: number
  readonly #deletes: boolean

  constructor(task: RegisterTask) {
    this.#words = new Int32Array(task.versions)
    this.#keys = task.keys
    this.#deletes = task.deletes
  }

  attempted(key: number): number {
    return Atomics.load(this.#words, key)
  }

  published(key: number): number {
    return Atomics.load(this.#words, this.#keys + key)
  }

  attempt(key: number, version: number): void {
    Atomics.store(this.#words, key, version)
  }

  publish(key: number, version: number): void {
    Atomics.store(this.#words, this.#keys + key, version)
  }

  absentAt(version: number): boolean {
    return this.#deletes ? version % 5 === 0 : version === 0
  }

  /** The first version from `low` on that is present (or absent), or undefined when there is none up to `high`. */
  first(absent: boolean, low: number, high: number): number | undefined {
    for (let version = low; version <= high; version++) if (this.absentAt(version) === absent) return version
    return undefined
  }
}

const jobs = {
  write(task: RegisterTask, crew: Crew): number {
    const map = attachMap(task.map, { cache: task.cache })
    const form = formOf(task.form)
    const book = new Book(task)
    const random = new Random(task.seed)
    let writes = 0
    crew.start()
    while (crew.running()) {
      const index = random.below(task.keys)
      const key = registerKey(index)
      const before = book.published(index)
      const version = before + 1
      const value = form.make(index, version)
      const old = book.absentAt(before) ? undefined : form.make(index, before)
      // The only writer of a key knows what every operation on it must return.
      const isOld = (returned: unknown) => {
        assert.equal(
          returned === undefined ? 'absent' : form.check(returned, index),
          old === undefined ? 'absent' : before,
        )
      }
      book.attempt(index, version)
      if (book.absentAt(version)) {
        switch (random.below(4)) {
          case 0:
            assert.equal(map.delete(key), true)
            break
          case 1:
            isOld(map.getAndDelete(key))
            break
          case 2:
            assert.equal(map.compareAndDelete(key, old), true)
            break
          case 3:
            map.update(key, current => {
              isOld(current)
              return undefined
            })
            break
        }
      } else {
        switch (random.below(old === undefined ? 5 : 4)) {
          case 0:
            map.set(key, value)
            break
          case 1:
            isOld(map.swap(key, value))
            break
          case 2:
            map.update(key, current => {
              isOld(current)
              return value
            })
            break
          case 3:
            if (old === undefined) assert.equal(form.check(map.getOrInsert(key, value), index), version)
            else assert.equal(map.compareAndSwap(key, old, value), true)
            break
          case 4:
            assert.equal(
              form.check(
                map.getOrInsertComputed(key, () => value),
                index,
              ),
              version,
            )
            break
        }
      }
      book.publish(index, version)
      if (random.oneIn(4)) {
        const own = map.get(key)
        assert.equal(
          own === undefined ? undefined : form.check(own, index),
          book.absentAt(version) ? undefined : version,
        )
      }
      writes++
    }
    return writes
  },

  read(task: RegisterTask, crew: Crew): ReaderReport {
    const map = attachMap(task.map, { cache: task.cache })
    const form = formOf(task.form)
    const book = new Book(task)
    const random = new Random(task.seed)
    const last = new Array<number>(task.keys).fill(0)
    let reads = 0
    let changes = 0

    /** `seen` is a version, or whether there is one. */
    const observe = (index: number, seen: number | boolean, published: number, how: string) => {
      const low = Math.max(last[index]!, published)
      const high = book.attempted(index)
      const version = typeof seen === 'number' ? seen : book.first(!seen, low, high)
      if (version === undefined || version < low || version > high) {
        throw new Error(`${how} of ${registerKey(index)} gave ${seen}, not one of versions ${low} to ${high}`)
      }
      if (version !== last[index]) {
        changes++
        crew.seen()
      }
      last[index] = version
      reads++
    }

    crew.start()
    while (crew.running()) {
      const index = random.below(task.keys)
      const key = registerKey(index)
      if (random.oneIn(400)) {
        const published = last.map((_, other) => book.published(other))
        const met = new Set<number>()
        for (const [name, value] of map) {
          const other = Number(name.split(':')[1])
          assert.ok(!met.has(other), `an iteration gave ${name} twice`)
          met.add(other)
          observe(other, form.check(value, other), published[other]!, 'iteration')
        }
        for (let other = 0; other < task.keys; other++) {
          if (!met.has(other)) observe(other, false, published[other]!, 'iteration')
        }
      } else if (random.oneIn(16)) {
        const published = book.published(index)
        observe(index, map.has(key), published, 'has')
      } else {
        // Several reads of one key in a row, which a cache answers.
        for (let times = random.below(4); times >= 0; times--) {
          const published = book.published(index)
          const value = map.get(key)
          observe(index, value === undefined ? false : form.check(value, index), published, 'get')
        }
      }
    }
    return { reads, changes }
  },
}

export type RegisterJobs = typeof jobs

serve(jobs)
