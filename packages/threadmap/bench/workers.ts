import { Worker } from 'node:worker_threads'
import { FastMap, f64, string } from 'threadmap'
import type { AddJob, Subject, WorkersJob } from './jobs.js'
import { createForeign, createMap } from './shared-maps.js'
import type { Counted, Start, WorkerSetup, WorkerTask } from './worker.js'
import { stringKeys } from './workload.js'

/** How long workers run before they count, in each round, so that none is counted while another still wakes up. */
const WARM_UP_MS = 20

const HOT_KEY = 'hot'

/** Reads and writes of one map from several workers. */
export async function mixedWorkers(job: WorkersJob): Promise<Subject> {
  const run = await startWorkers(job.threads, await mixTask(job))
  return async ({ ms }) => ({ value: rate(await run(ms)) })
}

async function mixTask(job: WorkersJob): Promise<WorkerTask> {
  if (job.subject === 'Map') return { task: 'mix-private', mix: job }
  const keys = stringKeys(job.keys)
  if (job.subject === 'sharedmap') {
    const map = await createForeign(job.keys)
    keys.forEach((key, i) => {
      map.set(key, i + 0.5)
    })
    if (map.length !== job.keys) throw new Error(`sharedmap holds ${map.length} of ${job.keys} keys`)
    return { task: 'mix-foreign', mix: job, clone: { ...map } }
  }
  const map = createMap(job.subject, job.keys)
  keys.forEach((key, i) => {
    map.set(key, i + 0.5)
  })
  if (map.size !== job.keys) throw new Error(`the map holds ${map.size} of ${job.keys} keys`)
  return { task: 'mix', mix: job, handle: map.handle }
}

/** `add(key, 1)` on one key from several workers; whatever they counted must be the key's value afterwards. */
export async function hotAdd(job: AddJob): Promise<Subject> {
  const map = new FastMap({ key: string, value: f64 })
  map.set(HOT_KEY, 0)
  const run = await startWorkers(job.threads, { task: 'add', key: HOT_KEY, handle: map.handle })
  let added = 0
  return async ({ ms }) => {
    const counted = await run(ms)
    for (const { all } of counted) added += all
    const value = map.get(HOT_KEY)
    if (value !== added) throw new Error(`updates lost: ${added} added, the value is ${value}`)
    return { value: rate(counted), note: `${(added / 1e6).toFixed(1)} M added, none lost` }
  }
}

/** Millions of operations per second, of all workers together. */
function rate(counted: Counted[]): number {
  return counted.reduce((sum, { operations, ms }) => sum + operations / ms, 0) / 1000
}

/** Starts the workers, waits until they are set up, and returns what runs one round in all of them. */
async function startWorkers(threads: number, task: WorkerTask): Promise<(ms: number) => Promise<Counted[]>> {
  const barrier = new Int32Array(new SharedArrayBuffer(4))
  const workers = Array.from({ length: threads }, (_, thread) => {
    const workerData: WorkerSetup = { ...task, thread, threads, barrier }
    return new Worker(new URL('./worker.js', import.meta.url), { workerData })
  })
  await Promise.all(workers.map(worker => answer<'ready'>(worker)))
  return ms => {
    const start: Start = { ms, warmUpMs: WARM_UP_MS }
    return Promise.all(
      workers.map(worker => {
        worker.postMessage(start)
        return answer<Counted>(worker)
      }),
    )
  }
}

function answer<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (message: T) => {
      worker.off('error', reject)
      resolve(message)
    })
  })
}
