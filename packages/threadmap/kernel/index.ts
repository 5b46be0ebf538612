/** What JavaScript calls. Each operation takes its key, value and expected value from this thread's scratch areas. */
import { load32, load64, put32, store64 } from './atomics'
import {
  ABSENT,
  AREA_EXPECTED,
  AREA_KEY,
  AREA_PAGES,
  AREA_VALUE,
  D_DIRTY,
  D_HEAP,
  D_LOCK,
  D_LOCK_WAITED,
  D_TABLE,
  D_USED,
  E_AREA,
  E_FULL,
  EXPECTED_AREA,
  H_EMPTY_TABLE,
  H_FREE_HINT,
  H_HASH,
  H_HEAP_START,
  H_INITIAL_BITS,
  H_MAX_PAGES,
  H_PAGE_TABLE,
  H_PAGES_SEEN,
  H_PAGES_USED,
  H_POLICY,
  H_RECOVERIES,
  H_RESERVE,
  H_SEED,
  H_SHARD_BITS,
  H_SHARDS,
  H_THREAD_HEAPS,
  H_VALUE_TYPE,
  HASH_DEFAULT,
  HEAP_STRIDE,
  KEY_AREA,
  META_LENGTH,
  META_NUMBER,
  P_FREE_BYTES,
  P_HEAP,
  P_ID,
  PAGE,
  POLICY_FAST,
  POLICY_SYNC,
  POLICY_UNSAFE,
  PRESENT,
  R_CODE,
  R_ERROR_SHARD,
  R_WORD,
  REGISTRY,
  RESULT_AREA,
  S_AREAS,
  S_INCARNATION,
  S_STATE,
  SCRATCH_SPAN,
  SHARD_SIZE,
  SHARDS,
  SLOT_COUNT,
  SLOT_SIZE,
  TYPE_BYTES,
  VALUE_AREA,
} from './layout'
import { fastChange, fastGet, lockShard, look, looked } from './maps/fast'
import { lockedChange, lockedGet, lockForWriting, unlockForWriting } from './maps/locked'
import * as scanning from './maps/scan'
import { syncChange, syncClear, syncGet, syncReclaim, syncSize } from './maps/sync'
import { isAmended } from './maps/sync-state'
import { beginWriting, detects, endWriting, isWriting, unsafeChange, unsafeGet } from './maps/unsafe'
import { allocateTable, allowReserve, failure, takePages } from './memory/slabs'
import { audit as auditMemory } from './repair/audit'
import { finishRecoveries as finish, giveScratch, recover } from './repair/recover'
import { clear, indexOf, reclaim, setShards, setToken, shardAt, shardOf } from './table/change'
import { expandSeed, hashWord, hashWords, rawHash } from './table/hash'
import { bitsOf, clearTable, hashKey, keyAt, nextWord, setKeyArea, slotCount } from './table/table'
import { expectedAt, resultAt, setDetail, setValueAreas, setValueType, setWindow, valueAt } from './table/value'
import { dropClaims } from './threads/claims'
import { blocker, unlock } from './threads/lock'
import {
  declareDead as declare,
  isAlive,
  me,
  mySlot,
  registerThread,
  releaseSlot,
  setWebLock,
  slotOf,
} from './threads/thread'

export { LAYOUT_VERSION, MAGIC } from './layout'
export { beginClaim, endClaim } from './threads/claims'
export * from './threads/user-locks'

let policy: u32 = 0

/** Takes a registry slot. Returns its number plus one, or 0: all are taken. */
export function register(thread: u32, record: u32, table: u32, maySleep: bool): u32 {
  return registerThread(thread, record, table, maySleep)
}

