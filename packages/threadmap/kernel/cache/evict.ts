/**
 * Eviction: makes room for a value before it is published, so that a bound is never exceeded. The caller holds the shard's mutex.
 */
import { get32, load32, load64, put32 } from '../atomics'
import {
  BUCKET,
  D_HEAP,
  D_LOCK,
  D_TABLE,
  ENTRY_VALUE,
  H_ENDLESS,
  H_PAGES_USED,
  META_LENGTH,
  META_MARK,
  P_COMPACT_AT,
  P_FREE_BYTES,
  P_PAGES,
  PAGE_BITS,
  Q_CAPACITY,
  Q_EVICTED,
  Q_EVICTED_FOR_MEMORY,
  Q_EXPIRED,
  Q_HAND,
  Q_LOADING,
  Q_MAIN,
  Q_OLDEST,
  Q_SMALL,
  Q_WEIGHT,
  T_NEWER,
  V_FRESH_UNTIL,
  WHOLE_VALUE,
} from '../layout'
import { damaged } from '../memory/damage'
import { shardCount } from '../memory/heaps'
import { giveEmpty } from '../memory/slabs'
import { remove } from '../table/change'
import { compact } from '../table/compact'
import { entrySize, hashEntry } from '../table/entry'
import { indexOf, shardAt } from '../table/shard'
import { addressOf, bitsOf, slotOfEntry } from '../table/table'
import { blockSize } from '../table/value'
import { tryLock, unlock } from '../threads/lock'
import { addGhost } from './ghosts'
import { isInside } from './inside'
import { tell } from './listener'
import { hasLoader, isLoading, kindOf } from './loads'
import { marksOf, pass, queueOf, setMarks, totalWeight, trailerOf } from './queues'
import { isOver, recordOf, timeAt, timeNow } from './record'
import { smallShare } from './share'
import { queuesOf } from './state'

/** An entry of the small queue that was hit this often goes on to the main queue. */
const PROMOTED_AT: u32 = 2
/** Entries that are evicted before other threads get a chance. */
const STEP: u32 = 32
/** A shard is compacted for memory when more than this share of its pages is free. */
const COMPACTED_SHARE: u32 = 16
/** Slots that each write looks at for expired entries. */
const HAND_STEP: u32 = 3
/** Entries of loads that each write looks at. More than one, or those of the dead would not get fewer while others come. */
const ORPHAN_STEP = 2
/** After so many entries that were passed over, the next one goes, hit or not: other threads may hit entries all the time. */
const MOST_PASSED: u32 = 256
/** So many may be passed over, all evictions of a step together, before other threads get a chance. */
const MOST_PASSED_IN_STEP: u32 = 512

/** Entries that were passed over in the step that is under way. */
let passedInStep: u32 = 0

/** The record of an entry's value, which nobody frees meanwhile. */
export function recordOfEntry(entry: u32): u32 {
  const value = load64(entry + ENTRY_VALUE)
  if (isInside(value)) return H_ENDLESS
  const block = <u32>value
  const meta = get32(block + 4) & ~META_MARK
  return recordOf(block, (meta & META_LENGTH) > WHOLE_VALUE)
}

/**
 * The entry to be evicted next, but not `kept`; 0: there is none. Entries that were hit, and those whose value is being loaded anew, are
 * moved on meanwhile. Entries of loads that have no value yet go last: threads wait for them.
 */
function chooseVictim(shard: u32, kept: u32): u32 {
  const queues = queuesOf(shard)
  for (let passed: u32 = 0; passed < 2 * MOST_PASSED; passed++) {
    const small = get32(queues + Q_SMALL + Q_OLDEST)
    const main = get32(queues + Q_MAIN + Q_OLDEST)
    const limit = smallShare() * <f64>totalWeight(shard)
    const fromSmall = small != 0 && (main == 0 || <f64>get32(queues + Q_SMALL + Q_WEIGHT) > limit)
    const entry = fromSmall ? small : main
    if (entry == 0) return oldestLoad(shard, kept)
    const marks = marksOf(entry)
    if (entry != kept) {
      if (passed >= MOST_PASSED) return entry
      const enough = fromSmall ? PROMOTED_AT : 1
      if (marks >= enough) setMarks(entry, fromSmall ? 0 : marks - 1)
      else if (!hasLoader(recordOfEntry(entry))) return entry
    }
    pass(shard, entry, Q_MAIN)
    passedInStep++
  }
  return 0
}

/** The oldest entry that a load made, but not `kept`. */
function oldestLoad(shard: u32, kept: u32): u32 {
  const entry = get32(queuesOf(shard) + Q_LOADING + Q_OLDEST)
  return entry != 0 && entry == kept ? get32(trailerOf(entry) + T_NEWER) : entry
}

/** Whether other threads get a chance now, after so many evictions of this step. */
function ends(evicted: u32): bool {
  return evicted == STEP || passedInStep >= MOST_PASSED_IN_STEP
}

/** Evicts one entry, but not `kept`; false: there is none. */
function evictOne(shard: u32, kept: u32): bool {
  const entry = chooseVictim(shard, kept)
  if (entry == 0) return false
  evict(shard, entry, Q_EVICTED)
  return true
}

function evict(shard: u32, entry: u32, counter: u32): void {
  const which = queueOf(entry)
  const hash = hashEntry(entry)
  if (which != Q_LOADING) {
    addGhost(shard, hash, which)
    countLoss(shard, entry, counter)
  }
  removeHashed(shard, entry, hash)
}

