/**
 * A policy says which thread may touch the table when. Each class of maps has one, whose number is in the header. This file is the only
 * place where the number selects functions. FastMap comes first and on its own, so that its reads pay one comparison.
 *
 * To add a policy: a file in maps/ with its functions, its number in layout.ts, and a case in each switch here. A number that a switch
 * does not know is damage.
 */
import { load32 } from './atomics'
import { queuesOf } from './cache/state'
import {
  D_LOCK,
  D_USED,
  E_AREA,
  E_HEAVY,
  H_POLICY,
  POLICY_CACHE,
  POLICY_FAST,
  POLICY_RWMUTEX,
  POLICY_SHARDED,
  POLICY_SYNC,
  POLICY_UNSAFE,
  Q_VALUES,
  R_ERROR_SHARD,
  R_WORD,
} from './layout'
import { cacheChange, cacheGet, cacheLook } from './maps/cache'
import { fastChange, fastGet, look, looked, setLooked } from './maps/fast'
import { lockedChange, lockedGet, lockedScan } from './maps/locked'
import { lockForWriting, lockMap, lockShard, unlockForWriting } from './maps/shard-lock'
import { syncChange, syncClear, syncGet, syncScan, syncSize } from './maps/sync'
import { syncReclaim } from './maps/sync-room'
import { beginWriting, isMisused, unsafeChange, unsafeGet, unsafeScan } from './maps/unsafe'
import { damaged } from './memory/damage'
import { shardCount } from './memory/heaps'
import { sweepValues } from './repair/sync-repair'
import { clear, reclaim } from './table/change'
import { keyAt } from './table/key'
import { collect } from './table/scan'
import { indexOf, shardAt, shardOf } from './table/shard'
import { resultAt, setDetail } from './table/value'
import { blocker, unlock } from './threads/lock'

/** This memory's policy, one of POLICY_*. */
let policy: u32 = 0

export function readPolicy(): void {
  policy = load<u32>(H_POLICY)
}

// --- Reading -------------------------------------------------------------------------------------------------------------

/** Looks for the key in the key area: PRESENT with the value in the result area, ABSENT, or an error. */
// @inline
export function read(hash: u64, meta: u32): i32 {
  if (policy == POLICY_FAST) return fastGet(hash, meta, true)
  // A read of a cache takes no lock, so nothing can be in its way.
  return policy == POLICY_CACHE ? cacheGet(hash, meta, true) : readOther(hash, meta, true)
}

/** `read` where values are numbers: the value word; `looked` says whether there is one. */
// @inline
export function readWord(hash: u64, meta: u32): u64 {
  if (policy == POLICY_FAST) return look(hash, meta, load<u64>(keyAt))
  if (policy == POLICY_CACHE) return cacheLook(hash, meta)
  setLooked(readOther(hash, meta, true))
  return load<u64>(resultAt + R_WORD)
}

/** Whether the key is there. */
// @inline
export function contains(hash: u64, meta: u32): i32 {
  if (policy != POLICY_FAST) return readOther(hash, meta, false)
  look(hash, meta, load<u64>(keyAt))
  return looked
}

function readOther(hash: u64, meta: u32, wantsValue: bool): i32 {
  let code: i32 = 0
  switch (policy) {
    case POLICY_CACHE:
      code = cacheGet(hash, meta, wantsValue)
      break
    case POLICY_SYNC:
      code = syncGet(hash, meta, wantsValue)
      break
    case POLICY_UNSAFE:
      code = unsafeGet(hash, meta, wantsValue)
      break
    case POLICY_RWMUTEX:
    case POLICY_SHARDED:
      code = lockedGet(hash, meta, wantsValue)
      break
    default:
      damaged()
  }
  return orFail(code, hash)
}

/** Whether a value that was found earlier must not be believed, however whole it is: an ordinary read will say why. */
// @inline
export function isMisread(): bool {
  return policy == POLICY_UNSAFE && isMisused()
}

// --- Changing ------------------------------------------------------------------------------------------------------------

