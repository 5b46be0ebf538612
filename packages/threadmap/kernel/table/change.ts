/**
 * Changes of a shard, under the lock that keeps other writers out. Allocations come first, since they can fail; then one store makes the
 * change visible; then comes clean-up, which a repair can do as well.
 */
import { add32, get32, load64, put32, store64 } from '../atomics'
import { admit, weighAnew } from '../cache/admit'
import { goesInside, isInside, numberAt } from '../cache/inside'
import { dequeue, emptyQueues } from '../cache/queues'
import { isCache, queuesOf } from '../cache/state'
import {
  ABSENT,
  ADD,
  COMPARE_AND_DELETE,
  COMPARE_AND_SWAP,
  D_HEAP,
  D_LOCK,
  D_RESIZES,
  D_TABLE,
  D_USED,
  DELETE,
  DIFFERENT,
  E_FULL,
  E_SPARSE,
  E_TIMEOUT,
  ENTRY_VALUE,
  GET_AND_DELETE,
  H_INITIAL_BITS,
  INSERT,
  INSIDE,
  MAX_TABLE_BITS,
  PRESENT,
  Q_EVICTED_FOR_MEMORY,
  Q_GROW_AT,
  R_WORD,
  REPLACE_SAME,
  SET,
  SWAP,
  TOKEN_ENDLESS,
  TOKEN_INSIDE,
} from '../layout'
import { changeNumber } from '../maps/in-place'
import { tryShard } from '../maps/shard-lock'
import { allowCompaction, allowReserve, failFull, failure, wantsRun } from '../memory/allocation'
import { allocate, allocateTable, free, freeTable } from '../memory/blocks'
import { shardCount } from '../memory/heaps'
import { isReserveShort } from '../memory/pages'
import { giveEmpty, reserve } from '../memory/slabs'
import { sweep } from '../repair/sweep'
import { becomeAlone, changesInPlace } from '../threads/at-work'
import { unlock } from '../threads/lock'
import { compact, slide } from './compact'
import { bringToLife, entrySize, headGeneration, kill, valueWord, writeEntry } from './entry'
import { shardAt } from './shard'
import {
  addressOf,
  bitsOf,
  clearTable,
  copyTable,
  displace,
  find,
  foundEntry,
  isSparseTable,
  loadLimit,
  mostEntries,
  nextSlot,
  nextWord,
  place,
  slotContent,
  tagOf,
} from './table'
import {
  blockSize,
  copyOut,
  copyOutOf,
  equalsExpected,
  freeValue,
  isInline,
  newValueBlock,
  resultAt,
  setWord,
  sum,
  valueAt,
  wordOfBlock,
} from './value'

/** The token of an earlier read, which REPLACE_SAME and DELETE_SAME compare. */
export let tokenEntry: u32 = 0
export let tokenGeneration: u32 = 0
export let tokenWord: u64 = 0

export function setToken(entry: u32, generation: u32, word: u64): void {
  tokenEntry = entry & ~TOKEN_ENDLESS
  tokenGeneration = generation
  tokenWord = word
}

/** Carries out `op` on a shard that this thread holds; makes room if memory is short. */
export function change(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  if (isNumberChange(op) && !changesInPlace && changeKnownWord(shard, op, hash, meta)) return PRESENT
  allowCompaction(true)
  let code = tryChange(shard, op, hash, meta, valueMeta, expectedMeta)
  allowCompaction(false)
  if (code == E_SPARSE) {
    if (!becomeAlone(shard)) return E_TIMEOUT
    compact(shard)
    code = tryChange(shard, op, hash, meta, valueMeta, expectedMeta)
  }
  if (code == E_FULL) code = changeFull(shard, op, hash, meta, valueMeta, expectedMeta)
  return code
}

/** Whether a known key's value is changed by one store, or one compare-exchange, of its number. */
// @inline
function isNumberChange(op: u32): bool {
  return isInline && (op == SET || op == ADD)
}

/**
 * SET and ADD of a known key whose value is in its entry: one store, which allocates nothing and cannot fail. Returns false, having done
 * nothing, if the key is absent. The most frequent change has this short way of its own:
 * a `set` takes 42 ns instead of 47 by it (Node 24, decision 0020).
 */
function changeKnownWord(shard: u32, op: u32, hash: u64, meta: u32): bool {
  const slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
  if (slot == 0) return false
  changeNumber(foundEntry, op)
  return true
}

/** Whether a value that replaces another may take the pages that H_RESERVE keeps for that. */
let mayUseReserve: bool = false

