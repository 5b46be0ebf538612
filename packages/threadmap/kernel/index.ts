/** What JavaScript calls. Each operation takes its key, value and expected value from this thread's scratch areas. */
import { load32, load64 } from './atomics'
import {
  ABSENT,
  D_LOCK,
  D_TABLE,
  D_USED,
  E_AREA,
  H_HASH,
  H_SEED,
  H_SHARD_BITS,
  HASH_DEFAULT,
  META_LENGTH,
  META_NUMBER,
  POLICY_FAST,
  POLICY_SYNC,
  POLICY_UNSAFE,
  PRESENT,
  R_CODE,
  R_ERROR_SHARD,
  R_WORD,
} from './layout'
import { fastChange, fastGet, look, looked } from './maps/fast'
import { lockedChange, lockedGet } from './maps/locked'
import { scan as scanShard } from './maps/scan'
import { lockForWriting, lockShard, unlockForWriting } from './maps/shard-lock'
import { syncChange, syncClear, syncGet, syncSize } from './maps/sync'
import { beginWriting, detects, endWriting, isWriting, unsafeChange, unsafeGet } from './maps/unsafe'
import { policy } from './policy'
import { audit as auditMemory } from './repair/audit'
import { finishRecoveries as finish, recover } from './repair/recover'
import { clear, setToken } from './table/change'
import { expandSeed, hashWord, hashWords, rawHash } from './table/hash'
import { hashKey, keyAt } from './table/key'
import { isCurrent as isCurrentEntry, readKnown as readKnownEntry, readNumber as readKnownNumber } from './table/read'
import { indexOf, shardAt, shardOf } from './table/shard'
import { resultAt, setDetail } from './table/value'
import { blocker, unlock } from './threads/lock'
import { declareDead as declare, me, registerThread, setWebLock } from './threads/thread'

export { LAYOUT_VERSION, MAGIC } from './layout'
export {
  livingThreads,
  recoveries,
  shardCounter,
  shardTotal,
  threadTotal,
  totalSlots,
  usedBytes,
} from './maps/counters'
export { isRecordLive } from './maps/scan'
export { areaAt, close, create, open, setResultWindow, takeKeyArea } from './maps/session'
export { readKnown } from './table/read'
export { beginClaim, endClaim } from './threads/claims'
export { isOverdue } from './threads/lock'
export * from './threads/user-locks'

/** Takes a registry slot. Returns its number plus one, or 0: all are taken. */
export function register(thread: u32, record: u32, table: u32, maySleep: bool): u32 {
  return registerThread(thread, record, table, maySleep)
}

/** Says that a thread is dead, and recovers what it held: one of RECOVERED_BEFORE, RECOVERED and RECOVERED_IN_PART. */
export function recoverThread(owner: u32): i32 {
  return recover(policy, owner)
}

/** Says that a thread is dead, and recovers nothing yet. Returns whether it was alive till now. */
export function declareDead(owner: u32): bool {
  return declare(owner)
}

/** Returns how many dead threads have something left that is not recovered. */
export function finishRecoveries(): u32 {
  return finish(policy)
}

/** Returns the number of problems; see repair/audit.ts. */
export function audit(): u32 {
  finish(policy)
  return auditMemory()
}

/** This thread met damage and may have left anything behind: it counts as dead from now on. */
export function abandon(): void {
  declareDead(me)
}

export function markWebLock(thread: u32): void {
  setWebLock(thread)
}

/** An error of the kernel, with who and where beside it. */
function fail(code: i32, hash: u64): i32 {
  setDetail(blocker)
  store<u32>(resultAt + R_ERROR_SHARD, indexOf(shardOf(hash)))
  return code
}

/** Looks for a key. PRESENT with the value in the result area, ABSENT, or an error. */
export function get(meta: u32): i32 {
  const hash = hashKey(meta)
  if (policy == POLICY_FAST) return fastGet(hash, meta, true)
  const code = getOther(hash, meta, true)
  return code < 0 && code != E_AREA ? fail(code, hash) : code
}

/** `get` where values are numbers: the value; or NaN, and what `get` returns is in R_CODE. Saves a way through memory. */
export function getNumber(meta: u32): f64 {
  if (policy != POLICY_FAST) return numberOf(get(meta), load<u64>(resultAt + R_WORD))
  const hash = hashKey(meta)
  const word = look(hash, meta, load<u64>(keyAt))
  return numberOf(looked, word)
}

/** The same where keys are numbers too, for a FastMap. */
export function getNumberAt(key: f64): f64 {
  // As the codec does: one NaN, and no -0.
  const word = reinterpret<u64>(key == key ? key + 0 : NaN)
  store<u64>(keyAt, word)
  const hash = load<u32>(H_HASH) == HASH_DEFAULT ? hashWord(word) : hashKey(META_NUMBER)
  const found = look(hash, META_NUMBER, word)
  return numberOf(looked, found)
}

function numberOf(code: i32, word: u64): f64 {
  const value = reinterpret<f64>(word)
  if (code == PRESENT && value == value) return value
  store<i32>(resultAt + R_CODE, code)
  return NaN
}

