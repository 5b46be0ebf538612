/**
 * Checks every invariant of the whole memory. Only meaningful while no other thread changes it. Tests call it after each
 * test; programs call it as `audit()`.
 */
import { get32, load32, load64, store32 } from '../atomics'
import { isInside } from '../cache/inside'
import { holdsNumbers, isCache } from '../cache/state'
import {
  BLOCK_SPAN,
  BUCKET,
  BUCKET_SLOTS,
  CHAIN_HEAD,
  CHAIN_TAIL,
  D_DIRTY,
  D_DIRTY_USED,
  D_EXPUNGED,
  D_LOCK,
  D_READERS,
  D_TABLE,
  D_USED,
  ENTRY_VALUE,
  EXPUNGED,
  FREE_LINK,
  G_CLASS,
  G_FREE,
  G_FRESH,
  G_LIVE,
  G_SIZE,
  H_CLAIM_LOCK,
  H_HEAP_LOCK,
  H_HEAP_START,
  H_MAGIC,
  H_PAGES_USED,
  H_POLICY,
  H_READY,
  H_VERSION,
  HEAP_SHIFT,
  KIND_MASK,
  LAYOUT_VERSION,
  MAGIC,
  META_LENGTH,
  META_MARK,
  P_EMPTY,
  P_EMPTY_COUNT,
  P_FREE_BYTES,
  P_PAGES,
  P_PARTIAL,
  PAGE,
  POLICY_SYNC,
  PROBLEM_BLOCK_LEAK,
  PROBLEM_CHAIN_LEAK,
  PROBLEM_CHAIN_LENGTH,
  PROBLEM_DEAD_ENTRY,
  PROBLEM_DIRTY_COUNT,
  PROBLEM_DIRTY_LACKS,
  PROBLEM_EMPTY_COUNT,
  PROBLEM_ENTRY_COUNT,
  PROBLEM_EXPUNGED_COUNT,
  PROBLEM_FREE_BYTES,
  PROBLEM_FREE_LIST,
  PROBLEM_FREE_SLOT,
  PROBLEM_HASH,
  PROBLEM_HEADER,
  PROBLEM_HEAP_PAGES,
  PROBLEM_LIVE_COUNT,
  PROBLEM_LOCK_HELD,
  PROBLEM_NO_BLOCK,
  PROBLEM_NOT_AMENDED,
  PROBLEM_PAGE_KIND,
  PROBLEM_PAGES_USED,
  PROBLEM_PASSED_COUNTS,
  PROBLEM_REFERENCED_TWICE,
  PROBLEM_SCRATCH_OWNER,
  PROBLEM_SLAB_CLASS,
  PROBLEM_SLAB_SUM,
  PROBLEM_TAG,
  PROBLEM_UNREACHABLE,
  PROBLEM_VALUE,
  PROBLEM_WRITER_INSIDE,
  SCRATCH_SPAN,
  SLAB,
  SLAB_HEADER,
  SLOT_COUNT,
  SPAN_TAIL,
  TABLE_SPAN,
  TAIL_MARK,
} from '../layout'
import { isAmended, isValue } from '../maps/sync-state'
import { isBlockOf, isFree } from '../memory/blocks'
import { chainPages } from '../memory/chains'
import { BLOCK_CLASSES, CLASSES } from '../memory/classes'
import { heapById, shardCount } from '../memory/heaps'
import { beforePages, heapIdOf, nextPage, pagesNow, pageWord, wordOfPage } from '../memory/pages'
import { nextSlab, perSlab } from '../memory/slabs'
import { hashEntry } from '../table/entry'
import { shardAt } from '../table/shard'
import {
  addressOf,
  bitsOf,
  homeOf,
  lastBucket,
  nextSlot,
  passedOf,
  STICKY,
  slotContent,
  TAG,
  tagOf,
} from '../table/table'
import { isInline } from '../table/value'
import { WRITER } from '../threads/shared-lock'
import { isAlive } from '../threads/thread'
import { auditQueues } from './audit-queues'
import { beginReport, problems, report } from './report'
import { mark, markTails } from './sweep'

