/** Describes the problems that `audit` finds. */
import * as L from '../bridge/layout.generated.js'
import type { Session } from '../bridge/session.js'

const WORDS: Record<number, string> = {
  [L.PROBLEM_LOCK_HELD]: 'a lock is held, though nobody is inside',
  [L.PROBLEM_WRITER_INSIDE]: 'the writer bit of a readers-writer lock is set, though nobody is inside',
  [L.PROBLEM_ENTRY_COUNT]: 'the count of entries is not the number of used slots',
  [L.PROBLEM_DIRTY_COUNT]: "SyncMap: the count of dirty's entries is not the number of its used slots",
  [L.PROBLEM_NOT_AMENDED]: 'SyncMap: not amended, and yet there is a dirty table or a count of expunged entries',
  [L.PROBLEM_FREE_SLOT]: 'a free slot has a tag or a hash',
  [L.PROBLEM_NO_BLOCK]: 'a slot references no block of its heap',
  [L.PROBLEM_DEAD_ENTRY]: 'a slot references an entry that is not alive',
  [L.PROBLEM_HASH]: "a slot's hash is not its key's",
  [L.PROBLEM_TAG]: "a slot's tag is not its key's",
  [L.PROBLEM_REFERENCED_TWICE]: 'a block is referenced twice',
  [L.PROBLEM_PASSED_COUNTS]: 'the counts of passed buckets do not add up',
  [L.PROBLEM_VALUE]: 'a value word references no live value block',
  [L.PROBLEM_UNREACHABLE]: 'a search for a key would end before its slot',
  [L.PROBLEM_EXPUNGED_COUNT]: 'SyncMap: the count of expunged entries is wrong',
  [L.PROBLEM_DIRTY_LACKS]: 'SyncMap: dirty lacks entries of read that are not expunged',
  [L.PROBLEM_PAGE_KIND]: 'a page is of no known kind or heap',
  [L.PROBLEM_SCRATCH_OWNER]: 'a scratch area belongs to no living thread',
  [L.PROBLEM_PAGES_USED]: 'the count of used pages is wrong',
  [L.PROBLEM_EMPTY_COUNT]: 'the list of empty pages has another length than its count',
  [L.PROBLEM_SLAB_CLASS]: 'a slab is in the list of another class',
  [L.PROBLEM_FREE_BYTES]: 'the count of free bytes is wrong',
  [L.PROBLEM_BLOCK_LEAK]: 'a block is in use, but nothing references it (a leak)',
  [L.PROBLEM_HEAP_PAGES]: 'the count of pages of a heap is wrong',
  [L.PROBLEM_LIVE_COUNT]: "a slab's count of live blocks is wrong",
  [L.PROBLEM_FREE_LIST]: 'a free list leads outside its slab',
  [L.PROBLEM_SLAB_SUM]: "a slab's live and free blocks do not add up",
  [L.PROBLEM_CHAIN_LENGTH]: 'a chain of pages is shorter than its value, or shares a page with another',
  [L.PROBLEM_CHAIN_LEAK]: 'a page of a chain follows no head (a leak)',
  [L.PROBLEM_QUEUE_LINK]: 'SharedCache: a link of a queue leads to no entry, or to one that does not lead back',
  [L.PROBLEM_QUEUE_COUNT]: 'SharedCache: the queues have more or fewer entries than they count, or than the table has',
  [L.PROBLEM_QUEUE_WEIGHT]: 'SharedCache: the weights of a queue do not add up',
  [L.PROBLEM_OVER_CAPACITY]: 'SharedCache: a shard has more weight than its bound allows',
  [L.PROBLEM_MARK]: 'SharedCache: the marks of an entry are out of range',
  [L.PROBLEM_HEADER]: 'the first words of the memory are not those of a finished map, so nobody can attach',
}

/** Checks the memory and describes what is broken. */
export function problemsOf({ kernel, scratch }: Session): string[] {
  const count = kernel.audit() >>> 0
  scratch.refresh()
  const found: string[] = []
  for (let i = 0; i < Math.min(count, L.MOST_PROBLEMS); i++) {
    const at = scratch.resultBytes + i * L.PROBLEM_SIZE
    const word = (field: number): number => scratch.u32[(at + field) >>> 2]
    found.push(describe(word(L.PROBLEM_NUMBER), word(L.PROBLEM_ADDRESS), word(L.PROBLEM_DETAIL)))
  }
  if (count > found.length) found.push(`and ${count - found.length} more`)
  return found
}

function describe(number: number, address: number, detail: number): string {
  return `${WORDS[number] ?? `problem ${number}`} (at 0x${address.toString(16)}: ${detail})`
}
