import { type AnyMap, mapClass } from './maps.js'
import { pairNamed } from './pairs.js'
import { PATIENCE } from './patience.js'

/**
 * The jobs that several threads run at once. Each job attaches to the map, meets the others at a barrier, so that they really run
 * side by side, and returns its results for the test to judge.
 */
export interface JobInput {
  kind: string
  pair: string
  handle: unknown
  cache?: number
  /** 0, 1, 2, ... among the threads of one test. */
  thread: number
  threads: number
  /** How many keys or rounds. */
  count: number
  /** Word 0 is the barrier, 1 to 15 gates, the rest counters. All 0 at first. */
  signals: Int32Array
}

const FIRST_COUNTER = 16

type Job = (map: AnyMap, input: JobInput, key: (i: number) => unknown, value: (i: number) => unknown) => unknown

/** Waits until a thread opens the gate by `openGate`. */
export function waitAt(signals: Int32Array, gate: number): void {
  if (Atomics.load(signals, gate) === 0 && Atomics.wait(signals, gate, 0, PATIENCE) === 'timed-out') {
    throw new Error(`gate ${gate} was not opened within ${PATIENCE} ms`)
  }
}

export function openGate(signals: Int32Array, gate: number): void {
  Atomics.store(signals, gate, 1)
  Atomics.notify(signals, gate)
}

export function counter(signals: Int32Array, i: number): number {
  return Atomics.load(signals, FIRST_COUNTER + i)
}

function countUp(signals: Int32Array, i: number): number {
  return Atomics.add(signals, FIRST_COUNTER + i, 1)
}

function meet({ signals, threads }: JobInput): void {
  const start = Date.now()
  Atomics.add(signals, 0, 1)
  while (Atomics.load(signals, 0) < threads) {
    if (Date.now() - start > PATIENCE) throw new Error('the other threads did not come')
  }
}

