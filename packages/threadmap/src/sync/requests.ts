/**
 * The requests of this thread that wait for a lock without blocking the thread. Requests for the whole lock are in a line: one of them at
 * a time competes with other threads. Requests for a share are served together, by one share of the thread.
 */

import * as L from '../bridge/layout.generated.js'
import { deathWords, ownerWords } from '../bridge/owner-words.js'
import { type Session, slotAddress } from '../bridge/session.js'
import { LockTimeoutError, LockUsageError } from '../errors/classes.js'
import { Guard } from './guard.js'
import type { OwnerDied, Place } from './lock-memory.js'
import { Request, type Waiting } from './request.js'
import { waitForWord } from './word.js'

/** Slices of waiting. A death or a disposal without a wake-up is noticed after such a time at the latest. */
const FIRST_SLICE_MS = 10
const LAST_SLICE_MS = 100
/**
 * How long a request for a share waits for a writer although this thread has a share. Then the request is served: it may come from the
 * code that has the share, and the writer waits for that code.
 */
const NESTED_MS = 50

/** The calls of the kernel for one kind of request. */
interface Access {
  /** Tries to get the lock once. Returns a code of the kernel. */
  poll(overdue: boolean): number
  /** Ends the competing. If the request got the lock in that moment, it is given back. */
  leave(): void
  /** The word to wait for after E_BUSY, as an offset in the lock's block. */
  readonly word: number
}

/** The requests of this thread for one lock, and the shares and the whole lock that it holds by them. */
export class Requests {
  readonly place: Place
  /** Requests for the whole lock that do not compete yet. */
  readonly #line: Request[] = []
  /** Whether a request for the whole lock competes, or has the lock. */
  #wholeBusy = false
  /** Whether that request has the lock, or half of it: a writer with the mutex that waits for readers. */
  ownsWhole = false
  /** Requests for shares. The first may be competing. */
  readonly #sharing: Request[] = []
  #shareBusy = false
  /** How many guards of shares there are. The thread has one share for all of them. */
  #shares = 0
  #shareDied: OwnerDied | undefined
  readonly #pending = new Set<Request>()

  constructor(place: Place) {
    this.place = place
  }

