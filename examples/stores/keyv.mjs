// Keyv in two workers over one cache, and through it cacheable and cache-manager. Run: node examples/stores/keyv.mjs
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { KeyvSharedCache } from '@threadmap/stores/keyv'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'

if (isMainThread) {
  const store = new KeyvSharedCache({ max: 10_000, ttl: 60_000 })
  for (const name of ['first', 'second']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { name, store: store.handle } })
    const [message] = await once(worker, 'message')
    console.log(message)
  }
} else {
  const { name, store } = workerData
  const cache = createCache({ stores: [new Keyv({ store: new KeyvSharedCache(store), namespace: 'reports' })] })
  // The first worker computes the report, and the second one has it.
  const report = await cache.wrap('today', async () => `computed by the ${name} worker`)
  parentPort.postMessage(`${name} worker: ${report}`)
}
