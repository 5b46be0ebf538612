/**
 * What a scenario runs in: a small map in a given state, logical threads attached to it, and a picture of its memory to
 * return to before each schedule.
 */
import { bytes, type FastMap, f64, string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import type { ExploredKind } from '../support/kinds.js'
import { createMap } from '../support/maps.js'
import { L, LogicalThread, type Scheduler } from './thread.js'

/** Bytes of a value that takes two pages. */
const CHAIN = 4200

/**
 * The values of a scenario are small numbers. The map stores them in the entry, in blocks of two words (which can be torn), or in chains
 * of two pages.
 */
export const forms = {
  numbers: { codec: f64, make: (n: number): unknown => n, read: (value: unknown): number => value as number },
  blocks: {
    codec: bytes,
    make: (n: number): unknown => new Uint8Array(16).fill(n),
    read: (value: unknown): number => {
      const content = value as Uint8Array
      return content.length === 16 && content.every(byte => byte === content[0]) ? content[0] : TORN
    },
  },
  chains: {
    codec: bytes,
    make: (n: number): unknown => new Uint8Array(CHAIN).fill(n),
    read: (value: unknown): number => {
      const content = value as Uint8Array
      return content.length === CHAIN && content.every(byte => byte === content[0]) ? content[0] : TORN
    },
  },
} as const
export type FormName = keyof typeof forms
/** The number of a torn value. */
export const TORN = -1

/** The seed of every map here: keys fall into the same buckets in every run. */
export const SEED = 7n

type AnyMap = FastMap<string, unknown>

/** Milliseconds of the scheduler's clock, which only moves when all threads sleep. */
const LOCK_TIMEOUT = 100

/** More entries than a scenario has. */
export const MANY = 1000

const STACK = 16384
/** WebAssembly pages by which the kernel may grow the memory; the stacks of suspended threads are above them. */
const GROWTH = 2
const MAX_BYTES = 2 ** 20

/** A cache makes its tables for all that it may have. Here they begin small, so that they grow and shrink as those of maps do. */
function beginSmall(map: AnyMap, capacity: number): void {
  const words = new Int32Array(map.session.memory.buffer)
  words[L.H_INITIAL_BITS >>> 2] = Math.ceil(Math.log2(Math.max(1, capacity / L.MAX_LOAD)))
  map.clear()
}

export class World {
  readonly map: AnyMap
  readonly threads: LogicalThread[] = []
  readonly form: (typeof forms)[FormName]
  /** Bytes that the map can have. */
  readonly size: number
  readonly words: Int32Array
  /** Of a cache: how long values are fresh, and the time on its clock. */
  readonly ttl: number
  time = 0
  readonly #bytes: Uint8Array
  readonly #regions: { at: number; content: Uint8Array; place: Uint8Array }[] = []
  #picture: Uint8Array | undefined
  #grown: number
  readonly #pages: number

  constructor(
    map: ExploredKind,
    form: FormName,
    capacity: number,
    fill: (map: AnyMap, make: (n: number) => unknown) => void,
    { max = MANY, ttl }: { max?: number; ttl?: number } = {},
  ) {
    this.form = forms[form]
    const options = {
      key: string,
      value: this.form.codec,
      seed: SEED,
      maxBytes: MAX_BYTES,
      // A thread looks once more before it sleeps: to a scheduler, spinning is no more than that.
      backoff: { initialDelay: 0, maxRetries: 1 },
      lockTimeout: LOCK_TIMEOUT,
      shards: 1,
    }
    this.map = (
      map === 'SharedCache'
        ? new SharedCache({ ...options, max, ...(ttl === undefined ? {} : { ttl, updateAgeOnGet: true }) } as never)
        : createMap<string, unknown>(map, { ...options, capacity })
    ) as AnyMap
    this.ttl = ttl ?? Number.POSITIVE_INFINITY
    this.map.session.clock.now = () => this.time
    if (map === 'SharedCache') beginSmall(this.map, capacity)
    fill(this.map, this.form.make)
    const { memory } = this.map.session
    const words = new Int32Array(memory.buffer)
    this.#pages = this.#grown = (words[L.H_PAGES_SEEN >>> 2] * L.PAGE) / L.WASM_PAGE
    this.size = (this.#pages + GROWTH) * L.WASM_PAGE
    words[L.H_MAX_PAGES >>> 2] = this.size / L.PAGE
    memory.grow(MAX_BYTES / L.WASM_PAGE - this.#pages)
    this.map.session.scratch.refresh()
    this.words = new Int32Array(memory.buffer)
    this.#bytes = new Uint8Array(memory.buffer)
  }

  /** Gives the map all its memory at once, so that nothing grows any more, not for the shipped kernel either. */
  grown(): this {
    this.words[L.H_PAGES_SEEN >>> 2] = this.size / L.PAGE
    return this
  }

  addThread(scheduler: Scheduler): LogicalThread {
    const data = MAX_BYTES - (this.threads.length + 1) * STACK
    const thread = new LogicalThread(
      this.map.session.memory as WebAssembly.Memory,
      scheduler,
      this.threads.length,
      data,
      STACK,
    )
    this.threads.push(thread)
    return thread
  }

  /** The kernel asks for more memory. Returns the WebAssembly pages that it had before, or -1. */
  grow(pages: number): number {
    if ((this.#grown + pages) * L.WASM_PAGE > this.size) return -1
    this.#grown += pages
    return this.#grown - pages
  }

  /** Takes the picture that `restore` returns to. `all`: schedules recover the dead, which touches every thread's heap. */
  freeze(all = false): void {
    this.#picture = this.#bytes.slice(0, this.size)
    const word = (address: number): number => this.words[address >>> 2] >>> 0
    const heapStart = word(L.H_HEAP_START)
    const owners = this.threads.length + 3
    this.#addRegion(0, 1024)
    this.#addRegion(L.REGISTRY, L.REGISTRY + owners * L.SLOT_SIZE)
    this.#addRegion(L.SHARDS, L.SHARDS + L.SHARD_SIZE)
    if (word(L.H_THREAD_HEAPS) !== 0) {
      this.#addRegion(word(L.H_THREAD_HEAPS), word(L.H_THREAD_HEAPS) + (all ? L.SLOT_COUNT : owners) * L.HEAP_STRIDE)
    }
    if (word(L.H_CACHES) !== 0) this.#addRegion(word(L.H_CACHES), word(L.H_PAGE_TABLE))
    this.#addRegion(word(L.H_PAGE_TABLE), word(L.H_PAGE_TABLE) + (this.size / L.PAGE) * 4)
    // Scratch areas are each thread's own, and written before they are read.
    const used = word(L.H_FREE_HINT) + (this.form === forms.chains ? 40 : 8)
    for (let page = heapStart / L.PAGE; page < this.size / L.PAGE; page++) {
      const kind = word(word(L.H_PAGE_TABLE) + page * 4) & L.KIND_MASK
      // Beyond the pages that are free at first and may be taken, those that are in use can change.
      const mayChange = kind === L.FREE_PAGE ? page < used : kind !== L.SCRATCH_SPAN
      if (mayChange) this.#addRegion(page * L.PAGE, (page + 1) * L.PAGE)
    }
  }

  #addRegion(from: number, to: number): void {
    const last = this.#regions.at(-1)
    const start = last !== undefined && last.at + last.content.length === from ? last.at : from
    if (start !== from) this.#regions.pop()
    const content = this.#picture!.slice(start, to)
    this.#regions.push({ at: start, content, place: this.#bytes.subarray(start, to) })
  }

  restore(): void {
    for (const { content, place } of this.#regions) place.set(content)
    this.#grown = this.#pages
    for (const thread of this.threads) thread.reset()
  }

  /** Checks that everything but scratch areas is as in the picture: otherwise schedules would start from different states. */
  checkRestored(): void {
    this.restore()
    const table = this.words[L.H_PAGE_TABLE >>> 2] >>> 0
    const now = this.#bytes
    for (let at = 0; at < this.size; at++) {
      if (now[at] === this.#picture![at]) continue
      if ((this.words[(table >>> 2) + Math.floor(at / L.PAGE)] & L.KIND_MASK) === L.SCRATCH_SPAN) continue
      throw new Error(`the byte at 0x${at.toString(16)} was changed by a schedule and not restored`)
    }
  }

  /** Gives every free page to the map's first thread, so that there is none for the next allocation. */
  fillUp(): void {
    const word = (address: number): number => this.words[address >>> 2] >>> 0
    const table = word(L.H_PAGE_TABLE) >>> 2
    for (let page = word(L.H_HEAP_START) / L.PAGE; page < word(L.H_PAGES_SEEN); page++) {
      if (this.words[table + page] !== L.FREE_PAGE) continue
      this.words[table + page] = L.SCRATCH_SPAN | ((this.map.session.owner - 1) << L.HEAP_SHIFT)
      this.words[L.H_PAGES_USED >>> 2]++
    }
    this.words[L.H_MAX_PAGES >>> 2] = word(L.H_PAGES_SEEN)
  }

  /**
   * Claims on a thread's stack of one page or none. A thread that did not get the claims' lock in time leaves the claim that it
   * ended there; its next claim takes it off.
   */
  #claimedStill(page: number): string[] {
    if (page === 0) return []
    const word = (address: number): number => this.words[address >>> 2] >>> 0
    const found: string[] = []
    if (word(page + L.C_PREVIOUS_PAGE) !== 0)
      found.push(`a stack of claims has several pages still (at 0x${page.toString(16)})`)
    for (let last = word(page + L.C_LAST); last !== 0; last = word(page + last + L.C_PREVIOUS)) {
      if (word(page + last + L.C_META) !== L.C_ENDED)
        found.push(`a key is claimed still (at 0x${(page + last).toString(16)})`)
    }
    return found
  }

  /**
   * Checks the invariants of the whole memory on the shipped kernel, and that no thread has left anything behind. A dead reader's
   * share stays until the next writer comes: `written` says that one has come.
   */
  audit(written = true): string[] {
    const found = this.map.session.kernel.audit() === 0 ? [] : this.map.audit()
    const check = (what: string, from: number, to: number): void => {
      for (let at = from; at < to; at += 4) {
        if (this.words[at >>> 2] !== 0) found.push(`${what} (at 0x${at.toString(16)}: ${this.words[at >>> 2]})`)
      }
    }
    for (let i = 0; i < this.threads.length + 2; i++) {
      const slot = L.REGISTRY + i * L.SLOT_SIZE
      found.push(...this.#claimedStill(this.words[(slot + L.S_CLAIMS) >>> 2] >>> 0))
      check('a claim is waited for still', slot + L.S_WAITS_FOR, slot + L.S_WAITS_FOR + 4)
      check('a lock is named as held for reading still', slot + L.S_HOLDS, slot + L.S_HOLDS + L.HOLD_COUNT * 4)
      check('a lock is named as waited for still', slot + L.S_WAITS, slot + L.S_WAITS + 4)
      check('a value block is named as pending still', slot + L.S_PENDING, slot + L.S_PENDING + 8)
      check('a thread is at work still', slot + L.S_BUSY, slot + L.S_BUSY + 4)
    }
    for (const lock of [L.H_HEAP_LOCK, L.H_CLAIM_LOCK, L.H_RECOVERY_LOCK]) check('a lock is held still', lock, lock + 4)
    if (written) check("the readers' word counts somebody still", L.SHARDS + L.D_READERS, L.SHARDS + L.D_READERS + 4)
    return found
  }

  dispose(): void {
    this.map[Symbol.dispose]()
  }
}
