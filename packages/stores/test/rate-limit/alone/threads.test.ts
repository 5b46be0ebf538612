import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { type AlgorithmName, RateLimit } from '@threadmap/stores/rate-limit'
import type { Hammer } from '../../programs/limit-hammer.js'

const ALGORITHMS: AlgorithmName[] = ['fixed-window', 'sliding-window', 'token-bucket']
/** A window so long that nothing comes back during a test. */
const LONG = 1e11
const PASSED = 1
const FIRST_PLACE = 2

async function start(limit: RateLimit, words: Int32Array, count: number): Promise<Worker[]> {
  const workers = Array.from({ length: count }, (_, i) => {
    const data: Hammer = { handle: limit.handle, words, place: FIRST_PLACE + i }
    return new Worker(new URL('../../programs/limit-hammer.js', import.meta.url), { workerData: data })
  })
  await Promise.all(workers.map(worker => once(worker, 'message')))
  return workers
}

function go(words: Int32Array): void {
  Atomics.store(words, 0, 1)
  Atomics.notify(words, 0)
}

for (const algorithm of ALGORITHMS) {
  test(`${algorithm}: of four workers that hammer one key exactly the limit passes`, async () => {
    using limit = new RateLimit({ limit: 20_000, window: LONG, algorithm })
    const words = new Int32Array(new SharedArrayBuffer(64))
    const workers = await start(limit, words, 4)
    const ends = workers.map(worker => once(worker, 'message'))
    go(words)
    await Promise.all(ends)
    assert.equal(words[PASSED], 20_000)
    await Promise.all(workers.map(worker => worker.terminate()))
  })
}

test('workers that are terminated within checks: never more pass, and fewer only by a check that died before it could tell', async t => {
  const LIMIT = 6000
  let lost = 0
  let within = 0
  for (let round = 0; round < 36; round++) {
    using limit = new RateLimit({ limit: LIMIT, window: LONG, algorithm: ALGORITHMS[round % 3] })
    const words = new Int32Array(new SharedArrayBuffer(64))
    const victims = await start(limit, words, 2)
    go(words)
    // The two victims die at another moment in each round, while this thread checks the same key.
    const deadline = (round + 1) * 120
    while (Atomics.load(words, PASSED) < deadline) if (limit.check('hot').allowed) Atomics.add(words, PASSED, 1)
    await Promise.all(victims.map(victim => victim.terminate()))
    while (limit.check('hot').allowed) Atomics.add(words, PASSED, 1)
    const unsure = words[FIRST_PLACE] + words[FIRST_PLACE + 1]
    const passed = words[PASSED]
    assert.ok(
      passed <= LIMIT && passed >= LIMIT - unsure,
      `round ${round}: ${passed} passed, ${unsure} died in a check`,
    )
    assert.equal(limit.peek('hot').remaining, 0)
    lost += LIMIT - passed
    within += unsure
  }
  t.diagnostic(
    `72 workers terminated, ${within} of them within a check, of which ${lost} had taken a point that nobody heard of`,
  )
})