export function has(meta: u32): i32 {
  const hash = hashKey(meta)
  if (policy == POLICY_FAST) {
    look(hash, meta, load<u64>(keyAt))
    return looked
  }
  const code = getOther(hash, meta, false)
  return code < 0 ? fail(code, hash) : code
}

function getOther(hash: u64, meta: u32, wantsValue: bool): i32 {
  if (policy == POLICY_SYNC) return syncGet(hash, meta, wantsValue)
  if (policy == POLICY_UNSAFE) return unsafeGet(hash, meta, wantsValue)
  return lockedGet(hash, meta, wantsValue)
}

/** Carries out `op` (see table/change.ts). What it returns depends on it: whether the key was there, or that values differ. */
export function change(op: u32, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const hash = hashKey(meta)
  let code: i32
  if (policy == POLICY_FAST) code = fastChange(op, hash, meta, valueMeta, expectedMeta)
  else if (policy == POLICY_SYNC) code = syncChange(op, hash, meta, valueMeta, expectedMeta)
  else if (policy == POLICY_UNSAFE) code = unsafeChange(op, hash, meta, valueMeta, expectedMeta)
  else code = lockedChange(op, hash, meta, valueMeta, expectedMeta)
  return code < 0 && code != E_AREA ? fail(code, hash) : code
}

/** `change` for the operations that compare a token. */
export function changeSame(op: u32, meta: u32, valueMeta: u32, entry: u32, generation: u32, low: u32, high: u32): i32 {
  setToken(entry, generation, ((<u64>high) << 32) | <u64>low)
  return change(op, meta, valueMeta, 0)
}

export function clearAll(): i32 {
  if (policy == POLICY_SYNC) {
    const code = syncClear()
    return code < 0 ? failAt(code, 0) : code
  }
  const shards = (<u32>1) << load<u32>(H_SHARD_BITS)
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    let code: i32
    if (policy == POLICY_FAST) code = lockShard(shard)
    else if (policy == POLICY_UNSAFE) code = beginWriting(shard)
    else code = lockForWriting(shard)
    if (code < 0) return failAt(code, i)
    clear(shard)
    if (policy == POLICY_FAST) unlock(shard + D_LOCK)
    else if (policy == POLICY_UNSAFE) endWriting(shard)
    else unlockForWriting(shard)
  }
  return 0
}

function failAt(code: i32, index: u32): i32 {
  setDetail(blocker)
  store<u32>(resultAt + R_ERROR_SHARD, index)
  return code
}

export function size(): f64 {
  if (policy == POLICY_SYNC) return <f64>syncSize()
  const shards = (<u32>1) << load<u32>(H_SHARD_BITS)
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) total += <f64>load32(shardAt(i) + D_USED)
  return total
}

export function scan(index: u32, position: u32): i32 {
  const code = scanShard(policy, index, position)
  return code < 0 && code != E_AREA ? failAt(code, index) : code
}

/** The version in a shard's table word. */
export function versionOf(shard: u32): u32 {
  return <u32>(load64(shard + D_TABLE) >> 32)
}

/** `readKnown` where values are numbers: the value, or NaN if it is one or has to be looked for. */
export function readNumber(entry: u32, generation: u32, shard: u32, version: u32): f64 {
  if (policy == POLICY_UNSAFE && misused()) return NaN
  return readKnownNumber(entry, generation, shard, version)
}

/** The same for the read cache. */
export function readCached(entry: u32, generation: u32, shard: u32, version: u32): i32 {
  if (policy == POLICY_UNSAFE && misused()) return ABSENT
  return readKnownEntry(entry, generation, shard, version)
}

export function isCurrent(entry: u32, generation: u32, shard: u32, version: u32, low: u32, high: u32): i32 {
  if (policy == POLICY_UNSAFE && misused()) return ABSENT
  return isCurrentEntry(entry, generation, shard, version, low, high)
}

/** Whether another thread is writing to an UnsafeMap: an ordinary read will say so. */
function misused(): bool {
  return detects() && isWriting(shardAt(0))
}

/**
 * The published hash of a key in the key area, low word; the high one is at its beginning then. For a memory of its own: the
 * seed becomes that of the memory.
 */
export function hashBytes(kind: u32, meta: u32, seedLow: u32, seedHigh: u32): u32 {
  const seed = ((<u64>seedHigh) << 32) | <u64>seedLow
  const length = meta & META_LENGTH
  let hash: u64
  if (kind == HASH_DEFAULT) {
    if (seed != load<u64>(H_SEED)) {
      store<u64>(H_SEED, seed)
      expandSeed()
    }
    const rest = length & 7
    const last = keyAt + length - rest
    if (rest != 0) store<u64>(last, load<u64>(last) & (((<u64>1) << (rest << 3)) - 1))
    hash = hashWords(keyAt, meta)
  } else {
    hash = rawHash(kind, keyAt, length, seed)
  }
  store<u32>(keyAt, <u32>(hash >> 32))
  return <u32>hash
}
