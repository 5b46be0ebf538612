/**
 * The registry: one slot per attached thread. It says who lives, which locks a thread holds for reading, and it counts
 * what the thread waited for. A slot is taken by one compare-exchange and is given back by its thread, or by whoever
 * has recovered everything a dead thread held.
 */
import { add32, cas32, load32, put32, store32 } from '../atomics'
import {
  AREA_PAGES,
  H_REGISTRY_EPOCH,
  H_SLOTS,
  HOLD_COUNT,
  REGISTRY,
  S_AREAS,
  S_BUSY,
  S_CLAIMS,
  S_HOLDS,
  S_INCARNATION,
  S_PENDING,
  S_RECORD,
  S_STATE,
  S_THREAD_TABLE,
  S_WAITS,
  S_WAITS_FOR,
  SLOT_ALIVE,
  SLOT_COUNT,
  SLOT_DEAD,
  SLOT_FREE,
  SLOT_SIZE,
  STATE_MASK,
  THREAD_SHIFT,
} from '../layout'

/** This thread's slot number plus one (lock words name their owner by it), and the slot's address. */
export let me: u32 = 0
export let mySlot: u32 = 0
/** Whether this thread may sleep. The main thread of a page may not; it spins. */
export let maySleep: bool = true

/** The clock in milliseconds, from JavaScript. */
export declare function now(): f64

/** The clock of a cache in milliseconds, the same for all its threads (src/cache/clock.ts). */
export declare function clock(): f64

/**
 * Asks JavaScript to declare every thread dead of which is known that it has ended: the thread that created it may have heard
 * so, and then all threads of the process know (src/liveness). It calls `declareDead`, and nothing else of the kernel.
 */
export declare function declareEnded(): void

export function slotOf(owner: u32): u32 {
  return REGISTRY + (owner - 1) * SLOT_SIZE
}

/** Takes a slot; returns its number plus one, or 0 when all are taken. */
export function registerThread(thread: u32, record: u32, table: u32, sleep: bool): u32 {
  maySleep = sleep
  for (let i: u32 = 1; i <= SLOT_COUNT; i++) {
    const slot = slotOf(i)
    if (load32(slot + S_STATE) != SLOT_FREE) continue
    // One word, so that a thread which dies at once is known by its number.
    if (cas32(slot + S_STATE, SLOT_FREE, SLOT_ALIVE | (thread << THREAD_SHIFT)) != SLOT_FREE) continue
    raiseSlots(i)
    store32(slot + S_RECORD, record)
    store32(slot + S_THREAD_TABLE, table)
    add32(H_REGISTRY_EPOCH, 1)
    atomic.notify(H_REGISTRY_EPOCH, -1)
    me = i
    mySlot = slot
    return i
  }
  return 0
}

/** Before the slot's thread can be busy: who wants it to rest looks at no slot above H_SLOTS. */
function raiseSlots(owner: u32): void {
  let seen = load32(H_SLOTS)
  while (seen < owner) {
    const was = cas32(H_SLOTS, seen, owner)
    if (was == seen) return
    seen = was
  }
}

export function isAlive(owner: u32): bool {
  return owner != 0 && owner <= SLOT_COUNT && (load32(slotOf(owner) + S_STATE) & STATE_MASK) == SLOT_ALIVE
}

/** `isAlive`, and asks JavaScript as well: for callers that are about to refuse something because of `owner`. */
export function livesStill(owner: u32): bool {
  if (!isAlive(owner)) return false
  if (owner != me) declareEnded()
  return isAlive(owner)
}

/** Whether this slot's thread died and something that it held is not recovered yet. */
export function isDead(owner: u32): bool {
  return (load32(slotOf(owner) + S_STATE) & STATE_MASK) == SLOT_DEAD
}

