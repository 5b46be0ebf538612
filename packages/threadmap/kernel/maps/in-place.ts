/**
 * FastMap: SET and ADD of a known key whose number is in its entry, without the shard's mutex. The entry is found as a reader finds it
 * (table/read.ts). Then the thread says that it is at work in the shard (threads/at-work.ts): if the mutex is free, and the entry is still the one
 * that was found, no other thread can remove or move it before this one has ended its work. What other threads change meanwhile is
 * numbers in place, one store or compare-exchange each, and new keys. So two writers share no line but the entry's.
 */
import { cas64, load64, store64 } from '../atomics'
import { ADD, D_TABLE, ENTRY_VALUE, META_LENGTH, R_WORD, S_RETRIES, WHOLE_KEY } from '../layout'
import { sameHead, valueWord } from '../table/entry'
import { find, foundEntry, foundHead, STALE } from '../table/table'
import { resultAt, sum, valueAt } from '../table/value'
import { beginWork, endWork } from '../threads/at-work'
import { count } from '../threads/thread'

/** Returns false, having changed nothing, if the key is absent or a writer has the mutex: then this writer takes the mutex. */
// @inline
export function changeInPlace(shard: u32, op: u32, hash: u64, meta: u32): bool {
  // A longer key goes through its area in pieces, which JavaScript brings.
  if ((meta & META_LENGTH) > WHOLE_KEY) return false
  const table = load64(shard + D_TABLE)
  if (find(table, shard + D_TABLE, hash, meta) <= STALE) return false
  const entry = foundEntry
  const isMine = beginWork(shard) && sameHead(entry, foundHead) && load64(shard + D_TABLE) == table
  if (isMine) changeNumber(entry, op)
  endWork(shard)
  return isMine
}

/** SET and ADD of the number in an entry that stays where it is meanwhile. */
// @inline
export function changeNumber(entry: u32, op: u32): void {
  const operand = load<u64>(valueAt)
  if (op == ADD) addTo(entry, operand)
  else store64(entry + ENTRY_VALUE, operand)
}

// @inline
function addTo(entry: u32, delta: u64): void {
  let word = valueWord(entry)
  while (true) {
    const total = sum(word, delta)
    const seen = cas64(entry + ENTRY_VALUE, word, total)
    if (seen == word) {
      store<u64>(resultAt + R_WORD, total)
      return
    }
    count(S_RETRIES, 1)
    word = seen
  }
}
