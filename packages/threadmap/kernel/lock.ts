/**
 * Locks on shared words. A mutex word holds its owner (registry slot number plus one) and a bit that says whether somebody
 * sleeps on it. A waiter spins with exponential back-off, then sleeps in slices; after each slice it asks the registry
 * whether the owner lives. Whoever finds a dead owner takes the lock over by compare-exchange and is told so
 * (`BROKEN`): it must repair what the lock guards before it uses it.
 *
 * A readers-writer lock is a mutex for writers and a word that counts readers. A reader first names the lock in its
 * registry slot, then counts itself by compare-exchange, which the writer's bit forbids; so a writer that sees that no
 * living thread names the lock may set the count to zero: what is left in it belonged to the dead.
 */
import { add32, cas32, exchange32, load32, store32 } from './atomics'
import {
  D_LOCK_WAITED,
  D_LOCK_WAITS,
  E_HOLDS,
  E_TIMEOUT,
  H_BACKOFF_DELAY,
  H_BACKOFF_RETRIES,
  H_LOCK_TIMEOUT,
  H_RECOVERIES,
  H_SHARD_BITS,
  H_SHARDS,
  S_LOCK_SLEEPS,
  S_LOCK_WAITS,
  S_SPINS,
  SHARD_SIZE,
} from './layout'
import { addHold, count, findHold, heldByLiving, isAlive, maySleep, me, mySlot, now } from './thread'

export const LOCKED: i32 = 0
/** Locked, and its owner had died in the critical section. */
export const BROKEN: i32 = 1

const SLEEPERS: u32 = 0x80000000
const OWNER: u32 = 0xffff
const WRITER: u32 = 0x80000000
/** In the readers' word: a thread sleeps on it, so whoever changes it in a way that matters wakes all. */
const SLEEPING: u32 = 0x40000000
const COUNT: u32 = 0x3fffffff
/** How long a thread sleeps before it looks whether the owner lives. A death is noticed this late at most. */
const SLICE_NS: i64 = 10_000_000
/** Spin steps between two looks at the clock, for threads that may not sleep. */
const SPIN_SLICE: u32 = 2000
/** Above this a single pause would be longer than falling asleep and waking up. */
const MAX_PAUSE: u32 = 20_000

/** Owner of a lock that was taken over and whose repair is still to be done: nobody, so never alive. */
export const DIED: u32 = 0xffff

/** After a time-out: who held the lock (0: unknown). After BROKEN: who died. */
export let blocker: u32 = 0

/** Not 0: when this thread's waiting for the map's locks ends, whatever the map says. */
let waitsUntil: f64 = 0

/** From now on this thread waits so long in all; 0: as the map says. */
export function setPatience(milliseconds: f64): void {
  waitsUntil = milliseconds > 0 ? now() + milliseconds : 0
}

/** Of the wait that is under way: the nanoseconds spun before there was a look at the clock, and when that was (0: not yet). */
let spun: u32 = 0
let clockedFrom: f64 = 0

// @inline
function beginWait(): void {
  count(S_LOCK_WAITS, 1)
  spun = 0
  clockedFrom = 0
}

/**
 * Where the lock is a shard's, the shard counts the wait and how long it was: only who waits pays for that. Shards stand at
 * multiples of their size. The figures are statistics that nothing depends on, and so no steps of the explorer.
 */
function endWait(word: u32): void {
  if (word - load<u32>(H_SHARDS) >= SHARD_SIZE << load<u32>(H_SHARD_BITS)) return
  const shard = word & ~(SHARD_SIZE - 1)
  const clocked: f64 = clockedFrom > 0 ? max(now() - clockedFrom, 0) * 1e6 : 0
  atomic.add<u32>(shard + D_LOCK_WAITS, 1)
  atomic.add<u64>(shard + D_LOCK_WAITED, <u64>clocked + spun)
}

