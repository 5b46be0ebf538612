/**
 * FastMap: who is at work in a shard without its mutex. A thread that changes a number in place (maps/in-place.ts) names the shard in its own
 * registry slot, and then looks whether the shard's mutex is free. A thread that has the mutex and wants to be alone, because it removes or moves
 * entries or reads a value and replaces it, waits until no thread is at work there. Both write before they read, so one of the two sees the other:
 * a big-reader lock, whose many sides are the changes in place.
 *
 * A thread at work waits for nobody, and makes one change. If it dies there, nothing is left to repair: the registry says that it is dead.
 *
 * Sources: big-reader locks (brlock of Linux 2.4), BRAVO (Dice, Kogan).
 */
import { get32, load32, put32, store32 } from '../atomics'
import {
  D_AWAITED,
  D_LOCK,
  H_BACKOFF_DELAY,
  H_BACKOFF_RETRIES,
  H_POLICY,
  H_SLOTS,
  POLICY_FAST,
  S_BUSY,
} from '../layout'
import { lockTimeout, MAX_PAUSE, pause, setBlocker, sleep } from './lock'
import { isAlive, mySlot, now, slotOf } from './thread'

/** Whether numbers of this memory are changed in place. */
export let changesInPlace: bool = false

/** `isInline`: the values of this memory are in their entries. */
export function setChangesInPlace(isInline: bool): void {
  changesInPlace = isInline && load<u32>(H_POLICY) == POLICY_FAST
}

/** From here to `endWork` this thread is at work in the shard. Returns false if the shard's mutex is taken: then it must change nothing. */
// @inline
export function beginWork(shard: u32): bool {
  store32(mySlot + S_BUSY, shard)
  return load32(shard + D_LOCK) == 0
}

/** Wakes who sleeps until then. */
// @inline
export function endWork(shard: u32): void {
  // The plain store must not pass the change: this load stands between (docs/memory-order.md, rule 3).
  load32(shard + D_LOCK)
  put32(mySlot + S_BUSY, 0)
  if (load32(shard + D_AWAITED) != 0) atomic.notify(mySlot + S_BUSY, -1)
}

/** Whether no thread is at work in a shard whose mutex this thread has. None begins before the mutex is free again. */
export function isAlone(shard: u32): bool {
  if (!changesInPlace) return true
  const slots = load32(H_SLOTS)
  for (let owner: u32 = 1; owner <= slots; owner++) {
    if (load32(slotOf(owner) + S_BUSY) == shard && isAlive(owner)) return false
  }
  return true
}

/** Waits until this thread, which has the shard's mutex, is alone there. Returns false when its time is over; `blocker` is who was at work. */
// @inline
export function becomeAlone(shard: u32): bool {
  return !changesInPlace || awaitOthers(shard)
}

function awaitOthers(shard: u32): bool {
  const slots = load32(H_SLOTS)
  let isAlone = true
  for (let owner: u32 = 1; isAlone && owner <= slots; owner++) {
    const word = slotOf(owner) + S_BUSY
    if (load32(word) == shard) isAlone = awaitEnd(owner, word, shard)
  }
  // Also after a death: the thread that died with the mutex may have slept.
  if (get32(shard + D_AWAITED) != 0) store32(shard + D_AWAITED, 0)
  return isAlone
}

function awaitEnd(owner: u32, word: u32, shard: u32): bool {
  let delay = load<u32>(H_BACKOFF_DELAY)
  const retries = load<u32>(H_BACKOFF_RETRIES)
  for (let i: u32 = 0; i < retries; i++) {
    pause(delay)
    if (load32(word) != shard) return true
    delay = min(delay << 1, MAX_PAUSE)
  }
  store32(shard + D_AWAITED, 1)
  const until = now() + lockTimeout()
  while (load32(word) == shard && isAlive(owner)) {
    const left = until - now()
    if (left <= 0) {
      setBlocker(owner)
      return false
    }
    sleep(word, shard, left)
  }
  return true
}