/** Says that the thread of this slot is gone. Returns 1 if it was alive until now. */
export function declareDead(owner: u32): bool {
  const state = slotOf(owner) + S_STATE
  const seen = load32(state)
  if ((seen & STATE_MASK) != SLOT_ALIVE || cas32(state, seen, (seen & ~STATE_MASK) | SLOT_DEAD) != seen) return false
  add32(H_REGISTRY_EPOCH, 1)
  atomic.notify(H_REGISTRY_EPOCH, -1)
  return true
}

/** Gives a slot back: nothing in the memory names it any more. */
export function releaseSlot(owner: u32): void {
  const slot = slotOf(owner)
  for (let i: u32 = 0; i < HOLD_COUNT; i++) store32(slot + S_HOLDS + i * 4, 0)
  store32(slot + S_WAITS, 0)
  // The next thread must not take these scratch areas and this block for its own.
  for (let i: u32 = 0; i < AREA_PAGES; i++) put32(slot + S_AREAS + i * 4, 0)
  put32(slot + S_PENDING, 0)
  put32(slot + S_PENDING + 4, 0)
  store32(slot + S_BUSY, 0)
  store32(slot + S_CLAIMS, 0)
  store32(slot + S_WAITS_FOR, 0)
  store32(slot + S_RECORD, 0)
  store32(slot + S_THREAD_TABLE, 0)
  // Before the slot is free: slot and incarnation together name a thread for good.
  add32(slot + S_INCARNATION, 1)
  store32(slot + S_STATE, SLOT_FREE)
}

/** From here to `rest` this thread may change entries that it finds without a lock. */
export function busy(): void {
  store32(mySlot + S_BUSY, 1)
}

export function rest(): void {
  store32(mySlot + S_BUSY, 0)
}

/**
 * Whether no other living thread is between `busy` and `rest`. If so, every later operation finds only the entries that the tables
 * reference now.
 */
export function othersRest(): bool {
  for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) {
    if (owner != me && isAlive(owner) && load32(slotOf(owner) + S_BUSY) != 0) return false
  }
  return true
}

/** Adds to a counter of this thread. Nobody else writes it. */
export function count(field: u32, delta: u32): void {
  store<u32>(mySlot + field, load<u32>(mySlot + field) + delta)
}

/** Adds one to a counter of this thread that never wraps: a float. */
// @inline
export function countLong(field: u32): void {
  store<f64>(mySlot + field, load<f64>(mySlot + field) + 1)
}

/** Names `lock` as held for reading by this thread; returns where, or 0 when all places are taken. */
export function addHold(lock: u32): u32 {
  for (let i: u32 = 0; i < HOLD_COUNT; i++) {
    const place = mySlot + S_HOLDS + i * 4
    if (load<u32>(place) == 0) {
      store32(place, lock)
      return place
    }
  }
  return 0
}

export function findHold(lock: u32): u32 {
  for (let i: u32 = 0; i < HOLD_COUNT; i++) {
    const place = mySlot + S_HOLDS + i * 4
    if (load<u32>(place) == lock) return place
  }
  return 0
}

/** How many shares of `lock` this thread names. */
export function countHolds(lock: u32): u32 {
  let holds: u32 = 0
  for (let i: u32 = 0; i < HOLD_COUNT; i++) if (load<u32>(mySlot + S_HOLDS + i * 4) == lock) holds++
  return holds
}

/** Whether any living thread names `lock` as held for reading. */
export function heldByLiving(lock: u32): bool {
  for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) {
    const slot = slotOf(owner)
    if (!isAlive(owner)) continue
    for (let i: u32 = 0; i < HOLD_COUNT; i++) {
      if (load32(slot + S_HOLDS + i * 4) == lock) return true
    }
  }
  return false
}

/** Writes the number of this thread, which it did not have yet when it was registered. Others may ask for its Web Lock from now on. */
export function setWebLock(thread: u32): void {
  const state = mySlot + S_STATE
  const seen = load32(state)
  if ((seen & STATE_MASK) == SLOT_ALIVE) cas32(state, seen, SLOT_ALIVE | (thread << THREAD_SHIFT))
}
