/**
 * The locks of users (src/sync). Each is a block of shard 0's heap in a memory of its own. Functions that take a lock return
 * LOCKED, BROKEN (taken; its owner died, and nobody has been told), or an error. `poll...` and `leave...` are for
 * threads that must not sleep: they try once, and JavaScript waits for the value that E_BUSY leaves in the result area.
 *
 * A handle names a lock by its block's address and generation: another generation means that the lock was disposed.
 */
import { cas32, load32, store32 } from '../atomics'
import {
  D_HEAP,
  D_LOCK,
  E_BUSY,
  E_DISPOSED,
  E_NOT_OWNER,
  E_RELOCK,
  E_TIMEOUT,
  G_SIZE,
  H_LOCKS,
  K_DIED,
  K_KIND,
  K_MUTEX,
  K_NEWS,
  K_READERS,
  LOCK_BYTES,
  S_STATE,
  THREAD_SHIFT,
} from '../layout'
import { lockShard } from '../maps/shard-lock'
import { allocate, free, isBlockOf } from '../memory/blocks'
import { pageOf } from '../memory/pages'
import { shardAt } from '../table/shard'
import { setDetail } from '../table/value'
import {
  BROKEN,
  blocker,
  busyWord,
  DIED,
  GRANTED,
  LOCKED,
  lockSlowly,
  OWNER,
  ownerOf,
  tryMutex,
  unlock,
  withdraw,
} from './lock'
import {
  becomeOverdue,
  dropOverdue,
  giveUp,
  lockExclusive,
  lockShared,
  noteInside,
  shareAgain,
  tryEnter,
  tryShared,
  unlockExclusive,
  unlockShared,
  wasInside,
} from './shared-lock'
import { findHold, livesStill, me, slotOf } from './thread'

/** A new lock's address, or 0: no memory. */
export function newLock(kind: u32): u32 {
  const shard = shardAt(0)
  if (lockShard(shard) < 0) return 0
  const block = allocate(shard + D_HEAP, LOCK_BYTES)
  if (block != 0) {
    for (let at: u32 = K_KIND; at < LOCK_BYTES; at += 8) store<u64>(block + at, 0)
    store32(block + K_KIND, kind)
    store32(block, load<u32>(block) + 1)
  }
  unlock(shard + D_LOCK)
  return block
}

/** Whether a living lock's block begins there. For addresses that came from outside. */
export function isLockBlock(block: u32): bool {
  if (load<u32>(H_LOCKS) == 0 || !isBlockOf(shardAt(0) + D_HEAP, block)) return false
  return load<u32>(pageOf(block) + G_SIZE) >= LOCK_BYTES && (load32(block) & 1) == 0
}

/**
 * Ends the life of a lock, once: handles with its generation are void from now on. Its memory serves again unless a thread
 * has the lock or waits for it, which would then act on another lock; such a block is lost.
 */
export function freeLock(block: u32, generation: u32): void {
  const shard = shardAt(0)
  if (lockShard(shard) < 0) return
  if (load32(block) == generation) {
    if ((load32(block + K_MUTEX) | load32(block + K_READERS)) == 0) {
      free(shard + D_HEAP, block)
    } else {
      store32(block + K_KIND, 0)
      // Two further, so that it is a living block of another generation.
      store32(block, generation + 2)
    }
  }
  unlock(shard + D_LOCK)
}

/** What a function that got the whole lock returns: `code`, or BROKEN if an earlier death is still news. */
function announce(code: i32, block: u32): i32 {
  if (code == BROKEN) {
    const died = blocker == DIED ? load32(block + K_DIED) : load32(slotOf(blocker) + S_STATE) >> THREAD_SHIFT
    store<u32>(block + K_NEWS, died + 1)
  } else if (code < 0) {
    setDetail(code == E_BUSY ? busyWord : blocker)
    return code
  }
  const news = load<u32>(block + K_NEWS)
  if (news == 0) return LOCKED
  setDetail(news - 1)
  return BROKEN
}

/** A program that can repair what the lock guards knows of the death. Called with the whole lock held. */
export function acknowledge(block: u32): void {
  store<u32>(block + K_NEWS, 0)
}

function isGone(block: u32, generation: u32): bool {
  return load32(block) != generation
}

/** Whether this thread has the mutex. It does not if the mutex was handed to it and it has not accepted. */
function isMine(word: u32): bool {
  return (load32(word) & (OWNER | GRANTED)) == me
}

export function lockMutex(block: u32, generation: u32, timeout: f64): i32 {
  if (isGone(block, generation)) return E_DISPOSED
  const word = block + K_MUTEX
  if (cas32(word, 0, me) == 0) return announce(LOCKED, block)
  return isMine(word) ? E_RELOCK : waitMutex(block, generation, timeout)
}

function waitMutex(block: u32, generation: u32, timeout: f64): i32 {
  const word = block + K_MUTEX
  const code = lockSlowly(word, timeout)
  if (!isGone(block, generation)) return announce(code, block)
  // The lock was disposed while this thread waited: the block is another lock, or none.
  if (code >= 0) unlock(word)
  return E_DISPOSED
}

/** E_BUSY: another thread, or this one, has it. A dead owner's lock is taken over. */
export function tryLockMutex(block: u32, generation: u32): i32 {
  if (isGone(block, generation)) return E_DISPOSED
  const word = block + K_MUTEX
  if (cas32(word, 0, me) == 0) return announce(LOCKED, block)
  const owner = ownerOf(word)
  if (owner == 0 || owner == me || livesStill(owner)) return E_BUSY
  const code = waitMutex(block, generation, 0)
  return code == E_TIMEOUT ? E_BUSY : code
}

