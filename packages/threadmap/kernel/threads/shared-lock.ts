/**
 * A readers-writer lock: a mutex for writers and a word that counts readers. A reader first names the lock in its registry
 * slot, then counts itself by compare-exchange, which the writer's bit forbids; so a writer that sees that no living thread
 * names the lock may set the count to zero: what is left in it belonged to the dead.
 *
 * A writer that has the mutex sets its bit, so that no new reader comes in, and is inside when the count is zero. While it
 * waits for that, the word says WAITING: if it dies then, it has changed nothing, and readers clear its bit.
 *
 * Readers that writers keep out for longer than `H_HANDOVER` count themselves as overdue. A writer then lets them in before it
 * sets its bit. It gives them YIELD_MS at most: the count may speak of threads that are dead by now.
 */
import { add32, cas32, exchange32, load32, store32 } from '../atomics'
import { E_BUSY, E_HOLDS, E_TIMEOUT, H_BACKOFF_DELAY, H_BACKOFF_RETRIES, H_RECOVERIES, S_SPINS } from '../layout'
import {
  BROKEN,
  beginClock,
  beginWait,
  busyWord,
  endWait,
  isOverdue,
  LOCKED,
  lockSlowly,
  MAX_PAUSE,
  ownerOf,
  passOn,
  pause,
  setBlocker,
  setBusyWord,
  sleep,
  unlock,
} from './lock'
import { addHold, count, countHolds, findHold, heldByLiving, isAlive, me, now } from './thread'

export const WRITER: u32 = 0x80000000
/** A thread sleeps on the word, so whoever changes it in a way that matters wakes all. */
const SLEEPING: u32 = 0x40000000
/** The writer whose bit is set is not inside: it waits until the readers are gone. */
const WAITING: u32 = 0x20000000
/** How many waiting readers are overdue. */
const OVERDUE: u32 = 0x03ff0000
const OVERDUE_ONE: u32 = 0x00010000
/** Shares held: at most HOLD_COUNT by each of SLOT_COUNT threads. */
const COUNT: u32 = 0xffff

/** How long a writer lets overdue readers go first. A woken thread runs within 0.1 ms, or some ms on a busy machine. */
const YIELD_MS: f64 = 10

/** After `lockExclusive` or `noteInside`: whether the writer that died was inside, and not still waiting. */
export let wasInside: bool = false

/**
 * Takes a share of the lock. `mutex` is the writers' mutex. Returns LOCKED, E_TIMEOUT, E_HOLDS, or BROKEN: the writer
 * is dead, no share was taken, and the caller has to take the lock for writing, repair, and try again.
 */
export function lockShared(readers: u32, mutex: u32, timeout: f64): i32 {
  const place = addHold(readers)
  if (place == 0) return E_HOLDS
  // A thread that has a share gets another one at once: the writer waits for this thread, and so must not be waited for.
  let seen = load32(readers)
  const again = (seen & WRITER) != 0 && countHolds(readers) > 1
  while (again || (seen & WRITER) == 0) {
    const was = cas32(readers, seen, seen + 1)
    if (was == seen) return LOCKED
    seen = was
  }
  beginWait()
  // While it waits the lock must not be named: a writer that waits for a dead reader's share would take it for this one's.
  store32(place, 0)
  const code = awaitWriter(readers, mutex, timeout)
  endWait(readers)
  return code
}

function awaitWriter(readers: u32, mutex: u32, timeout: f64): i32 {
  const from = beginClock()
  let time = from
  const deadline = time + timeout
  let delay = load<u32>(H_BACKOFF_DELAY)
  const retries = load<u32>(H_BACKOFF_RETRIES)
  for (let i: u32 = 0; i < retries && (load32(readers) & WRITER) != 0; i++) {
    pause(delay)
    count(S_SPINS, 1)
    delay = min(delay << 1, MAX_PAUSE)
  }
  let lost: u32 = 0
  let overdue = false
  while (true) {
    if (!overdue && isOverdue(time - from, lost)) overdue = becomeOverdue(readers)
    const code = tryShared(readers, mutex, overdue)
    if (code != E_BUSY) {
      if (code != LOCKED && overdue) dropOverdue(readers)
      return code
    }
    if (time >= deadline) {
      setBlocker(ownerOf(mutex))
      if (overdue) dropOverdue(readers)
      return E_TIMEOUT
    }
    lost += sleep(readers, busyWord, deadline - time)
    time = now()
  }
  return E_TIMEOUT
}

