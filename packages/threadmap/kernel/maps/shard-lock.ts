/**
 * The locks of a shard: the mutex of FastMap and UnsafeMap, the readers-writer lock of RWMutexMap and ShardedMap, the mutex of SyncMap.
 * A thread that takes one over from a dead owner repairs the shard before anything else, or passes the lock on as it was found.
 */
import { D_LOCK, D_READERS, E_TIMEOUT } from '../layout'
import { canTakePages } from '../memory/pages'
import { repair } from '../repair/repair'
import { repairSyncMap } from '../repair/sync-repair'
import { becomeAlone, isAlone } from '../threads/at-work'
import { BROKEN, LOCKED, lock, lockTimeout, passOn, tryLock, unlock } from '../threads/lock'
import { lockExclusive, lockShared, passOnExclusive, unlockExclusive, unlockShared } from '../threads/shared-lock'

/** Takes a shard's mutex, and waits until no other thread is at work there. Repairs the shard if the mutex's owner died. */
export function lockShard(shard: u32): i32 {
  const code = lockBesideWork(shard)
  if (code < 0 || becomeAlone(shard)) return code
  unlock(shard + D_LOCK)
  return E_TIMEOUT
}

/** `lockShard` while other threads may go on to change numbers in place (threads/at-work.ts). */
export function lockBesideWork(shard: u32): i32 {
  const code = lock(shard + D_LOCK)
  if (code != BROKEN || (becomeAlone(shard) && repair(shard))) return code
  passOn(shard + D_LOCK)
  return E_TIMEOUT
}

/** One try of `lockShard`, for callers that hold another shard. */
export function tryShard(shard: u32): bool {
  if (!tryLock(shard + D_LOCK)) return false
  if (isAlone(shard)) return true
  unlock(shard + D_LOCK)
  return false
}

/** Takes a shard for writing; repairs it if its writer died. */
export function lockForWriting(shard: u32): i32 {
  const code = lockExclusive(shard + D_READERS, shard + D_LOCK, lockTimeout())
  if (code != BROKEN || repair(shard)) return code
  passOnExclusive(shard + D_READERS, shard + D_LOCK)
  return E_TIMEOUT
}

export function unlockForWriting(shard: u32): void {
  unlockExclusive(shard + D_READERS, shard + D_LOCK)
}

/** Takes a share of a shard. */
export function lockForReading(shard: u32): i32 {
  while (true) {
    const code = lockShared(shard + D_READERS, shard + D_LOCK, lockTimeout())
    if (code != BROKEN) return code
    const repaired = lockForWriting(shard)
    if (repaired < 0) return repaired
    unlockForWriting(shard)
  }
  return LOCKED
}

export function unlockForReading(shard: u32): void {
  unlockShared(shard + D_READERS)
}

/** Takes the mutex of a SyncMap; repairs the map if the owner died. */
export function lockMap(shard: u32): i32 {
  const code = lock(shard + D_LOCK)
  if (code != BROKEN) return code
  if (canTakePages()) {
    repairSyncMap(shard)
    return code
  }
  passOn(shard + D_LOCK)
  return E_TIMEOUT
}
