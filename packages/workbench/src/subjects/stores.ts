import { receiveMessageOnPort } from 'node:worker_threads'
import type { MapHandle } from 'threadmap'
import {
  Operation,
  objectFor,
  temporaryCount,
  temporaryKeys,
  userKeys,
  valueFor,
  valueTypeOf,
  type Workload,
} from '../workload.js'
import { attachMap } from './maps.js'
import { attachSharedMap, openLmdb } from './peers.js'
import type { StoreHandle } from './protocol.js'

export type Value = number | string | object

/** The `index`-th value of a workload. */
function valueOfWorkload(workload: Pick<Workload, 'valueBytes' | 'valueType'>, index: number): Value {
  const { valueBytes } = workload
  return valueTypeOf(workload) === 'objects' ? objectFor(index, valueBytes) : valueFor(index, valueBytes)
}

/** The operations of all stores. */
export interface Store {
  get(key: string): unknown
  set(key: string, value: Value): unknown
  delete(key: string): unknown
}

/** Runs the operations of a workload on a store, in one thread. */
export interface Runner {
  /** Does the next `count` operations. Returns how many reads found nothing, so that no read can be left out or be wrong. */
  run(count: number): number
  close(): void | Promise<void>
}

/** Keys and values of a workload, as one thread makes them. */
class Material {
  readonly keys: readonly string[]
  readonly temporary: readonly string[]
  readonly values: readonly Value[]

  constructor({ keys, valueBytes, ...rest }: Workload, thread: number) {
    this.keys = userKeys(keys)
    this.temporary = temporaryKeys(thread, temporaryCount({ keys, valueBytes, ...rest }))
    this.values = Array.from({ length: VALUES }, (_, i) =>
      valueOfWorkload({ valueBytes, valueType: rest.valueType }, i),
    )
  }
}

/** The number of different values that are written in turn. */
const VALUES = 64
/** Requests in one message. With one request per message, message passing is several times slower still. */
const MESSAGE_BATCH = 64
/** Operations after which lmdb's reader takes a new snapshot, with the commits of others. */
const LMDB_SNAPSHOT = 64

let cached: { readonly workload: string; readonly material: Material } | undefined

/** The material of a workload; made only once for workloads with equal keys and values. */
function materialFor(workload: Workload, thread: number): Material {
  const name = `${workload.keys} ${workload.valueBytes} ${valueTypeOf(workload)} ${thread}`
  if (cached?.workload !== name) cached = { workload: name, material: new Material(workload, thread) }
  return cached.material
}

/** Fills a store for a workload: with all its keys, and half of each thread's temporary keys. */
export function fill(store: Store, workload: Workload): void {
  for (const [i, key] of userKeys(workload.keys).entries()) store.set(key, valueOfWorkload(workload, i))
  if (workload.churn === 0) return
  const count = temporaryCount(workload)
  for (let thread = 0; thread < workload.threads; thread++) {
    for (const key of temporaryKeys(thread, count).slice(0, count / 2)) store.set(key, valueOfWorkload(workload, 0))
  }
}

/** How many entries a filled store holds. */
export function entriesOf(workload: Workload): number {
  return workload.keys + (workload.churn === 0 ? 0 : (workload.threads * temporaryCount(workload)) / 2)
}

