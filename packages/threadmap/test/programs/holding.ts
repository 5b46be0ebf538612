/** A worker that holds the lock of a shard as long as a test wants, so that the test needs no luck. */
import { once } from 'node:events'
import { parentPort } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { lockOfShard } from '../support/inside.js'
import { attachMap } from '../support/maps.js'

export interface AskTask {
  readonly map: MapHandle<string, number>
  readonly key: string
}

export interface HoldTask {
  /** Absent: the worker is older than the map, whose handle comes by message. */
  readonly map: MapHandle<string, unknown> | undefined
  readonly shard: number
  readonly how: 'write' | 'read'
}

/** Words of the holder's control block. */
export const HELD = 0
export const RELEASE = 1

const jobs = {
  /** Takes the lock, reports it, and keeps it until it is told to release it, or is terminated. */
  async hold(task: HoldTask, crew: Crew): Promise<void> {
    const handle = task.map === undefined ? once(parentPort!, 'message') : [task.map]
    crew.start()
    const lock = lockOfShard((await handle)[0], task.shard)
    lock.take(task.how)
    crew.control.set(crew.index, HELD, 1)
    crew.control.sleepWhile(crew.index, RELEASE, 0)
    lock.release(task.how)
  },

  /** Writes one key once. */
  ask(task: AskTask, crew: Crew): void {
    const map = attachMap(task.map)
    crew.start()
    map.set(task.key, 1)
  },
}

export type HoldJobs = typeof jobs

serve(jobs)
