/** A new memory, and a thread's place in one: its registry slot and its scratch areas. */
import { put32, store64 } from '../atomics'
import { writeEndless } from '../cache/record'
import { resetSmallShare } from '../cache/share'
import { isCache, queuesOf, readCacheState } from '../cache/state'
import {
  AREA_EXPECTED,
  AREA_KEY,
  AREA_PAGES,
  AREA_VALUE,
  CACHE_STRIDE,
  D_HEAP,
  D_TABLE,
  E_FULL,
  EXPECTED_AREA,
  GHOST_SET,
  H_CACHES,
  H_EMPTY_TABLE,
  H_FREE_HINT,
  H_GHOST_BITS,
  H_GHOSTS,
  H_HEAP_START,
  H_INITIAL_BITS,
  H_MARKS,
  H_MAX_PAGES,
  H_MAX_WEIGHT,
  H_PAGE_TABLE,
  H_PAGES_SEEN,
  H_POLICY,
  H_RESERVE,
  H_SHARD_BITS,
  H_SHARDS,
  H_THREAD_HEAPS,
  H_VALUE_TYPE,
  HEAP_SHIFT,
  HEAP_STRIDE,
  KEY_AREA,
  MARK_SHIFT,
  P_HEAP,
  P_ID,
  PAGE,
  PAGE_BITS,
  POLICY_CACHE,
  POLICY_SYNC,
  Q_CAPACITY,
  Q_GHOST_SHARE,
  RESULT_AREA,
  S_AREAS,
  SCRATCH_SPAN,
  SHARD_SIZE,
  SHARDS,
  SLOT_COUNT,
  TYPE_BYTES,
  VALUE_AREA,
  WASM_PAGE,
} from '../layout'
import { allowReserve, failure } from '../memory/allocation'
import { allocateTable } from '../memory/blocks'
import { PAGES_PER_WASM_PAGE, takePages } from '../memory/pages'
import { readPolicy, reclaimAll } from '../policy'
import { giveScratch } from '../repair/recover'
import { expandSeed } from '../table/hash'
import { keyAt, setKeyArea } from '../table/key'
import { setShards, shardAt } from '../table/shard'
import { clearTable, nextWord } from '../table/table'
import { expectedAt, resultAt, setValueAreas, setValueType, setWindow, valueAt } from '../table/value'
import { setChangesInPlace } from '../threads/at-work'
import { dropClaims } from '../threads/claims'
import { me, mySlot, releaseSlot } from '../threads/thread'

/** Lays out a new memory whose configuration stands in the header. Returns 0 or an error. */
export function create(): i32 {
  const bits = load<u32>(H_SHARD_BITS)
  const shards = (<u32>1) << bits
  const isSync = load<u32>(H_POLICY) == POLICY_SYNC
  const threadHeaps = SHARDS + shards * SHARD_SIZE
  const isNewCache = load<u32>(H_POLICY) == POLICY_CACHE
  const caches = threadHeaps + (isSync ? SLOT_COUNT * HEAP_STRIDE : 0)
  const ghosts = caches + (isNewCache ? shards * CACHE_STRIDE : 0)
  const marks = ghosts + (isNewCache ? (shards << load<u32>(H_GHOST_BITS)) * GHOST_SET : 0)
  const pageTable = marks + (isNewCache ? load<u32>(H_MAX_PAGES) << (PAGE_BITS - MARK_SHIFT) : 0)
  const heapStart = (pageTable + load<u32>(H_MAX_PAGES) * 4 + PAGE - 1) & ~(PAGE - 1)
  const missing = <i32>((heapStart + WASM_PAGE - 1) / WASM_PAGE) - memory.size()
  if (missing > 0 && memory.grow(missing) < 0) return E_FULL
  put32(H_PAGES_SEEN, <u32>memory.size() * PAGES_PER_WASM_PAGE)
  put32(H_SHARDS, SHARDS)
  put32(H_THREAD_HEAPS, isSync ? threadHeaps : 0)
  put32(H_PAGE_TABLE, pageTable)
  put32(H_HEAP_START, heapStart)
  put32(H_FREE_HINT, heapStart >> PAGE_BITS)
  put32(H_RESERVE, reserveOf(load<u32>(H_MAX_PAGES)))
  if (isSync) {
    for (let i: u32 = 0; i < SLOT_COUNT; i++) put32(threadHeaps + i * HEAP_STRIDE + P_HEAP + P_ID, shards + i)
  }
  if (isNewCache) {
    put32(H_CACHES, caches)
    put32(H_GHOSTS, ghosts)
    put32(H_MARKS, marks)
    layOutCache(shards)
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

/** Each shard gets its part of the bound: the parts of all shards are the whole. */
function layOutCache(shards: u32): void {
  readCacheState()
  resetSmallShare()
  writeEndless()
  const weight = load<f64>(H_MAX_WEIGHT)
  for (let i: u32 = 0; i < shards; i++) {
    const queues = queuesOf(shardAt(i))
    const part = floor(((i + 1) * weight) / shards) - floor((i * weight) / shards)
    put32(queues + Q_CAPACITY, weight == Infinity ? <u32>0xffffffff : <u32>part)
    store<f64>(queues + Q_GHOST_SHARE, 0.5)
  }
}

/** The reserve is this share of a memory: enough for one thread that attaches at least, for all of them at most. */
const RESERVE_SHARE: u32 = 128

function reserveOf(pages: u32): u32 {
  return min(max(pages / RESERVE_SHARE, AREA_PAGES + 1), AREA_PAGES * SLOT_COUNT + 1)
}

/** Prepares this instance for a complete memory: takes scratch areas, and reads the header. Returns 0 or an error. */
export function open(): i32 {
  readPolicy()
  setShards()
  readCacheState()
  const type = load<u32>(H_VALUE_TYPE)
  const hasBlocks = type == TYPE_BYTES || load<u32>(H_POLICY) == POLICY_SYNC || isCache
  setValueType(type, !hasBlocks)
  setChangesInPlace(!hasBlocks)
  if (takeAreas()) return 0
  reclaimAll()
  return takeAreas() ? 0 : failure
}

/** The scratch areas stay where they are as long as the thread has its place. */
function takeAreas(): bool {
  const place = mySlot + S_AREAS
  allowReserve(true)
  for (let i: u32 = 0; i < AREA_PAGES; i++) {
    if (load<u32>(place + i * 4) == 0) put32(place + i * 4, takePages(1, SCRATCH_SPAN | ((me - 1) << HEAP_SHIFT)))
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
  const area = takePages((size + PAGE - 1) >> PAGE_BITS, SCRATCH_SPAN | ((me - 1) << HEAP_SHIFT))
  if (area != 0) setKeyArea(area)
  return area
}

/** Gives up this thread's place. */
export function close(): void {
  dropClaims(me)
  giveScratch(me)
  releaseSlot(me)
}
