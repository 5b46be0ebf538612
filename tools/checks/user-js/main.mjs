import { Worker } from 'node:worker_threads'
import { FastMap, f64, string } from 'threadmap'

const hits = new FastMap({ key: string, value: f64 })
const url = new URL('./worker.mjs', import.meta.url)
const done = [0, 1].map(
  () =>
    new Promise((resolve, reject) => {
      new Worker(url, { workerData: { hits: hits.handle } }).on('exit', resolve).on('error', reject)
    }),
)
await Promise.all(done)
console.log('ok', hits.get('/index.html'))
