/**
 * Memory in pages of 4 KiB. The page table says of each page what it is, and is the only truth about that: everything else can be
 * rebuilt from it and from what the tables reference. Its lock guards it, and the memory's growth.
 */
import { get32, load32, put32, store32 } from '../atomics'
import {
  E_TIMEOUT,
  FREE_PAGE,
  H_FREE_HINT,
  H_GENERATION,
  H_HEAP_LOCK,
  H_HEAP_START,
  H_MAX_PAGES,
  H_PAGE_TABLE,
  H_PAGES_SEEN,
  H_PAGES_USED,
  H_RESERVE,
  HEAP_MASK,
  HEAP_SHIFT,
  KIND_MASK,
  PAGE,
  PAGE_BITS,
  SCRATCH_SPAN,
  SPAN_TAIL,
  WASM_PAGE,
} from '../layout'
import { BROKEN, lock, unlock } from '../threads/lock'
import { failFull, failWith, fromEnd, mayUseReserve } from './allocation'
import { damaged } from './damage'

/** The memory grows by a sixteenth of its size at a time, at least by this many 64 KiB pages. */
const GROWTH_STEP: u32 = 1
export const PAGES_PER_WASM_PAGE: u32 = WASM_PAGE / PAGE

/** Where the page table has the word of the page in which an address is. */
export function pageWord(address: u32): u32 {
  return load<u32>(H_PAGE_TABLE) + (address >> PAGE_BITS) * 4
}

/** The word of the page in which an address is. */
export function wordOfPage(address: u32): u32 {
  return load<u32>(pageWord(address))
}

/** The number of the heap (or thread, of a scratch area) that a page's word names. */
export function heapIdOf(word: u32): u32 {
  return word >> HEAP_SHIFT
}

export function pageOf(block: u32): u32 {
  return block & ~(PAGE - 1)
}

/**
 * The number of 4 KiB pages the memory has now. `memory.size` must not be asked: in V8 it lags behind what another
 * thread has grown, and two shards would be given the same pages.
 */
export function pagesNow(): u32 {
  return load32(H_PAGES_SEEN)
}

/** Where a walk through all pages begins, see `nextPage`. */
export function beforePages(): u32 {
  return load<u32>(H_HEAP_START) - PAGE
}

/**
 * For walks through all pages that are in use: the first one after `page` whose number is below `end`, or 0. Other threads may take and
 * give pages meanwhile, but none of a heap whose lock the caller holds.
 */
// @inline
export function nextPage(page: u32, end: u32): u32 {
  let at = page >> PAGE_BITS
  while (++at < end) if (load<u32>(load<u32>(H_PAGE_TABLE) + at * 4) != FREE_PAGE) return at << PAGE_BITS
  return 0
}

/** For a walk through a list of pages, of which this is the `count`th. */
export function checkWalk(count: u32): void {
  if (count > pagesNow()) damaged()
}

export function lockPages(): bool {
  const code = lock(H_HEAP_LOCK)
  if (code == BROKEN) recountPages()
  return code >= 0
}

/**
 * Whether pages can be given back now. A repair asks first, since it has to give pages back: the thread that holds the lock may have died
 * as well, before anybody has heard of it.
 */
export function canTakePages(): bool {
  if (!lockPages()) return false
  unlock(H_HEAP_LOCK)
  return true
}

/** Makes the two words about the page table anew after a death, from the page table, which is right. */
function recountPages(): void {
  let used: u32 = 0
  const end = pagesNow()
  let page = beforePages()
  while ((page = nextPage(page, end)) != 0) used++
  put32(H_FREE_HINT, load<u32>(H_HEAP_START) >> PAGE_BITS)
  put32(H_PAGES_USED, used)
}

/** The first of `count` free pages side by side at or after `from`, or `end`. */
function findPages(from: u32, end: u32, count: u32): u32 {
  const table = load<u32>(H_PAGE_TABLE)
  let run: u32 = 0
  for (let i = from; i < end; i++) {
    if (load<u32>(table + i * 4) == FREE_PAGE) {
      if (++run == count) return i + 1 - count
    } else {
      run = 0
    }
  }
  return end
}

/** The last of such runs, or `end`. */
function findLastPages(from: u32, end: u32, count: u32): u32 {
  const table = load<u32>(H_PAGE_TABLE)
  let run: u32 = 0
  for (let i = end; i > from; i--) {
    if (load<u32>(table + (i - 1) * 4) == FREE_PAGE) {
      if (++run == count) return i - 1
    } else {
      run = 0
    }
  }
  return end
}