function changeFull(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  mayUseReserve = true
  let code = tryChange(shard, op, hash, meta, valueMeta, expectedMeta)
  if (code == E_FULL) {
    reclaim(shard)
    code = tryChange(shard, op, hash, meta, valueMeta, expectedMeta)
  }
  mayUseReserve = false
  // The value that was there is free now: together with it the page may come back.
  if (isReserveShort() && becomeAlone(shard)) tidy(shard, false)
  return code
}

/**
 * Compacts shards, so that others can have their pages: `mine`, which this thread holds (0: none), and those that nobody holds just now.
 */
export function reclaim(mine: u32): void {
  // Read first: compaction allocates, which overwrites `wantsRun`.
  const sideBySide = wantsRun
  if (mine != 0 && becomeAlone(mine)) tidy(mine, sideBySide)
  const count = shardCount()
  for (let i: u32 = 0; i < count; i++) {
    const shard = shardAt(i)
    if (shard == mine || !tryShard(shard)) continue
    tidy(shard, sideBySide)
    unlock(shard + D_LOCK)
  }
}

function tidy(shard: u32, sideBySide: bool): void {
  compact(shard)
  giveEmpty(shard + D_HEAP)
  if (sideBySide) slide(shard)
}

function tryChange(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const word = load64(shard + D_TABLE)
  const slot = find(word, shard + D_TABLE, hash, meta)
  if (slot != 0) return changePresent(shard, op, slot, foundEntry, valueMeta, expectedMeta)
  if (op == SET || op == INSERT || op == SWAP || op == ADD) return insert(shard, hash, meta, valueMeta)
  return ABSENT
}

export function changePresent(shard: u32, op: u32, slot: u32, entry: u32, valueMeta: u32, expectedMeta: u32): i32 {
  if (isNumberChange(op)) {
    changeNumber(entry, op)
    return PRESENT
  }
  // A new value, or none, takes the place of one that was looked at: no other thread may change that in between.
  if (op != INSERT && !becomeAlone(shard)) return E_TIMEOUT
  const old = valueWord(entry)
  switch (op) {
    case SET:
      return replace(shard, entry, valueMeta)
    case INSERT:
      return copyOutOf(entry, old)
    case SWAP: {
      const code = copyOutOf(entry, old)
      return code < 0 ? code : replace(shard, entry, valueMeta)
    }
    case COMPARE_AND_SWAP:
      return equalsExpected(entry, old, expectedMeta) ? replace(shard, entry, valueMeta) : DIFFERENT
    case COMPARE_AND_DELETE:
      return equalsExpected(entry, old, expectedMeta) ? remove(shard, slot, entry) : DIFFERENT
    case DELETE:
      return remove(shard, slot, entry)
    case GET_AND_DELETE: {
      const code = copyOutOf(entry, old)
      return code < 0 ? code : remove(shard, slot, entry)
    }
    case ADD: {
      const total = sum(old, load<u64>(valueAt))
      setWord(shard + D_HEAP, entry, total)
      return copyOut(total)
    }
    default: {
      if (!isToken(entry, old) || headGeneration(entry) != tokenGeneration) return DIFFERENT
      return op == REPLACE_SAME ? replace(shard, entry, valueMeta) : remove(shard, slot, entry)
    }
  }
}

/** Whether the token names this entry and its value. */
function isToken(entry: u32, word: u64): bool {
  if (isCache && isInside(word)) return (entry | TOKEN_INSIDE) == tokenEntry && load64(numberAt(entry)) == tokenWord
  return entry == tokenEntry && word == tokenWord
}

function replace(shard: u32, entry: u32, valueMeta: u32): i32 {
  if (isInline) {
    setWord(0, entry, load<u64>(valueAt))
    return PRESENT
  }
  if (goesInside()) return replaceInside(shard, entry)
  allowReserve(mayUseReserve)
  const block = newValueBlock(shard + D_HEAP, valueMeta)
  allowReserve(false)
  if (block == 0) return failure
  if (isCache) weighAnew(shard, entry)
  setWord(shard + D_HEAP, entry, wordOfBlock(block))
  return PRESENT
}

/** `replace` by a number that goes into the entry. */
function replaceInside(shard: u32, entry: u32): i32 {
  weighAnew(shard, entry)
  store64(numberAt(entry), load<u64>(valueAt))
  if (!isInside(valueWord(entry))) setWord(shard + D_HEAP, entry, INSIDE)
  return PRESENT
}