/** Spins for about `steps` nanoseconds. */
function pause(steps: u32): void {
  for (let i: u32 = 0; i < steps; i++) atomic.load<u32>(mySlot)
}

/** Sleeps till `word` no longer holds `value`, or a slice is over; spins where sleeping is forbidden. */
function sleep(word: u32, value: u32): void {
  count(S_LOCK_SLEEPS, 1)
  if (maySleep) atomic.wait<i32>(word, value, SLICE_NS)
  else pause(SPIN_SLICE)
}

/** Sleeps on a readers' word after leaving word of it there. */
function sleepShared(readers: u32, seen: u32): void {
  if ((seen & SLEEPING) == 0 && cas32(readers, seen, seen | SLEEPING) != seen) return
  sleep(readers, seen | SLEEPING)
}

export function lock(word: u32): i32 {
  if (cas32(word, 0, me) == 0) return LOCKED
  return lockSlowly(word, lockTimeout())
}

/** The time-out of the map, in milliseconds. */
export function lockTimeout(): f64 {
  const timeout = <f64>load<u32>(H_LOCK_TIMEOUT)
  return waitsUntil > 0 ? min(max(waitsUntil - now(), 0), timeout) : timeout
}

/** One try, for who holds other locks already. A dead owner's lock counts as taken. */
export function tryLock(word: u32): bool {
  return cas32(word, 0, me) == 0
}

export function lockSlowly(word: u32, timeout: f64): i32 {
  beginWait()
  const code = awaitMutex(word, timeout)
  endWait(word)
  return code
}

// @inline
function awaitMutex(word: u32, timeout: f64): i32 {
  let delay = load<u32>(H_BACKOFF_DELAY)
  const retries = load<u32>(H_BACKOFF_RETRIES)
  for (let i: u32 = 0; i < retries; i++) {
    pause(delay)
    spun += delay
    count(S_SPINS, 1)
    if (load32(word) == 0 && cas32(word, 0, me) == 0) return LOCKED
    delay = min(delay << 1, MAX_PAUSE)
  }
  clockedFrom = now()
  const deadline = clockedFrom + timeout
  while (true) {
    const seen = load32(word)
    if (seen == 0) {
      // Others may sleep still: whoever has slept once unlocks with a wake-up.
      if (cas32(word, 0, me | SLEEPERS) == 0) return LOCKED
      continue
    }
    if (!isAlive(seen & OWNER)) {
      if (cas32(word, seen, me | SLEEPERS) == seen) {
        blocker = seen & OWNER
        add32(H_RECOVERIES, 1)
        return BROKEN
      }
      continue
    }
    if (now() >= deadline) {
      blocker = seen & OWNER
      return E_TIMEOUT
    }
    if ((seen & SLEEPERS) == 0 && cas32(word, seen, seen | SLEEPERS) != seen) continue
    sleep(word, seen | SLEEPERS)
  }
  return E_TIMEOUT
}

/** Gives a broken lock up as it was found: the next one is told that it is broken. */
export function passOn(word: u32): void {
  exchange32(word, DIED | SLEEPERS)
  atomic.notify(word, -1)
}

export function unlock(word: u32): void {
  if ((exchange32(word, 0) & SLEEPERS) != 0) atomic.notify(word, 1)
}

export function ownerOf(word: u32): u32 {
  return load32(word) & OWNER
}

/**
 * Takes a share of the lock. `mutex` is the writers' mutex. Returns LOCKED, E_TIMEOUT, E_HOLDS, or BROKEN: the writer
 * is dead, no share was taken, and the caller has to take the lock for writing, repair, and try again.
 */
export function lockShared(readers: u32, mutex: u32, timeout: f64): i32 {
  const place = addHold(readers)
  if (place == 0) return E_HOLDS
  let seen = load32(readers)
  while ((seen & WRITER) == 0) {
    const was = cas32(readers, seen, seen + 1)
    if (was == seen) return LOCKED
    seen = was
  }
  beginWait()
  const code = awaitWriter(readers, mutex, place, timeout)
  endWait(readers)
  return code
}