export function unlockMutex(block: u32, generation: u32): i32 {
  if (isGone(block, generation)) return E_DISPOSED
  const word = block + K_MUTEX
  if (cas32(word, me, 0) == me) return 0
  if (!isMine(word)) return E_NOT_OWNER
  unlock(word)
  return 0
}

/** `overdue`: this thread has waited so long that the lock is to be handed to it. */
export function pollMutex(block: u32, overdue: bool): i32 {
  return announce(tryMutex(block + K_MUTEX, overdue), block)
}

/** No longer waits. LOCKED or BROKEN: the lock was handed to this thread meanwhile, so it has it. */
export function leaveMutex(block: u32): i32 {
  return announce(withdraw(block + K_MUTEX), block)
}

/** A writer that died while it waited for readers has changed nothing. */
function announceWriter(code: i32, block: u32): i32 {
  return announce(code == BROKEN && !wasInside ? LOCKED : code, block)
}

export function lockWriter(block: u32, generation: u32, timeout: f64): i32 {
  if (isGone(block, generation)) return E_DISPOSED
  const readers = block + K_READERS
  const mutex = block + K_MUTEX
  if (isMine(mutex) || findHold(readers) != 0) return E_RELOCK
  const code = lockExclusive(readers, mutex, timeout)
  if (!isGone(block, generation)) return announceWriter(code, block)
  if (code >= 0) unlockExclusive(readers, mutex)
  return E_DISPOSED
}

export function unlockWriter(block: u32, generation: u32): i32 {
  if (isGone(block, generation)) return E_DISPOSED
  if (!isMine(block + K_MUTEX)) return E_NOT_OWNER
  unlockExclusive(block + K_READERS, block + K_MUTEX)
  return 0
}

/** The first step: the writers' mutex. If its owner died inside, K_NEWS says so already. */
export function pollWriterMutex(block: u32, overdue: bool): i32 {
  const code = tryMutex(block + K_MUTEX, overdue)
  return code < 0 ? announce(code, block) : noteWriter(code, block)
}

/** E_TIMEOUT, or LOCKED: this thread has the mutex, as after `pollWriterMutex`. */
export function leaveWriterMutex(block: u32): i32 {
  const code = withdraw(block + K_MUTEX)
  return code < 0 ? announce(code, block) : noteWriter(code, block)
}

function noteWriter(code: i32, block: u32): i32 {
  noteInside(block + K_READERS)
  announceWriter(code, block)
  return LOCKED
}

/** The second: the readers leave. `yields`: those that are overdue go first. */
export function pollWriter(block: u32, yields: bool): i32 {
  return announce(tryEnter(block + K_READERS, yields, true), block)
}

/** Gives up between the two. */
export function leaveWriter(block: u32): void {
  giveUp(block + K_READERS, block + K_MUTEX, LOCKED)
}

/**
 * Takes a share. BROKEN: it has the share, a writer died inside, and no writer since has been told. Only the holder of the whole lock
 * may take it over from a dead thread.
 */
export function lockReader(block: u32, generation: u32, timeout: f64): i32 {
  if (isGone(block, generation)) return E_DISPOSED
  const readers = block + K_READERS
  const mutex = block + K_MUTEX
  while (true) {
    if (isMine(mutex) && findHold(readers) == 0) return E_RELOCK
    const code = lockShared(readers, mutex, timeout)
    if (code != BROKEN) {
      if (!isGone(block, generation)) return announce(code, block)
      if (code == LOCKED) unlockShared(readers)
      return E_DISPOSED
    }
    const taken = lockWriter(block, generation, timeout)
    if (taken < 0) return taken
    unlockExclusive(readers, mutex)
  }
  return E_BUSY
}

export function unlockReader(block: u32, generation: u32): i32 {
  if (isGone(block, generation)) return dropShare(block)
  return unlockShared(block + K_READERS) ? 0 : E_NOT_OWNER
}

/** A share of a lock that was disposed: this thread must not be taken for a reader of the next lock there. */
function dropShare(block: u32): i32 {
  const place = findHold(block + K_READERS)
  if (place != 0) store32(place, 0)
  return E_DISPOSED
}

/** `overdue`: this thread counts as overdue, by `overdueReader`. `again`: if it has a share it gets another one at once. */
export function pollReader(block: u32, overdue: bool, again: bool): i32 {
  const readers = block + K_READERS
  if (again) {
    const code = shareAgain(readers)
    if (code != E_BUSY) return announce(code, block)
  }
  while (true) {
    const code = tryShared(readers, block + K_MUTEX, overdue)
    if (code != BROKEN) return announce(code, block)
    const taken = tryMutex(block + K_MUTEX, false)
    if (taken < 0) continue
    noteWriter(taken, block)
    // Another thread may have recovered the lock first, and readers be in by now.
    if (tryEnter(readers, false, false) == LOCKED) unlockExclusive(readers, block + K_MUTEX)
    else giveUp(readers, block + K_MUTEX, LOCKED)
  }
  return E_BUSY
}

export function overdueReader(block: u32): bool {
  return becomeOverdue(block + K_READERS)
}

/** An overdue reader no longer waits. */
export function leaveReader(block: u32): void {
  dropOverdue(block + K_READERS)
}

/** The thread that holds the lock for writing: its registry slot plus one, or 0. */
export function lockOwner(block: u32): u32 {
  return ownerOf(block + K_MUTEX)
}