/** Whether this many pages may be had, side by side or not. Under the lock. */
export function hasPages(count: u32): bool {
  const kept: u32 = mayUseReserve ? 0 : load<u32>(H_RESERVE)
  const left = load<u32>(H_MAX_PAGES) - (load<u32>(H_HEAP_START) >> PAGE_BITS) - get32(H_PAGES_USED)
  return count <= left && kept <= left - count
}

/** Whether some of what is kept for threads that attach and values that replace others has been taken. */
export function isReserveShort(): bool {
  const left = load<u32>(H_MAX_PAGES) - (load<u32>(H_HEAP_START) >> PAGE_BITS) - load32(H_PAGES_USED)
  return left < load<u32>(H_RESERVE)
}

/** Takes `count` free pages, side by side: the first gets `word`, the others SPAN_TAIL. Returns the first, or 0 (see `failure`). */
export function takePages(count: u32, word: u32): u32 {
  if (!lockPages()) {
    failWith(E_TIMEOUT)
    return 0
  }
  if (!hasPages(count)) {
    unlock(H_HEAP_LOCK)
    failFull(false)
    return 0
  }
  const table = load<u32>(H_PAGE_TABLE)
  let end = pagesNow()
  const hint = get32(H_FREE_HINT)
  let first = fromEnd ? findLastPages(hint, end, count) : findPages(hint, end, count)
  if (first == end) {
    // Free pages at the very end can be part of the run.
    let start = end
    while (start > hint && load<u32>(table + (start - 1) * 4) == FREE_PAGE) start--
    if (!growMemory(count - (end - start), end)) {
      unlock(H_HEAP_LOCK)
      failFull(true)
      return 0
    }
    first = start
    end = pagesNow()
  }
  // A scratch area belongs to a thread and to no heap.
  const tail = SPAN_TAIL | ((word & KIND_MASK) == SCRATCH_SPAN ? HEAP_MASK : word & HEAP_MASK)
  // The head first: if this thread dies between, the head names what is there, and no tail is left that belongs to nothing.
  put32(table + first * 4, word)
  for (let i: u32 = 1; i < count; i++) put32(table + (first + i) * 4, tail)
  if (count == 1 || first == hint) put32(H_FREE_HINT, first + count)
  put32(H_PAGES_USED, get32(H_PAGES_USED) + count)
  unlock(H_HEAP_LOCK)
  return first << PAGE_BITS
}

export function growMemory(missing: u32, now: u32): bool {
  const limit = load<u32>(H_MAX_PAGES)
  if (missing > limit || now > limit - missing) return false
  const need = (missing + PAGES_PER_WASM_PAGE - 1) / PAGES_PER_WASM_PAGE
  const most = (limit - now) / PAGES_PER_WASM_PAGE
  if (need > most) return false
  const step = min(max(need, max(GROWTH_STEP, now / PAGES_PER_WASM_PAGE / 16)), most)
  let grown = step
  let before = memory.grow(step)
  if (before < 0 && step > need) {
    grown = need
    before = memory.grow(need)
  }
  if (before < 0) return false
  store32(H_PAGES_SEEN, (<u32>before + grown) * PAGES_PER_WASM_PAGE)
  return true
}

/** Gives back a page, or a span with its tails. The caller has recorded its highest generation. */
export function givePages(page: u32): bool {
  if (!lockPages()) return false
  const table = load<u32>(H_PAGE_TABLE)
  const first = page >> PAGE_BITS
  const end = pagesNow()
  let count: u32 = 1
  while (first + count < end && (load<u32>(table + (first + count) * 4) & KIND_MASK) == SPAN_TAIL) count++
  // Tails first: if this thread dies between, the head still names the rest.
  for (let i = count; i > 0; i--) put32(table + (first + i - 1) * 4, FREE_PAGE)
  if (first < get32(H_FREE_HINT)) put32(H_FREE_HINT, first)
  put32(H_PAGES_USED, get32(H_PAGES_USED) - count)
  unlock(H_HEAP_LOCK)
  return true
}

/** Remembers that `generation` was used in a page that is about to go. */
export function recordGeneration(generation: u32): void {
  // Serial arithmetic: generations wrap.
  let seen = load32(H_GENERATION)
  while (<i32>(generation - seen) > 0) {
    const was = atomic.cmpxchg<u32>(H_GENERATION, seen, generation)
    if (was == seen) break
    seen = was
  }
}
