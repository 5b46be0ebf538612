import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import type { ConcurrentMap, MapHandle } from 'threadmap'
import { attachForeign, attachMap, type ForeignMap } from './shared-maps.js'
import { type Mix, operations, stringKeys } from './workload.js'

/** Operations between two looks at the clock: some 100 us, so the look costs less than a thousandth. */
const BATCH = 1000

export type WorkerTask =
  | { task: 'mix'; mix: Mix; handle: MapHandle<string, number> }
  | { task: 'mix-foreign'; mix: Mix; clone: object }
  | { task: 'mix-private'; mix: Mix }
  | { task: 'add'; key: string; handle: MapHandle<string, number> }

export type WorkerSetup = WorkerTask & {
  thread: number
  threads: number
  /** One word: how many workers arrived at the start of a round, in all rounds together. */
  barrier: Int32Array
}

export interface Start {
  ms: number
  warmUpMs: number
}

export interface Counted {
  /** Operations while the clock ran, and how long it did. */
  operations: number
  ms: number
  /** Operations with those of the warm-up. */
  all: number
  /** The values read, summed up, so that no read can be left out. */
  sum: number
}

/** Does `BATCH` operations and returns what identifies the values read. */
type Batch = () => number

interface NumberMap {
  get(key: string): number | undefined
  set(key: string, value: number): unknown
}

function mixBatch(map: NumberMap, mix: Mix, thread: number): Batch {
  const keys = stringKeys(mix.keys)
  const ops = operations(mix, thread)
  let position = 0
  return () => {
    let sum = 0
    for (let i = 0; i < BATCH; i++) {
      const operation = ops[position]
      position = position + 1 === ops.length ? 0 : position + 1
      const key = keys[operation >>> 1]
      if ((operation & 1) === 0) sum += map.get(key)!
      else map.set(key, position + 0.5)
    }
    return sum
  }
}

/** The same for `sharedmap`, which keeps numbers as text. Turning them back is left out and a miss is let pass, in its favour. */
function foreignBatch(map: ForeignMap, mix: Mix, thread: number): Batch {
  const keys = stringKeys(mix.keys)
  const ops = operations(mix, thread)
  let position = 0
  return () => {
    let sum = 0
    for (let i = 0; i < BATCH; i++) {
      const operation = ops[position]
      position = position + 1 === ops.length ? 0 : position + 1
      const key = keys[operation >>> 1]
      if ((operation & 1) === 0) sum += map.get(key)?.length ?? 0
      else map.set(key, position + 0.5)
    }
    return sum
  }
}

function addBatch(map: ConcurrentMap<string, number>, key: string): Batch {
  return () => {
    let sum = 0
    for (let i = 0; i < BATCH; i++) sum += map.add(key, 1)
    return sum
  }
}

function privateMap(keys: number): Map<string, number> {
  return new Map(stringKeys(keys).map((key, i) => [key, i + 0.5]))
}

async function prepare(setup: WorkerSetup): Promise<Batch> {
  switch (setup.task) {
    case 'mix':
      return mixBatch(attachMap(setup.handle), setup.mix, setup.thread)
    case 'mix-foreign':
      return foreignBatch(await attachForeign(setup.clone), setup.mix, setup.thread)
    case 'mix-private':
      return mixBatch(privateMap(setup.mix.keys), setup.mix, setup.thread)
    case 'add':
      return addBatch(attachMap(setup.handle), setup.key)
  }
}

/** Waits until all workers are here, spinning: they shall begin at the same time, on a processor that is awake. */
function meet(barrier: Int32Array, threads: number): void {
  const round = Math.floor(Atomics.add(barrier, 0, 1) / threads)
  while (Atomics.load(barrier, 0) < (round + 1) * threads) {
    // The others are on their way: all were sent their message at once.
  }
}

function runFor(ms: number, batch: Batch): Omit<Counted, 'all'> {
  const start = performance.now()
  let count = 0
  let sum = 0
  let elapsed = 0
  do {
    sum += batch()
    count += BATCH
    elapsed = performance.now() - start
  } while (elapsed < ms)
  return { operations: count, ms: elapsed, sum }
}

const setup: WorkerSetup = workerData
const port = parentPort!
const batch = await prepare(setup)
port.on('message', ({ ms, warmUpMs }: Start) => {
  meet(setup.barrier, setup.threads)
  const before = runFor(warmUpMs, batch)
  const counted = runFor(ms, batch)
  if (Number.isNaN(counted.sum)) throw new Error('a key that is in the map was not found')
  const message: Counted = { ...counted, all: before.operations + counted.operations }
  port.postMessage(message)
})
port.postMessage('ready')
