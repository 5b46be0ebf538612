import assert from 'node:assert/strict'
import { once } from 'node:events'
import { parentPort, Worker } from 'node:worker_threads'
import type { ConcurrentMap, MapHandle } from 'threadmap'
import { ComputeTimeoutError } from 'threadmap'
import { type Assignment, type Crew, serve } from '../support/crew.js'
import { type FormName, formOf } from '../support/forms.js'
import { attachMap } from '../support/maps.js'
import { mix, Random } from '../support/random.js'

/** The operation that a victim repeats until it is terminated. */
export const WORKS = [
  'set',
  'delete',
  'swap',
  'update',
  'compareAndSwap',
  'getOrInsert',
  'add',
  'grow',
  'read',
  'iterate',
  'mixed',
  'clear',
  'bulk',
  'readHuge',
] as const

export type Work = (typeof WORKS)[number]

export interface VictimTask {
  readonly map: MapHandle<string, unknown>
  readonly form: FormName
  readonly work: Work
  /** The prefix of the names of this victim's keys. */
  readonly name: string
  /** Int32Array: operations begun, operations acknowledged, and for `bulk` whether it is about to hold a lock for long. */
  readonly log: SharedArrayBuffer
}

export interface SurvivorTask {
  readonly map: MapHandle<string, unknown>
  readonly form: FormName
  readonly seed: number
  /** Whether another worker clears the map: then this worker's keys may vanish, but may not change. */
  readonly cleared: boolean
}

/** Counters that all workers raise together. */
export const COUNTERS = 3

export function counterKey(index: number): string {
  return `counter ${index}`
}

export interface CounterTask {
  readonly map: MapHandle<string, unknown>
  readonly form: FormName
  readonly seed: number
  /** Int32Array: additions begun, additions acknowledged. */
  readonly log: SharedArrayBuffer
}

export interface LateTask {
  readonly work: Work
  readonly log: SharedArrayBuffer
}

export interface ComputeTask {
  readonly map: MapHandle<string, number>
  readonly key: string
}

export interface AttachTask {
  readonly map: MapHandle<string, unknown>
  /** Attach this often and keep it, or (0) attach and dispose for ever. */
  readonly keep: number
}

/** A victim uses so few keys that blocks are reused all the time. */
export const OWN_KEYS = 8

export function victimKey(name: string, index: number): string {
  return `${name}:${index}`
}

const MIXTURE = ['set', 'delete', 'swap', 'update', 'compareAndSwap', 'getOrInsert'] as const

/**
 * Operation `n` of a victim, on its map and on the model of it. Without a map, on the model alone: so the main thread computes
 * what the map must hold after the last acknowledged operation, and after the interrupted one. The operation depends on
 * `n` and the model only.
 */
export function operate(
  map: ConcurrentMap<string, unknown> | undefined,
  model: Map<number, number>,
  task: { readonly form: FormName; readonly work: Work; readonly name: string },
  n: number,
): void {
  const form = formOf(task.form)
  const work = task.work === 'mixed' ? MIXTURE[mix(n) % MIXTURE.length]! : task.work
  if (work === 'grow') {
    // A new key every time, far more keys than the other works have: the table doubles again and again.
    map?.set(victimKey(task.name, n), form.make(n & 0xfff, n))
    model.set(n, n)
    return
  }
  const index = mix(n * 7) % OWN_KEYS
  const key = victimKey(task.name, index)
  const value = form.make(index, n)
  const before = model.get(index)
  const old = before === undefined ? undefined : form.make(index, before)
  const isOld = (returned: unknown) => {
    assert.equal(returned === undefined ? undefined : form.check(returned, index), before, `${work} of ${key}`)
  }
  if (work === 'clear') {
    if (n % 4 === 0) {
      map?.clear()
      model.clear()
    } else {
      map?.set(key, value)
      model.set(index, n)
    }
    return
  }
  if (before === undefined) {
    // Every work but these needs an entry to work on.
    if (work === 'getOrInsert') map?.getOrInsert(key, value)
    else map?.set(key, value)
    model.set(index, n)
    return
  }
  switch (work) {
    case 'set':
      map?.set(key, value)
      break
    case 'delete':
      if (map) assert.ok(map.delete(key))
      model.delete(index)
      return
    case 'getOrInsert':
      if (map) isOld(map.getAndDelete(key))
      model.delete(index)
      return
    case 'swap':
      if (map) isOld(map.swap(key, value))
      break
    case 'update':
      map?.update(key, current => {
        isOld(current)
        return value
      })
      break
    case 'compareAndSwap':
      if (map) assert.ok(map.compareAndSwap(key, old, value))
      break
    case 'add':
      // In the form `number`, adding the difference of two versions of a key gives the later one.
      map?.add(key, (value as number) - (old as number))
      break
    case 'read':
      if (map) for (let times = 0; times < 50; times++) isOld(map.get(key))
      return
    case 'iterate':
      if (map) for (const [name, met] of map) if (name === key) isOld(met)
      return
  }
  model.set(index, n)
}

