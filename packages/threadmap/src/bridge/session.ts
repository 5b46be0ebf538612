/**
 * A thread's place in a memory: an instance of the kernel, a registry slot, scratch areas. Maps and locks are built on it.
 * A thread has one place in a memory, however many of its maps and locks use it. The thread gives the place back when the last of
 * them was disposed or collected, unless workers of this thread may still die there and need recovery.
 */

import { platform } from '#platform'
import { MapFullError, ThreadLimitError } from '../errors/classes.js'
import {
  askWorkers,
  endWatch,
  hasEnded,
  keepWatch,
  mustListen,
  ownName,
  type ThreadName,
  type WatchedMemory,
} from '../liveness/watch.js'
import { holdWebLock, type LockedMemory } from '../liveness/web-locks.js'
import { checkMemory, FIRST_PAGES, headerChecksum } from './check-memory.js'
import { Clock } from './clock.js'
import type { KernelExports } from './exports.js'
import { type Header, writeHeaderText } from './header.js'
import { identityOf, isSame } from './identity.js'
import { instantiate } from './instance.js'
import * as L from './layout.generated.js'
import type { MapMemory } from './memory.js'
import { checkRuntime } from './requirements.js'
import { Scratch } from './scratch.js'
import { WeakList } from './weak-list.js'

const FIRST_RETRY_MS = 5
const LAST_RETRY_MS = 1000

/** Pages of 4 KiB that a small map takes: scratch areas and a few slabs. */
const SMALL_MAP_PAGES = 8
export const LARGEST_BYTES = L.MOST_WASM_PAGES * L.WASM_PAGE

/**
 * A memory begins with room for the structures before the heap, and for a small map. When a shared memory grows, V8 looks
 * at each shared memory that the thread has ever had: 3,000 maps made in one turn took a third of their time for that (Node 20).
 */
function firstPages(pages: number, header: Header): number {
  const table = pages * (L.WASM_PAGE / L.PAGE) * 4
  const shards = 2 ** (header.get(L.H_SHARD_BITS) ?? 0)
  const policy = header.get(L.H_POLICY)
  const heaps = policy === L.POLICY_SYNC ? L.SLOT_COUNT * L.HEAP_STRIDE : 0
  const ghosts = 2 ** (header.get(L.H_GHOST_BITS) ?? 0) * L.GHOST_SET
  const ofCache =
    policy === L.POLICY_CACHE ? shards * (L.CACHE_STRIDE + ghosts) + (pages * L.WASM_PAGE) / 2 ** L.MARK_SHIFT : 0
  const pagesOfShards = shards + SMALL_MAP_PAGES
  return (
    Math.ceil((L.SHARDS + shards * L.SHARD_SIZE + heaps + ofCache + table + pagesOfShards * L.PAGE) / L.WASM_PAGE) + 1
  )
}

/** What a tool gives to watch the reads of a map. It is called inside `get`, so it must be quick, must not throw, and must not use the map. */
export interface ReadWatcher {
  /** Gets the key of a call of `get`. Returns how many calls later it wants to see one again: 1 is the next. */
  see(key: unknown): number
}

/** What a tool can do with a map's core. */
export interface WatchableCore {
  watch(watcher: ReadWatcher | undefined): void
}

/** This thread's sessions by the identity of their memory. Closed sessions stay: they can be opened again. */
const sessions = new Map<string, WeakRef<Session>>()
/** At this number of sessions, those that were collected are removed from the table. */
let tidyAt = 64

export class Session implements WatchedMemory, LockedMemory {
  readonly memory: MapMemory
  readonly kernel: KernelExports
  readonly scratch: Scratch
  /** What a cache's deadlines are measured by. */
  readonly clock = new Clock()
  /** Hears of keys that this thread evicts from a cache: their addresses, meta words, and why (src/cache/evictions.ts). */
  evicted: ((key: number, meta: number, reason: number) => void) | undefined
  /** The cores of this thread's map objects, for tools that watch their reads (src/maps/watch-reads.ts). */
  readonly cores = new WeakList<WatchableCore>()
  /** The registry slot's number plus one: how lock words name this thread. */
  owner = 0
  /** Whether other threads may use the memory: it came from another thread, or the program has read its handle. */
  shared = false
  readonly #registry: Int32Array
  /** How many maps and locks of this thread use the session. */
  #users = 0
  #closed = true
  #retrying = false

