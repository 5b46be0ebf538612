import { threadId } from 'node:worker_threads'
import { UsageError } from '@threadmap/workbench/errors'
import { quantile } from '@threadmap/workbench/statistics'
import { random } from '@threadmap/workbench/workload'
import { METHODS, type Method, type Sampler } from './covers.js'
import { type KeyType, type Trace, traceFile, type ValueType, writeTrace } from './format.js'

/** A map that can be recorded: a plain `Map`, any map of threadmap, or an object with their methods. */
export interface Recordable {
  get(key: never): unknown
  has(key: never): boolean
  readonly size: number
}

export interface RecordOptions {
  /** One operation in this many is kept, on average. Default 64. */
  readonly every?: number
  /** Kept operations at most. At this number the recorder drops every second one, and keeps half as many from then on. Default 65,536. */
  readonly most?: number
}

const EVERY = 64
const MOST = 2 ** 16
/** The file is first written with this many kept operations, and again whenever they have quadrupled, so that a terminated thread leaves a part of its trace. */
const FIRST_WRITE = 1024

/** The distance of a small letter from its capital, in code units. */
const CASE = 32

const WALKS = ['forEach', 'keys', 'values', 'entries', Symbol.iterator] as const

const recorders = new Map<object, Recorder>()

/**
 * Records how this thread uses `map`, for `threadmap advise --trace FILE`, and returns `map`. Covers take the place of its methods;
 * they count, and keep one operation in 64 (key hash, hit or miss, sizes; no keys, no values). All code of this thread that uses the
 * map is recorded. The file is written during the recording and when the thread or process ends, whole each time. In a worker the file
 * is `FILE.N` with the worker's thread id; each thread that shares a map records its own part.
 *
 * Throws `UsageError` if the map is already recorded, or `file` cannot be written.
 */
export function record<M extends Recordable>(map: M, file: string, options: RecordOptions = {}): M {
  const { every = EVERY, most = MOST } = options
  if (!Number.isInteger(every) || every < 1) throw new UsageError(`every is ${every}; give a whole number from 1`)
  if (!Number.isInteger(most) || most < FIRST_WRITE)
    throw new UsageError(`most is ${most}; give a whole number from ${FIRST_WRITE}`)
  if (recorders.has(map)) throw new UsageError('this map is already recorded; call stopRecording(map) first')
  if (!Object.isExtensible(map)) throw new UsageError('this map is frozen or sealed, so its methods cannot be covered')
  const path = traceFile(file, threadId)
  for (const other of recorders.values()) {
    if (other.path === path) throw new UsageError(`another map is recorded to ${path}; give each a file of its own`)
  }
  const recorder = new Recorder(map, path, every, most)
  recorder.write()
  recorder.cover()
  if (recorders.size === 0) process.on('exit', writeAll)
  recorders.set(map, recorder)
  return map
}

/** Ends the recording of `map`, writes its file and restores its methods. Does nothing if `map` is not recorded. */
export function stopRecording(map: Recordable): void {
  const recorder = recorders.get(map)
  if (recorder === undefined) return
  recorders.delete(map)
  if (recorders.size === 0) process.off('exit', writeAll)
  recorder.uncover()
  recorder.write()
}