/** A key whose value takes long to copy. */
export const HUGE = 'huge'
/** Enough entries that clearing them, or copying `read` into a new `dirty`, takes some milliseconds. */
const BULK = 60_000

/** Signals that an operation is about to hold a lock for milliseconds, so that the worker can be terminated right then. */
function holdForLong(map: ConcurrentMap<string, unknown>, log: Int32Array): void {
  const { make } = formOf('strings')
  for (let index = 0; index < BULK; index++) map.set(`bulk:${index}`, make(index & 0xfff, 1))
  if (map[Symbol.toStringTag] === 'SyncMap') {
    // As many misses as `dirty` has entries make it `read`; the next new key copies all of them.
    for (let index = 0; index <= BULK + 1000; index++) map.has(`bulk:${index % BULK}`)
    Atomics.store(log, 2, 1)
    map.set('one more', make(0, 1))
  } else {
    Atomics.store(log, 2, 1)
  }
  map.clear()
  Atomics.store(log, 2, 0)
}

function suffer(map: ConcurrentMap<string, unknown>, task: Omit<VictimTask, 'map'>): never {
  const log = new Int32Array(task.log)
  const model = new Map<number, number>()
  while (task.work === 'bulk') holdForLong(map, log)
  while (task.work === 'readHuge') {
    if (map.get(HUGE) === undefined) throw new Error('nothing huge to read')
    Atomics.add(log, 1, 1)
  }
  for (let n = 1; ; n++) {
    Atomics.store(log, 0, n)
    operate(map, model, task, n)
    Atomics.store(log, 1, n)
  }
}

/** Word of a survivor's control words: counted up with every operation. */
export const BEAT = 0

