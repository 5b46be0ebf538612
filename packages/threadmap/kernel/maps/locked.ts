/**
 * RWMutexMap and ShardedMap: a readers-writer lock per shard (RWMutexMap has one shard).
 *
 * Sources: Go's sync.RWMutex around a map, orcaman/concurrent-map.
 */
import { AGAIN } from '../layout'
import { damaged, MOST_TRIES } from '../memory/damage'
import { change } from '../table/change'
import { readValidated } from '../table/read'
import { collect } from '../table/scan'
import { shardOf } from '../table/shard'
import { lockForReading, lockForWriting, unlockForReading, unlockForWriting } from './shard-lock'

export function lockedGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardOf(hash)
  const locked = lockForReading(shard)
  if (locked < 0) return locked
  // Validated all the same: the read names the token that the read cache checks later, and a thread that is out of memory may
  // be compacting this shard, which readers do not notice.
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

export function lockedScan(shard: u32, position: u32): i32 {
  const locked = lockForReading(shard)
  if (locked < 0) return locked
  const code = collect(shard, position)
  unlockForReading(shard)
  return code
}
