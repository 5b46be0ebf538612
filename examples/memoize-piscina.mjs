// A memoised function in a Piscina pool: the first worker that needs an answer computes it, and the others find it.
//
//   node examples/memoize-piscina.mjs
//
// `getOrInsertComputed` runs the function once per key across all threads: workers that want the same answer at the same time wait
// for the one that computes it.
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { FastMap, f64 } from 'threadmap'

/** A slow computation: the lengths of the Collatz sequences of all numbers below n, added up. */
function compute(n) {
  let steps = 0
  for (let start = 1; start < n; start++) {
    for (let at = start; at !== 1; at = at % 2 === 0 ? at / 2 : 3 * at + 1) steps++
  }
  return steps
}

/** A task of the pool. Each task may attach: the thread opens the memory once, and attaching again takes some microseconds. */
export default function task({ answers, runs, n }) {
  const known = FastMap.attach(answers)
  const counter = FastMap.attach(runs)
  return known.getOrInsertComputed(n, key => {
    counter.add(key, 1)
    return compute(key)
  })
}

if (isMainThread && process.argv[1] === fileURLToPath(import.meta.url)) {
  const { Piscina } = await import('piscina')
  const pool = new Piscina({ filename: fileURLToPath(import.meta.url), minThreads: 2, maxThreads: 2 })
  const answers = new FastMap({ key: f64, value: f64 })
  const runs = new FastMap({ key: f64, value: f64 })
  const questions = Array.from({ length: 400 }, (_, i) => 1000 + (i % 20))
  const results = await Promise.all(questions.map(n => pool.run({ answers: answers.handle, runs: runs.handle, n })))
  const total = [...runs.values()].reduce((sum, count) => sum + count, 0)
  console.log(`${results.length} answers, ${answers.size} different, computed ${total} times`)
  await pool.destroy()
}
