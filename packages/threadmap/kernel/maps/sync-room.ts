/** How a SyncMap gives memory back: what deleted entries and scattered blocks hold. Where Go's collector works, this does. */
import { load64, store32 } from '../atomics'
import { D_HEAP, D_LOCK, D_MOVING, D_TABLE } from '../layout'
import { wantsRun } from '../memory/allocation'
import { emptySlabs, giveEmpty } from '../memory/slabs'
import { compact, slide } from '../table/compact'
import { shardAt } from '../table/shard'
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
