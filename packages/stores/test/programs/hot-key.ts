/** A worker that checks one key again and again, together with others, each time that it is asked; posts the nanoseconds of one check. */
import { parentPort, workerData } from 'node:worker_threads'
import { RateLimit, type RateLimitHandle } from '@threadmap/stores/rate-limit'

export interface HotKey {
  readonly handle: RateLimitHandle
  /** How many workers have begun, in all rounds together. */
  readonly go: Int32Array
  readonly threads: number
  readonly checks: number
}

const { handle, go, threads, checks } = workerData as HotKey
const limit = RateLimit.attach(handle)
let round = 0
parentPort!.on('message', () => {
  // All begin at once: who comes first waits.
  round++
  Atomics.add(go, 0, 1)
  while (Atomics.load(go, 0) < round * threads);
  const before = process.hrtime.bigint()
  for (let i = 0; i < checks; i++) limit.check('hot')
  parentPort!.postMessage(Number(process.hrtime.bigint() - before) / checks)
})
parentPort!.postMessage('ready')