/** Carries out `op` on the key in the key area. */
// @inline
export function change(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  let code: i32 = 0
  if (policy == POLICY_FAST) {
    code = fastChange(op, hash, meta, valueMeta, expectedMeta)
  } else {
    switch (policy) {
      case POLICY_CACHE:
        code = cacheChange(op, hash, meta, valueMeta, expectedMeta)
        break
      case POLICY_SYNC:
        code = syncChange(op, hash, meta, valueMeta, expectedMeta)
        break
      case POLICY_UNSAFE:
        code = unsafeChange(op, hash, meta, valueMeta, expectedMeta)
        break
      case POLICY_RWMUTEX:
      case POLICY_SHARDED:
        code = lockedChange(op, hash, meta, valueMeta, expectedMeta)
        break
      default:
        damaged()
    }
  }
  return orFail(code, hash)
}

/** Removes all entries. SyncMap does so in one step, the others shard by shard. */
export function clearAll(): i32 {
  if (policy == POLICY_SYNC) {
    const code = syncClear()
    return code < 0 ? failAt(code, 0) : code
  }
  const shards = shardCount()
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    const code = policy == POLICY_UNSAFE ? beginWriting(shard) : lockAnyShard(shard)
    if (code < 0) return failAt(code, i)
    clear(shard)
    unlockAnyShard(shard)
  }
  return 0
}

// --- Locking -------------------------------------------------------------------------------------------------------------

/** Takes the lock under which a shard is changed; repairs the shard if the lock's owner died. */
function lockAnyShard(shard: u32): i32 {
  switch (policy) {
    case POLICY_CACHE:
    case POLICY_FAST:
    case POLICY_UNSAFE:
      return lockShard(shard)
    case POLICY_SYNC:
      return lockMap(shard)
    case POLICY_RWMUTEX:
    case POLICY_SHARDED:
      return lockForWriting(shard)
    default:
      damaged()
  }
  return 0
}

function unlockAnyShard(shard: u32): void {
  switch (policy) {
    case POLICY_CACHE:
    case POLICY_FAST:
    case POLICY_UNSAFE:
    case POLICY_SYNC:
      unlock(shard + D_LOCK)
      break
    case POLICY_RWMUTEX:
    case POLICY_SHARDED:
      unlockForWriting(shard)
      break
    default:
      damaged()
  }
}

/** After a death: takes a shard's lock over, which repairs the shard, and gives it back. */
export function recoverShard(shard: u32): i32 {
  const code = lockAnyShard(shard)
  if (code >= 0) unlockAnyShard(shard)
  return code
}

/** After a death: frees what the dead thread had outside of the shards' heaps. Returns false if a lock could not be had. */
export function recoverValues(): bool {
  if (policy != POLICY_SYNC) return true
  const shard = shardAt(0)
  if (lockMap(shard) < 0) return false
  const swept = sweepValues(shard)
  unlock(shard + D_LOCK)
  return swept
}

/** Memory is short for a thread that attaches: gives back what can be had from what nobody holds. */
export function reclaimAll(): void {
  if (policy == POLICY_SYNC) syncReclaim()
  else reclaim(0)
}

// --- Iterating -----------------------------------------------------------------------------------------------------------

/** Collects entries of a shard from `position` in its hash space on (table/scan.ts). */
export function scan(index: u32, position: u32): i32 {
  const shard = shardAt(index)
  let code: i32 = 0
  switch (policy) {
    case POLICY_CACHE:
    case POLICY_FAST:
      code = collect(shard, position)
      break
    case POLICY_SYNC:
      code = syncScan(shard, position)
      break
    case POLICY_UNSAFE:
      code = unsafeScan(shard, position)
      break
    case POLICY_RWMUTEX:
    case POLICY_SHARDED:
      code = lockedScan(shard, position)
      break
    default:
      damaged()
  }
  return code < 0 && code != E_AREA ? failAt(code, index) : code
}

/** The number of entries. Only SyncMap has to count them. */
export function size(): f64 {
  if (policy == POLICY_SYNC) return <f64>syncSize()
  const shards = shardCount()
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    // In a cache the entries of loads without a value do not count.
    total += <f64>load32(policy == POLICY_CACHE ? queuesOf(shard) + Q_VALUES : shard + D_USED)
  }
  return total
}

// --- Errors --------------------------------------------------------------------------------------------------------------

/** Returns `code`. For an error, the result area names the thread in the way and the shard; E_AREA has a detail of its own. */
// @inline
export function orFail(code: i32, hash: u64): i32 {
  return code < 0 && code != E_AREA && code != E_HEAVY ? failAt(code, indexOf(shardOf(hash))) : code
}

function failAt(code: i32, index: u32): i32 {
  setDetail(blocker)
  store<u32>(resultAt + R_ERROR_SHARD, index)
  return code
}
