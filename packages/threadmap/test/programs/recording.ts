/** A thread that records into a shared histogram, from the moment when all threads have come. */
import { parentPort, workerData } from 'node:worker_threads'
import { Histogram, type HistogramHandle } from 'threadmap/histogram'

export interface Recording {
  readonly handle: HistogramHandle
  /** One word: how many threads have come. */
  readonly arrived: Int32Array
  readonly threads: number
  /** Infinity: until it is terminated. */
  readonly times: number
  /** One word, raised after each record; optional. */
  readonly recorded?: Int32Array
}

const { handle, arrived, threads, times, recorded }: Recording = workerData
const histogram = Histogram.attach(handle)
Atomics.add(arrived, 0, 1)
while (Atomics.load(arrived, 0) < threads) {
  // Waits for the other threads.
}
for (let i = 0; i < times; i++) {
  histogram.record(i % 100)
  if (recorded !== undefined) Atomics.add(recorded, 0, 1)
}
parentPort?.postMessage('done')
