import assert from 'node:assert/strict'
import { MapFullError, type MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { attachMap } from '../support/maps.js'
import { mix } from '../support/random.js'

export interface FillTask {
  readonly map: MapHandle<string, Uint8Array>
  /** Entries `from` to `to - 1`, of which this worker takes every `step`th, beginning with its index. */
  readonly from: number
  readonly to: number
  readonly step: number
}

export interface FullTask {
  readonly map: MapHandle<string, Uint8Array>
  readonly rounds: number
}

const SUFFIX = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJ'

/** A key of 4 to 40 characters; every eighth has some that need two or three bytes. */
export function mixedKey(index: number): string {
  const number = index.toString(36).padStart(4, '0')
  const suffix = SUFFIX.slice(0, mix(index) % 37)
  return index % 8 === 0 && suffix.length > 2 ? `${number}é漢${suffix.slice(2)}` : number + suffix
}

/** A value of 0 to 200 bytes. */
export function mixedValue(index: number): Uint8Array {
  const seed = mix(index + 0x5eed)
  return new Uint8Array(seed % 201).fill(seed >>> 24)
}

export function isMixedValue(value: Uint8Array | undefined, index: number): boolean {
  const seed = mix(index + 0x5eed)
  if (value?.length !== seed % 201) return false
  for (const byte of value) if (byte !== seed >>> 24) return false
  return true
}

const jobs = {
  fill(task: FillTask, crew: Crew): void {
    const map = attachMap(task.map)
    crew.start()
    for (let index = task.from + crew.index; index < task.to; index += task.step) {
      map.set(mixedKey(index), mixedValue(index))
    }
  },

  /** Deletes the entries of this worker whose number is odd. */
  deleteOdd(task: FillTask, crew: Crew): number {
    const map = attachMap(task.map)
    let deleted = 0
    crew.start()
    for (let index = task.from + crew.index; index < task.to; index += task.step) {
      if (index % 2 === 0) continue
      assert.ok(map.delete(mixedKey(index)), `entry ${index} is lost`)
      deleted++
    }
    return deleted
  },

  /** Returns how many of the entries are in the map, whole. With `step` 1 and index 0 it checks all of them. */
  verify(task: FillTask, crew: Crew): number {
    const map = attachMap(task.map)
    let found = 0
    crew.start()
    for (let index = task.from + crew.index; index < task.to; index += task.step) {
      const value = map.get(mixedKey(index))
      if (value === undefined) continue
      assert.ok(isMixedValue(value, index), `entry ${index} holds something else`)
      found++
    }
    return found
  },

  /**
   * Inserts until the map is full, deletes half of its own entries, and repeats this. Acknowledged entries must be in the map,
   * refused ones must not. Returns how often it was refused.
   */
  overfill(task: FullTask, crew: Crew): number {
    const map = attachMap(task.map)
    const key = (index: number) => `${crew.index}:${mixedKey(index)}`
    const present = new Set<number>()
    let next = 0
    let refusals = 0
    crew.start()
    for (let round = 0; round < task.rounds; round++) {
      while (true) {
        try {
          map.set(key(next), mixedValue(next))
        } catch (error) {
          if (!(error instanceof MapFullError)) throw error
          assert.equal(map.get(key(next)), undefined, 'a refused entry is there')
          refusals++
          break
        }
        present.add(next++)
      }
      for (const index of present) assert.ok(isMixedValue(map.get(key(index)), index), `entry ${index} is damaged`)
      let turn = 0
      for (const index of present) {
        if (turn++ % 2 === 0) continue
        assert.ok(map.delete(key(index)))
        present.delete(index)
      }
    }
    // An iteration finds the rest as well.
    let met = 0
    for (const name of map.keys()) if (name.startsWith(`${crew.index}:`)) met++
    assert.equal(met, present.size)
    return refusals
  },
}

export type FillJobs = typeof jobs

serve(jobs)