const jobs = {
  victim(task: VictimTask, crew: Crew): never {
    const map = attachMap(task.map)
    crew.start()
    return suffer(map, task)
  },

  /** Attaches to the map, and starts a worker of its own, which is the victim. */
  async parent(task: VictimTask, crew: Crew): Promise<never> {
    const map = attachMap(task.map)
    map.get('nothing')
    const workerData: Assignment = { job: 'victim', task, index: 0, control: crew.control.buffer }
    const child = new Worker(new URL(import.meta.url), { workerData })
    await once(child, 'message')
    crew.start()
    return await new Promise<never>(() => setInterval(() => map.get('nothing'), 1000))
  },

  /** A victim whose worker is older than its map, so that the map does not know it. */
  async lateVictim(task: LateTask, crew: Crew): Promise<never> {
    const handle = once(parentPort!, 'message')
    crew.start()
    const map = attachMap<string, unknown>((await handle)[0])
    return suffer(map, { form: 'strings', name: 'late', work: task.work, log: task.log })
  },

  /** Works on keys of its own, which no other thread writes, and checks every answer. Any error fails the test. */
  survive(task: SurvivorTask, crew: Crew): { operations: number; longest: number } {
    const map = attachMap(task.map)
    const form = formOf(task.form)
    const random = new Random(task.seed)
    const model = new Map<number, number>()
    const key = (index: number) => `survivor ${crew.index}:${index}`
    const versionOf = (index: number, value: unknown) => (value === undefined ? undefined : form.check(value, index))
    const expect = (index: number, value: unknown) => {
      const version = versionOf(index, value)
      if (task.cleared && version === undefined) model.delete(index)
      assert.equal(version, model.get(index), `survivor's key ${index}`)
    }
    let longest = 0
    let operations = 0
    crew.start()
    while (crew.running()) {
      operations++
      const index = random.below(32)
      const began = performance.now()
      switch (random.below(6)) {
        case 0:
          map.set(key(index), form.make(index, operations))
          model.set(index, operations)
          break
        case 1:
          expect(index, map.getAndDelete(key(index)))
          model.delete(index)
          break
        case 2:
          expect(index, map.swap(key(index), form.make(index, operations)))
          model.set(index, operations)
          break
        case 3: {
          const own = `survivor ${crew.index}:`
          if (!random.oneIn(40)) break
          const met = new Map<number, number>()
          for (const [name, value] of map) {
            if (name === HUGE) continue
            const colon = name.indexOf(':')
            const number = Number(name.slice(colon + 1)) & 0xfff
            const version = form.check(value, number)
            if (name.startsWith(own)) met.set(number, version)
          }
          if (!task.cleared) assert.deepEqual([...met].sort(byKey), [...model].sort(byKey))
          break
        }
        default:
          expect(index, map.get(key(index)))
      }
      longest = Math.max(longest, performance.now() - began)
      crew.control.add(crew.index, BEAT, 1)
    }
    for (const index of model.keys()) expect(index, map.get(key(index)))
    return { operations, longest }
  },

  /** Raises a counter by one, over and over, in one of three ways. No counter may ever go back. */
  count(task: CounterTask, crew: Crew): number {
    const map = attachMap(task.map)
    const form = formOf(task.form)
    const random = new Random(task.seed)
    const log = new Int32Array(task.log)
    const highest = new Array<number>(COUNTERS).fill(0)
    crew.start()
    let n = 0
    while (crew.running()) {
      const index = random.below(COUNTERS)
      const key = counterKey(index)
      const raised = (current: unknown) => {
        const version = current === undefined ? 0 : form.check(current, index)
        assert.ok(version >= highest[index]!, `counter ${index} went back from ${highest[index]} to ${version}`)
        highest[index] = version
        return form.make(index, version + 1)
      }
      Atomics.store(log, 0, ++n)
      switch (random.below(3)) {
        case 0:
          map.update(key, raised)
          break
        case 1: {
          // An absent counter is inserted, unless another thread inserts it first.
          let current = map.getOrInsert(key, form.make(index, 0))
          while (!map.compareAndSwap(key, current, raised(current))) current = map.get(key)
          break
        }
        default: {
          // As above, by a computation: a thread can die in it while others wait for it.
          let current = map.getOrInsertComputed(key, () => form.make(index, 0))
          while (!map.compareAndSwap(key, current, raised(current))) current = map.get(key)
        }
      }
      Atomics.store(log, 1, n)
    }
    return n
  },

  /** Begins a computation and never ends it. */
  computeForever(task: ComputeTask, crew: Crew): void {
    const map = attachMap(task.map)
    crew.start()
    map.getOrInsertComputed(task.key, () => {
      crew.control.set(crew.index, 0, 1)
      while (crew.running());
      return -1
    })
  },

  /** Asks for the key of `computeForever`. Returns whether its own computation ran, or that it gave up. */
  computeToo(task: ComputeTask, crew: Crew): { value: number; ran: boolean; waited: number; gaveUp: boolean } {
    const map = attachMap(task.map)
    let ran = false
    crew.start()
    const began = performance.now()
    const answer = (value: number, gaveUp: boolean) => ({ value, ran, waited: performance.now() - began, gaveUp })
    crew.control.set(crew.index, 0, 1)
    try {
      const value = map.getOrInsertComputed(task.key, () => {
        ran = true
        return 100 + crew.index
      })
      return answer(value, false)
    } catch (error) {
      if (!(error instanceof ComputeTimeoutError)) throw error
      return answer(-1, true)
    }
  },

  attach(task: AttachTask, crew: Crew): void {
    crew.start()
    const kept: unknown[] = []
    while (crew.running()) {
      const map = attachMap(task.map)
      map.set(`attached ${crew.index}`, formOf('number').make(0, 1))
      if (task.keep === 0) map[Symbol.dispose]()
      else kept.push(map)
      crew.control.add(crew.index, 0, 1)
      while (task.keep > 0 && kept.length >= task.keep && crew.running());
    }
  },
}

function byKey([a]: [number, number], [b]: [number, number]): number {
  return a - b
}

export type VictimJobs = typeof jobs

serve(jobs)
