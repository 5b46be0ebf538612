import { threadId } from 'node:worker_threads'
import { UsageError } from '@threadmap/workbench/errors'
import { quantile } from '@threadmap/workbench/statistics'
import { random } from '@threadmap/workbench/workload'
import { METHODS, type Method, type Sampler } from './covers.js'
import { type KeyType, type Trace, traceFile, type ValueType, writeTrace } from './format.js'

/** What can be recorded: a plain `Map`, any map of threadmap, or what looks like one. */
export interface Recordable {
  get(key: never): unknown
  has(key: never): boolean
  readonly size: number
}

export interface RecordOptions {
  /** One operation in so many is kept, on average. Default 64. */
  readonly every?: number
  /** So many kept operations fill the memory; then every second one is dropped and half as many are kept. Default 65,536. */
  readonly most?: number
}

const EVERY = 64
const MOST = 2 ** 16
/** The file is written when so many are kept, and each time there are four times as many: a terminated thread leaves a part of what it did. */
const FIRST_WRITE = 1024

/** From a small letter to its capital. */
const CASE = 32

const WALKS = ['forEach', 'keys', 'values', 'entries', Symbol.iterator] as const

const recorders = new Map<object, Recorder>()

/**
 * Records how this thread uses `map`, for `threadmap advise --trace FILE`, and returns the same map. Its methods are covered
 * by ones that count and keep one operation in 64 (key hash, hit or miss, sizes; no keys, no values); everybody who has the
 * map is recorded without knowing. The file is written while it goes on and when the thread or process ends, each time
 * whole. In a worker it is `FILE.N` with the worker's thread id; each thread that shares a map records its own part.
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

/** Ends the recording of `map`, writes its file and gives it back its own methods. Does nothing if it is not recorded. */
export function stopRecording(map: Recordable): void {
  const recorder = recorders.get(map)
  if (recorder === undefined) return
  recorders.delete(map)
  if (recorders.size === 0) process.off('exit', writeAll)
  recorder.uncover()
  recorder.write()
}

/** A program does not fail at its end because its trace cannot be written. */
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
 * Operations are kept in runs of 16, one run in 64 times 16 operations: the processor guesses wrongly once for a run, not
 * once for each, and that is what keeping one costs most.
 */
const BURST = 16

/** So many different gaps take turns; a prime, so that they go with nothing the program does. */
const GAPS = 1021

/** Keys are looked at when so many are there. */
const BATCH = 256

/** Of one kept operation in so many the sizes and types are looked at, too: they vary little and cost more. */
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
  /** What `left` began with. */
  #interval: number
  readonly #gaps: Uint32Array
  /** Methods that were the map's own, to be given back. */
  readonly #own = new Map<PropertyKey, PropertyDescriptor>()
  #inBurst = 0
  #operations = 0
  #kept = 0
  /** The keys of the last kept operations, not yet looked at. */
  readonly #pending: unknown[] = new Array(BATCH).fill(undefined)
  /** So many of the kept operations were looked at. */
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
   * Puts a prototype of its own between the map and its class: calls of its methods are found as fast as before. (Methods put on
   * the map itself cost reads of a plain `Map` another 2 to 3%.) A method that is the map's own is covered there.
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

  /** Sets the countdown anew; before an operation, so that what a map calls of its own methods counts on from there. */
  #next(): void {
    this.#operations += this.#interval
    this.#interval = ++this.#inBurst % BURST === 0 ? this.#gaps[(this.#inBurst / BURST) % GAPS] : 1
    this.#countdown.left = this.#interval
  }

  /** After the operation: one that throws is not kept. */
  #keep(letter: number, key: unknown): void {
    const at = this.#kept++
    this.#ops[at] = letter
    this.#pending[at - this.#settled] = key
    if (at % DETAILED === 0) this.#mostEntries = Math.max(this.#mostEntries, this.#sizeNow())
    if (at + 1 - this.#settled >= BATCH || at + 1 >= this.#ops.length) this.#settle()
  }

  /** Looks at the keys that were put aside: in one go it costs a fraction of what it does one by one. */
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

  /** A map that was disposed of meanwhile has the size it had. */
  #sizeNow(): number {
    try {
      this.#lastSize = this.#map.size
    } catch {
      // Disposed of.
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
 * How many operations to go from the end of a burst to the next: between none and twice the average, so that a loop of a
 * thousand operations is not seen at one place only.
 */
function gapsFor(every: number): Uint32Array {
  const next = random(every)
  return Uint32Array.from({ length: GAPS }, () => 1 + Math.floor(next() * (2 * BURST * (every - 1) + 1)))
}

/** Nine sizes stand for the distribution. */
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

/** About how many bytes a map needs for it. */
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

/** 53 bits that are the same for the same key in every thread (for objects: in this thread). Two multiplicative hashes side by side. */
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