  /** Rejects all requests, after the lock was disposed. */
  end(): void {
    for (const request of [...this.#pending]) request.fail(this.place.disposed())
  }

  /** Whether all shares of this thread are those of guards, and none was taken by a blocking call. */
  get ownsAllShares(): boolean {
    if (this.#shares === 0) return false
    const { session, address } = this.place
    const holds = slotAddress(session.owner, L.S_HOLDS) >>> 2
    let shares = 0
    for (const word of session.scratch.u32.subarray(holds, holds + L.HOLD_COUNT)) {
      if (word === address + L.K_READERS) shares++
    }
    return shares <= 1
  }

  #request(waiting: Waiting, queue: Request[]): Request {
    const request = new Request(waiting, () => this.#timedOut(waiting.timeout))
    this.#pending.add(request)
    request.left = () => this.#leave(request, queue)
    queue.push(request)
    return request
  }

  #leave(request: Request, queue: Request[]): void {
    this.#pending.delete(request)
    const at = queue.indexOf(request)
    if (at >= 0) queue.splice(at, 1)
  }

  #grant(request: Request, died: OwnerDied | undefined, release: () => void): void {
    this.#pending.delete(request)
    request.resolve(new Guard(this.place, died, release))
  }

  // --- The whole lock -------------------------------------------------------------------------------------------------

  lockWhole(waiting: Waiting): Promise<Guard> {
    const request = this.#request(waiting, this.#line)
    if (!this.#wholeBusy) this.#nextInLine()
    return request.promise
  }

  #nextInLine(): void {
    this.ownsWhole = false
    const request = this.#line.shift()
    this.#wholeBusy = request !== undefined
    if (request === undefined) {
      this.#dropIfIdle()
      return
    }
    const { place } = this
    const { kernel } = place.session
    const isMutex = place.kind === 'Mutex'
    const release = () => {
      if (isMutex) kernel.unlockMutex(place.address, place.generation)
      else kernel.unlockWriter(place.address, place.generation)
      this.#nextInLine()
    }
    const left = () => {
      this.#pending.delete(request)
      this.#nextInLine()
    }
    this.#compete(request, isMutex ? this.#mutexAccess() : this.#writerAccess(), left, code => {
      this.ownsWhole = true
      const died = code > 0 ? place.died : undefined
      if (died !== undefined && request.waiting.tells) kernel.acknowledge(place.address)
      this.#grant(request, died, release)
    })
  }

  #mutexAccess(): Access {
    const { address, session } = this.place
    const { kernel } = session
    return {
      word: L.K_MUTEX,
      poll: overdue => kernel.pollMutex(address, Number(overdue)),
      leave: () => {
        if (kernel.leaveMutex(address) >= 0) kernel.unlockMutex(address, this.place.generation)
      },
    }
  }

  #writerAccess(): Access {
    const { address, session } = this.place
    const { kernel } = session
    const requests = this
    let yieldsUntil = 0
    return {
      get word() {
        return requests.ownsWhole ? L.K_READERS : L.K_MUTEX
      },
      poll(overdue) {
        if (!requests.ownsWhole) {
          const code = kernel.pollWriterMutex(address, Number(overdue))
          if (code < 0) return code
          requests.ownsWhole = true
          yieldsUntil = performance.now() + FIRST_SLICE_MS
        }
        return kernel.pollWriter(address, Number(performance.now() < yieldsUntil))
      },
      leave() {
        if (requests.ownsWhole || kernel.leaveWriterMutex(address) >= 0) kernel.leaveWriter(address)
      },
    }
  }

  // --- Shares -----------------------------------------------------------------------------------------------------------

  lockShare(waiting: Waiting): Promise<Guard> {
    const request = this.#request(waiting, this.#sharing)
    this.#share()
    return request.promise
  }

  /** Serves the requests for a share now if that is possible, else arranges that it is done later. */
  #share(): void {
    const request = this.#sharing[0]
    if (request === undefined) {
      this.#dropIfIdle()
      return
    }
    if (this.#shareBusy) return
    if (this.#shares > 0) {
      const left = NESTED_MS - (performance.now() - request.began)
      if (left <= 0 || !this.#writerWaits()) this.#admit()
      else setTimeout(() => this.#share(), left)
      return
    }
    this.#shareBusy = true
    const left = () => {
      this.#shareBusy = false
      this.#leave(request, this.#sharing)
      this.#share()
    }
    this.#compete(request, this.#shareAccess(request), left, code => {
      this.#shareBusy = false
      this.#shareDied = code > 0 ? this.place.died : undefined
      this.#admit()
    })
  }

  #shareAccess(request: Request): Access {
    const { address, session } = this.place
    const { kernel } = session
    let counted = false
    return {
      word: L.K_READERS,
      poll: overdue => {
        if (overdue && !counted) counted = kernel.overdueReader(address) !== 0
        const again = performance.now() - request.began >= NESTED_MS
        return kernel.pollReader(address, Number(counted), Number(again))
      },
      leave: () => {
        if (counted) kernel.leaveReader(address)
      },
    }
  }

  #writerWaits(): boolean {
    const { session, address } = this.place
    return Atomics.load(session.scratch.i32, (address + L.K_READERS) >>> 2) < 0
  }

  /** Serves all requests for a share, now that this thread has one. */
  #admit(): void {
    const waiting = this.#sharing.splice(0)
    this.#shares += waiting.length
    for (const request of waiting) this.#grant(request, this.#shareDied, () => this.#unshare())
  }

  #unshare(): void {
    if (--this.#shares > 0) return
    this.place.session.kernel.unlockReader(this.place.address, this.place.generation)
    this.#share()
  }

  // --- Competing with other threads ----------------------------------------------------------------------------------------

  #compete(request: Request, access: Access, left: () => void, got: (code: number) => void): void {
    const { place } = this
    const { session, address } = place
    const began = performance.now()
    let lost = 0
    let slice = FIRST_SLICE_MS
    let index = 0
    let isOver = false
    request.left = () => {
      isOver = true
      if (!place.isVoid) access.leave()
      left()
    }
    const attempt = (woken: boolean) => {
      if (isOver) {
        // This request no longer waits, so the wake-up is passed on to another thread or request.
        if (woken) Atomics.notify(session.scratch.i32, index, 1)
        return
      }
      if (place.isVoid) {
        request.fail(place.disposed())
        return
      }
      if (woken) lost++
      const waited = performance.now() - began
      const overdue = session.kernel.isOverdue(waited, lost) !== 0
      // The owner may have died, and another thread may have heard of it.
      if (overdue) session.declareEnded()
      const code = access.poll(overdue)
      if (code >= 0) {
        isOver = true
        got(code)
      } else if (code !== L.E_BUSY) {
        request.fail(place.failure(code, request.waiting.timeout))
      } else {
        index = (address + access.word) >>> 2
        waitForWord(session.scratch.i32, index, place.detail, slice, attempt)
        slice = Math.min(slice * 2, LAST_SLICE_MS)
      }
    }
    attempt(false)
  }

  #timedOut(timeout: number): Error {
    const { place } = this
    const owner = place.isVoid ? 0 : place.session.kernel.lockOwner(place.address)
    const who =
      owner === place.session.owner ? 'this thread holds it itself, by another call' : ownerWords(place.session, owner)
    return new LockTimeoutError(
      `no ${place.kind} within ${timeout} ms: ${who}. ${deathWords(place.session, owner)}; if it is slow, pass a longer time-out`,
      owner,
      -1,
    )
  }

  #dropIfIdle(): void {
    if (!this.#wholeBusy && this.#shares === 0 && this.#pending.size === 0) forget(this)
  }
}

/** This thread's requests, by memory and address. */
const all = new Map<Session, Map<number, Requests>>()
/** How many locks have requests. At 0 `unlock` need not look for any. */
export let asyncLocks = 0

export function requestsFor(place: Place): Requests {
  const known = find(place)
  if (known !== undefined) return known
  const places = all.get(place.session) ?? new Map<number, Requests>()
  all.set(place.session, places)
  // Requests for another lock at this address belong to a lock that was disposed.
  if (!places.has(place.address)) asyncLocks++
  const made = new Requests(place)
  places.set(place.address, made)
  return made
}

function find(place: Place): Requests | undefined {
  const found = asyncLocks === 0 ? undefined : all.get(place.session)?.get(place.address)
  return found?.place.generation === place.generation ? found : undefined
}

function forget(requests: Requests): void {
  const places = all.get(requests.place.session)
  if (places?.get(requests.place.address) !== requests) return
  places.delete(requests.place.address)
  asyncLocks--
}

/** `LockUsageError` from `unlock()`, of the whole lock or of a share, if `lockAsync` took the lock: then its guard gives it up. */
export function refuseAsync(place: Place, whole: boolean): void {
  const requests = find(place)
  if (requests === undefined || !(whole ? requests.ownsWhole : requests.ownsAllShares)) return
  throw new LockUsageError(
    `this thread has the ${place.kind} (or waits for it) by lockAsync(): call unlock() of what that returned`,
  )
}

export function endRequests(place: Place): void {
  find(place)?.end()
}
