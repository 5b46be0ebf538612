/** What JavaScript calls. Each operation takes its key, value and expected value from this thread's scratch areas. */
import { load64 } from './atomics'
import { giveTime, setNext } from './cache/record'
import { isCache } from './cache/state'
import { ABSENT, D_TABLE, H_HASH, H_SEED, HASH_DEFAULT, META_LENGTH, META_NUMBER, PRESENT, R_CODE } from './layout'
import { cacheIsCurrent } from './maps/cache'
import { beginLoad as beginLoadOf, endLoad as endLoadOf, endLoadWithout as endLoadWithoutOf } from './maps/cache-loads'
import { look, looked } from './maps/fast'
import { change as changeByPolicy, contains, isMisread, orFail, read, readWord } from './policy'
import { audit as auditMemory } from './repair/audit'
import { finishRecoveries as finish, recover } from './repair/recover'
import { setToken } from './table/change'
import { expandSeed, hashWord, hashWords, rawHash } from './table/hash'
import { hashKey, keyAt } from './table/key'
import { isCurrent as isCurrentEntry, readKnown as readKnownEntry, readNumber as readKnownNumber } from './table/read'
import { hashText, textMeta } from './table/text'
import { resultAt } from './table/value'
import { declareDead as declare, me, registerThread, setWebLock } from './threads/thread'

export { listen } from './cache/listener'
export { allowStale } from './cache/record'
export { LAYOUT_VERSION, MAGIC } from './layout'
export {
  cacheTotal,
  livingThreads,
  loadTime,
  recoveries,
  shardCounter,
  shardTotal,
  threadTotal,
  threadTotalLong,
  totalSlots,
  untouchedMarks,
  usedBytes,
} from './maps/counters'
export { areaAt, close, create, open, setResultWindow, takeKeyArea } from './maps/session'
export { clearAll, scan, size } from './policy'
export { readKnown } from './table/read'
export { isRecordLive } from './table/scan'
export { beginClaim, endClaim } from './threads/claims'
export { isOverdue } from './threads/lock'
export * from './threads/user-locks'

/** Takes a registry slot. Returns its number plus one, or 0: all are taken. */
export function register(thread: u32, record: u32, table: u32, maySleep: bool): u32 {
  return registerThread(thread, record, table, maySleep)
}

/** Says that a thread is dead, and recovers what it held: one of RECOVERED_BEFORE, RECOVERED and RECOVERED_IN_PART. */
export function recoverThread(owner: u32): i32 {
  return recover(owner)
}

/** Says that a thread is dead, and recovers nothing yet. Returns whether it was alive until now. */
export function declareDead(owner: u32): bool {
  return declare(owner)
}

/** Returns how many dead threads have something left that is not recovered. */
export function finishRecoveries(): u32 {
  return finish()
}

/** Returns the number of problems; see repair/audit.ts. */
export function audit(): u32 {
  finish()
  return auditMemory()
}

/** This thread met damage and may have left anything behind: it counts as dead from now on. */
export function abandon(): void {
  declareDead(me)
}

export function markWebLock(thread: u32): void {
  setWebLock(thread)
}

/** Looks for a key. PRESENT with the value in the result area, ABSENT, or an error. */
export function get(meta: u32): i32 {
  return read(hashKey(meta), meta)
}

/** `get` where values are numbers: returns the value. NaN is ambiguous: R_CODE has what `get` returns. Saves a way through memory. */
export function getNumber(meta: u32): f64 {
  const word = readWord(hashKey(meta), meta)
  return numberOf(looked, word)
}

/** `getNumber` where keys are numbers too, for a FastMap. */
export function getNumberAt(key: f64): f64 {
  // As the codec does: one NaN, and no -0.
  const word = reinterpret<u64>(key == key ? key + 0 : NaN)
  store<u64>(keyAt, word)
  const hash = load<u32>(H_HASH) == HASH_DEFAULT ? hashWord(word) : hashKey(META_NUMBER)
  const found = look(hash, META_NUMBER, word)
  return numberOf(looked, found)
}

/** `get` for a key that is a string of at most MAX_TEXT characters. Its relatives below are to theirs what this is to `get`. */
export function getText(key: externref): i32 {
  const hash = hashText(key)
  return read(hash, textMeta)
}

/**
 * `get`, `getText` and `isCurrent` of a cache whose values have deadlines, with the time. JavaScript reads it before the call: a call out of the
 * kernel takes 10 ns more.
 */
export function getAt(meta: u32, time: f64): i32 {
  giveTime(time)
  const code = get(meta)
  giveTime(0)
  return code
}

