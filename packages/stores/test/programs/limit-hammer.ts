/** A worker that checks one key of a rate limit until it is refused, and tells what passed in shared memory. */
import { parentPort, workerData } from 'node:worker_threads'
import { RateLimit, type RateLimitHandle } from '@threadmap/stores/rate-limit'

export interface Hammer {
  readonly handle: RateLimitHandle
  /** [0]: the start signal; [1]: what passed; then for each worker whether it is within a check. */
  readonly words: Int32Array
  readonly place: number
}

const { handle, words, place } = workerData as Hammer
const limit = RateLimit.attach(handle)
parentPort!.postMessage('ready')
Atomics.wait(words, 0, 0)
let goesOn = true
while (goesOn) {
  Atomics.store(words, place, 1)
  goesOn = limit.check('hot').allowed
  if (goesOn) Atomics.add(words, 1, 1)
  Atomics.store(words, place, 0)
}
parentPort!.postMessage('refused')
