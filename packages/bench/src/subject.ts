/** A subject process: sets up the job that its argument names, then runs one round for each `round` message. */
import { NotHere } from '@threadmap/workbench/subjects/peers'
import { cache, cacheMemory } from './cache.js'
import { cacheWorkers } from './cache-workers.js'
import { cold } from './cold.js'
import { growth } from './growing.js'
import type { Answer, Job, Round, Subject } from './jobs.js'
import { longest } from './longest.js'
import { memory } from './memory.js'
import { oneThread } from './one-thread.js'
import { stops } from './stops.js'
import { hotAdd, mixedWorkers } from './workers.js'

function prepare(job: Job): Subject | Promise<Subject> {
  switch (job.program) {
    case 'one-thread':
      return oneThread(job)
    case 'workers':
      return mixedWorkers(job)
    case 'add':
      return hotAdd(job)
    case 'memory':
      return memory(job)
    case 'cache':
      return cache(job)
    case 'cache-workers':
      return cacheWorkers(job)
    case 'cache-memory':
      return cacheMemory(job)
    case 'longest':
      return longest(job)
    case 'stops':
      return stops(job)
    case 'growth':
      return growth(job)
    case 'cold':
      return cold(job)
  }
}

function send(answer: Answer): void {
  process.send!(answer)
}

function give(error: unknown): void {
  if (error instanceof NotHere) {
    send({ type: 'skipped', reason: error.message })
    return
  }
  console.error(error)
  send({ type: 'failed', reason: String(error) })
}

try {
  const subject = await prepare(JSON.parse(process.argv[2]))
  process.on('message', async (round: Round) => {
    try {
      send({ type: 'result', ...(await subject(round)) })
    } catch (error) {
      give(error)
    }
  })
  send({ type: 'ready' })
} catch (error) {
  give(error)
}
