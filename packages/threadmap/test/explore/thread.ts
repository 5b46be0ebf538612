/**
 * A logical thread: an instance of the kernel's explore flavour that runs an operation until the scheduler takes it away at
 * a yield point. Asyncify unwinds the instance's stack into memory there, and winds it up again when its turn comes.
 */
import { readFileSync } from 'node:fs'
import type { KernelExports } from '../../dist/bridge/exports.js'
import type { Scratch } from '../../dist/bridge/scratch.js'

const dist = (file: string): string => new URL(`../../../dist/${file}`, import.meta.url).href
const scratchRoom = (await import(dist('bridge/scratch.js'))) as typeof import('../../dist/bridge/scratch.js')
export const { KEY, VALUE, EXPECTED } = scratchRoom
const { RESULT } = scratchRoom
/** The private window for results holds every scenario's values. */
const LARGE = 8192
export const L = (await import(
  dist('bridge/layout.generated.js')
)) as typeof import('../../dist/bridge/layout.generated.js')

export const { READS, UPDATES } = L

const module = new WebAssembly.Module(readFileSync(new URL('../../kernel.explore.wasm', import.meta.url)))

/** What the kernel calls out for. */
export interface Scheduler {
  /** Called before an access. False: the thread is suspended; `resumed` is called when it goes on. */
  access(thread: LogicalThread, address: number, kind: number): boolean
  resumed(thread: LogicalThread): void
  /** 0: woken, 1: the word holds something else, -1: the thread is suspended. */
  wait(thread: LogicalThread, address: number, expected: number): number
  /** How many were woken, or -1: the thread is suspended before it wakes them. */
  notify(thread: LogicalThread, address: number, count: number): number
  grow(pages: number): number
  /** The time in milliseconds. */
  now(): number
  /** The time in milliseconds by which a cache measures its values. */
  cacheTime(): number
}

/** The state of a thread between two turns. */
export const RUNNING = 0
/** Suspended before an access, a wait or a wake-up. */
export const PREEMPTED = 1
export const SLEEPING = 2
export const WOKEN = 3
export const TIMED_OUT = 4

interface Asyncify {
  asyncify_start_unwind(data: number): void
  asyncify_stop_unwind(): void
  asyncify_start_rewind(data: number): void
  asyncify_stop_rewind(): void
}

/** A call of the kernel: which export, and its arguments. */
export type KernelCall = readonly [name: keyof KernelExports, ...args: (number | string)[]]
/** What a thread does: it yields kernel calls, gets what they return, and returns the operation's output. */
export type Operation = Generator<KernelCall, unknown, number>

/** The token of a read, and the value that was read. */
export interface Kept {
  readonly entry: number
  readonly generation: number
  readonly shard: number
  readonly version: number
  readonly low: number
  readonly high: number
  readonly value: number
}

/** Thrown through the kernel: the thread dies here. */
export class Death extends Error {}

export class LogicalThread {
  readonly kernel: KernelExports
  readonly scratch: Scratch
  /** Its registry slot plus one: how lock words name it. */
  readonly owner: number
  readonly index: number
  state = RUNNING
  /** The access that it is about to make. */
  word = 0
  kind = READS
  /** The address that it sleeps on. */
  sleepsOn = 0
  /** The load that it has begun, and the one that it was told to wait for; 0: none. */
  loads = 0
  waitsFor = 0
  /** What its read cache has kept of its last `cachedGet`. */
  kept: Kept | undefined
  /** Its `compute` ran the function in this operation. */
  computed = false
  /** Its stack is in memory. */
  suspended = false
  readonly #asyncify: Asyncify
  readonly #data: number
  readonly #header: Int32Array
  #rewinding = false
  #unwinding = false
  #resume: (() => number | undefined) | undefined

  /** @param data where its stack is kept while it is suspended: `size` bytes that no map uses */
  constructor(memory: WebAssembly.Memory, scheduler: Scheduler, index: number, data: number, size: number) {
    this.index = index
    const atomics = {
      yieldPoint: (address: number, kind: number): void => {
        if (this.#rewinding) {
          this.#stopRewind()
          scheduler.resumed(this)
        } else if (!scheduler.access(this, address, kind)) this.#suspend()
      },
      waitPoint: (address: number, expected: number): number => {
        if (this.#rewinding) this.#stopRewind()
        const answer = scheduler.wait(this, address, expected)
        if (answer < 0) this.#suspend()
        return answer
      },
      notifyPoint: (address: number, count: number): number => {
        if (this.#rewinding) this.#stopRewind()
        const answer = scheduler.notify(this, address, count)
        if (answer < 0) this.#suspend()
        return answer
      },
      growPoint: (pages: number): number => scheduler.grow(pages),
    }
    // Asyncify calls these again when it winds a stack up, until the yield point of the suspension: they must have no state.
    const carry = {
      pull: (area: 0 | 1 | 2 | 3, offset: number, length: number, to: number): void =>
        this.scratch.pull(area, offset, length, to >>> 0),
      push: (from: number, offset: number, length: number): void => this.scratch.push(from, offset, length),
    }
    const host = { now: () => scheduler.now(), clock: () => scheduler.cacheTime(), declareEnded: () => {} }
    const text = {
      length: (text: string) => text.length,
      charCodeAt: (text: string, at: number) => text.charCodeAt(at),
    }
    const listener = { evicted: () => {} }
    const imports = { env: { memory }, thread: host, listener, atomics, carry, 'wasm:js-string': text }
    const exports = new WebAssembly.Instance(module, imports).exports
    this.kernel = exports as unknown as KernelExports
    this.#asyncify = exports as unknown as Asyncify
    this.#data = data
    this.#header = new Int32Array(memory.buffer, data, 2)
    this.#header[1] = data + size
    // A logical thread is no thread of the runtime, so no thread started it.
    this.owner = this.kernel.register(0, 0, 0, true)
    if (this.owner === 0 || this.kernel.open() !== 0) throw new Error('no place for another logical thread')
    this.scratch = new scratchRoom.Scratch(memory, () => this.kernel)
    this.scratch.locate()
    // As after a read of a large value: otherwise each read of one would begin with a request for a larger window.
    this.scratch.reserve(RESULT, LARGE)
  }

  /** Forgets the operation that it was in. */
  reset(): void {
    this.state = RUNNING
    this.suspended = false
    this.loads = 0
    this.waitsFor = 0
    this.kept = undefined
    this.#rewinding = false
    this.#unwinding = false
  }

  /** Runs a call of the kernel, or the rest of a suspended call. Undefined: the thread was suspended. */
  run(call: KernelCall): number | undefined {
    let result: number | undefined
    if (this.suspended) {
      this.suspended = false
      this.#rewinding = true
      this.#asyncify.asyncify_start_rewind(this.#data)
      result = this.#resume!()
    } else {
      const [name, a, b, c, d, e, f, g] = call
      const target = this.kernel[name] as (...args: (number | string | undefined)[]) => number | undefined
      this.#resume = () => target(a, b, c, d, e, f, g)
      result = target(a, b, c, d, e, f, g)
    }
    // An export without a result gives undefined.
    if (!this.#unwinding) return result ?? 0
    this.#unwinding = false
    this.#asyncify.asyncify_stop_unwind()
    this.suspended = true
    return undefined
  }

  #stopRewind(): void {
    this.#rewinding = false
    this.#asyncify.asyncify_stop_rewind()
  }

  #suspend(): void {
    this.#header[0] = this.#data + 8
    this.#unwinding = true
    this.#asyncify.asyncify_start_unwind(this.#data)
  }
}
