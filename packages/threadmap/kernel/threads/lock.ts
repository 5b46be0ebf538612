/**
 * Mutexes on shared words. A mutex word holds its owner (registry slot number plus one), a bit that says whether somebody
 * sleeps on it, and the thread that the lock is handed to next. A waiter spins with exponential back-off, then sleeps in
 * slices; after each slice it asks the registry whether the owner lives. A thread that finds a dead owner takes the lock over by
 * compare-exchange and gets BROKEN: it must repair what the lock guards before it uses it.
 *
 * A free lock goes to whoever comes first, since waking a thread takes longer than most critical sections. So that nobody
 * starves, a waiter that has waited for `H_HANDOVER` puts itself down as the next owner, and `unlock` then hands the lock to
 * it instead of freeing it: the word names the new owner and says `GRANTED` until that thread accepts. A thread that dies
 * before it accepts was not in the critical section, so its lock is taken over without a repair. Docs: decision 0015.
 *
 * Source: Go's sync.Mutex (starvation mode after 1 ms).
 */
import { add32, cas32, exchange32, load32, store32 } from '../atomics'
import {
  D_LOCK_WAITED,
  D_LOCK_WAITS,
  E_BUSY,
  E_TIMEOUT,
  H_BACKOFF_DELAY,
  H_BACKOFF_RETRIES,
  H_HANDOVER,
  H_LOCK_TIMEOUT,
  H_RECOVERIES,
  H_SHARD_BITS,
  H_SHARDS,
  S_LOCK_SLEEPS,
  S_LOCK_WAITS,
  S_SPINS,
  S_WAITS,
  SHARD_SIZE,
} from '../layout'
import { count, declareEnded, isAlive, maySleep, me, mySlot, now, slotOf } from './thread'

export const LOCKED: i32 = 0
/** Locked, and its owner had died in the critical section. */
export const BROKEN: i32 = 1

const SLEEPERS: u32 = 0x80000000
/** The owner was handed the lock and has not accepted it yet. */
export const GRANTED: u32 = 0x40000000
/** The thread that the lock is handed to next, named like an owner. Only in a word that has an owner. */
const NEXT: u32 = 0x3fff0000
const NEXT_SHIFT: u32 = 16
export const OWNER: u32 = 0xffff
/** How long a thread sleeps before it looks whether the owner lives. A death is noticed this late at most. */
const SLICE_NS: f64 = 10_000_000
/** What `memory.atomic.wait32` returns when its time is over. */
const TIMED_OUT: i32 = 2
/** Spin steps between two looks at the clock, for threads that may not sleep. */
const SPIN_SLICE: u32 = 2000
/** Above this a single pause would be longer than falling asleep and waking up. */
export const MAX_PAUSE: u32 = 20_000

/** See `isOverdue`. With a chance of one half each time, as with a hot `add` of two threads, four are rare. */
const LOST_RACES: u32 = 4
const LONG_WAITS: f64 = 20

/** Owner of a lock that was taken over and whose repair is still to be done: nobody, so never alive. */
export const DIED: u32 = 0xffff

/** After a time-out: who held the lock (0: unknown). After BROKEN: who died. */
export let blocker: u32 = 0

export function setBlocker(owner: u32): void {
  blocker = owner
}

/** After E_BUSY: what the word holds that the thread should sleep on. */
export let busyWord: u32 = 0

export function setBusyWord(value: u32): void {
  busyWord = value
}

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
export function beginWait(): void {
  count(S_LOCK_WAITS, 1)
  spun = 0
  clockedFrom = 0
}

/** Looks at the clock for the first time in this wait. */
export function beginClock(): f64 {
  clockedFrom = now()
  return clockedFrom
}

/**
 * Where the lock is a shard's, the shard counts the wait and how long it was: only a thread that waits pays for that. Shards begin at
 * multiples of their size. The figures are statistics that nothing depends on, and so no steps of the explorer.
 */
export function endWait(word: u32): void {
  if (word - load<u32>(H_SHARDS) >= SHARD_SIZE << load<u32>(H_SHARD_BITS)) return
  const shard = word & ~(SHARD_SIZE - 1)
  const clocked: f64 = clockedFrom > 0 ? max(now() - clockedFrom, 0) * 1e6 : 0
  atomic.add<u32>(shard + D_LOCK_WAITS, 1)
  atomic.add<u64>(shard + D_LOCK_WAITED, <u64>clocked + spun)
}

/**
 * Whether a lock is to be handed to a waiter: it has waited for `H_HANDOVER`, and was woken LOST_RACES times to find the lock
 * taken again. Where the owner was merely not running for some ms, others are no greedier than the waiter, and a
 * hand-over would make all of them wait for one more wake-up. After LONG_WAITS times as long it is handed over anyway.
 */
export function isOverdue(milliseconds: f64, lost: u32): bool {
  const after = <f64>load<u32>(H_HANDOVER) / 1000
  return milliseconds >= after && (lost >= LOST_RACES || milliseconds >= after * LONG_WAITS)
}

/** Spins for about `steps` nanoseconds. */
export function pause(steps: u32): void {
  for (let i: u32 = 0; i < steps; i++) atomic.load<u32>(mySlot)
}