/** One try of a reader that waits. E_BUSY: the word says now that somebody sleeps on it. `overdue`: it is counted as that. */
export function tryShared(readers: u32, mutex: u32, overdue: bool): i32 {
  while (true) {
    const seen = load32(readers)
    if ((seen & WRITER) == 0) {
      const place = addHold(readers)
      if (place == 0) return E_HOLDS
      const next = overdue && (seen & OVERDUE) != 0 ? seen + 1 - OVERDUE_ONE : seen + 1
      if (cas32(readers, seen, next) == seen) {
        // A writer may sleep until nobody is overdue.
        if (overdue && (next & (OVERDUE | SLEEPING)) == SLEEPING) atomic.notify(readers, -1)
        return LOCKED
      }
      store32(place, 0)
      continue
    }
    const owner = ownerOf(mutex)
    if (owner != 0 && !isAlive(owner)) {
      if ((seen & WAITING) == 0) return BROKEN
      if (cas32(readers, seen, seen & ~(WRITER | WAITING | SLEEPING)) == seen && (seen & SLEEPING) != 0) {
        atomic.notify(readers, -1)
      }
      continue
    }
    if ((seen & SLEEPING) == 0 && cas32(readers, seen, seen | SLEEPING) != seen) continue
    setBusyWord(seen | SLEEPING)
    return E_BUSY
  }
  return E_BUSY
}

/** Counts this reader as overdue. False: there is no writer, or too many are. */
export function becomeOverdue(readers: u32): bool {
  let seen = load32(readers)
  while ((seen & WRITER) != 0 && (seen & OVERDUE) != OVERDUE) {
    const was = cas32(readers, seen, seen + OVERDUE_ONE)
    if (was == seen) return true
    seen = was
  }
  return false
}

/** An overdue reader waits no longer. */
export function dropOverdue(readers: u32): void {
  let seen = load32(readers)
  while ((seen & OVERDUE) != 0) {
    const was = cas32(readers, seen, seen - OVERDUE_ONE)
    if (was == seen) {
      if (((seen - OVERDUE_ONE) & (OVERDUE | SLEEPING)) == SLEEPING) atomic.notify(readers, -1)
      return
    }
    seen = was
  }
}

/** Takes another share for a thread that has one. Returns false if it has none. */
export function shareAgain(readers: u32): i32 {
  if (findHold(readers) == 0) return E_BUSY
  if (addHold(readers) == 0) return E_HOLDS
  add32(readers, 1)
  return LOCKED
}

/** Gives the share back. Returns false if this thread had none. */
export function unlockShared(readers: u32): bool {
  const place = findHold(readers)
  if (place == 0) return false
  if (((add32(readers, <u32>-1) - 1) & ~(OVERDUE | WAITING)) == (WRITER | SLEEPING)) atomic.notify(readers, -1)
  store32(place, 0)
  return true
}

/** Takes the whole lock: the mutex, then waits until the readers are gone. */
export function lockExclusive(readers: u32, mutex: u32, timeout: f64): i32 {
  let code = LOCKED
  if (cas32(mutex, 0, me) != 0) {
    code = lockSlowly(mutex, timeout)
    if (code < 0) return code
  }
  wasInside = false
  if (cas32(readers, 0, WRITER) == 0) return code
  noteInside(readers)
  beginWait()
  code = awaitReaders(readers, mutex, timeout, code)
  endWait(readers)
  return code
}

