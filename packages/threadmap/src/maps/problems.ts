/** The words for what `audit` finds (kernel/repair/audit.ts has the numbers). */
const WORDS: Record<number, string> = {
  1: 'a lock is held, though nobody is inside',
  2: 'the writer bit of a readers-writer lock is set, though nobody is inside',
  3: 'the count of entries is not the number of used slots',
  4: "SyncMap: the count of dirty's entries is not the number of its used slots",
  5: 'SyncMap: not amended, and yet there is a dirty table or a count of expunged entries',
  6: 'a free slot has a tag or a hash',
  7: 'a slot references no block of its heap',
  8: 'a slot references an entry that is not alive',
  9: "a slot's hash is not its key's",
  10: "a slot's tag is not its key's",
  11: 'a block is referenced twice',
  12: 'the counts of passed buckets do not add up',
  13: 'a value word references no live value block',
  14: 'a search for a key would end before its slot',
  15: 'SyncMap: the count of expunged entries is wrong',
  16: 'SyncMap: dirty lacks entries of read that are not expunged',
  17: 'a page is of no known kind or heap',
  18: 'a scratch area belongs to no living thread',
  19: 'the count of used pages is wrong',
  20: 'the list of empty pages has another length than its count',
  21: 'a slab is in the list of another class',
  22: 'the count of free bytes is wrong',
  23: 'a block is in use, but nothing references it (a leak)',
  24: 'the count of pages of a heap is wrong',
  25: "a slab's count of live blocks is wrong",
  26: 'a free list leads outside its slab',
  27: "a slab's live and free blocks do not add up",
  28: 'a chain of pages is shorter than its value, or shares a page with another',
  29: 'a page of a chain follows no head (a leak)',
}

/** One problem in words. */
export function describeProblem(number: number, address: number, detail: number): string {
  return `${WORDS[number] ?? `problem ${number}`} (at 0x${address.toString(16)}: ${detail})`
}
