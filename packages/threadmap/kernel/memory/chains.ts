/**
 * Chains of pages, for values that are too large for a slab. The pages are wherever pages were free: each names the next one, and
 * the first has the block's header. Docs: decision 0007.
 */
import { get32, load32, put32, reach, store64 } from '../atomics'
import { chainBytes } from '../cache/state'
import {
  CHAIN_HEAD,
  CHAIN_NEXT,
  CHAIN_TAIL,
  E_TIMEOUT,
  FREE_PAGE,
  H_FREE_HINT,
  H_GENERATION,
  H_HEAP_LOCK,
  H_HEAP_START,
  H_PAGE_TABLE,
  H_PAGES_USED,
  HEAP_MASK,
  HEAP_SHIFT,
  META_LENGTH,
  P_ID,
  P_PAGES,
  PAGE,
  PAGE_BITS,
} from '../layout'
import { unlock } from '../threads/lock'
import { failFull, failWith } from './allocation'
import { growMemory, hasPages, lockPages, pagesNow, pageWord, wordOfPage } from './pages'

/**
 * A chain of `count` pages, wherever they are: all of them or none. Returns the address of its head, whose generation is odd
 * still, or 0 (see `failure`).
 */
function takeChain(heap: u32, count: u32): u32 {
  if (!lockPages()) {
    failWith(E_TIMEOUT)
    return 0
  }
  const used = get32(H_PAGES_USED)
  const free = pagesNow() - (load<u32>(H_HEAP_START) >> PAGE_BITS) - used
  if (!hasPages(count) || (count > free && !growMemory(count - free, pagesNow()))) {
    unlock(H_HEAP_LOCK)
    failFull(false)
    return 0
  }
  const table = load<u32>(H_PAGE_TABLE)
  const owner = get32(heap + P_ID) << HEAP_SHIFT
  const end = pagesNow()
  let head: u32 = 0
  let last: u32 = 0
  let left = count
  let at = get32(H_FREE_HINT)
  for (; left > 0 && at < end; at++) {
    if (load<u32>(table + at * 4) != FREE_PAGE) continue
    const page = at << PAGE_BITS
    put32(page + CHAIN_NEXT, 0)
    if (head == 0) {
      head = page
      store64(page, (load32(H_GENERATION) + 2) | 1)
      put32(table + at * 4, CHAIN_HEAD | owner)
    } else {
      put32(table + at * 4, CHAIN_TAIL | owner)
      put32(last + CHAIN_NEXT, page)
    }
    last = page
    left--
  }
  put32(H_FREE_HINT, at)
  put32(H_PAGES_USED, used + count)
  unlock(H_HEAP_LOCK)
  return head
}

/** A chain for a value of `length` bytes, or 0 (see `failure`). Its generation is odd still. */
export function allocateChain(heap: u32, length: u32): u32 {
  const count = chainPages(length)
  const head = takeChain(heap, count)
  if (head != 0) put32(heap + P_PAGES, get32(heap + P_PAGES) + count)
  return head
}

/**
 * The page of a chain that follows `page`, or 0. A reader whose chain has gone may find any number there, which never leads it out of
 * the memory.
 */
// @inline
export function nextInChain(page: u32): u32 {
  const next = load32(page + CHAIN_NEXT)
  if ((next & (PAGE - 1)) != 0 || next < load<u32>(H_HEAP_START) || next >> PAGE_BITS >= pagesNow()) return 0
  reach(next)
  return next
}

/** The page word of a tail of the chain with this head. */
export function tailWord(head: u32): u32 {
  return (wordOfPage(head) & HEAP_MASK) | CHAIN_TAIL
}

/** How many pages a chain has that holds `length` bytes. */
export function chainPages(length: u32): u32 {
  return (length + chainBytes - 1) / chainBytes
}

/** Gives the pages of a chain back. After a death a sweep finds the tails that are left, with a head or without. */
export function giveChain(heap: u32, head: u32): void {
  if (!lockPages()) return
  const tail = tailWord(head)
  const most = chainPages(get32(head + 4) & META_LENGTH)
  let hint = get32(H_FREE_HINT)
  let page = head
  let count: u32 = 0
  do {
    const next = nextInChain(page)
    put32(pageWord(page), FREE_PAGE)
    hint = min(hint, page >> PAGE_BITS)
    count++
    page = next
  } while (page != 0 && count < most && wordOfPage(page) == tail)
  put32(H_FREE_HINT, hint)
  put32(H_PAGES_USED, get32(H_PAGES_USED) - count)
  unlock(H_HEAP_LOCK)
  put32(heap + P_PAGES, get32(heap + P_PAGES) - count)
}
