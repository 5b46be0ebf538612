/** Recovery, once for each thread that died: everything that names the thread is repaired; then its registry slot is free. */
import { cas32, load32, store32 } from '../atomics'
import {
  D_LOCK,
  G_FRESH,
  H_CLAIM_LOCK,
  H_HEAP_LOCK,
  H_LOCKS,
  H_RECOVERY_LOCK,
  HEAP_SHIFT,
  K_DIED,
  K_MUTEX,
  KIND_MASK,
  RECOVERED,
  RECOVERED_BEFORE,
  RECOVERED_IN_PART,
  S_STATE,
  SCRATCH_SPAN,
  SLAB,
  SLAB_HEADER,
  SLOT_COUNT,
  THREAD_SHIFT,
} from '../layout'
import { lockShard } from '../maps/shard-lock'
import { isFree } from '../memory/blocks'
import { shardCount } from '../memory/heaps'
import { beforePages, givePages, lockPages, nextPage, pagesNow, wordOfPage } from '../memory/pages'
import { slabSize } from '../memory/slabs'
import { recoverShard, recoverValues } from '../policy'
import { shardAt } from '../table/shard'
import { dropClaims } from '../threads/claims'
import { DIED, forgetNext, forgetWait, GRANTED, lock, OWNER, ownerOf, setPatience, unlock } from '../threads/lock'
import { declareDead, isDead, releaseSlot, slotOf } from '../threads/thread'

/** How long recovery waits for locks, in milliseconds: the thread that does it may be the one that hears of deaths. */
const PATIENCE: f64 = 20

/** Says that a thread is dead, and recovers what it held. Never waits long. */
export function recover(owner: u32): i32 {
  // A thread that was dead already is recovered too: the thread that began with it may have died.
  if (!declareDead(owner) && !isDead(owner)) return RECOVERED_BEFORE
  return finishRecoveries() == 0 ? RECOVERED : RECOVERED_IN_PART
}

/** Recovers what dead threads still hold. Returns how many of them are left. */
export function finishRecoveries(): u32 {
  if (countDead() == 0) return 0
  setPatience(PATIENCE)
  if (lock(H_RECOVERY_LOCK) >= 0) {
    for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) {
      if (isDead(owner) && recoverDead(owner)) releaseSlot(owner)
    }
    unlock(H_RECOVERY_LOCK)
  }
  setPatience(0)
  return countDead()
}

function countDead(): u32 {
  let dead: u32 = 0
  for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) if (isDead(owner)) dead++
  return dead
}

/** Everything that names the dead thread is repaired; if not, its slot stays as it is, so that no new thread is taken for it. */
function recoverDead(owner: u32): bool {
  forgetWait(owner)
  if (load<u32>(H_LOCKS) != 0 && !disownLocks(owner)) return false
  if (ownerOf(H_HEAP_LOCK) == owner) {
    if (!lockPages()) return false
    unlock(H_HEAP_LOCK)
  }
  if (ownerOf(H_CLAIM_LOCK) == owner) {
    if (lock(H_CLAIM_LOCK) < 0) return false
    unlock(H_CLAIM_LOCK)
  }
  const shards = shardCount()
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    if (ownerOf(shard + D_LOCK) == owner && recoverShard(shard) < 0) return false
  }
  if (!recoverValues()) return false
  return dropClaims(owner) && giveScratch(owner)
}

/** Frees the scratch areas of a registry slot. */
export function giveScratch(owner: u32): bool {
  const end = pagesNow()
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    if (wordOfPage(page) == (SCRATCH_SPAN | ((owner - 1) << HEAP_SHIFT)) && !givePages(page)) return false
  }
  return true
}

/** In a memory of users' locks: locks that the dead thread owned name DIED from now on, and the thread beside it. */
function disownLocks(owner: u32): bool {
  const shard = shardAt(0)
  if (lockShard(shard) < 0) return false
  const thread = load32(slotOf(owner) + S_STATE) >> THREAD_SHIFT
  const end = pagesNow()
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    if ((wordOfPage(page) & KIND_MASK) != SLAB) continue
    const last = page + load<u32>(page + G_FRESH)
    const size = slabSize(page)
    for (let block = page + SLAB_HEADER; block < last; block += size) {
      const word = block + K_MUTEX
      if (isFree(load<u32>(block))) continue
      forgetNext(word, owner)
      const seen = load32(word)
      if ((seen & OWNER) != owner) continue
      if ((seen & GRANTED) == 0) store32(block + K_DIED, thread)
      if (cas32(word, seen, (seen & ~OWNER) | DIED) == seen) atomic.notify(word, -1)
    }
  }
  unlock(shard + D_LOCK)
  return true
}
