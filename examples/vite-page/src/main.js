import { FastMap, f64, string } from 'threadmap'

const words = new FastMap({ key: string, value: f64 })
const lines = ['to be or not to be', 'that is the question']

const workers = lines.map(line => {
  // Vite finds the worker only in this form: new Worker(new URL(...)).
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  worker.postMessage({ words: words.handle, line })
  return worker
})

await Promise.all(workers.map(worker => new Promise(resolve => worker.addEventListener('message', resolve))))
for (const worker of workers) worker.terminate()

const counted = [...words].sort().map(([word, count]) => `${word} ${count}`)
document.querySelector('output').textContent = counted.join(', ')