export function insert(shard: u32, hash: u64, meta: u32, valueMeta: u32): i32 {
  const heap = shard + D_HEAP
  const used = get32(shard + D_USED)
  if (used >= loadLimit(bitsOf(load64(shard + D_TABLE)))) {
    // A table that can't grow still fills up.
    const bits = bitsOf(load64(shard + D_TABLE))
    const grown = isCache ? growOfCache(shard, bits + 1) : resize(shard, bits + 1)
    if (!grown && (failure == E_SPARSE || used >= mostEntries(bits))) return failure
  }
  const entry = allocate(heap, entrySize(meta))
  if (entry == 0) return failure
  let value: u64
  if (isInline) {
    value = load<u64>(valueAt)
  } else if (goesInside()) {
    value = INSIDE
  } else {
    const block = newValueBlock(heap, valueMeta)
    // A second block of this size must be left, so that values can still be replaced when memory is full. A cache evicts instead.
    if (block == 0 || (!isCache && !reserve(heap, blockSize(valueMeta)))) {
      if (block != 0) free(heap, block)
      free(heap, entry)
      return failure
    }
    value = wordOfBlock(block)
  }
  writeEntry(entry, meta)
  if (isCache) {
    admit(shard, entry, hash)
    if (isInside(value)) store64(numberAt(entry), load<u64>(valueAt))
  }
  store64(entry + ENTRY_VALUE, value)
  place(load64(shard + D_TABLE), <u32>hash, tagOf(hash), entry)
  put32(shard + D_USED, used + 1)
  bringToLife(entry)
  store<u64>(resultAt + R_WORD, value)
  return ABSENT
}

export function remove(shard: u32, slot: u32, entry: u32): i32 {
  const heap = shard + D_HEAP
  const value = valueWord(entry)
  const word = load64(shard + D_TABLE)
  if (isCache) dequeue(shard, entry)
  kill(entry)
  displace(word, slot)
  const used = get32(shard + D_USED) - 1
  put32(shard + D_USED, used)
  if (!isInline) freeValue(heap, value)
  free(heap, entry)
  const bits = bitsOf(word)
  if (bits > load<u32>(H_INITIAL_BITS) && isSparseTable(used, bits)) resize(shard, bits - 1)
  return PRESENT
}

/**
 * `resize` in a cache, whose memory may be full, its free pages scattered. Slabs are not moved together for a larger table, because that takes
 * milliseconds: tables of a cache with maxBytes are made for its memory (src/cache/bounds.ts), and one that cannot grow evicts. It is tried again once
 * in as many evictions as a sixteenth of the entries.
 */
function growOfCache(shard: u32, bits: u32): bool {
  const queues = queuesOf(shard)
  const evicted = get32(queues + Q_EVICTED_FOR_MEMORY)
  if (<i32>(evicted - get32(queues + Q_GROW_AT)) < 0) {
    failFull(false)
    return false
  }
  if (resize(shard, bits)) return true
  if (failure != E_SPARSE) put32(queues + Q_GROW_AT, evicted + (get32(shard + D_USED) >> 4))
  return false
}

/** Replaces the table by one of 2^bits buckets. Readers go on with the old one until the word changes. */
function resize(shard: u32, bits: u32): bool {
  if (bits > MAX_TABLE_BITS) return false
  const heap = shard + D_HEAP
  const old = load64(shard + D_TABLE)
  const table = allocateTable(heap, bits)
  if (table == 0) return false
  clearTable(table, bits)
  // The version may have been raised by the allocation: count on from the word as it is now.
  const word = nextWord(load64(shard + D_TABLE), table, bits)
  copyTable(old, word)
  store64(shard + D_TABLE, word)
  freeTable(heap, addressOf(old))
  add32(shard + D_RESIZES, 1)
  return true
}

/** Removes every entry by one store of an empty table's word. A sweep frees them afterwards. */
export function clear(shard: u32): i32 {
  const bits = load<u32>(H_INITIAL_BITS)
  const table = allocateTable(shard + D_HEAP, bits)
  if (table == 0) return clearOneByOne(shard)
  clearTable(table, bits)
  store64(shard + D_TABLE, nextWord(load64(shard + D_TABLE), table, bits))
  put32(shard + D_USED, 0)
  if (isCache) emptyQueues(shard)
  sweep(shard)
  giveEmpty(shard + D_HEAP)
  return PRESENT
}

/** `clear` without memory for a new table. */
function clearOneByOne(shard: u32): i32 {
  const word = load64(shard + D_TABLE)
  let slot = addressOf(word)
  while ((slot = nextSlot(word, slot)) != 0) {
    remove(shard, slot, <u32>slotContent)
    // Removing can shrink the table, and then the rest of it is no longer here.
    if (load64(shard + D_TABLE) >> 32 != word >> 32) return clear(shard)
  }
  return PRESENT
}
