/**
 * Claims: the keys that a `getOrInsertComputed` is computing now. A thread's computations are nested, so its claims are a stack:
 * records {hash, meta, key} in pages of its own, named by its registry slot. All threads look for a key in all stacks, and
 * push and pop, under the claims' lock; no lock is held while a user's function runs. A thread that finds its key claimed says so in
 * its slot, sleeps until the owner ends that claim (or dies), and looks again.
 *
 * What must hold: a record is in its stack from the store of C_LAST that names it until its meta word says C_ENDED, so a stack
 * is whole at every step of its owner, which can die at any. Nobody reads the stacks and waits of dead threads.
 *
 * A thread waits for one claim at most. Where the claim's owner waits for a claim too, and so on, and the last one's is this
 * thread's, nobody would ever go on: the edges change only under the claims' lock, so the thread that would close the circle sees it.
 */
import { add32, load32, load64, put32, put64, store32 } from '../atomics'
import {
  C_ENDED,
  C_HASH,
  C_HEADER,
  C_KEY,
  C_LAST,
  C_META,
  C_PREVIOUS,
  C_PREVIOUS_PAGE,
  C_SERIAL,
  C_SIZE,
  C_WAITED,
  E_COMPUTE_TIMEOUT,
  E_DEADLOCK,
  E_RECURSIVE,
  ENTRY_KEY,
  H_CLAIM_LOCK,
  H_CLAIM_OWNERS,
  H_CLAIM_SERIAL,
  H_COMPUTE_TIMEOUT,
  HEAP_SHIFT,
  META_LENGTH,
  PAGE,
  R_ERROR_SHARD,
  R_HELD_KEY,
  R_HELD_META,
  S_CLAIM_EPOCH,
  S_CLAIMS,
  S_WAITS_FOR,
  S_WAITS_ON,
  SCRATCH_SPAN,
  SLOT_COUNT,
  WHOLE_KEY,
} from '../layout'
import { failure } from '../memory/allocation'
import { checkWalk, givePages, takePages } from '../memory/pages'
import { hashKey, keyAt, sameLongKey, writeLongKey } from '../table/key'
import { resultAt, setDetail } from '../table/value'
import { blocker, lock, sleep, unlock } from './lock'
import { isAlive, me, mySlot, now, slotOf } from './thread'

/** Serial numbers are positive signed numbers: `beginClaim` returns errors as negative ones. */
const SERIAL_MASK: u32 = 0x7fffffff

/** The owner of the claim that `find` found. */
let claimOwner: u32 = 0

/**
 * Takes the claim of the key in the key area; waits while another thread has it. Returns its serial number, or an error. The
 * caller has to look whether the key is there now.
 */
export function beginClaim(meta: u32): i32 {
  const hash = hashKey(meta)
  let deadline: f64 = 0
  while (true) {
    const locked = lock(H_CLAIM_LOCK)
    if (load32(mySlot + S_WAITS_FOR) != 0) store32(mySlot + S_WAITS_FOR, 0)
    if (locked < 0) return refuse(locked, blocker)
    const claim = find(hash, meta)
    if (claim == 0) {
      const serial = push(hash, meta)
      unlock(H_CLAIM_LOCK)
      return serial < 0 ? refuse(serial, blocker) : serial
    }
    const owner = claimOwner
    const code = owner == me ? E_RECURSIVE : mayWait(owner, deadline)
    if (code < 0) {
      unlock(H_CLAIM_LOCK)
      return refuse(code, owner)
    }
    if (deadline == 0) deadline = now() + <f64>load<u32>(H_COMPUTE_TIMEOUT)
    put32(claim + C_WAITED, 1)
    store32(mySlot + S_WAITS_ON, owner)
    store32(mySlot + S_WAITS_FOR, load32(claim + C_SERIAL))
    const epoch = load32(slotOf(owner) + S_CLAIM_EPOCH)
    // An owner that did not get the claims' lock ends its claim without: then it has raised the epoch before this thread looked.
    const stands = load32(claim + C_META) == meta
    unlock(H_CLAIM_LOCK)
    if (stands) sleepTill(owner, epoch, deadline)
  }
  return E_COMPUTE_TIMEOUT
}

