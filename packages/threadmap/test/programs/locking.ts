import assert from 'node:assert/strict'
import type { MapHandle } from 'threadmap'
import {
  type AsyncLocker,
  CompatRWMutex,
  type LockAsyncOptions,
  type LockHandle,
  Mutex,
  type OwnerDied,
  RWMutex,
  WaitGroup,
} from 'threadmap/sync'
import { type Crew, serve } from '../support/crew.js'
import { attachMap } from '../support/maps.js'
import { PATIENCE } from '../support/patience.js'
import { Random } from '../support/random.js'

export type AnyLock = LockHandle<'Mutex'> | LockHandle<'RWMutex'> | LockHandle<'CompatRWMutex'>

export interface CountTask {
  readonly lock: AnyLock
  readonly times: number
  /** Plain words, guarded by nothing but the lock: two that are equal whenever nobody holds it. */
  readonly words: SharedArrayBuffer
}

export interface ReadTask {
  readonly lock: AnyLock
  readonly words: SharedArrayBuffer
}

export interface HoldTask {
  readonly lock: AnyLock
  readonly how: 'write' | 'read'
  readonly timeout: number
}

export interface GroupTask {
  readonly group: LockHandle<'WaitGroup'>
  readonly role: 'task' | 'waiter'
  readonly done: SharedArrayBuffer
}

/** How a thread takes a lock again and again. */
export interface RivalTask {
  readonly lock: AnyLock
  readonly how: 'write' | 'read'
  /** How long it holds the lock each time, in milliseconds. */
  readonly hold: number
  /** How often it takes the lock; 0: until it is stopped. */
  readonly times: number
}

export interface AsyncTask {
  readonly lock: AnyLock
  readonly how: 'write' | 'read'
  /** The worker blocks its event loop once it waits: it can be handed the lock, but cannot accept it. */
  readonly blocks: boolean
  /** The worker's runtime has no `Atomics.waitAsync`. */
  readonly timers?: boolean
}

export interface GuardTask {
  readonly map: MapHandle<string, number>
  readonly lock: AnyLock
  readonly seed: number
  readonly times: number
}

/** The outcome of an attempt to get a lock. */
export interface Outcome {
  readonly error: string | undefined
  readonly died: OwnerDied | undefined
  readonly took: number
}

/** Words of a worker's control block. */
export const HELD = 0
export const RELEASE = 1
export const ASKING = 2

type AsyncFace = Pick<AsyncLocker, 'lock' | 'unlock' | 'lockAsync'>

/** The two sides of each lock: one for threads that write, one for threads that only read. A mutex has one side. */
export function faces(handle: AnyLock): { writer: AsyncFace; reader: AsyncFace } {
  switch (handle.kind) {
    case 'Mutex': {
      const lock = Mutex.attach(handle)
      return { writer: lock, reader: lock }
    }
    case 'RWMutex': {
      const lock = RWMutex.attach(handle)
      const reader = {
        lock: (timeout?: number) => lock.rlock(timeout),
        unlock: () => lock.runlock(),
        lockAsync: (options?: LockAsyncOptions) => lock.rlockAsync(options),
      }
      return { writer: lock, reader }
    }
    case 'CompatRWMutex': {
      const lock = CompatRWMutex.attach(handle)
      return { writer: lock, reader: lock.reader }
    }
  }
}

