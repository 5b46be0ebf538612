/** A worker that takes the given locks by the kernel's own code, reports it, and holds them until it is terminated. */
import { workerData } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import { type LockHandle, Mutex } from 'threadmap/sync'
import { takeShard } from '../support/inside.js'

export interface HolderTask {
  readonly map: MapHandle<string, number>
  /** Locked before the shard of the map. */
  readonly mutex?: LockHandle<'Mutex'>
  /** Int32Array: the number of holders that have their locks, and a word that never changes. */
  readonly log: SharedArrayBuffer
}

const { map, mutex, log } = workerData as HolderTask
const words = new Int32Array(log)
// Newer versions of V8 abort the process when a thread is terminated while it evaluates a module with a top-level await.
setImmediate(() => {
  if (mutex) Mutex.attach(mutex).lock(60_000)
  takeShard(map as never)
  Atomics.add(words, 0, 1)
  while (true) Atomics.wait(words, 1, 0, 1000)
})
