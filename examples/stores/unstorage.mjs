// unstorage in two workers over one cache. Run: node examples/stores/unstorage.mjs
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { sharedCacheDriver } from '@threadmap/stores/unstorage'
import { createStorage } from 'unstorage'

const driver = sharedCacheDriver(isMainThread ? { max: 10_000, ttl: 3600 } : workerData)
const storage = createStorage({ driver })

if (isMainThread) {
  for (const name of ['ada', 'bob']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: driver.handle, argv: [name] })
    await once(worker, 'exit')
  }
  console.log((await storage.getKeys('users')).sort().join(', '))
  console.log(await storage.getItem('users:ada'))
} else {
  const name = process.argv[2]
  await storage.setItem(`users:${name}`, { name, by: 'a worker' })
  parentPort.close()
}