export async function openRunner(
  store: StoreHandle,
  workload: Workload,
  operations: Uint32Array,
  thread: number,
): Promise<Runner> {
  const material = materialFor(workload, thread)
  switch (store.type) {
    case 'shared': {
      const map = attachMap(store.handle as MapHandle<string, Value>)
      return direct(map, material, operations, () => map[Symbol.dispose]())
    }
    case 'private': {
      const map = new Map<string, Value>()
      fill(map, workload)
      return direct(map, material, operations, () => map.clear())
    }
    case 'sharedmap': {
      const map = await attachSharedMap(store.clone)
      const peer: Store = {
        get: key => map.get(key),
        set: (key, value) => map.set(key, value as number | string),
        delete(key) {
          try {
            map.delete(key)
          } catch (error) {
            // lmdb throws for a key that another thread has just deleted.
            if (!(error instanceof RangeError)) throw error
          }
        },
      }
      return direct(peer, material, operations, () => {})
    }
    case 'lmdb': {
      const lmdb = await openLmdb(store.path)
      let reads = 0
      const peer: Store = {
        get(key) {
          if (++reads % LMDB_SNAPSHOT === 0) lmdb.resetReadTxn()
          return lmdb.get(key)
        },
        set: (key, value) => lmdb.putSync(key, value),
        delete: key => lmdb.removeSync(key),
      }
      return direct(peer, material, operations, () => lmdb.close())
    }
    case 'messages':
      return byMessages(store, material, operations)
  }
}

/** The loop for all stores with synchronous calls. One thread sees one kind of store only, so its calls stay monomorphic. */
function direct(
  store: Store,
  { keys, temporary, values }: Material,
  operations: Uint32Array,
  close: Runner['close'],
): Runner {
  let position = 0
  let written = 0
  const run = (count: number): number => {
    let missed = 0
    let at = position
    for (let i = 0; i < count; i++) {
      const operation = operations[at]
      at = at + 1 === operations.length ? 0 : at + 1
      const index = operation >>> 2
      switch (operation & 3) {
        case Operation.get:
          if (store.get(keys[index]) === undefined) missed++
          break
        case Operation.update:
          store.set(keys[index], values[written++ % VALUES])
          break
        case Operation.insert:
          store.set(temporary[index], values[written++ % VALUES])
          break
        default:
          store.delete(temporary[index])
      }
    }
    position = at
    return missed
  }
  return { run, close }
}

/** Time-out of an answer: it takes some microseconds, so an owner that does not answer for this long has died. */
const ANSWER_LIMIT_MS = 30_000

/** One request to the thread that has the `Map`: a read has no value, a removal has `null`. */
export type Request = readonly [key: string, value?: Value | null]

/** Sends requests in batches and sleeps until each is answered. */
function byMessages(
  { port, bell }: Extract<StoreHandle, { type: 'messages' }>,
  { keys, temporary, values }: Material,
  operations: Uint32Array,
): Runner {
  let position = 0
  let written = 0
  const next = (): Request => {
    const operation = operations[position]
    position = position + 1 === operations.length ? 0 : position + 1
    const index = operation >>> 2
    switch (operation & 3) {
      case Operation.get:
        return [keys[index]]
      case Operation.update:
        return [keys[index], values[written++ % VALUES]]
      case Operation.insert:
        return [temporary[index], values[written++ % VALUES]]
      default:
        return [temporary[index], null]
    }
  }
  const ask = (requests: readonly Request[]): number => {
    const rung = Atomics.load(bell, 0)
    port.postMessage(requests)
    const limit = performance.now() + ANSWER_LIMIT_MS
    let received = receiveMessageOnPort(port)
    // The bell rings when the answer is sent, and the answer may arrive later.
    while (received === undefined) {
      if (performance.now() > limit)
        throw new Error(`the thread that has the Map gave no answer in ${ANSWER_LIMIT_MS} ms`)
      Atomics.wait(bell, 0, rung, 10)
      received = receiveMessageOnPort(port)
    }
    const answer = received.message as readonly unknown[]
    return requests.reduce((missed, { length }, at) => missed + (length === 1 && answer[at] === undefined ? 1 : 0), 0)
  }
  return {
    run(count) {
      let missed = 0
      for (let left = count; left > 0; left -= MESSAGE_BATCH) {
        const batch: Request[] = []
        for (let i = Math.min(left, MESSAGE_BATCH); i > 0; i--) batch.push(next())
        missed += ask(batch)
      }
      return missed
    },
    close: () => port.close(),
  }
}
