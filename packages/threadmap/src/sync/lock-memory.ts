/**
 * The memory of users' locks: one small memory per thread that creates locks. Threads that get a handle share it. Its registry says
 * which threads live, so a dead owner is noticed as in a map.
 */

import { checkHandle } from '../bridge/check-handle.js'
import { isMemory, NO_MEMORY } from '../bridge/check-memory.js'
import { DEFAULTS, headerOf, randomSeed } from '../bridge/header.js'
import * as L from '../bridge/layout.generated.js'
import type { MapMemory } from '../bridge/memory.js'
import { deathWords, ownerWords } from '../bridge/owner-words.js'
import { POLICIES } from '../bridge/policies.js'
import { Session } from '../bridge/session.js'
import {
  AttachError,
  DisposedError,
  LockTimeoutError,
  LockUsageError,
  MapFullError,
  OptionError,
  ThreadLimitError,
} from '../errors/classes.js'
import { checkReady } from '../liveness/web-locks.js'
import { threadIdOf } from '../platform/web-thread.js'

/** The kinds of lock. The number in a lock's block is the index here, plus one. */
export const LOCK_KINDS = ['Mutex', 'RWMutex', 'CompatRWMutex', 'WaitGroup'] as const
/** The names of the four kinds of lock. */
export type LockKind = (typeof LOCK_KINDS)[number]

/** The way to a lock for another thread: send it, and pass it to `attach` there. */
export interface LockHandle<Kind extends LockKind = LockKind> {
  /** The version of the memory's layout; `attach` refuses a version other than its own. */
  readonly threadmap: number
  /** The class of the lock. */
  readonly kind: Kind
  /** The shared memory of the lock, which has the other locks that its thread created, too. */
  readonly memory: MapMemory
  /** The offset of the lock in the memory, in bytes. */
  readonly address: number
  /** Tells the lock from others that had, or will have, this address. */
  readonly generation: number
}

/** The result of `lock()` when the thread that held the lock died: the data that the lock guards may be half-changed. */
export interface OwnerDied {
  /** The `threadId` of the dead thread; undefined where the runtime does not number them. */
  readonly threadId: number | undefined
}

/** The policy does not matter: the memory's table stays empty, and the locks are blocks of its shard's heap. */
const POLICY = POLICIES.FastMap.number
const MAX_BYTES = 64 * 1024 * 1024
/** How long `lock()` waits by default, in milliseconds. */
export const DEFAULT_TIMEOUT = 5000

let own: Session | undefined
/** Sessions that locks of this thread use. */
const kept = new Set<Session>()

function ownSession(): Session {
  if (own === undefined) {
    const header = headerOf({
      ...DEFAULTS,
      policy: POLICY,
      shardBits: 0,
      seed: randomSeed(),
      valueType: L.TYPE_BYTES,
    })
    header.set(L.H_LOCKS, 1)
    own = Session.create(MAX_BYTES, header, '["locks"]')
    kept.add(own)
  }
  return own
}

/**
 * This thread's session in another thread's memory of locks. It is never released: the death of a thread that had given up its place
 * while it held a lock would not be noticed.
 */
function attached(memory: MapMemory): Session {
  const session = Session.attach(memory, POLICY)
  if (kept.has(session)) session.release()
  kept.add(session)
  return session
}

/** One lock, seen from this thread. */
export class Place {
  readonly session: Session
  readonly address: number
  readonly kind: LockKind
  /** The generation of the lock's block. If the block has another one, the lock was disposed, and the block may be another lock. */
  readonly generation: number

  private constructor(session: Session, address: number, kind: LockKind) {
    this.session = session
    this.address = address
    this.kind = kind
    this.generation = session.scratch.u32[address >>> 2]
  }