  private constructor(memory: MapMemory) {
    this.memory = memory
    // The registry is in the first pages, which every view has.
    this.#registry = new Int32Array(memory.buffer)
    this.scratch = new Scratch(memory, () => this.kernel)
    this.kernel = instantiate(
      memory,
      this.scratch,
      this.clock,
      () => this.declareEnded(true),
      (key, meta, reason) => this.evicted?.(key >>> 0, meta, reason),
    )
  }

  /** A new memory of at most `maxBytes` with this header. The caller is its first user. */
  static create(maxBytes: number, header: Header, text: string): Session {
    checkRuntime()
    const pages = Math.max(FIRST_PAGES, Math.floor(maxBytes / L.WASM_PAGE))
    let memory: MapMemory
    try {
      memory = new WebAssembly.Memory({
        initial: Math.min(firstPages(pages, header), pages),
        maximum: pages,
        shared: true,
      })
    } catch (error) {
      throw new MapFullError(
        `no address space for a shared memory of ${pages * L.WASM_PAGE} bytes (${(error as Error).message}); dispose maps that are no longer used, or pass a smaller maxBytes`,
      )
    }
    const words = new Uint32Array(memory.buffer)
    for (const [address, value] of header) words[address >>> 2] = value
    words[L.H_MAX_PAGES >>> 2] = (pages * L.WASM_PAGE) / L.PAGE
    writeHeaderText(memory.buffer, text)
    const session = new Session(memory)
    session.#register()
    if (session.kernel.create() < 0 || session.kernel.open() < 0) {
      throw new MapFullError(
        `maxBytes = ${maxBytes} is too small: the tables of an empty map with these options do not fit; raise maxBytes or lower shards and capacity`,
      )
    }
    const fresh = new Int32Array(memory.buffer)
    fresh[L.H_CHECKSUM >>> 2] = headerChecksum(new Uint32Array(memory.buffer))
    fresh[L.H_MAGIC >>> 2] = L.MAGIC
    fresh[L.H_VERSION >>> 2] = L.LAYOUT_VERSION
    Atomics.store(fresh, L.H_READY >>> 2, 1)
    session.#opened()
    remember(session)
    session.#users++
    return session
  }

  /** This thread's place in a memory that it shares with others. The caller is one more user. */
  static attach(memory: MapMemory, policy: number): Session {
    checkRuntime()
    checkMemory(memory, policy)
    const session = sessionOf(memory) ?? new Session(memory)
    if (session.#closed) {
      session.#register()
      if (session.kernel.open() < 0) {
        session.kernel.close()
        throw new MapFullError(
          "no memory left for this thread's scratch areas (8 KiB): the map is at maxBytes, and other threads have taken what is kept for that",
        )
      }
      session.#opened()
      // Threads may have died before this one attached.
      session.declareEnded()
      session.recoverDead()
      remember(session)
    }
    session.shared = true
    session.#users++
    return session
  }