export function getTextAt(key: externref, time: f64): i32 {
  const hash = hashText(key)
  giveTime(time)
  const code = read(hash, textMeta)
  giveTime(0)
  return code
}

export function getNumberOfText(key: externref): f64 {
  const hash = hashText(key)
  const word = readWord(hash, textMeta)
  return numberOf(looked, word)
}

function numberOf(code: i32, word: u64): f64 {
  const value = reinterpret<f64>(word)
  if (code == PRESENT && value == value) return value
  store<i32>(resultAt + R_CODE, code)
  return NaN
}

export function has(meta: u32): i32 {
  return contains(hashKey(meta), meta)
}

export function hasText(key: externref): i32 {
  const hash = hashText(key)
  return contains(hash, textMeta)
}

/** Carries out `op`, one of SET to DELETE_SAME. Returns PRESENT or ABSENT, as the key was before, DIFFERENT, or an error. */
export function change(op: u32, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  return changeByPolicy(op, hashKey(meta), meta, valueMeta, expectedMeta)
}

export function changeText(op: u32, key: externref, valueMeta: u32, expectedMeta: u32): i32 {
  const hash = hashText(key)
  return changeByPolicy(op, hash, textMeta, valueMeta, expectedMeta)
}

/** `change` for the operations that compare a token. */
export function changeSame(op: u32, meta: u32, valueMeta: u32, entry: u32, generation: u32, low: u32, high: u32): i32 {
  setToken(entry, generation, ((<u64>high) << 32) | <u64>low)
  return change(op, meta, valueMeta, 0)
}

/** `change` in a cache: how long the value is fresh in milliseconds, and its weight. */
export function changeCache(op: u32, meta: u32, valueMeta: u32, expectedMeta: u32, ttl: f64, weight: u32): i32 {
  setNext(ttl, weight)
  return change(op, meta, valueMeta, expectedMeta)
}

export function changeCacheText(
  op: u32,
  key: externref,
  valueMeta: u32,
  expectedMeta: u32,
  ttl: f64,
  weight: u32,
): i32 {
  const hash = hashText(key)
  setNext(ttl, weight)
  return changeByPolicy(op, hash, textMeta, valueMeta, expectedMeta)
}

/** `changeSame` in a cache: with what `setRecord` said. */
export function setRecord(ttl: f64, weight: u32): void {
  setNext(ttl, weight)
}

/** Looks for a key of a cache, and begins a load if need be; see maps/cache-loads.ts. */
export function beginLoad(meta: u32, waited: u32, force: u32, milliseconds: f64): i32 {
  const hash = hashKey(meta)
  return orFail(beginLoadOf(hash, meta, waited, force, milliseconds), hash)
}

/** Ends a load with the value in the value area. */
export function endLoad(meta: u32, token: u32, valueMeta: u32, ttl: f64, weight: u32, took: f64): i32 {
  const hash = hashKey(meta)
  return orFail(endLoadOf(hash, meta, token, valueMeta, ttl, weight, took), hash)
}

/** Ends a load without a value. */
export function endLoadWithout(meta: u32, token: u32, how: u32, textMeta: u32, kept: f64, took: f64): i32 {
  const hash = hashKey(meta)
  return orFail(endLoadWithoutOf(hash, meta, token, how, textMeta, kept, took), hash)
}

/** The version in a shard's table word. */
export function versionOf(shard: u32): u32 {
  return <u32>(load64(shard + D_TABLE) >> 32)
}

/** `readKnown` where values are numbers: the value, or NaN if it is one or has to be looked for. */
export function readNumber(entry: u32, generation: u32, shard: u32, version: u32): f64 {
  if (isMisread()) return NaN
  return readKnownNumber(entry, generation, shard, version)
}

/** `readKnown` for the read cache. */
export function readCached(entry: u32, generation: u32, shard: u32, version: u32): i32 {
  if (isMisread()) return ABSENT
  return readKnownEntry(entry, generation, shard, version)
}

export function isCurrentAt(
  entry: u32,
  generation: u32,
  shard: u32,
  version: u32,
  low: u32,
  high: u32,
  time: f64,
): i32 {
  giveTime(time)
  const code = isCurrent(entry, generation, shard, version, low, high)
  giveTime(0)
  return code
}

export function isCurrent(entry: u32, generation: u32, shard: u32, version: u32, low: u32, high: u32): i32 {
  if (isCache) return cacheIsCurrent(entry, generation, shard, version, low, high)
  return isMisread() ? ABSENT : isCurrentEntry(entry, generation, shard, version, low, high)
}

/**
 * Returns the low word of the published hash of the key in the key area, and writes the high word over the beginning of the key. Only in
 * a memory that has no map: its seed becomes the one that is given.
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