/** Returns an error. The result area names the thread in the way, and no shard. */
function refuse(code: i32, owner: u32): i32 {
  setDetail(owner)
  store<u32>(resultAt + R_ERROR_SHARD, <u32>-1)
  return code
}

/** Whether this thread may wait for a claim of `owner`: 0, or an error. */
function mayWait(owner: u32, deadline: f64): i32 {
  if (deadline > 0 && now() >= deadline) return E_COMPUTE_TIMEOUT
  let at = owner
  for (let i: u32 = 0; i < SLOT_COUNT; i++) {
    const serial = load32(slotOf(at) + S_WAITS_FOR)
    if (serial == 0 || !isAlive(at)) return 0
    const next = load32(slotOf(at) + S_WAITS_ON)
    const claim = claimOf(next, serial)
    // That thread waits no longer, and has not yet said so.
    if (claim == 0) return 0
    if (next == me) {
      store<u32>(resultAt + R_HELD_KEY, claim + C_KEY)
      store<u32>(resultAt + R_HELD_META, load32(claim + C_META))
      return E_DEADLOCK
    }
    at = next
  }
  return 0
}

/** Sleeps until the owner has ended a claim that another thread waited for, the owner is dead, or the time is over. */
function sleepTill(owner: u32, epoch: u32, deadline: f64): void {
  const word = slotOf(owner) + S_CLAIM_EPOCH
  while (load32(word) == epoch && isAlive(owner) && now() < deadline) {
    sleep(word, epoch, deadline - now())
  }
}

/** Ends a claim, whether its key was inserted or not: the threads that wait for it look for themselves. */
export function endClaim(serial: u32): void {
  const claim = claimOf(me, serial)
  if (claim == 0) return
  // From here on it is no claim, even if this thread does not get the lock.
  store32(claim + C_META, C_ENDED)
  const locked = lock(H_CLAIM_LOCK) >= 0
  // Every thread that waits has said so under the lock.
  const waited = !locked || load32(claim + C_WAITED) != 0
  if (locked) {
    popEnded()
    unlock(H_CLAIM_LOCK)
  }
  if (waited) wake(me)
}

function wake(owner: u32): void {
  const word = slotOf(owner) + S_CLAIM_EPOCH
  add32(word, 1)
  atomic.notify(word, -1)
}

/** Ends all claims of a thread that is dead, or leaves. Their pages are given back with its scratch areas. */
export function dropClaims(owner: u32): bool {
  if (lock(H_CLAIM_LOCK) < 0) return false
  const slot = slotOf(owner)
  store32(slot + S_CLAIMS, 0)
  store32(slot + S_WAITS_FOR, 0)
  setOwner(owner, false)
  unlock(H_CLAIM_LOCK)
  wake(owner)
  return true
}

/** The claim of the key in the key area, or 0. */
function find(hash: u64, meta: u32): u32 {
  for (let i: u32 = 0; i < SLOT_COUNT / 32; i++) {
    let owners = load32(H_CLAIM_OWNERS + i * 4)
    while (owners != 0) {
      claimOwner = i * 32 + ctz<u32>(owners) + 1
      owners &= owners - 1
      if (!isAlive(claimOwner)) continue
      let walked: u32 = 0
      for (let claim = topOf(claimOwner); claim != 0; claim = below(claim)) {
        checkClaims(++walked)
        if (load64(claim + C_HASH) == hash && load32(claim + C_META) == meta && isKey(claim, meta)) return claim
      }
    }
  }
  return 0
}

/** `checkWalk` for claims: a page holds this many at most. */
function checkClaims(walked: u32): void {
  checkWalk(walked / (PAGE / C_KEY))
}

function isKey(claim: u32, meta: u32): bool {
  const length = meta & META_LENGTH
  if (length > WHOLE_KEY) return sameLongKey(claim + C_KEY - ENTRY_KEY, length)
  for (let offset: u32 = 0; offset < length; offset += 8) {
    if (load64(claim + C_KEY + offset) != load<u64>(keyAt + offset)) return false
  }
  return true
}

