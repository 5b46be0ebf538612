import { FastMap, f64, string } from 'threadmap'
import { Mutex } from 'threadmap/sync'

/** Runs in the page: a worker that counts, a worker that dies in its first task, and an error whose name is read. */
async function run() {
  const map = new FastMap({ key: string, value: f64, shards: 1 })
  const start = () => new Worker(new URL('./page-worker.js', import.meta.url), { type: 'module' })
  const message = worker =>
    new Promise((resolve, reject) => {
      worker.onmessage = event => resolve(event.data)
      worker.onerror = event => reject(new Error(event.message))
    })
  const counter = start()
  counter.postMessage({ handle: map.handle, endless: false })
  const said = await message(counter)
  const doomed = start()
  doomed.postMessage({ handle: map.handle, endless: true })
  await message(doomed)
  counter.terminate()
  doomed.terminate()
  const end = performance.now() + 120_000
  while (map.stats().threads > 1 && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 20))
  let error = ''
  try {
    Mutex.attach(map.handle)
  } catch (caught) {
    error = caught.name
  }
  const shown = Object.prototype.toString.call(map)
  return {
    said,
    hits: map.get('hits'),
    threads: map.stats().threads,
    error,
    shown,
    kind: map.handle.kind,
    audit: map.audit(),
  }
}

globalThis.result = run()