/** Sets `wasInside`: whether the owner that died with the mutex was inside. Called by the thread that has just got the mutex. */
export function noteInside(readers: u32): void {
  wasInside = (load32(readers) & (WRITER | WAITING)) == WRITER
}

function awaitReaders(readers: u32, mutex: u32, timeout: f64, code: i32): i32 {
  let delay = load<u32>(H_BACKOFF_DELAY)
  let retries = load<u32>(H_BACKOFF_RETRIES)
  let time = beginClock()
  const deadline = time + timeout
  const yieldsUntil = time + YIELD_MS
  while (true) {
    const yields = time < yieldsUntil
    if (tryEnter(readers, yields, retries == 0) == LOCKED) return code
    if (retries > 0) {
      retries--
      pause(delay)
      count(S_SPINS, 1)
      delay = min(delay << 1, MAX_PAUSE)
      continue
    }
    if (time >= deadline) {
      setBlocker(0)
      giveUp(readers, mutex, code)
      return E_TIMEOUT
    }
    sleep(readers, busyWord, (yields ? min(deadline, yieldsUntil) : deadline) - time)
    time = now()
  }
  return E_TIMEOUT
}

/**
 * One try of the thread that has the mutex: LOCKED (it is inside), or E_BUSY. `yields`: overdue readers go first. `sleeps`: the
 * word says after E_BUSY that somebody sleeps on it, and dead readers' shares were looked for.
 */
export function tryEnter(readers: u32, yields: bool, sleeps: bool): i32 {
  while (true) {
    const seen = load32(readers)
    if ((seen & WRITER) == 0) {
      if (!yields || (seen & OVERDUE) == 0) {
        // A reader that is still counted as overdue after YIELD_MS is dead, or counts itself again.
        const rest = seen & ~OVERDUE
        if ((seen & COUNT) == 0) {
          if (cas32(readers, seen, rest | WRITER) == seen) return LOCKED
        } else {
          cas32(readers, seen, rest | WRITER | WAITING)
        }
        continue
      }
    } else if ((seen & COUNT) == 0) {
      if ((seen & WAITING) == 0 || cas32(readers, seen, seen & ~WAITING) == seen) return LOCKED
      continue
    } else if (sleeps && !heldByLiving(readers)) {
      if (cas32(readers, seen, seen & ~COUNT) == seen) add32(H_RECOVERIES, 1)
      continue
    }
    if (!sleeps) return E_BUSY
    if ((seen & SLEEPING) == 0 && cas32(readers, seen, seen | SLEEPING) != seen) continue
    setBusyWord(seen | SLEEPING)
    return E_BUSY
  }
  return E_BUSY
}

/** The thread that has the mutex no longer waits for the readers. */
export function giveUp(readers: u32, mutex: u32, code: i32): void {
  let seen = load32(readers)
  while (true) {
    const was = cas32(readers, seen, seen & (COUNT | OVERDUE))
    if (was == seen) break
    seen = was
  }
  atomic.notify(readers, -1)
  // The next owner of a broken lock has to repair: that must not be lost.
  if (code == BROKEN) passOn(mutex)
  else unlock(mutex)
}

/** Like `passOn`, for a whole readers-writer lock. */
export function passOnExclusive(readers: u32, mutex: u32): void {
  exchange32(readers, 0)
  atomic.notify(readers, -1)
  passOn(mutex)
}

export function unlockExclusive(readers: u32, mutex: u32): void {
  // No reader can have come in: the word has the writer's bit, perhaps SLEEPING, and the count of overdue readers.
  let seen = cas32(readers, WRITER, 0)
  if (seen != WRITER) {
    while (true) {
      const was = cas32(readers, seen, seen & OVERDUE)
      if (was == seen) break
      seen = was
    }
    if ((seen & SLEEPING) != 0) atomic.notify(readers, -1)
  }
  unlock(mutex)
}
