import { Worker } from 'node:worker_threads'
import { FastMap, f64, string } from 'threadmap'
/** Terminates workers in a loop of set. Returns the number of threads that are left, and the problems of the map. */
export async function kill(workers) {
  const map = new FastMap({ key: string, value: f64, shards: 1 })
  for (let i = 0; i < workers; i++) {
    map.delete('ready')
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: map.handle, execArgv: [] })
    while (!map.has('ready')) await new Promise(resolve => setTimeout(resolve, 5))
    await worker.terminate()
  }
  const end = Date.now() + 120_000
  while (map.stats().threads > 1 && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 10))
  map.set('still', 1)
  return [map.stats().threads, ...map.audit()]
}
