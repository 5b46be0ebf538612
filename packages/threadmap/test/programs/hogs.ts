import type { MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { attachMap } from '../support/maps.js'

export interface LargeTask {
  readonly map: MapHandle<string, Uint8Array>
  readonly bytes: number
  readonly times: number
}

export interface SmallTask {
  readonly map: MapHandle<string, Uint8Array>
}

const jobs = {
  /** Holds the lock most of the time, since copying the values takes long. */
  large(task: LargeTask, crew: Crew): number {
    const map = attachMap(task.map)
    const value = new Uint8Array(task.bytes)
    crew.start()
    for (let time = 0; time < task.times; time++) map.set('large', value)
    return task.times
  },

  /** Returns how often it got its turn. New keys need the lock in every map. */
  small(task: SmallTask, crew: Crew): number {
    const map = attachMap(task.map)
    const value = new Uint8Array(8)
    const key = `small ${crew.index}`
    crew.start()
    let times = 0
    while (crew.running()) {
      map.set(key, value)
      map.delete(key)
      times++
    }
    return times
  },
}

export type HogJobs = typeof jobs

serve(jobs)
