// Two workers fetch over one HTTP cache: the server answers once. Run: node examples/stores/undici.mjs
import { once } from 'node:events'
import { createServer } from 'node:http'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { SharedCacheStore } from '@threadmap/stores/undici'
import { Agent, fetch, interceptors, setGlobalDispatcher } from 'undici'

if (isMainThread) {
  let asked = 0
  const server = createServer((_request, answer) => {
    asked++
    answer.setHeader('cache-control', 'public, max-age=60')
    answer.end('the prices')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/prices`
  const store = new SharedCacheStore({ maxSize: 16 * 1024 * 1024 })
  for (const name of ['first', 'second']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { url, store: store.handle } })
    const [text] = await once(worker, 'message')
    console.log(`${name} worker: ${text}`)
  }
  console.log(`the server was asked ${asked} time`)
  server.closeAllConnections()
  server.close()
} else {
  const store = new SharedCacheStore(workerData.store)
  setGlobalDispatcher(new Agent().compose(interceptors.cache({ store })))
  parentPort.postMessage(await (await fetch(workerData.url)).text())
}