/** The claim of this thread with this number, or 0: it has ended. */
function claimOf(owner: u32, serial: u32): u32 {
  if (!isAlive(owner)) return 0
  let walked: u32 = 0
  for (let claim = topOf(owner); claim != 0; claim = below(claim)) {
    checkClaims(++walked)
    if (load32(claim + C_SERIAL) == serial) return load32(claim + C_META) == C_ENDED ? 0 : claim
  }
  return 0
}

function topOf(owner: u32): u32 {
  return topIn(load32(slotOf(owner) + S_CLAIMS))
}

/** The last claim in this page, or in the first before it that has one; 0: there is none. */
function topIn(page: u32): u32 {
  let walked: u32 = 0
  while (page != 0) {
    checkWalk(++walked)
    const last = load32(page + C_LAST)
    if (last != 0) return page + last
    page = load32(page + C_PREVIOUS_PAGE)
  }
  return 0
}

/** The claim that was pushed before this one. */
function below(claim: u32): u32 {
  const previous = load32(claim + C_PREVIOUS)
  // A span holds one claim, at its beginning: so claims are never further than a page from their page's header.
  const page = claim & ~(PAGE - 1)
  return previous != 0 ? page + previous : topIn(load32(page + C_PREVIOUS_PAGE))
}

function sizeOf(meta: u32): u32 {
  return C_KEY + (((meta & META_LENGTH) + 7) & ~7)
}

/** A new claim on this thread's stack. Returns its number, or an error. Called with the claims' lock held. */
function push(hash: u64, meta: u32): i32 {
  popEnded()
  const size = sizeOf(meta)
  let page = load32(mySlot + S_CLAIMS)
  let last: u32 = 0
  let at: u32 = C_HEADER
  if (page != 0) {
    last = load32(page + C_LAST)
    if (last != 0) at = last + sizeOf(load32(page + last + C_META))
  }
  if (page == 0 || at + size > load32(page + C_SIZE)) {
    const pages = (C_HEADER + size + PAGE - 1) / PAGE
    const fresh = takePages(pages, SCRATCH_SPAN | ((me - 1) << HEAP_SHIFT))
    if (fresh == 0) return failure
    put32(fresh + C_PREVIOUS_PAGE, page)
    put32(fresh + C_LAST, 0)
    // Nothing but its one claim goes into a span.
    put32(fresh + C_SIZE, pages == 1 ? PAGE : C_HEADER + size)
    page = fresh
    last = 0
    at = C_HEADER
    store32(mySlot + S_CLAIMS, page)
    setOwner(me, true)
  }
  const serial = max((load32(H_CLAIM_SERIAL) + 1) & SERIAL_MASK, 1)
  store32(H_CLAIM_SERIAL, serial)
  const claim = page + at
  put32(claim + C_PREVIOUS, last)
  put32(claim + C_SERIAL, serial)
  put64(claim + C_HASH, hash)
  put32(claim + C_META, meta)
  put32(claim + C_WAITED, 0)
  const length = meta & META_LENGTH
  if (length > WHOLE_KEY) {
    writeLongKey(claim + C_KEY - ENTRY_KEY, length)
  } else {
    for (let offset: u32 = 0; offset < length; offset += 8) {
      put64(claim + C_KEY + offset, load<u64>(keyAt + offset))
    }
  }
  store32(page + C_LAST, at)
  return serial
}

/** Takes ended claims off this thread's stack. Called with the claims' lock held. */
function popEnded(): void {
  let page = load32(mySlot + S_CLAIMS)
  while (page != 0) {
    const last = load32(page + C_LAST)
    if (last != 0) {
      if (load32(page + last + C_META) != C_ENDED) return
      store32(page + C_LAST, load32(page + last + C_PREVIOUS))
      continue
    }
    const before = load32(page + C_PREVIOUS_PAGE)
    // The first page stays for the next claim, unless it was made for a long key.
    if (before == 0 && load32(page + C_SIZE) == PAGE) return
    store32(mySlot + S_CLAIMS, before)
    if (before == 0) setOwner(me, false)
    givePages(page)
    page = before
  }
}

/** Whether others look into the stack of this thread. */
function setOwner(owner: u32, has: bool): void {
  const word = H_CLAIM_OWNERS + ((owner - 1) >> 5) * 4
  const bit = (<u32>1) << ((owner - 1) & 31)
  store32(word, has ? load32(word) | bit : load32(word) & ~bit)
}
