/** What JavaScript calls. Each operation takes its key, value and expected value from this thread's scratch areas. */
import { load32, load64, put32, store32, store64 } from './atomics'
import { audit as auditMemory } from './audit'
import { dropClaims } from './claims'
import { fastChange, fastGet, lockShard, look, looked } from './fast'
import { expandSeed, HASH_DEFAULT, hashWord, hashWords, rawHash } from './hash'
import { allocateTable, failure, givePages, SCRATCH_SPAN, takePages } from './heap'
import {
  ABSENT,
  AREA_COUNT,
  D_COMPACTIONS,
  D_COPIED,
  D_DIRTY,
  D_DIRTY_USED,
  D_HEAP,
  D_LOCK,
  D_LOCK_WAITED,
  D_LOCK_WAITS,
  D_MISSES_TOTAL,
  D_PROMOTIONS,
  D_RESIZES,
  D_TABLE,
  D_USED,
  E_AREA,
  E_FULL,
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
  H_SEED,
  H_SHARD_BITS,
  H_SHARDS,
  H_THREAD_HEAPS,
  H_VALUE_TYPE,
  HEAP_STRIDE,
  META_LENGTH,
  P_FREE_BYTES,
  P_HEAP,
  P_ID,
  PAGE,
  POLICY_FAST,
  POLICY_RWMUTEX,
  POLICY_SHARDED,
  POLICY_SYNC,
  POLICY_UNSAFE,
  PRESENT,
  R_CODE,
  R_ERROR_SHARD,
  R_WORD,
  REGISTRY,
  S_AREAS,
  S_LOCK_SLEEPS,
  S_LOCK_WAITS,
  S_RETRIES,
  S_SPINS,
  SHARD_SIZE,
  SHARDS,
  SLOT_COUNT,
  SLOT_SIZE,
  TYPE_BYTES,
} from './layout'
import { blocker, unlock } from './lock'
import { finishRecoveries as finish, giveScratch, recover } from './recover'
import { lockedChange, lockedGet, lockForWriting, unlockForWriting } from './rwmutex'
import * as scanning from './scan'
import { clear, indexOf, setShards, setToken, shardAt, shardOf } from './shard'
import { syncChange, syncClear, syncGet, syncSize } from './sync-map'
import { bitsOf, clearTable, hashKey, keyAt, nextWord, setKeyArea, slotCount } from './table'
import { declareDead, isAlive, me, mySlot, registerThread, releaseSlot, setWebLock } from './thread'
import { beginWriting, detects, endWriting, isWriting, unsafeChange, unsafeGet } from './unsafe'
import { resultAt, setDetail, setValueAreas, setValueType } from './value'

export { beginClaim, endClaim } from './claims'
export { LAYOUT_VERSION, MAGIC } from './layout'
export * from './user-locks'

let policy: u32 = 0

/** Takes a registry slot. Returns its number plus one, or 0: all are taken. */
export function register(thread: u32, parent: u32, maySleep: bool): u32 {
  return registerThread(thread, parent, maySleep)
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

/** Prepares this instance for a complete memory: scratch areas, what the header says of values. */
export function open(): i32 {
  policy = load<u32>(H_POLICY)
  setShards()
  const type = load<u32>(H_VALUE_TYPE)
  setValueType(type, type != TYPE_BYTES && policy != POLICY_SYNC)
  for (let i: u32 = 0; i < AREA_COUNT; i++) if (resizeArea(i, PAGE) == 0) return failure
  return 0
}

/** Makes scratch area `index` at least `size` bytes long. Returns its address (0: no memory). Its content is lost. */
export function resizeArea(index: u32, size: u32): u32 {
  const place = mySlot + S_AREAS + index * 8
  const old = load<u32>(place)
  const pages = (size + PAGE - 1) >> 12
  const area = takePages(pages, SCRATCH_SPAN | ((me - 1) << 16))
  if (area == 0) return 0
  put32(place, area)
  put32(place + 4, pages << 12)
  if (old != 0) givePages(old)
  const areas = mySlot + S_AREAS
  setKeyArea(load<u32>(areas))
  setValueAreas(load<u32>(areas + 8), load<u32>(areas + 16), load<u32>(areas + 24), load<u32>(areas + 28))
  return area
}

export function areaAt(index: u32): u32 {
  return load<u32>(mySlot + S_AREAS + index * 8)
}

export function areaSize(index: u32): u32 {
  return load<u32>(mySlot + S_AREAS + index * 8 + 4)
}

/** Gives up this thread's place. */
export function close(): void {
  dropClaims(me)
  giveScratch(me)
  releaseSlot(me)
}

/** 0: the thread was not alive; 1: all it held is recovered; 2: some is left for `finishRecoveries`. */
export function recoverThread(owner: u32): i32 {
  return recover(policy, owner)
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
  const meta: u32 = 8
  const hash = load<u32>(H_HASH) == HASH_DEFAULT ? hashWord(word) : hashKey(meta)
  const found = look(hash, meta, word)
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

/** A counter of one shard, by number. */
export function shardCounter(index: u32, counter: u32): f64 {
  const shard = shardAt(index)
  switch (counter) {
    case 0: {
      const isDirty = policy == POLICY_SYNC && (load32(shard + D_TABLE) & 32) != 0
      return <f64>slotCount(load32((isDirty ? D_DIRTY : D_TABLE) + shard) & 31)
    }
    case 1:
      return <f64>load32(shard + D_RESIZES)
    case 2:
      return <f64>load32(shard + D_COMPACTIONS)
    case 3:
      return <f64>load32(shard + D_MISSES_TOTAL)
    case 4:
      return <f64>load32(shard + D_PROMOTIONS)
    case 5:
      return <f64>load32(shard + D_COPIED)
    case 6:
      return <f64>load32(shard + D_DIRTY_USED)
    case 7:
      return <f64>load32(shard + D_HEAP + P_FREE_BYTES)
    case 8:
      return <f64>load32(shard + D_LOCK_WAITS)
    case 9:
      return <f64>load64(shard + D_LOCK_WAITED)
    default:
      return <f64>load32(shard + D_USED)
  }
}

/** Sums a counter over the shards. */
export function shardTotal(counter: u32): f64 {
  const shards = (<u32>1) << load<u32>(H_SHARD_BITS)
  let total: f64 = 0
  for (let i: u32 = 0; i < shards; i++) total += shardCounter(i, counter)
  if (counter == 7 && policy == POLICY_SYNC) {
    const heaps = load<u32>(H_THREAD_HEAPS) + P_HEAP
    for (let i: u32 = 0; i < SLOT_COUNT; i++) total += <f64>load32(heaps + i * HEAP_STRIDE + P_FREE_BYTES)
  }
  return total
}

/** Sums a counter over the registry slots; number 4 counts living threads. */
export function threadTotal(counter: u32): f64 {
  let total: f64 = 0
  for (let i: u32 = 0; i < SLOT_COUNT; i++) {
    const slot = REGISTRY + i * SLOT_SIZE
    if (counter == 0) total += <f64>load32(slot + S_RETRIES)
    else if (counter == 1) total += <f64>load32(slot + S_LOCK_WAITS)
    else if (counter == 2) total += <f64>load32(slot + S_LOCK_SLEEPS)
    else if (counter == 3) total += <f64>load32(slot + S_SPINS)
    else if (counter == 4) total += isAlive(i + 1) ? 1 : 0
  }
  return total
}

export function usedBytes(): f64 {
  return <f64>load32(H_HEAP_START) + <f64>load32(H_PAGES_USED) * PAGE
}

export function recoveries(): u32 {
  return load32(H_RECOVERIES)
}
