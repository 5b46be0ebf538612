import type { MapHandle } from 'threadmap'
import { ConcurrentMapError } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { attachMap } from '../support/maps.js'

export interface WriteTask {
  /** One map per round. */
  readonly maps: readonly MapHandle<number, number>[]
  readonly writes: number
  /** Int32Array, a word per map: a bare flag, to compare the map's detection with. */
  readonly probe: SharedArrayBuffer
}

/** One worker's turn in one round: from when to when it wrote, in microseconds of one clock, and how it ended. */
export interface Turn {
  readonly from: number
  readonly to: number
  /** The message of the accusation, if there was one. */
  readonly message: string | undefined
  /** Whether the bare flag saw another worker inside together with this one. */
  readonly met: boolean
}

export interface PairTask {
  readonly map: MapHandle<number, number>
  readonly role: 'write' | 'read' | 'iterate'
}

export interface RacyTask {
  readonly map: MapHandle<number, number>
  readonly operations: number
}

/** The number of keys of the pair test, all present from the start, so that an iteration takes a while. */
export const PAIR_KEYS = 2000

/** The message of an accusation; any other error is a failure. */
function accusation(error: unknown): string {
  if (!(error instanceof ConcurrentMapError)) throw error
  if (error.code !== 'ERR_THREADMAP_CONCURRENT') throw error
  return error.message
}

/** A clock that all threads of the process share. */
function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

const jobs = {
  /** Ten workers x 1,000 unsynchronised writes, as in every Go tutorial; each round begins at a barrier. */
  writeAll(task: WriteTask, crew: Crew): Turn[] {
    const maps = task.maps.map(handle => attachMap(handle))
    const turns: Turn[] = []
    const probe = new Int32Array(task.probe)
    crew.start()
    for (const [round, map] of maps.entries()) {
      let message: string | undefined
      crew.control.meet(20)
      const from = microseconds()
      try {
        for (let count = 0; count < task.writes; count++) map.set(count, crew.index)
      } catch (error) {
        message = accusation(error)
      }
      const to = microseconds()
      crew.control.meet(20)
      let met = false
      for (let count = 0; count < task.writes; count++) {
        if (Atomics.exchange(probe, round, 1) === 1) met = true
        // This takes about as long as a write.
        for (let work = 0; work < 10; work++) Atomics.load(probe, round)
        Atomics.store(probe, round, 0)
      }
      turns.push({ from, to, message, met })
    }
    return turns
  },

  /** Plays its role until it or the other worker is accused. */
  pair(task: PairTask, crew: Crew): string[] {
    const map = attachMap(task.map)
    const messages = new Set<string>()
    crew.start()
    for (let count = 0; crew.running(); count++) {
      // An iteration is many reads.
      crew.worked(task.role === 'iterate' ? count * PAIR_KEYS : count)
      try {
        if (task.role === 'write') map.set(count % PAIR_KEYS, count)
        else if (task.role === 'read') {
          map.get(count % PAIR_KEYS)
          map.has(count % PAIR_KEYS)
        } else for (const _ of map);
      } catch (error) {
        messages.add(accusation(error))
        crew.control.stop()
      }
    }
    return [...messages]
  },

  /** Uses the map without any synchronization. The only errors may be typed accusations; returns their number. */
  racy(task: RacyTask, crew: Crew): number {
    const map = attachMap(task.map)
    let accused = 0
    crew.start()
    for (let count = 0; count < task.operations; count++) {
      const key = (count * 7 + crew.index) % 500
      try {
        if (count % 5 === 0) map.delete(key)
        else if (count % 5 === 1) map.get(key)
        else if (count % 997 === 0) for (const _ of map.keys());
        else map.set(key, count)
      } catch (error) {
        accusation(error)
        accused++
      }
    }
    return accused
  },
}

export type MisuseJobs = typeof jobs

serve(jobs)
