/** A worker that takes the locks it is given, by the kernel's own code, says so, and holds them until it is terminated. */
import { workerData } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import { type LockHandle, Mutex } from 'threadmap/sync'
import { takeShard } from '../support/inside.js'

export interface HolderTask {
  readonly map: MapHandle<string, number>
  /** Locked before the map is. */
  readonly mutex?: LockHandle<'Mutex'>
  /** Int32Array: how many hold what they want, and a word that never changes. */
  readonly log: SharedArrayBuffer
}

const { map, mutex, log } = workerData as HolderTask
const words = new Int32Array(log)
// Newer V8s abort the process when a thread is terminated while it evaluates modules of which one awaits something.
setImmediate(() => {
  if (mutex) Mutex.attach(mutex).lock(60_000)
  takeShard(map as never)
  Atomics.add(words, 0, 1)
  while (true) Atomics.wait(words, 1, 0, 1000)
})