const bodies: Record<string, Job> = {
  /** Computes every key; returns the values it got. Counter i counts the computations of key i. */
  computeAll(map, input, key, value) {
    const { count, thread, signals } = input
    meet(input)
    return Array.from({ length: count }, (_, i) =>
      map.getOrInsertComputed(key(i), () => {
        countUp(signals, i)
        return value(thread * count + i)
      }),
    )
  },

  /** Computes key 0: opens gate 1 when inside, waits at gate 2, then throws or returns. */
  computeSlowly(map, { thread, signals, count }, key, value) {
    return map.getOrInsertComputed(key(0), () => {
      countUp(signals, 0)
      openGate(signals, 1)
      waitAt(signals, 2)
      if (count < 0) throw new RangeError('this computation fails')
      return value(thread)
    })
  },

  /** Opens gate 2 after `count` milliseconds. */
  openLater(_map, { signals, count }) {
    Atomics.wait(signals, 15, 0, count)
    openGate(signals, 2)
  },

  /** Waits until somebody computes key 0, then asks for it too. Counter 1 counts those about to ask. */
  computeToo(map, { thread, signals }, key, value) {
    waitAt(signals, 1)
    countUp(signals, 1)
    return map.getOrInsertComputed(key(0), () => {
      countUp(signals, 0)
      return value(thread)
    })
  },

  /** Uses the map while another thread computes key 0: every other operation goes on. Then sets key 0. */
  useMapMeanwhile(map, { signals, count }, key, value) {
    waitAt(signals, 1)
    const before = [map.get(key(0)), map.has(key(0)), map.delete(key(0)), map.getAndDelete(key(0))]
    for (let i = 1; i < count; i++) {
      map.set(key(i), value(i))
      map.getOrInsertComputed(key(count + i), () => value(i))
      map.update(key(i), current => current)
    }
    let seen = 0
    for (const _ of map) seen++
    map.set(key(0), value(100))
    return { before, seen, size: map.size }
  },

  /** Adds 1 to each of a few keys by `update`. */
  updateAll(map, input, key) {
    meet(input)
    let calls = 0
    for (let i = 0; i < input.count; i++) {
      map.update(key(i % 3), current => {
        calls++
        return current === undefined ? 1 : (current as number) + 1
      })
    }
    return calls
  },

  /** Adds 1 to key 0 by a loop of reads and `compareAndSwap`. */
  compareAndSwapAll(map, input, key) {
    meet(input)
    for (let i = 0; i < input.count; i++) {
      while (true) {
        const current = map.getOrInsert(key(0), 0) as number
        if (map.compareAndSwap(key(0), current, current + 1)) break
      }
    }
  },

  /** Adds 1 (or 1n) to a few keys; returns the sums that it got. */
  addAll(map, input, key, value) {
    const one = typeof value(0) === 'bigint' ? 1n : 1
    meet(input)
    return Array.from({ length: input.count }, (_, i) => map.add(key(i % 2), one))
  },

  /** Swaps its own tokens in at key 0; returns the tokens it got back. */
  swapAll(map, input, key, value) {
    meet(input)
    return Array.from({ length: input.count }, (_, i) => map.swap(key(0), value(input.thread * input.count + i)))
  },

  /** Tries to insert each key; returns the values that the keys have afterwards. */
  getOrInsertAll(map, input, key, value) {
    meet(input)
    return Array.from({ length: input.count }, (_, i) => map.getOrInsert(key(i), value(input.thread * input.count + i)))
  },

  /** Takes every key; returns the values that it got. */
  takeAll(map, input, key) {
    meet(input)
    return Array.from({ length: input.count }, (_, i) => map.getAndDelete(key(i)))
  },

  deleteAll(map, input, key) {
    meet(input)
    return Array.from({ length: input.count }, (_, i) => map.delete(key(i)))
  },

  compareAndDeleteAll(map, input, key, value) {
    meet(input)
    return Array.from({ length: input.count }, (_, i) => map.compareAndDelete(key(i), value(i)))
  },

  /** Tries to move each key from value i to a value of its own; returns where it won. */
  compareAndSwapOnce(map, input, key, value) {
    meet(input)
    return Array.from({ length: input.count }, (_, i) =>
      map.compareAndSwap(key(i), value(i), value((1 + input.thread) * input.count + i)),
    )
  },

  /** Sets its share of the keys, deletes every third. */
  setOwn(map, input, key, value) {
    meet(input)
    for (let i = input.thread; i < input.count; i += input.threads) map.set(key(i), value(i))
    for (let i = input.thread; i < input.count; i += input.threads) if (i % 3 === 0) map.delete(key(i))
  },

  /** Inserts and deletes keys from `count` on until gate 3 opens; counter 2 counts its rounds. */
  churn(map, input, key, value) {
    const { signals, count, thread } = input
    meet(input)
    for (let i = 0; Atomics.load(signals, 3) === 0; i++) {
      const at = count + thread * 1000 + (i % 400)
      map.set(key(at), value(i % 1000))
      if (i % 2 === 1) map.delete(key(at - 1))
      countUp(signals, 2)
    }
  },

  /** Iterates until gate 3 opens; counter 3 counts its rounds. Returns the keys (by number) that an iteration missed or showed twice. */
  iterate(map, input, key) {
    const { signals, count } = input
    const known = new Map(Array.from({ length: count }, (_, i) => [String(key(i)), i]))
    const wrong: string[] = []
    let rounds = 0
    meet(input)
    while (Atomics.load(signals, 3) === 0 || rounds === 0) {
      const seen = new Set<string>()
      for (const found of map.keys()) {
        const id = String(found)
        if (seen.has(id)) wrong.push(`round ${rounds}: ${id} twice`)
        seen.add(id)
      }
      for (const [id, i] of known) if (!seen.has(id)) wrong.push(`round ${rounds}: key ${i} missed`)
      rounds++
      countUp(signals, 3)
    }
    return { wrong: wrong.slice(0, 5), rounds }
  },

  /** Writes without any synchronization until it is refused; returns the error. */
  misuse(map, input, key, value) {
    meet(input)
    try {
      for (let i = 0; i < input.count; i++) map.set(key(i), value(i))
    } catch (error) {
      const { name, message } = error as Error
      return { name, message }
    }
    return null
  },

  /** Go's concurrent Range: stores multiples of the key, loads the others. */
  storeMultiples(map, input, key) {
    const { thread, count, signals } = input
    meet(input)
    for (let i = 1; Atomics.load(signals, 3) === 0; i++) {
      for (let n = 1; n <= count; n++) {
        if ((n * 7 + i) % (thread + 2) === 0) map.set(key(n), n * i * (thread + 1))
        else map.get(key(n))
      }
      countUp(signals, 2)
    }
  },

  /** Stores, loads or clears according to its number, until gate 3 opens. */
  storeLoadOrClear(map, input, key, value) {
    const { thread, count, signals } = input
    const wrong: unknown[] = []
    meet(input)
    for (let i = 0; Atomics.load(signals, 3) === 0; i++) {
      const n = i % count
      if (thread === 0) map.set(key(n), value(n))
      else if (thread === 1) {
        const got = map.get(key(n))
        if (got !== undefined && !Object.is(got, value(n))) wrong.push([n, got])
      } else if (i % 20 === 0) map.clear()
      countUp(signals, 2)
    }
    return wrong
  },
}

/** Attaches and lets go again, `count` times, reading key 0 each time. */
function attachOften({ kind, handle, count }: JobInput): number {
  const { key } = pairNamed('string -> f64')
  let found = 0
  for (let i = 0; i < count; i++) {
    const map = mapClass(kind).attach(handle)
    if (map.has(key.of(0))) found++
    map[Symbol.dispose]()
  }
  return found
}

function onMap(body: Job): (input: JobInput) => unknown {
  return input => {
    const { key, value } = pairNamed(input.pair)
    const options = input.cache === undefined ? {} : { cache: input.cache }
    const map = mapClass(input.kind).attach(input.handle, { value: value.codec, ...options })
    try {
      return body(
        map,
        input,
        i => key.of(i),
        i => value.of(i),
      )
    } finally {
      map[Symbol.dispose]()
    }
  }
}

/** Opens the barrier and the gates when the job fails, so that no thread waits for it in vain. */
function orRelease(job: (input: JobInput) => unknown): (input: JobInput) => unknown {
  return input => {
    try {
      return job(input)
    } catch (error) {
      Atomics.add(input.signals, 0, input.threads)
      for (const gate of [1, 2, 3]) openGate(input.signals, gate)
      throw error
    }
  }
}

export const jobs: Record<string, (input: JobInput) => unknown> = { attachOften }
for (const [name, body] of Object.entries(bodies)) jobs[name] = onMap(body)
/** The failure of computeSlowly is part of a test: it leaves the gates as they are. */
for (const name of Object.keys(jobs))
  if (name !== 'computeSlowly') jobs[name] = orRelease(jobs[name] as typeof attachOften)