function awaitWriter(readers: u32, mutex: u32, place: u32, timeout: f64): i32 {
  let delay = load<u32>(H_BACKOFF_DELAY)
  let retries = load<u32>(H_BACKOFF_RETRIES)
  clockedFrom = now()
  const deadline = clockedFrom + timeout
  // While it waits the lock must not be named: a writer that waits for a dead reader's share would take it for this one's.
  store32(place, 0)
  while (true) {
    const seen = load32(readers)
    if ((seen & WRITER) == 0) {
      store32(place, readers)
      if (cas32(readers, seen, seen + 1) == seen) return LOCKED
      store32(place, 0)
      continue
    }
    if (retries > 0) {
      retries--
      pause(delay)
      count(S_SPINS, 1)
      delay = min(delay << 1, MAX_PAUSE)
      continue
    }
    const owner = ownerOf(mutex)
    if (owner != 0 && !isAlive(owner)) return BROKEN
    if (now() >= deadline) {
      blocker = owner
      return E_TIMEOUT
    }
    sleepShared(readers, seen)
  }
  return E_TIMEOUT
}

/** Gives the share back. Returns false if this thread had none. */
export function unlockShared(readers: u32): bool {
  const place = findHold(readers)
  if (place == 0) return false
  if (add32(readers, <u32>-1) - 1 == (WRITER | SLEEPING)) atomic.notify(readers, -1)
  store32(place, 0)
  return true
}

/** Takes the whole lock: the mutex, then waits till the readers are gone. */
export function lockExclusive(readers: u32, mutex: u32, timeout: f64): i32 {
  let code = LOCKED
  if (cas32(mutex, 0, me) != 0) {
    code = lockSlowly(mutex, timeout)
    if (code < 0) return code
  }
  let seen = load32(readers)
  while ((seen & WRITER) == 0) {
    const was = cas32(readers, seen, seen | WRITER)
    if (was == seen) break
    seen = was
  }
  if ((load32(readers) & COUNT) == 0) return code
  beginWait()
  code = awaitReaders(readers, mutex, timeout, code)
  endWait(readers)
  return code
}

function awaitReaders(readers: u32, mutex: u32, timeout: f64, code: i32): i32 {
  let delay = load<u32>(H_BACKOFF_DELAY)
  let retries = load<u32>(H_BACKOFF_RETRIES)
  clockedFrom = now()
  const deadline = clockedFrom + timeout
  while (true) {
    let seen = load32(readers)
    if ((seen & COUNT) == 0) return code
    if (retries > 0) {
      retries--
      pause(delay)
      count(S_SPINS, 1)
      delay = min(delay << 1, MAX_PAUSE)
      continue
    }
    if (!heldByLiving(readers)) {
      if (cas32(readers, seen, WRITER) == seen) add32(H_RECOVERIES, 1)
      continue
    }
    if (now() >= deadline) {
      blocker = 0
      while (cas32(readers, seen, seen & COUNT) != seen) seen = load32(readers)
      atomic.notify(readers, -1)
      // Who takes a lock that was broken has to repair: that must not be lost.
      if (code == BROKEN) passOn(mutex)
      else unlock(mutex)
      return E_TIMEOUT
    }
    sleepShared(readers, seen)
  }
  return E_TIMEOUT
}

/** The same for a whole readers-writer lock. */
export function passOnExclusive(readers: u32, mutex: u32): void {
  exchange32(readers, 0)
  atomic.notify(readers, -1)
  passOn(mutex)
}

export function unlockExclusive(readers: u32, mutex: u32): void {
  // No reader can have come in: what is in the word is the writer's bit and perhaps a sleeper's.
  if ((exchange32(readers, 0) & SLEEPING) != 0) atomic.notify(readers, -1)
  unlock(mutex)
}
