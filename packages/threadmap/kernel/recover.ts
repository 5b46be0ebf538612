/** What is done once about a thread that died: everything that names it is repaired, then its registry slot is free. */
import { cas32, load32, store32 } from './atomics'
import { dropClaims } from './claims'
import { lockShard } from './fast'
import {
  G_FRESH,
  G_SIZE,
  givePages,
  isFree,
  KIND_MASK,
  lockPages,
  pagesNow,
  pageWord,
  SCRATCH_SPAN,
  SLAB,
  SLAB_HEADER,
} from './heap'
import {
  D_LOCK,
  H_CLAIM_LOCK,
  H_HEAP_LOCK,
  H_HEAP_START,
  H_SHARD_BITS,
  K_DIED,
  K_MUTEX,
  POLICY_RWMUTEX,
  POLICY_SHARDED,
  POLICY_SYNC,
  S_STATE,
  THREAD_SHIFT,
} from './layout'
import { lock, ownerOf, unlock } from './lock'
import { lockForWriting, unlockForWriting } from './rwmutex'
import { shardAt } from './shard'
import { lockMap, sweepValues } from './sync-map'
import { declareDead, releaseSlot, slotOf } from './thread'

/** Stands for an owner that died, in locks of users, until the next one takes the lock and is told. */
export const DIED: u32 = 0xffff

/** Returns 1 if the thread was alive till now and all it held is recovered, 0 if there was nothing to do, or an error. */
export function recover(policy: u32, owner: u32, hasUserLocks: bool): i32 {
  if (!declareDead(owner)) return 0
  if (hasUserLocks) disownLocks(owner)
  if (ownerOf(H_HEAP_LOCK) == owner && lockPages()) unlock(H_HEAP_LOCK)
  if (ownerOf(H_CLAIM_LOCK) == owner && lock(H_CLAIM_LOCK) >= 0) unlock(H_CLAIM_LOCK)
  const shards = (<u32>1) << load<u32>(H_SHARD_BITS)
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    if (ownerOf(shard + D_LOCK) != owner) continue
    const code = recoverShard(policy, shard)
    // The slot stays dead, so whoever comes to this lock next recovers it.
    if (code < 0) return code
  }
  if (policy == POLICY_SYNC) sweepValues()
  dropClaims(owner)
  giveScratch(owner)
  releaseSlot(owner)
  return 1
}

function recoverShard(policy: u32, shard: u32): i32 {
  if (policy == POLICY_RWMUTEX || policy == POLICY_SHARDED) {
    const code = lockForWriting(shard)
    if (code >= 0) unlockForWriting(shard)
    return code
  }
  const code = policy == POLICY_SYNC ? lockMap(shard) : lockShard(shard)
  if (code >= 0) unlock(shard + D_LOCK)
  return code
}

/** Frees the scratch areas of a registry slot. */
export function giveScratch(owner: u32): void {
  const end = pagesNow()
  for (let i = load<u32>(H_HEAP_START) >> 12; i < end; i++) {
    if (load<u32>(pageWord(i << 12)) == (SCRATCH_SPAN | ((owner - 1) << 16))) givePages(i << 12)
  }
}

/** In a memory of users' locks: locks that the dead thread owned name DIED from now on, and the thread beside it. */
function disownLocks(owner: u32): void {
  const thread = load32(slotOf(owner) + S_STATE) >> THREAD_SHIFT
  const end = pagesNow()
  for (let i = load<u32>(H_HEAP_START) >> 12; i < end; i++) {
    const page = i << 12
    if ((load<u32>(pageWord(page)) & KIND_MASK) != SLAB) continue
    const last = page + load<u32>(page + G_FRESH)
    const size = load<u32>(page + G_SIZE)
    for (let block = page + SLAB_HEADER; block < last; block += size) {
      const word = block + K_MUTEX
      const seen = load32(word)
      if (isFree(load<u32>(block)) || (seen & 0xffff) != owner) continue
      store32(block + K_DIED, thread)
      if (cas32(word, seen, (seen & 0xffff0000) | DIED) == seen) atomic.notify(word, 1)
    }
  }
}
