/** How a SyncMap gives memory back: what deleted entries and scattered blocks hold. Where Go's collector works, this does. */
import { load64, store32, store64 } from '../atomics'
import { D_HEAP, D_LOCK, D_MOVING, D_TABLE } from '../layout'
import { takeFromEnd, wantsRun } from '../memory/allocation'
import { allocateTable, freeTable, isSpan } from '../memory/blocks'
import { emptySlabs, giveEmpty } from '../memory/slabs'
import { compact, slide } from '../table/compact'
import { shardAt } from '../table/shard'
import { addressOf, bitsOf, clearTable, copyTable, nextWord } from '../table/table'
import { tryLock, unlock } from '../threads/lock'
import { othersRest } from '../threads/thread'
import { promote } from './sync-dirty'
import { purge } from './sync-in-place'
import { isAmended } from './sync-state'
import { compactAllValues, giveEmptyValues } from './sync-values'

/** Frees what deleted entries and scattered blocks hold, when memory is at its limit. Under the mutex. */
export function makeRoom(shard: u32): void {
  // Read first: compaction allocates, which overwrites `wantsRun`.
  const sideBySide = wantsRun
  if (isAmended(load64(shard + D_TABLE))) promote(shard)
  purge(shard)
  compactAllValues(shard, sideBySide)
  moveEntries(shard, sideBySide)
  giveEmptyValues()
  releaseEntryPages(shard + D_HEAP)
  if (sideBySide) moveTable(shard)
}

/**
 * Free pages before `read` and free pages after it are not side by side, and a table of twice its size may need both: so it moves to the
 * end of the memory, or else to the first place where it fits. There is no `dirty`.
 */
function moveTable(shard: u32): void {
  const read = load64(shard + D_TABLE)
  // The empty table of a cleared map is not at the start of a page either.
  if (!isSpan(addressOf(read))) return
  takeFromEnd(true)
  const last = allocateTable(shard + D_HEAP, bitsOf(read))
  takeFromEnd(false)
  if (last > addressOf(read)) {
    replaceTable(shard, read, last)
    return
  }
  if (last != 0) freeTable(shard + D_HEAP, last)
  const first = allocateTable(shard + D_HEAP, bitsOf(read))
  if (first == 0) return
  if (first < addressOf(read)) replaceTable(shard, read, first)
  else freeTable(shard + D_HEAP, first)
}

/** Puts a copy of `read` in its place. Who reads the old one meanwhile finds the same entries. */
function replaceTable(shard: u32, read: u64, table: u32): void {
  const bits = bitsOf(read)
  clearTable(table, bits)
  const word = nextWord(load64(shard + D_TABLE), table, bits)
  copyTable(read, word)
  store64(shard + D_TABLE, word)
  freeTable(shard + D_HEAP, addressOf(read))
}

/**
 * Moves entries together, if no other thread may be about to change one without the mutex. A thread that begins now sees D_MOVING and
 * takes the mutex, and one that has begun is seen here, since both write before they read. There is no `dirty`.
 */
function moveEntries(shard: u32, sideBySide: bool): void {
  store32(shard + D_MOVING, 1)
  if (othersRest()) {
    compact(shard)
    if (sideBySide) slide(shard)
  }
  store32(shard + D_MOVING, 0)
}

/** Pages of entries without entries serve anything again, if no other thread may hold one of those for an entry. */
export function releaseEntryPages(heap: u32): void {
  if (!othersRest()) return
  emptySlabs(heap)
  giveEmpty(heap)
}

/** For a thread that attaches: gives back what can be had, if nobody holds the mutex. */
export function syncReclaim(): void {
  const shard = shardAt(0)
  if (!tryLock(shard + D_LOCK)) return
  makeRoom(shard)
  unlock(shard + D_LOCK)
}