/** Lays out a new memory whose configuration stands in the header. Returns 0 or an error. */
export function create(): i32 {
  const bits = load<u32>(H_SHARD_BITS)
  const shards = (<u32>1) << bits
  const isSync = load<u32>(H_POLICY) == POLICY_SYNC
  const threadHeaps = SHARDS + shards * SHARD_SIZE
  const pageTable = threadHeaps + (isSync ? SLOT_COUNT * HEAP_STRIDE : 0)
  const heapStart = (pageTable + load<u32>(H_MAX_PAGES) * 4 + PAGE - 1) & ~(PAGE - 1)
  const missing = <i32>((heapStart + 0xffff) >> 16) - memory.size()
  if (missing > 0 && memory.grow(missing) < 0) return E_FULL
  put32(H_PAGES_SEEN, <u32>memory.size() * 16)
  put32(H_SHARDS, SHARDS)
  put32(H_THREAD_HEAPS, isSync ? threadHeaps : 0)
  put32(H_PAGE_TABLE, pageTable)
  put32(H_HEAP_START, heapStart)
  put32(H_FREE_HINT, heapStart >> 12)
  put32(H_RESERVE, reserveOf(load<u32>(H_MAX_PAGES)))
  if (isSync) {
    for (let i: u32 = 0; i < SLOT_COUNT; i++) put32(threadHeaps + i * HEAP_STRIDE + P_HEAP + P_ID, shards + i)
  }
  expandSeed()
  const initial = load<u32>(H_INITIAL_BITS)
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    put32(shard + D_HEAP + P_ID, i)
    if (isSync) {
      store64(shard + D_TABLE, nextWord(0, H_EMPTY_TABLE, 0))
      continue
    }
    const table = allocateTable(shard + D_HEAP, initial)
    if (table == 0) return failure
    clearTable(table, initial)
    store64(shard + D_TABLE, nextWord(0, table, initial))
  }
  return 0
}

/** A hundredth of a memory, for 1 thread at least and for all of them at most. */
function reserveOf(pages: u32): u32 {
  return min(max(pages >> 7, AREA_PAGES + 1), AREA_PAGES * SLOT_COUNT + 1)
}

/** Prepares this instance for a complete memory: scratch areas, what the header says of values. */
export function open(): i32 {
  policy = load<u32>(H_POLICY)
  setShards()
  const type = load<u32>(H_VALUE_TYPE)
  setValueType(type, type != TYPE_BYTES && policy != POLICY_SYNC)
  if (takeAreas()) return 0
  if (policy == POLICY_SYNC) syncReclaim()
  else reclaim(0)
  return takeAreas() ? 0 : failure
}

/** The scratch areas stay where they are as long as the thread has its place. */
function takeAreas(): bool {
  const place = mySlot + S_AREAS
  allowReserve(true)
  for (let i: u32 = 0; i < AREA_PAGES; i++) {
    if (load<u32>(place + i * 4) == 0) put32(place + i * 4, takePages(1, SCRATCH_SPAN | ((me - 1) << 16)))
  }
  allowReserve(false)
  const first = load<u32>(place)
  const second = load<u32>(place + 4)
  if (first == 0 || second == 0) return false
  setKeyArea(second + KEY_AREA)
  setValueAreas(first + VALUE_AREA, first + EXPECTED_AREA, second + RESULT_AREA)
  return true
}

/** Where a scratch area is, by its number. */
export function areaAt(index: u32): u32 {
  if (index == AREA_KEY) return keyAt
  if (index == AREA_VALUE) return valueAt
  return index == AREA_EXPECTED ? expectedAt : resultAt
}

/** Says how many bytes this thread's private window for results holds now. */
export function setResultWindow(size: u32): void {
  setWindow(size)
}

/** For `hash`, in a memory of its own: a key area of this size. Returns its address, or 0. */
export function takeKeyArea(size: u32): u32 {
  const area = takePages((size + PAGE - 1) >> 12, SCRATCH_SPAN | ((me - 1) << 16))
  if (area != 0) setKeyArea(area)
  return area
}

/** Gives up this thread's place. */
export function close(): void {
  dropClaims(me)
  giveScratch(me)
  releaseSlot(me)
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

/** Returns the number of problems; see audit.ts. */
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

/** Carries out `op` (see shard.ts). What it returns depends on it: whether the key was there, or that values differ. */
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
  const code = scanning.scan(policy, index, position)
  return code < 0 && code != E_AREA ? failAt(code, index) : code
}

export function isRecordLive(entry: u32, generation: u32, meta: u32): bool {
  return scanning.isRecordLive(entry, generation, meta)
}