const jobs = {
  /** Counts two plain words up under the lock. */
  count(task: CountTask, crew: Crew): void {
    const { writer } = faces(task.lock)
    const words = new Int32Array(task.words)
    crew.start()
    for (let time = 0; time < task.times; time++) {
      writer.lock()
      const [first, second] = [words[0]!, words[1]!]
      words[0] = first + 1
      if (first !== second) throw new Error(`somebody else is in here: ${first} and ${second}`)
      words[1] = second + 1
      writer.unlock()
    }
  },

  /** Like `count`, until it is stopped or terminated. It repairs the half change of a dead owner; only after a death may there be one. */
  countForever(task: CountTask, crew: Crew): number {
    const { writer } = faces(task.lock)
    const words = new Int32Array(task.words)
    let deaths = 0
    crew.start()
    while (crew.running()) {
      const died = writer.lock()
      if (died) {
        deaths++
        words[1] = words[0]!
      }
      assert.equal(words[0], words[1], 'half a change, and nobody died')
      words[0] = words[0]! + 1
      for (let work = 0; work < 50; work++) Atomics.load(words, 0)
      words[1] = words[1]! + 1
      writer.unlock()
      crew.control.add(crew.index, HELD, 1)
      if (deaths > 0) crew.seen()
    }
    return deaths
  },

  /** Reads both words with a share of the lock. */
  readPair(task: ReadTask, crew: Crew): number {
    const { reader } = faces(task.lock)
    const words = new Int32Array(task.words)
    let reads = 0
    crew.start()
    while (crew.running()) {
      reader.lock()
      const [first, second] = [words[0]!, words[1]!]
      assert.equal(first, second, 'a writer is in here')
      reader.unlock()
      reads++
      crew.seen()
    }
    return reads
  },

  /** Takes the lock, holds it until it is told to release it, and returns the outcome. */
  hold(task: HoldTask, crew: Crew): Outcome {
    const { writer, reader } = faces(task.lock)
    const face = task.how === 'write' ? writer : reader
    crew.start()
    const began = performance.now()
    crew.control.set(crew.index, ASKING, 1)
    let died: OwnerDied | undefined
    try {
      died = face.lock(task.timeout)
    } catch (error) {
      return { error: (error as Error).name, died: undefined, took: performance.now() - began }
    }
    const took = performance.now() - began
    crew.control.set(crew.index, HELD, 1)
    crew.control.sleepWhile(crew.index, RELEASE, 0)
    face.unlock()
    return { error: undefined, died, took }
  },

  /** Returns how often it got the lock. */
  rival(task: RivalTask, crew: Crew): number {
    const face = faces(task.lock)[task.how === 'write' ? 'writer' : 'reader']
    crew.start()
    let times = 0
    while (task.times > 0 ? times < task.times : crew.running()) {
      face.lock()
      times++
      for (const end = performance.now() + task.hold; performance.now() < end; );
      face.unlock()
    }
    return times
  },

  /** Waits for the lock by `lockAsync`, and keeps it until it is told to release it. */
  async holdAsync(task: AsyncTask, crew: Crew): Promise<Outcome> {
    const face = faces(task.lock)[task.how === 'write' ? 'writer' : 'reader']
    if (task.timers === true) Reflect.deleteProperty(Atomics, 'waitAsync')
    crew.start()
    const began = performance.now()
    const asked = face.lockAsync({ timeout: PATIENCE })
    // After this time the request is overdue.
    await new Promise(resolve => setTimeout(resolve, 50))
    crew.control.set(crew.index, ASKING, 1)
    if (task.blocks) crew.control.sleepWhile(crew.index, RELEASE, 0)
    const guard = await asked
    const took = performance.now() - began
    crew.control.set(crew.index, HELD, 1)
    while (crew.control.get(crew.index, RELEASE) === 0) await new Promise(resolve => setTimeout(resolve, 1))
    guard.unlock()
    return { error: undefined, died: guard.ownerDied, took }
  },

  group(task: GroupTask, crew: Crew): number {
    const group = WaitGroup.attach(task.group)
    const done = new Int32Array(task.done)
    crew.start()
    if (task.role === 'waiter') {
      group.wait(PATIENCE)
      return Atomics.load(done, 0)
    }
    const end = performance.now() + 5 + crew.index * 10
    while (performance.now() < end);
    Atomics.add(done, 0, 1)
    group.done()
    return 0
  },

  /** Several threads use an `UnsafeMap`, each only while it holds the mutex: none may be accused, and nothing may be lost. */
  guarded(task: GuardTask, crew: Crew): void {
    const map = attachMap(task.map)
    const { writer, reader } = faces(task.lock)
    const random = new Random(task.seed)
    crew.start()
    for (let time = 0; time < task.times; time++) {
      if (random.oneIn(4)) {
        reader.lock()
        map.get(`key:${random.below(50)}`)
        if (random.oneIn(50)) for (const [key] of map) map.has(key)
        reader.unlock()
      }
      writer.lock()
      const key = `key:${random.below(50)}`
      map.set(key, (map.get(key) ?? 0) + 1)
      if (random.oneIn(10)) {
        map.set(`temporary:${crew.index}`, 1)
        map.delete(`temporary:${crew.index}`)
      }
      writer.unlock()
    }
  },
}

export type LockJobs = typeof jobs

serve(jobs)
