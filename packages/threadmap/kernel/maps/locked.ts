/**
 * RWMutexMap and ShardedMap: a readers-writer lock per shard (RWMutexMap has one shard).
 *
 * Sources: Go's sync.RWMutex around a map, orcaman/concurrent-map.
 */

import { AGAIN, D_LOCK, D_READERS, E_TIMEOUT } from '../layout'
import { damaged, MOST_TRIES } from '../memory/damage'
import { repair } from '../repair/repair'
import { change, shardOf } from '../table/change'
import { BROKEN, LOCKED, lockTimeout } from '../threads/lock'
import { lockExclusive, lockShared, passOnExclusive, unlockExclusive, unlockShared } from '../threads/shared-lock'
import { readValidated } from './fast'

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

export function lockedGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardOf(hash)
  const locked = lockForReading(shard)
  if (locked < 0) return locked
  // Validated all the same: that names what the read cache checks later, and a thread that is out of memory may be
  // compacting this shard, which readers do not mind.
  let code = AGAIN
  for (let tries: u32 = 0; code == AGAIN; tries++) {
    if (tries == MOST_TRIES) damaged()
    code = readValidated(shard, hash, meta, wantsValue)
  }
  unlockForReading(shard)
  return code
}

export function lockedChange(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const shard = shardOf(hash)
  const locked = lockForWriting(shard)
  if (locked < 0) return locked
  const code = change(shard, op, hash, meta, valueMeta, expectedMeta)
  unlockForWriting(shard)
  return code
}