export function audit(): u32 {
  beginReport()
  const shards = shardCount()
  const isSync = load<u32>(H_POLICY) == POLICY_SYNC
  for (let at = H_MAGIC; at <= H_READY; at += 4) {
    const expected = at == H_MAGIC ? MAGIC : at == H_VERSION ? LAYOUT_VERSION : 1
    if (load32(at) != expected) report(PROBLEM_HEADER, at, load32(at))
  }
  if (load32(H_HEAP_LOCK) != 0) report(PROBLEM_LOCK_HELD, H_HEAP_LOCK, load32(H_HEAP_LOCK))
  if (load32(H_CLAIM_LOCK) != 0) report(PROBLEM_LOCK_HELD, H_CLAIM_LOCK, load32(H_CLAIM_LOCK))
  for (let i: u32 = 0; i < shards; i++) {
    const shard = shardAt(i)
    if (load32(shard + D_LOCK) != 0) report(PROBLEM_LOCK_HELD, shard, load32(shard + D_LOCK))
    if ((load32(shard + D_READERS) & WRITER) != 0) report(PROBLEM_WRITER_INSIDE, shard, load32(shard + D_READERS))
    const read = load64(shard + D_TABLE)
    const used = auditTable(i, read, false, 0)
    if (used != get32(shard + D_USED)) report(PROBLEM_ENTRY_COUNT, shard, used)
    if (isCache) auditQueues(shard)
    if (!isSync) continue
    const dirty = load64(shard + D_DIRTY)
    if (isAmended(read)) {
      const dirtyUsed = auditTable(i, dirty, true, read)
      if (dirtyUsed != get32(shard + D_DIRTY_USED)) report(PROBLEM_DIRTY_COUNT, shard, dirtyUsed)
      auditExpunged(shard, read, dirty)
    } else if (addressOf(dirty) != 0 || get32(shard + D_EXPUNGED) != 0) {
      report(PROBLEM_NOT_AMENDED, shard, addressOf(dirty))
    }
  }
  auditPages(shards, isSync)
  const heaps = shards + (isSync ? SLOT_COUNT : 0)
  for (let i: u32 = 0; i < heaps; i++) auditHeap(i)
  return problems
}

/** Checks a table and marks what it references. Returns its entries. */
function auditTable(index: u32, word: u64, isDirty: bool, read: u64): u32 {
  const heap = heapById(index)
  const end = addressOf(word) + (BUCKET << bitsOf(word))
  let used: u32 = 0
  let displaced: u64 = 0
  let passed: u64 = 0
  let sticky = false
  const mask = lastBucket(word)
  for (let bucket = addressOf(word); bucket < end; bucket += BUCKET) {
    const tags = load64(bucket)
    if (passedOf(tags) == STICKY) sticky = true
    passed += passedOf(tags)
    for (let i: u32 = 0; i < BUCKET_SLOTS; i++) {
      const slot = bucket + 8 + i * 8
      const content = load64(slot)
      const tag = (tags >> (i << 3)) & TAG
      if (<u32>content == 0) {
        if (tag != 0 || content != 0) report(PROBLEM_FREE_SLOT, slot, <u32>tag)
        continue
      }
      used++
      const entry = <u32>content
      if (!isBlockOf(heap, entry)) {
        report(PROBLEM_NO_BLOCK, slot, entry)
        continue
      }
      if (isFree(load<u32>(entry))) report(PROBLEM_DEAD_ENTRY, slot, entry)
      const hash = hashEntry(entry)
      if (<u32>hash != <u32>(content >> 32)) report(PROBLEM_HASH, slot, entry)
      if (tag != tagOf(hash)) report(PROBLEM_TAG, slot, entry)
      const home = homeOf(<u32>hash, bitsOf(word)) * BUCKET
      const distance = (bucket - addressOf(word) - home) & mask
      displaced += distance / BUCKET
      auditReachable(word, home, bucket, slot)
      // Both tables of a SyncMap reference the same entries.
      if (isDirty && isMarked(entry)) {
        if (!inTable(read, content)) report(PROBLEM_REFERENCED_TWICE, slot, entry)
        continue
      }
      markOnce(entry, slot)
      auditValue(heap, entry, slot)
    }
  }
  if (!sticky && displaced != passed) report(PROBLEM_PASSED_COUNTS, addressOf(word), <u32>passed)
  return used
}

