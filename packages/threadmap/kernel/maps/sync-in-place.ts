/**
 * Changes of `read` in its place, which Go never makes: Go leaves deleted entries to its collector, and copies `read` for new keys.
 * Here nobody would free deleted entries while no new key comes, and there may be no memory for a copy. Readers and writers
 * validate what they read, as those of a FastMap do while entries are deleted and inserted.
 */
import { get32, load64, put32 } from '../atomics'
import {
  D_DIRTY,
  D_DIRTY_USED,
  D_EXPUNGED,
  D_HEAP,
  D_PURGE_AT,
  D_REWRITING,
  D_TABLE,
  D_USED,
  H_EMPTY_TABLE,
  P_PAGES,
} from '../layout'
import { free } from '../memory/blocks'
import { needsPage } from '../memory/slabs'
import { bringToLife, kill, valueWord } from '../table/entry'
import {
  addressOf,
  bitsOf,
  displace,
  loadLimit,
  mostEntries,
  nextSlot,
  place,
  slotContent,
  tagOf,
} from '../table/table'
import { newEntry } from './sync-entry'
import { isValue, tryExpungeLocked } from './sync-state'
import { settle } from './sync-values'

/** The heap may grow by this share before deleted entries are counted again. */
const GROWTH_SHARE: u32 = 8
/** When this share of the entries is deleted, making `dirty` anew without them pays. */
const DELETED_SHARE: u32 = 4
/** Below this many pages there is nothing to gain. */
const FEW_PAGES: u32 = 16

/** Whether an entry of this size would take more memory while many entries are deleted ones. There is a `dirty`. */
export function isPurgeDue(shard: u32, size: u32): bool {
  const heap = shard + D_HEAP
  const pages = get32(heap + P_PAGES)
  if (pages < FEW_PAGES) return false
  const expunged = get32(shard + D_EXPUNGED)
  const used = get32(shard + D_DIRTY_USED)
  if (used >= loadLimit(bitsOf(load64(shard + D_DIRTY))) && isMuch(expunged, used)) return true
  if (pages < get32(shard + D_PURGE_AT) || !needsPage(heap, size)) return false
  put32(shard + D_PURGE_AT, pages + pages / GROWTH_SHARE + 1)
  return isMuch(expunged + countDeleted(load64(shard + D_DIRTY)), used)
}

function isMuch(deleted: u32, used: u32): bool {
  return deleted * DELETED_SHARE >= used
}

function countDeleted(table: u64): u32 {
  let deleted: u32 = 0
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) {
    if (!isValue(valueWord(<u32>slotContent))) deleted++
  }
  return deleted
}

/** Frees the deleted entries of `read`. Under the mutex, and there is no `dirty`. */
export function purge(shard: u32): void {
  const read = load64(shard + D_TABLE)
  put32(shard + D_REWRITING, 1)
  let slot = addressOf(read)
  while ((slot = nextSlot(read, slot)) != 0) {
    const entry = <u32>slotContent
    if (!tryExpungeLocked(entry)) continue
    kill(entry)
    displace(read, slot)
    put32(shard + D_USED, get32(shard + D_USED) - 1)
    free(shard + D_HEAP, entry)
  }
  put32(shard + D_REWRITING, 0)
}

/** Puts a new key into `read`, for want of memory for a `dirty`. Returns false if there is no room. Under the mutex. */
export function insertIntoRead(shard: u32, hash: u64, meta: u32, valueMeta: u32): bool {
  const read = load64(shard + D_TABLE)
  const used = get32(shard + D_USED)
  if (addressOf(read) == H_EMPTY_TABLE || used >= mostEntries(bitsOf(read))) return false
  const entry = newEntry(shard, meta, valueMeta)
  if (entry == 0) return false
  put32(shard + D_REWRITING, 1)
  place(read, <u32>hash, tagOf(hash), entry)
  put32(shard + D_USED, used + 1)
  bringToLife(entry)
  settle()
  put32(shard + D_REWRITING, 0)
  return true
}