/** The version in a shard's table word. */
export function versionOf(shard: u32): u32 {
  return <u32>(load64(shard + D_TABLE) >> 32)
}

export function readKnown(entry: u32, generation: u32, shard: u32, version: u32): i32 {
  return scanning.readKnown(entry, generation, shard, version)
}

/** `readKnown` where values are numbers: the value, or NaN if it is one or has to be looked for. */
export function readNumber(entry: u32, generation: u32, shard: u32, version: u32): f64 {
  if (policy == POLICY_UNSAFE && misused()) return NaN
  return scanning.readNumber(entry, generation, shard, version)
}

/** The same for the read cache. */
export function readCached(entry: u32, generation: u32, shard: u32, version: u32): i32 {
  if (policy == POLICY_UNSAFE && misused()) return ABSENT
  return scanning.readKnown(entry, generation, shard, version)
}

export function isCurrent(entry: u32, generation: u32, shard: u32, version: u32, low: u32, high: u32): i32 {
  if (policy == POLICY_UNSAFE && misused()) return ABSENT
  return scanning.isCurrent(entry, generation, shard, version, low, high)
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

// --- Counters ----------------------------------------------------------------------------------------------------------

/** A counter of one shard, by its offset in the shard. */
export function shardCounter(index: u32, field: u32): f64 {
  const counter = shardAt(index) + field
  return field == D_LOCK_WAITED ? <f64>load64(counter) : <f64>load32(counter)
}

/** The sum of a counter over the shards, by its offset in a shard; of free bytes, also over the heaps of threads. */
export function shardTotal(field: u32): f64 {
  const shards = (<u32>1) << load<u32>(H_SHARD_BITS)
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) total += shardCounter(i, field)
  if (field == D_HEAP + P_FREE_BYTES && policy == POLICY_SYNC) {
    const heaps = load<u32>(H_THREAD_HEAPS) + P_HEAP
    for (let i: u32 = 0; i < SLOT_COUNT; i++) total += <f64>load32(heaps + i * HEAP_STRIDE + P_FREE_BYTES)
  }
  return total
}

/** How many slots the tables have: of a SyncMap `dirty`, where there is one. */
export function totalSlots(): f64 {
  const shards = (<u32>1) << load<u32>(H_SHARD_BITS)
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    const word = load64(shard + D_TABLE)
    total += <f64>slotCount(bitsOf(isAmended(word) ? load64(shard + D_DIRTY) : word))
  }
  return total
}

/** The sum of a counter over the registry slots, by its offset in a slot. */
export function threadTotal(field: u32): f64 {
  let total: f64 = 0
  for (let i: u32 = 0; i < SLOT_COUNT; i++) total += <f64>load32(REGISTRY + i * SLOT_SIZE + field)
  return total
}

export function livingThreads(): u32 {
  let living: u32 = 0
  for (let owner: u32 = 1; owner <= SLOT_COUNT; owner++) if (isAlive(owner)) living++
  return living
}

/**
 * What is in use, as far as anything was written there: the system gives a page of memory when it is touched. So places of
 * threads that never were, and the page table of memory that is not there yet, do not count.
 */
export function usedBytes(): f64 {
  const tables = load32(H_HEAP_START) - load<u32>(H_MAX_PAGES) * 4
  const perThread = load<u32>(H_THREAD_HEAPS) == 0 ? SLOT_SIZE : SLOT_SIZE + HEAP_STRIDE
  const unused = <f64>((SLOT_COUNT - slotsSeen()) * perThread)
  return <f64>tables - unused + <f64>load32(H_PAGES_SEEN) * 4 + <f64>load32(H_PAGES_USED) * PAGE
}

/** How many places of the registry were ever taken: the lowest free one is taken first. */
function slotsSeen(): u32 {
  let seen = SLOT_COUNT
  while (seen > 0 && load32(slotOf(seen) + S_INCARNATION) == 0 && load32(slotOf(seen) + S_STATE) == 0) seen--
  return seen
}

export function recoveries(): u32 {
  return load32(H_RECOVERIES)
}