function auditValue(heap: u32, entry: u32, slot: u32): void {
  if (isInline) return
  const value = load64(entry + ENTRY_VALUE)
  if (holdsNumbers && isInside(value)) return
  const isSync = load<u32>(H_POLICY) == POLICY_SYNC
  if (isSync && !isValue(value)) return
  const block = <u32>value
  if (block < load<u32>(H_HEAP_START) || block >= <u32>(<u64>pagesNow() * PAGE - 1)) {
    report(PROBLEM_VALUE, slot, block)
    return
  }
  const owner = isSync ? heapById(heapIdOf(wordOfPage(block))) : heap
  if (!isBlockOf(owner, block) || load<u32>(block) != <u32>(value >> 32) || isFree(load<u32>(block)))
    report(PROBLEM_VALUE, slot, block)
  else markOnce(block, slot)
}

function isMarked(block: u32): bool {
  return (get32(block + 4) & META_MARK) != 0
}

function markOnce(block: u32, slot: u32): void {
  if (isMarked(block)) report(PROBLEM_REFERENCED_TWICE, slot, block)
  else mark(block)
}

/** Every bucket between the home of a key and its own lets a search pass. */
function auditReachable(word: u64, home: u32, bucket: u32, slot: u32): void {
  const mask = lastBucket(word)
  let at = home
  while (addressOf(word) + at != bucket) {
    if (passedOf(load64(addressOf(word) + at)) == 0) {
      report(PROBLEM_UNREACHABLE, slot, addressOf(word) + at)
      return
    }
    at = (at + BUCKET) & mask
  }
}

/** Whether the table references what this slot of another table does. It is looked for where its hash leads, as a lookup does. */
function inTable(word: u64, content: u64): bool {
  const mask = lastBucket(word)
  const home = homeOf(<u32>(content >> 32), bitsOf(word)) * BUCKET
  let at = home
  do {
    const bucket = addressOf(word) + at
    for (let i: u32 = 0; i < BUCKET_SLOTS; i++) if (load64(bucket + 8 + i * 8) == content) return true
    if (passedOf(load64(bucket)) == 0) return false
    at = (at + BUCKET) & mask
  } while (at != home)
  return false
}

/** `read` entries that are expunged are exactly those that `dirty` lacks. */
function auditExpunged(shard: u32, read: u64, dirty: u64): void {
  let expunged: u32 = 0
  let slot = addressOf(read)
  while ((slot = nextSlot(read, slot)) != 0) {
    if (<u32>load64(<u32>slotContent + ENTRY_VALUE) == EXPUNGED) expunged++
  }
  if (expunged != get32(shard + D_EXPUNGED)) report(PROBLEM_EXPUNGED_COUNT, shard, expunged)
  if (get32(shard + D_USED) - expunged > get32(shard + D_DIRTY_USED))
    report(PROBLEM_DIRTY_LACKS, shard, addressOf(dirty))
}

function auditPages(shards: u32, isSync: bool): void {
  const end = pagesNow()
  let used: u32 = 0
  const heaps = shards + (isSync ? SLOT_COUNT : 0)
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    const word = wordOfPage(page)
    const kind = word & KIND_MASK
    used++
    if (kind > CHAIN_TAIL) report(PROBLEM_PAGE_KIND, page, word)
    else if (kind == SCRATCH_SPAN) {
      if (!isAlive(heapIdOf(word) + 1)) report(PROBLEM_SCRATCH_OWNER, page, heapIdOf(word))
    } else if (kind != SPAN_TAIL && heapIdOf(word) >= heaps) report(PROBLEM_PAGE_KIND, page, word)
  }
  if (used != get32(H_PAGES_USED)) report(PROBLEM_PAGES_USED, H_PAGES_USED, used)
}