  #register(): void {
    const { record, table, thread } = ownName(platform.threadNumber())
    this.owner = this.kernel.register(thread, record, table, platform.maySleep())
    if (this.owner === 0) {
      throw new ThreadLimitError(
        `all ${L.SLOT_COUNT} places for threads are taken in this memory; a thread takes one place, however often it attaches; dispose maps in threads that no longer use them, and watch() workers that are older than the library so that the places of dead ones are given back`,
      )
    }
  }

  #opened(): void {
    this.#closed = false
    this.scratch.locate()
    keepWatch(this)
    holdWebLock(this)
  }

  /** A word of the header. */
  header(address: number): number {
    return this.scratch.u32[address >>> 2]
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Called when a map or lock of this thread no longer uses the session. */
  release(): void {
    this.#users--
    this.closeIfIdle()
  }

  closeIfIdle(): void {
    if (this.#users > 0 || this.#closed || (this.shared && mustListen(this.#hasOthers()))) return
    this.#closed = true
    endWatch(this)
    this.kernel.close()
  }

  declareEnded(inside = false): void {
    // The kernel also asks while the session opens.
    if (this.#closed && !inside) return
    askWorkers()
    let found = false
    for (let owner = 1; owner <= L.SLOT_COUNT; owner++) {
      if (owner === this.owner || this.threadOf(owner) === 0 || !hasEnded(this.nameOf(owner))) continue
      this.kernel.declareDead(owner)
      found = true
    }
    // Inside an operation the kernel takes over the lock that it waits for. Whatever else the dead threads held is recovered afterwards.
    if (found && inside) this.#finishLater(FIRST_RETRY_MS)
  }

  recoverDead(): void {
    if (!this.#closed && this.kernel.finishRecoveries() > 0) this.#finishLater(FIRST_RETRY_MS)
  }

  /** Recovers whatever the dead thread of this slot held. Where other threads hold a lock that recovery needs, it is done a little later. */
  recover(owner: number): void {
    if (this.#closed || owner === this.owner) return
    if (this.kernel.recoverThread(owner) === L.RECOVERED_IN_PART) this.#finishLater(FIRST_RETRY_MS)
  }

  /** The numbers (as `threadOf`) of the living threads. */
  threads(): number[] {
    const found: number[] = []
    for (let owner = 1; owner <= L.SLOT_COUNT; owner++) {
      const thread = this.threadOf(owner)
      if (thread !== 0) found.push(thread)
    }
    return found
  }

  markWebLock(thread: number): void {
    if (!this.#closed) this.kernel.markWebLock(thread)
  }

  declareThread(thread: number): void {
    for (let owner = 1; owner <= L.SLOT_COUNT; owner++) {
      if (this.threadOf(owner) === thread) this.kernel.declareDead(owner)
    }
  }

  #finishLater(delay: number): void {
    if (this.#retrying) return
    this.#retrying = true
    const timer = setTimeout(() => {
      this.#retrying = false
      if (!this.#closed && this.kernel.finishRecoveries() > 0) this.#finishLater(Math.min(delay * 2, LAST_RETRY_MS))
    }, delay)
    platform.unref(timer)
  }

  /** Whether another thread has a place. A dead thread that is not recovered yet counts. */
  #hasOthers(): boolean {
    for (let owner = 1; owner <= L.SLOT_COUNT; owner++) {
      const state = Atomics.load(this.#registry, slotAddress(owner, L.S_STATE) >>> 2)
      if (owner !== this.owner && (state & L.STATE_MASK) !== L.SLOT_FREE) return true
    }
    return false
  }

  /** The number (plus one) of the living thread that has a slot; 0 if there is none. */
  threadOf(owner: number): number {
    const state = Atomics.load(this.#registry, slotAddress(owner, L.S_STATE) >>> 2)
    return (state & L.STATE_MASK) === L.SLOT_ALIVE ? state >>> L.THREAD_SHIFT : 0
  }

  /** The name of the living thread that has a slot. */
  nameOf(owner: number): ThreadName {
    const record = Atomics.load(this.#registry, slotAddress(owner, L.S_RECORD) >>> 2)
    const table = Atomics.load(this.#registry, slotAddress(owner, L.S_THREAD_TABLE) >>> 2)
    return { thread: this.threadOf(owner), record, table }
  }
}

/** This thread's session in a memory. It may be closed. */
function sessionOf(memory: MapMemory): Session | undefined {
  const session = sessions.get(identityOf(memory))?.deref()
  return session !== undefined && isSame(session.memory, memory) ? session : undefined
}

/** This thread's open session in the memory of that name (`identityOf`). */
export function sessionNamed(name: string): Session | undefined {
  const session = sessions.get(name)?.deref()
  return session?.closed === false ? session : undefined
}

function remember(session: Session): void {
  sessions.set(identityOf(session.memory), new WeakRef(session))
  if (sessions.size < tidyAt) return
  for (const [identity, ref] of sessions) if (ref.deref() === undefined) sessions.delete(identity)
  tidyAt = 64 + 2 * sessions.size
}

export function slotAddress(owner: number, field: number): number {
  return L.REGISTRY + (owner - 1) * L.SLOT_SIZE + field
}