/** Removes an entry of which only its address is known. */
export function removeEntry(shard: u32, entry: u32): void {
  removeHashed(shard, entry, hashEntry(entry))
}

function removeHashed(shard: u32, entry: u32, hash: u64): void {
  const slot = slotOfEntry(load64(shard + D_TABLE), <u32>hash, entry)
  if (slot == 0) damaged()
  remove(shard, slot, entry)
}

/** A value goes. Entries that have none, but a load or the error of one, are nobody's loss. */
function countLoss(shard: u32, entry: u32, counter: u32): void {
  if (kindOf(recordOfEntry(entry)) < 0) return
  const at = queuesOf(shard) + counter
  store<u32>(at, load<u32>(at) + 1)
  tell(entry, counter)
}

/**
 * Evicts until `added` more fit into the shard's bound, but STEP entries at most: after those it returns false, and the caller gives other threads a
 * chance before it goes on.
 */
export function makeRoom(shard: u32, kept: u32, added: u32): bool {
  const capacity = get32(queuesOf(shard) + Q_CAPACITY)
  passedInStep = 0
  for (let evicted: u32 = 0; totalWeight(shard) + added > capacity || totalWeight(shard) + added < added; evicted++) {
    if (ends(evicted)) return false
    if (!evictOne(shard, kept)) return true
  }
  return true
}

/**
 * Memory is short: evicts entries of the shard, or of another one that has more pages, until they have freed about `needed` bytes, and gives
 * pages back. False: there is nothing left to evict.
 */
export function freeMemory(shard: u32, kept: u32, needed: u32): bool {
  if (isRich(shard) && evictSome(shard, kept, needed)) return true
  const shards = shardCount()
  const index = indexOf(shard)
  for (let i: u32 = 1; i < shards; i++) {
    const other = shardAt((index + i) & (shards - 1))
    if (!isRich(other) || !tryLock(other + D_LOCK)) continue
    const evicted = evictSome(other, 0, needed)
    unlock(other + D_LOCK)
    if (evicted) return true
  }
  return evictSome(shard, kept, needed)
}

/** Whether a shard has its part of the pages at least. */
function isRich(shard: u32): bool {
  return get32(shard + D_HEAP + P_PAGES) >= load32(H_PAGES_USED) / shardCount()
}

function evictSome(shard: u32, kept: u32, needed: u32): bool {
  const heap = shard + D_HEAP
  const isSparse = get32(heap + P_FREE_BYTES) > (get32(heap + P_PAGES) << PAGE_BITS) / COMPACTED_SHARE
  // What is free is in slabs of other sizes: once it is much, moving blocks together gains pages, and nothing is lost for that.
  if (isSparse && get32(heap + P_FREE_BYTES) > get32(heap + P_COMPACT_AT)) {
    compact(shard)
    giveEmpty(heap)
    if (get32(heap + P_COMPACT_AT) == 0) return true
  }
  let freed: u32 = 0
  let evicted: u32 = 0
  passedInStep = 0
  while (freed < needed && !ends(evicted)) {
    const entry = chooseVictim(shard, kept)
    if (entry == 0) break
    freed += bytesOf(entry)
    evict(shard, entry, Q_EVICTED_FOR_MEMORY)
    evicted++
  }
  giveEmpty(heap)
  return evicted > 0
}

/** The bytes of an entry and its value. */
function bytesOf(entry: u32): u32 {
  const size = entrySize(get32(entry + 4))
  const value = load64(entry + ENTRY_VALUE)
  return isInside(value) ? size : size + blockSize(get32(<u32>value + 4) & ~META_MARK)
}

/** Whether an entry's value has been of no use since its deadline, and nobody is loading another one. */
export function hasExpired(entry: u32): bool {
  const record = recordOfEntry(entry)
  return isOver(timeAt(record + V_FRESH_UNTIL)) && !isLoading(record, timeNow())
}

/** Removes an entry that has expired. */
export function expire(shard: u32, slot: u32, entry: u32): void {
  countLoss(shard, entry, Q_EXPIRED)
  remove(shard, slot, entry)
}

/**
 * Looks at the oldest entries that loads made: a new one removes up to two whose loader has died, so that those of dead threads do not
 * gather. The deadline of a load is the affair of `expireSome`.
 */
export function dropOrphans(shard: u32): void {
  for (let i = 0; i < ORPHAN_STEP; i++) {
    const entry = get32(queuesOf(shard) + Q_LOADING + Q_OLDEST)
    if (entry == 0) return
    if (hasLoader(recordOfEntry(entry))) pass(shard, entry, Q_LOADING)
    else removeEntry(shard, entry)
  }
}

/** Looks at the next slots of the table for entries that have expired: as many as are set, so that none stays for ever while others come. */
export function expireSome(shard: u32): void {
  const at = queuesOf(shard) + Q_HAND
  let hand = get32(at)
  for (let i: u32 = 0; i < HAND_STEP; i++) {
    const word = load64(shard + D_TABLE)
    hand = (hand + 8) & ((BUCKET << bitsOf(word)) - 1)
    const slot = addressOf(word) + hand
    if ((slot & (BUCKET - 1)) == 0) continue
    const entry = <u32>load64(slot)
    if (entry != 0 && hasExpired(entry)) expire(shard, slot, entry)
  }
  put32(at, hand)
}