  static create(kind: LockKind): Place {
    const session = ownSession()
    const address = session.kernel.newLock(LOCK_KINDS.indexOf(kind) + 1) >>> 0
    if (address === 0)
      throw new MapFullError(`no memory for another ${kind}: the locks of one thread take at most ${MAX_BYTES} bytes`)
    session.scratch.refresh()
    return new Place(session, address, kind)
  }

  static attach(kind: LockKind, handle: LockHandle): Place {
    checkHandle(kind, handle)
    checkReady(`${kind}.attach()`)
    if (!isMemory(handle.memory)) throw new AttachError(NO_MEMORY)
    if (handle.memory.buffer.byteLength < L.HASH_KEYS) throw new AttachError('the memory of the handle holds no locks')
    const session = attached(handle.memory)
    session.scratch.refresh()
    const { address, generation } = handle
    const isWord = (value: unknown): boolean => typeof value === 'number' && value >>> 0 === value
    if (!isWord(address) || !isWord(generation) || session.kernel.isLockBlock(address) === 0) {
      throw new AttachError(
        `there is no ${kind} at address ${String(address)}: this is no handle that ${kind} gave out`,
      )
    }
    const stored = session.scratch.u32[(address + L.K_KIND) >>> 2]
    if (LOCK_KINDS[stored - 1] !== kind || session.scratch.u32[address >>> 2] !== generation)
      throw new AttachError(`there is no such ${kind} at address ${handle.address}: it was disposed`)
    return new Place(session, handle.address, kind)
  }

  get handle(): LockHandle {
    this.check()
    this.session.shared = true
    const { session, address, generation, kind } = this
    checkReady(`the handle of a ${kind}`)
    return { threadmap: L.LAYOUT_VERSION, kind, memory: session.memory, address, generation }
  }

  /** Whether the lock was disposed, in this thread or another. */
  get isVoid(): boolean {
    return this.session.scratch.u32[this.address >>> 2] !== this.generation
  }

  check(): void {
    if (this.isVoid) throw this.disposed()
  }

  disposed(): DisposedError {
    return new DisposedError(`this ${this.kind} was disposed; create another one, and send its handle`)
  }

  /** The detail that belongs to the kernel's last code, such as the owner of the lock. */
  get detail(): number {
    return this.session.scratch.u32[(this.session.scratch.resultWord + L.R_DETAIL) >>> 2]
  }

  /** The thread that died, after a positive code of the kernel's lock functions. */
  get died(): OwnerDied {
    return { threadId: threadIdOf(this.detail) }
  }

  /** The error for a negative code of the kernel's lock functions. */
  failure(code: number, timeout: number): Error {
    const { kind, detail } = this
    switch (code) {
      case L.E_TIMEOUT:
        return new LockTimeoutError(
          `no ${kind} within ${timeout} ms: ${ownerWords(this.session, detail)}. ${deathWords(this.session, detail)}; if it is slow, pass a longer time-out`,
          detail,
          -1,
        )
      case L.E_RELOCK:
        return new LockUsageError(
          `this thread holds the ${kind} already, or waits for it with lockAsync: locking it again would wait for itself. Unlock it first, or use lockAsync() here as well`,
        )
      case L.E_DISPOSED:
        return this.disposed()
      case L.E_NOT_OWNER:
        return new LockUsageError(`this thread does not hold the ${kind}, so it cannot unlock it`)
      default:
        return new ThreadLimitError(
          `this thread holds ${L.HOLD_COUNT} locks for reading, which is the limit; release some`,
        )
    }
  }

  /** Disposes the lock, for all threads. Does nothing if it was disposed already. */
  free(): void {
    if (!this.isVoid) this.session.kernel.freeLock(this.address, this.generation)
  }
}

/** The longest delay of a timer, about 25 days. */
const LONGEST_MS = 2 ** 31 - 1

export function checkTimeout(timeout: number): number {
  if (typeof timeout === 'number' && timeout >= 0) return Math.min(timeout, LONGEST_MS)
  throw new OptionError(`a time-out is a number of milliseconds from 0 up, and got ${String(timeout)}`)
}
