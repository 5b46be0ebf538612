/** A worker that uses a map, under a mutex if there is one, until it is told to stop; then it reports its errors and times. */
import { parentPort, workerData } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import { type LockHandle, Mutex } from 'threadmap/sync'
import { attachMap } from '../support/maps.js'

export interface SurvivorReport {
  readonly operations: number
  /** The longest operation, in milliseconds. */
  readonly longest: number
  readonly errors: readonly string[]
  /** Threads that have a place in the map at the end. */
  readonly threads: number
}

export interface SurvivorInput {
  readonly map: MapHandle<string, number>
  readonly mutex?: LockHandle<'Mutex'>
  /** Int32Array: operations done, and 1 to stop. */
  readonly control: SharedArrayBuffer
}

const input = workerData as SurvivorInput
const control = new Int32Array(input.control)
const map = attachMap(input.map)
const mutex = input.mutex && Mutex.attach(input.mutex)
const errors: string[] = []
let longest = 0
let operations = 0
while (Atomics.load(control, 1) === 0) {
  const began = performance.now()
  try {
    // Mostly without the mutex, so that victims get it.
    mutex?.lock(20_000)
    try {
      map.set(`${operations % 10}`, operations)
    } finally {
      mutex?.unlock()
    }
  } catch (error) {
    errors.push(String(error))
  }
  longest = Math.max(longest, performance.now() - began)
  operations = Atomics.add(control, 0, 1)
  Atomics.wait(control, 1, 0, 1)
}
parentPort!.postMessage({ operations, longest, errors, threads: map.stats().threads } satisfies SurvivorReport)
