import assert from 'node:assert/strict'
import type { MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { type FormName, formOf } from '../support/forms.js'
import { attachMap } from '../support/maps.js'
import { Random } from '../support/random.js'

export type KeyForm = 'string' | 'f64' | 'i64' | 'bytes'

export interface SliceTask {
  readonly map: MapHandle<unknown, unknown>
  readonly keyForm: KeyForm
  readonly form: FormName
  /** Worker `w` owns keys `w * own` to `w * own + own - 1`. */
  readonly own: number
  readonly workers: number
  readonly cache: number
  readonly seed: number
}

/** Key number `index`, in lengths and values that are not alike: fractions, negative numbers, non-Latin letters. */
export function keyOf(form: KeyForm, index: number): unknown {
  switch (form) {
    case 'string':
      return index % 3 === 0 ? `ключ:${index}` : `key:${index}`.padEnd(4 + (index % 37), '.')
    case 'f64':
      return index % 2 === 0 ? index : -index - 0.5
    case 'i64':
      return (BigInt(index) << 40n) - 5n
    case 'bytes':
      return Uint8Array.from([index & 255, index >> 8, ...new Array<number>(index % 29).fill(7)])
  }
}

/** The number of a key that `keyOf` made. */
export function indexOf(form: KeyForm, key: unknown): number {
  switch (form) {
    case 'string':
      return Number(/\d+/.exec(key as string)![0])
    case 'f64':
      return (key as number) >= 0 ? (key as number) : -(key as number) - 0.5
    case 'i64':
      return Number(((key as bigint) + 5n) >> 40n)
    case 'bytes':
      return (key as Uint8Array)[0]! + ((key as Uint8Array)[1]! << 8)
  }
}

const jobs = {
  /**
   * Each worker has keys of its own and a private model of them; all workers share shards, blocks and locks. A worker's keys must
   * always answer like its model, whatever the others do.
   */
  slice(task: SliceTask, crew: Crew): { operations: number; model: [number, number][] } {
    const map = attachMap(task.map, { cache: task.cache })
    const form = formOf(task.form)
    const random = new Random(task.seed)
    const model = new Map<number, number>()
    const first = crew.index * task.own
    let version = 0
    let operations = 0
    crew.start()

    const expect = (returned: unknown, index: number, expected: number | undefined) => {
      assert.equal(returned === undefined ? undefined : form.check(returned, index), expected)
    }

    const iterate = () => {
      const met = new Map<number, number>()
      for (const [key, value] of map) {
        const index = indexOf(task.keyForm, key)
        assert.ok(!met.has(index), `an iteration gave key ${index} twice`)
        met.set(index, form.check(value, index))
      }
      for (let index = first; index < first + task.own; index++) assert.equal(met.get(index), model.get(index))
    }

    const operate = (index: number) => {
      const key = keyOf(task.keyForm, index)
      const before = model.get(index)
      const old = before === undefined ? undefined : form.make(index, before)
      const value = form.make(index, ++version)
      switch (random.below(14)) {
        case 0:
        case 1:
          map.set(key, value)
          model.set(index, version)
          break
        case 2:
          assert.equal(map.delete(key), model.delete(index))
          break
        case 3:
          expect(map.swap(key, value), index, before)
          model.set(index, version)
          break
        case 4:
          expect(map.getAndDelete(key), index, before)
          model.delete(index)
          break
        case 5:
          expect(map.getOrInsert(key, value), index, before ?? version)
          model.set(index, before ?? version)
          break
        case 6:
          expect(
            map.getOrInsertComputed(key, () => value),
            index,
            before ?? version,
          )
          model.set(index, before ?? version)
          break
        case 7:
          // The right expectation.
          assert.equal(old !== undefined && map.compareAndSwap(key, old, value), old !== undefined)
          if (old !== undefined) model.set(index, version)
          break
        case 8:
          // A wrong one.
          assert.equal(map.compareAndSwap(key, form.make(index, version + 1), value), false)
          assert.equal(map.compareAndDelete(key, form.make(index, version + 1)), false)
          break
        case 9:
          if (old !== undefined) assert.equal(map.compareAndDelete(key, old), true)
          model.delete(index)
          break
        case 10: {
          const remove = random.oneIn(3)
          const result = map.update(key, current => {
            expect(current, index, before)
            return remove ? undefined : value
          })
          expect(result, index, remove ? undefined : version)
          if (remove) model.delete(index)
          else model.set(index, version)
          break
        }
        case 11:
          assert.equal(map.has(key), before !== undefined)
          break
        default:
          expect(map.get(key), index, before)
          expect(map.get(key), index, before)
      }
    }

    while (crew.running()) {
      crew.worked(++operations)
      operate(first + random.below(task.own))
      if (random.oneIn(4)) {
        const other = random.below(task.own * task.workers)
        const value = map.get(keyOf(task.keyForm, other))
        if (value !== undefined) form.check(value, other)
      }
      if (random.oneIn(1000)) {
        iterate()
        assert.ok(map.size >= model.size && map.size <= task.own * task.workers)
      }
    }
    iterate()
    return { operations, model: [...model] }
  },
}

export type SliceJobs = typeof jobs

serve(jobs)