/** Compares the counts and lists of a heap with its pages. A block that is in use and not marked has leaked. */
function auditHeap(id: u32): void {
  const heap = heapById(id)
  const shards = shardCount()
  let table: u32 = 0
  let second: u32 = 0
  if (id < shards) {
    table = addressOf(load64(shardAt(id) + D_TABLE))
    second = addressOf(load64(shardAt(id) + D_DIRTY))
  }
  const end = pagesNow()
  let pages: u32 = 0
  let freeBytes: u32 = 0
  let listed: u32 = 0
  let empty: u32 = 0
  let tails: u32 = 0
  for (let page = get32(heap + P_EMPTY); page != 0 && empty <= end; page = nextSlab(page)) empty++
  if (empty != get32(heap + P_EMPTY_COUNT)) report(PROBLEM_EMPTY_COUNT, heap, empty)
  for (let cls: u32 = 0; cls < CLASSES; cls++) {
    for (let page = get32(heap + P_PARTIAL + cls * 4); page != 0 && listed <= end; page = nextSlab(page)) {
      if (get32(page + G_CLASS) != cls) report(PROBLEM_SLAB_CLASS, page, cls)
      freeBytes += (perSlab(get32(page + G_SIZE)) - get32(page + G_LIVE)) * get32(page + G_SIZE)
      listed++
    }
  }
  if (freeBytes != get32(heap + P_FREE_BYTES)) report(PROBLEM_FREE_BYTES, heap, freeBytes)
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    const word = wordOfPage(page)
    const kind = word & KIND_MASK
    if (kind == SCRATCH_SPAN || heapIdOf(word) != id) continue
    pages++
    if (kind == SLAB) auditSlab(page, table, second)
    else if (kind == TABLE_SPAN && page != table && page != second) report(PROBLEM_BLOCK_LEAK, page, id)
    else if (kind == BLOCK_SPAN && !unmarkOnce(page)) report(PROBLEM_BLOCK_LEAK, page, id)
    else if (kind == CHAIN_HEAD) auditChain(page, id)
    else if (kind == CHAIN_TAIL) tails++
  }
  if (tails > 0) auditTails(id)
  if (pages != get32(heap + P_PAGES)) report(PROBLEM_HEAP_PAGES, heap, pages)
}

/** Checks that the head has as many tails as its length needs, and that no other head has reached one of them. */
function auditChain(head: u32, id: u32): void {
  if (!unmarkOnce(head)) report(PROBLEM_BLOCK_LEAK, head, id)
  const tails = markTails(head)
  if (tails + 1 != chainPages(get32(head + 4) & META_LENGTH)) report(PROBLEM_CHAIN_LENGTH, head, tails)
}

function auditTails(id: u32): void {
  const end = pagesNow()
  const tail = CHAIN_TAIL | (id << HEAP_SHIFT)
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) {
    const word = wordOfPage(page)
    if (word == tail) report(PROBLEM_CHAIN_LEAK, page, id)
    else if (word == (tail | TAIL_MARK)) store32(pageWord(page), tail)
  }
}

function unmarkOnce(block: u32): bool {
  if (!isMarked(block)) return false
  store32(block + 4, get32(block + 4) & ~META_MARK)
  return true
}

function auditSlab(page: u32, table: u32, second: u32): void {
  const size = get32(page + G_SIZE)
  const end = page + get32(page + G_FRESH)
  const holdsTables = get32(page + G_CLASS) >= BLOCK_CLASSES
  let live: u32 = 0
  for (let block = page + SLAB_HEADER; block < end; block += size) {
    if (holdsTables) {
      if (block == table || block == second) live++
    } else if (unmarkOnce(block)) {
      live++
    } else if (!isFree(load<u32>(block))) {
      report(PROBLEM_BLOCK_LEAK, block, size)
    }
  }
  if (live != get32(page + G_LIVE)) report(PROBLEM_LIVE_COUNT, page, live)
  let free: u32 = 0
  const most = perSlab(size)
  for (let block = get32(page + G_FREE); block != 0 && free <= most; block = get32(block + FREE_LINK)) {
    if (block < page + SLAB_HEADER || block >= end || (block - page - SLAB_HEADER) % size != 0) {
      report(PROBLEM_FREE_LIST, page, block)
      return
    }
    free++
  }
  if (free + get32(page + G_LIVE) != (end - page - SLAB_HEADER) / size) report(PROBLEM_SLAB_SUM, page, free)
}