/** Writes the file without throwing: a program must not fail at its end because its trace cannot be written. */
function writeAll(): void {
  for (const recorder of recorders.values()) {
    try {
      recorder.write()
    } catch (error) {
      process.stderr.write(`threadmap: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
}

/**
 * Operations are kept in runs of 16, one run in 64 times 16 operations: so the processor mispredicts the branch once for a run, not
 * once for each operation, and this misprediction is the largest cost of keeping one.
 */
const BURST = 16

/** Different gaps that take turns: a prime number, so that no period of the program divides it. */
const GAPS = 1021

/** Keys that are gathered before they are hashed together. */
const BATCH = 256

/** One kept operation in this many has its sizes and types recorded, too: they vary little and cost more. */
const DETAILED = 16

class Recorder {
  readonly path: string
  readonly #map: Recordable
  readonly #has: (key: unknown) => boolean
  readonly #get: (key: unknown) => unknown
  readonly #most: number
  readonly #startedAt = new Date().toISOString()
  readonly #began = performance.now()
  #every: number
  /** Operations until the next that is kept. */
  readonly #countdown: { left: number }
  /** The value from which `left` counts down. */
  #interval: number
  readonly #gaps: Uint32Array
  /** Methods that were own properties of the map, to be restored. */
  readonly #own = new Map<PropertyKey, PropertyDescriptor>()
  #inBurst = 0
  #operations = 0
  #kept = 0
  /** The keys of the last kept operations, not yet hashed. */
  readonly #pending: unknown[] = new Array(BATCH).fill(undefined)
  /** The number of kept operations whose keys are hashed. */
  #settled = 0
  #ops = new Uint8Array(FIRST_WRITE)
  #ids = new Float64Array(FIRST_WRITE)
  #lengths: number[] = []
  #bytes: number[] = []
  readonly #keyTypes = new Map<KeyType, number>()
  readonly #valueTypes = new Map<ValueType, number>()
  #mostEntries = 0
  #lastSize = 0
  #iterations = 0
  #clears = 0
  #writeAt = FIRST_WRITE

  constructor(map: Recordable, path: string, every: number, most: number) {
    this.#map = map
    this.#has = map.has.bind(map) as (key: unknown) => boolean
    this.#get = map.get.bind(map) as (key: unknown) => unknown
    this.path = path
    this.#every = every
    this.#most = most
    this.#gaps = gapsFor(every)
    this.#interval = this.#gaps[0]
    this.#countdown = { left: this.#interval }
  }

  /**
   * Puts a prototype of its own between the map and its class, where V8 finds methods as fast as before. (Own properties of the map
   * cost reads of a plain `Map` another 2 to 3%, decision 0006.) A method that is an own property of the map is covered there.
   */
  cover(): void {
    const map = this.#map as unknown as Record<PropertyKey, Method | undefined>
    const prototype = Object.create(Object.getPrototypeOf(map))
    const put = (name: PropertyKey, value: Method) => {
      const own = Object.getOwnPropertyDescriptor(map, name)
      if (own !== undefined) this.#own.set(name, own)
      const covered = { value, configurable: true, enumerable: own?.enumerable ?? false, writable: true }
      Object.defineProperty(own === undefined ? prototype : map, name, covered)
    }
    for (const [name, { letter, cover }] of Object.entries(METHODS)) {
      const original = map[name]
      if (typeof original !== 'function') continue
      put(name, cover(original, this.#sampler(letter.charCodeAt(0), original)))
    }
    for (const name of WALKS) {
      const original = map[name]
      if (typeof original !== 'function') continue
      put(name, (...args) => {
        this.#iterations++
        return original.apply(map, args)
      })
    }
    const { clear } = map
    if (typeof clear === 'function') {
      put('clear', () => {
        this.#clears++
        return clear.call(map)
      })
    }
    Object.setPrototypeOf(map, prototype)
  }

  uncover(): void {
    Object.setPrototypeOf(this.#map, Object.getPrototypeOf(Object.getPrototypeOf(this.#map)))
    for (const [name, own] of this.#own) Object.defineProperty(this.#map, name, own)
  }

  #sampler(letter: number, original: Method): Sampler {
    const map = this.#map
    return {
      countdown: this.#countdown,
      told: (key, result) => {
        this.#next()
        this.#keep(result === undefined || result === false ? letter - CASE : letter, key)
      },
      asked: (...args) => {
        this.#next()
        const isThere = this.#has(args[0])
        const result = original.apply(map, args)
        this.#keep(isThere ? letter : letter - CASE, args[0])
        return result
      },
    }
  }

  /** Restarts the countdown; before an operation, so that the map's calls of its own methods count on from there. */
  #next(): void {
    this.#operations += this.#interval
    this.#interval = ++this.#inBurst % BURST === 0 ? this.#gaps[(this.#inBurst / BURST) % GAPS] : 1
    this.#countdown.left = this.#interval
  }

  /** Called after the operation, so that an operation that throws is not kept. */
  #keep(letter: number, key: unknown): void {
    const at = this.#kept++
    this.#ops[at] = letter
    this.#pending[at - this.#settled] = key
    if (at % DETAILED === 0) this.#mostEntries = Math.max(this.#mostEntries, this.#sizeNow())
    if (at + 1 - this.#settled >= BATCH || at + 1 >= this.#ops.length) this.#settle()
  }

  /** Hashes the gathered keys: one pass costs a fraction of hashing them one by one. */
  #settle(): void {
    for (let at = this.#settled; at < this.#kept; at++) {
      const key = this.#pending[at - this.#settled]
      this.#ids[at] = hashOf(key)
      if (at % DETAILED === 0) this.#look(key)
    }
    this.#settled = this.#kept
    this.#pending.fill(undefined)
    this.#mostEntries = Math.max(this.#mostEntries, this.#sizeNow())
    if (this.#kept >= this.#ops.length) this.#makeRoom()
  }

  /** The size of the map; of a disposed map, the last known size. */
  #sizeNow(): number {
    try {
      this.#lastSize = this.#map.size
    } catch {
      // The map is disposed.
    }
    return this.#lastSize
  }

  #look(key: unknown): void {
    const keyType = keyTypeOf(key)
    this.#keyTypes.set(keyType, (this.#keyTypes.get(keyType) ?? 0) + 1)
    this.#lengths.push(bytesOf(key))
    const value = this.#valueNow(key)
    if (value === undefined) return
    const valueType = valueTypeOf(value)
    this.#valueTypes.set(valueType, (this.#valueTypes.get(valueType) ?? 0) + 1)
    this.#bytes.push(bytesOf(value))
  }

  #valueNow(key: unknown): unknown {
    try {
      return this.#get(key)
    } catch {
      return undefined
    }
  }

  #makeRoom(): void {
    if (this.#kept >= this.#most) this.#halve()
    else {
      const length = Math.min(this.#most, this.#kept * 2)
      const [ops, ids] = [new Uint8Array(length), new Float64Array(length)]
      ops.set(this.#ops)
      ids.set(this.#ids)
      this.#ops = ops
      this.#ids = ids
    }
    if (this.#kept < this.#writeAt) return
    this.#writeAt = this.#kept * 4
    this.write()
  }

  #halve(): void {
    this.#kept = Math.floor(this.#kept / 2)
    this.#settled = this.#kept
    for (let i = 0; i < this.#kept; i++) {
      this.#ops[i] = this.#ops[2 * i]
      this.#ids[i] = this.#ids[2 * i]
    }
    const isKept = (_: unknown, at: number) => at % 2 === 0
    this.#lengths = this.#lengths.filter(isKept)
    this.#bytes = this.#bytes.filter(isKept)
    this.#every *= 2
    this.#gaps.set(gapsFor(this.#every))
  }

  write(): void {
    this.#settle()
    const trace: Omit<Trace, 'format' | 'version'> = {
      pid: process.pid,
      thread: threadId,
      startedAt: this.#startedAt,
      map: this.#map.constructor.name,
      every: this.#every,
      operations: this.#operations + this.#interval - Math.max(0, this.#countdown.left),
      seconds: (performance.now() - this.#began) / 1000,
      entries: { last: this.#sizeNow(), most: this.#mostEntries },
      keys: { type: commonest(this.#keyTypes) ?? 'string', lengths: quantilesOf(this.#lengths) },
      values: { type: commonest(this.#valueTypes) ?? 'number', bytes: quantilesOf(this.#bytes) },
      iterations: this.#iterations,
      clears: this.#clears,
      ops: Buffer.from(this.#ops.buffer, 0, this.#kept).toString('latin1'),
      ids: Array.from(this.#ids.subarray(0, this.#kept)),
    }
    writeTrace(this.path, trace)
  }
}

/**
 * Operations from the end of a run of kept operations to the next: between none and twice the average, so that a loop of a
 * thousand operations is not sampled at one place only.
 */
function gapsFor(every: number): Uint32Array {
  const next = random(every)
  return Uint32Array.from({ length: GAPS }, () => 1 + Math.floor(next() * (2 * BURST * (every - 1) + 1)))
}

/** Nine quantiles that represent a distribution of sizes. */
function quantilesOf(sizes: readonly number[]): number[] {
  if (sizes.length === 0) return [8]
  return Array.from({ length: 9 }, (_, i) => Math.round(quantile(sizes, i / 8)))
}

function commonest<T>(counts: ReadonlyMap<T, number>): T | undefined {
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}

function keyTypeOf(key: unknown): KeyType {
  if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint') return typeof key as KeyType
  return key instanceof Uint8Array ? 'bytes' : 'other'
}

function valueTypeOf(value: unknown): ValueType {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return 'number'
  if (typeof value === 'string') return 'string'
  return value instanceof Uint8Array ? 'bytes' : 'json'
}

/** About how many bytes a map needs for the value. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (value instanceof Uint8Array) return value.byteLength
  if (typeof value === 'object' && value !== null) {
    try {
      return JSON.stringify(value)?.length ?? 8
    } catch {
      return 64
    }
  }
  return 8
}

const objectIds = new WeakMap<object, number>()
let nextObjectId = 1

/** A hash of 53 bits; equal keys have equal hashes in every thread (objects: in this thread). Two multiplicative hashes side by side. */
function hashOf(key: unknown): number {
  if (typeof key === 'object' && key !== null && !(key instanceof Uint8Array)) {
    const id = objectIds.get(key) ?? nextObjectId++
    objectIds.set(key, id)
    return id
  }
  if (typeof key === 'string') return hashOfText(key, 1)
  if (key instanceof Uint8Array) return hashOfText(Buffer.from(key).toString('latin1'), 2)
  return hashOfText(String(key), typeof key === 'number' ? 3 : 4)
}

function hashOfText(text: string, type: number): number {
  let a = 0x811c9dc5 ^ type
  let b = 0x2545f491 ^ type
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit, 0x5bd1e995) + i
  }
  a ^= a >>> 15
  b ^= b >>> 13
  return (b & 0x1fffff) * 2 ** 32 + (a >>> 0)
}