/**
 * Sleeps until `word` no longer holds `value`, `milliseconds` or a slice are over; spins where sleeping is forbidden. Returns 1 if
 * another thread woke this one. A thread that has slept in vain asks JavaScript for deaths: a shorter wait must not pay for that.
 */
export function sleep(word: u32, value: u32, milliseconds: f64): u32 {
  if (maySleep) {
    count(S_LOCK_SLEEPS, 1)
    const result = atomic.wait<i32>(word, value, <i64>min(max(milliseconds, 0) * 1e6, SLICE_NS))
    if (result == TIMED_OUT) declareEnded()
    return result == 0 ? 1 : 0
  }
  count(S_SPINS, 1)
  pause(SPIN_SLICE)
  return 0
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

/** One try, for callers that hold other locks. A dead owner's lock counts as taken. */
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
  let time = beginClock()
  const deadline = time + timeout
  let lost: u32 = 0
  let claims = false
  while (true) {
    const overdue = claims || isOverdue(time - clockedFrom, lost)
    if (overdue && !claims) {
      claims = true
      // Before the word can name this thread: whoever recovers it must find out where it does.
      store32(mySlot + S_WAITS, word)
    }
    let code = tryMutex(word, overdue)
    if (code == E_BUSY) {
      if (time < deadline) {
        lost += sleep(word, busyWord, deadline - time)
        time = now()
        continue
      }
      blocker = busyWord & OWNER
      code = claims ? withdraw(word) : E_TIMEOUT
    }
    if (claims) store32(mySlot + S_WAITS, 0)
    return code
  }
  return E_TIMEOUT
}

/**
 * One try of a waiter. E_BUSY: the word says now that somebody sleeps on it, and names this thread as the next owner if it
 * is `overdue` and no other thread is named.
 */
export function tryMutex(word: u32, overdue: bool): i32 {
  while (true) {
    const seen = load32(word)
    if (seen == 0) {
      // Others may still sleep: a thread that has slept once wakes one when it unlocks.
      if (cas32(word, 0, me | SLEEPERS) == 0) return LOCKED
      continue
    }
    const owner = seen & OWNER
    if (owner == me) {
      if ((seen & GRANTED) != 0) {
        if (cas32(word, seen, seen & ~GRANTED) == seen) return LOCKED
        continue
      }
    } else if (!isAlive(owner)) {
      const next = nextOf(seen) == me ? 0 : seen & NEXT
      if (cas32(word, seen, me | SLEEPERS | next) == seen) {
        blocker = owner
        add32(H_RECOVERIES, 1)
        // A thread that was handed the lock and never accepted it has changed nothing.
        return (seen & GRANTED) != 0 ? LOCKED : BROKEN
      }
      continue
    }
    let wanted = seen | SLEEPERS
    if (overdue && (seen & NEXT) == 0) wanted |= me << NEXT_SHIFT
    if (wanted != seen && cas32(word, seen, wanted) != seen) continue
    busyWord = wanted
    return E_BUSY
  }
  return E_BUSY
}

function nextOf(seen: u32): u32 {
  return (seen & NEXT) >> NEXT_SHIFT
}

/** Ends this thread's waiting: E_TIMEOUT, or LOCKED if the lock was handed to it before it could say so. */
export function withdraw(word: u32): i32 {
  while (true) {
    const seen = load32(word)
    if ((seen & (OWNER | GRANTED)) == (me | GRANTED)) {
      if (cas32(word, seen, seen & ~GRANTED) == seen) return LOCKED
    } else if (nextOf(seen) != me || cas32(word, seen, seen & ~NEXT) == seen) {
      return E_TIMEOUT
    }
  }
  return E_TIMEOUT
}

/** A dead thread that waited for this lock is not handed it any more. It may have been already: then it is the owner. */
export function forgetNext(word: u32, owner: u32): void {
  let seen = load32(word)
  while (nextOf(seen) == owner) {
    const was = cas32(word, seen, seen & ~NEXT)
    if (was == seen) return
    seen = was
  }
}

/** `forgetNext` for the lock that a dead thread slept on, as its registry slot says. */
export function forgetWait(owner: u32): void {
  const word = load32(slotOf(owner) + S_WAITS)
  if (word != 0) forgetNext(word, owner)
}

/** Gives a broken lock up as it was found: the next one is told that it is broken. */
export function passOn(word: u32): void {
  exchange32(word, DIED | SLEEPERS)
  atomic.notify(word, -1)
}

export function unlock(word: u32): void {
  const seen = cas32(word, me, 0)
  if (seen != me) unlockSlowly(word, seen)
}

/** Somebody waits: frees the lock and wakes one thread, or hands the lock over. */
function unlockSlowly(word: u32, found: u32): void {
  let seen = found
  while ((seen & OWNER) == me) {
    const next = nextOf(seen)
    const was = cas32(word, seen, next == 0 ? 0 : next | GRANTED | SLEEPERS)
    if (was == seen) {
      // The thread that the lock is handed to cannot be woken alone: all sleep on one word.
      if (next != 0) atomic.notify(word, -1)
      else if ((seen & SLEEPERS) != 0) atomic.notify(word, 1)
      return
    }
    seen = was
  }
}

export function ownerOf(word: u32): u32 {
  return load32(word) & OWNER
}
