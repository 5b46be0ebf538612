/** A worker program: threads that compute keys for one another, in circles and deep. */
import type { MapHandle } from 'threadmap'
import { ComputeDeadlockError, ComputeTimeoutError } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { attachMap } from '../support/maps.js'

export interface CircleTask {
  map: MapHandle<string, number>
  /** How many threads are in the circle. */
  size: number
}

export interface CircleReport {
  value: number
  milliseconds: number
  deadlock: { message: string; held: unknown; wanted: unknown; owner: number } | undefined
}

export interface TowerTask {
  map: MapHandle<string, number>
  depth: number
}

const jobs = {
  /** Computes `key i` out of `key i + 1`, and the last one out of `key 0`, when every thread is inside its own function. */
  circle(task: CircleTask, crew: Crew): CircleReport {
    const map = attachMap(task.map)
    const { control, index } = crew
    let deadlock: CircleReport['deadlock']
    crew.start()
    const began = performance.now()
    const value = map.getOrInsertComputed(`key ${index}`, () => {
      control.set(index, 0, 1)
      for (let i = 0; i < task.size; i++) while (control.get(i, 0) === 0);
      try {
        return map.getOrInsertComputed(`key ${(index + 1) % task.size}`, () => 1000 + index) + 1
      } catch (error) {
        if (!(error instanceof ComputeDeadlockError)) throw error
        deadlock = { message: error.message, held: error.held, wanted: error.wanted, owner: error.owner }
        return 1
      }
    })
    return { value, milliseconds: performance.now() - began, deadlock }
  },

  /** Computes `depth` keys, each within the one before, and holds them all until every thread does. */
  tower(task: TowerTask, crew: Crew): number {
    const map = attachMap(task.map)
    crew.start()
    const climb = (at: number): number =>
      map.getOrInsertComputed(`${crew.index}:${at}`, () => {
        if (at < task.depth) return climb(at + 1) + 1
        crew.control.set(crew.index, 0, 1)
        while (crew.running());
        return 0
      })
    return climb(1)
  },

  /** Computes 'slow' until it is told to stop. */
  slow({ map: handle }: { map: MapHandle<string, number> }, crew: Crew): void {
    const map = attachMap(handle)
    crew.start()
    map.getOrInsertComputed('slow', () => {
      crew.control.set(crew.index, 0, 1)
      while (crew.running());
      return 1
    })
  },

  /** Asks for 'slow' and returns the text of the error. */
  impatient({ map: handle }: { map: MapHandle<string, number> }, crew: Crew): { message: string; key: unknown } {
    const map = attachMap(handle)
    crew.start()
    try {
      map.getOrInsertComputed('slow', () => 2)
    } catch (error) {
      if (error instanceof ComputeTimeoutError) return { message: error.message, key: error.key }
      throw error
    }
    throw new Error('it was not refused')
  },
}

export type ComputingJobs = typeof jobs
serve(jobs)
