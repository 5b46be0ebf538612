/**
 * Tells this thread's JavaScript which keys it evicts (src/cache/evictions.ts): from under the shard's mutex, as the entry is gone afterwards.
 * The function that is called copies the key and runs no code of the program. Threads without a listener pay one comparison per eviction.
 */
import { get32 } from '../atomics'
import { ENTRY_KEY, META_MARK } from '../layout'

/** `key`: the address of the key; `reason`: one of Q_EVICTED, Q_EVICTED_FOR_MEMORY and Q_EXPIRED. */
export declare function evicted(key: u32, meta: u32, reason: u32): void

let listens: bool = false

export function listen(on: bool): void {
  listens = on
}

/** An entry with a value is about to go. */
export function tell(entry: u32, reason: u32): void {
  if (listens) evicted(entry + ENTRY_KEY, get32(entry + 4) & ~META_MARK, reason)
}
