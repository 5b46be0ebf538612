// A configuration that all threads share: one thread changes it, and the very next read in every other thread sees the change.
// No message is sent, and no thread has a copy that could be old.
//
//   npx tsc -b examples && node examples/build/configuration.js
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { FastMap, json, type MapHandle, string } from 'threadmap'

interface Limits {
  requestsPerSecond: number
  paths: string[]
}

/** `cache` keeps the decoded object in each thread; each read still checks that this object is current. */
function create() {
  return new FastMap({ key: string, value: json<Limits>(), cache: 100 })
}
type Configuration = ReturnType<typeof create>

async function main(): Promise<void> {
  const configuration = create()
  configuration.set('limits', { requestsPerSecond: 10, paths: ['/'] })
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: configuration.handle })
  const ask = async (): Promise<unknown> => {
    worker.postMessage('which limit?')
    return (await once(worker, 'message'))[0]
  }
  console.log('the worker sees', await ask())
  // Atomic: if two threads change it at the same time, neither change is lost.
  configuration.update('limits', (limits = { requestsPerSecond: 0, paths: [] }) => ({
    requestsPerSecond: 50,
    paths: [...limits.paths, '/api'],
  }))
  console.log('the worker sees', await ask())
  await worker.terminate()
}

function work(configuration: Configuration): void {
  parentPort?.on('message', () => parentPort?.postMessage(configuration.get('limits')))
}

if (isMainThread) await main()
else work(FastMap.attach(workerData as MapHandle<string, Limits>))
