/**
 * The states of a SyncMap's entry, in its value word (what Go calls `p`): {generation | reference} of a value block; NIL:
 * deleted, and in `dirty` if there is one; EXPUNGED: deleted, and not in `dirty`. NIL and EXPUNGED carry the entry's
 * generation, so that no two entries ever share one.
 *
 * Source: go/src/sync/map.go, Go 1.23.
 */
import { cas64, store64 } from '../atomics'
import { ENTRY_VALUE, EXPUNGED, TABLE_AMENDED } from '../layout'
import { valueWord } from '../table/entry'
import { addressOf, nextSlot, slotContent } from '../table/table'

export function isValue(word: u64): bool {
  return <u32>word > EXPUNGED
}

export function withState(head: u64, state: u32): u64 {
  return (head << 32) | <u64>state
}

/** Whether `dirty` has keys that this `read` lacks. */
export function isAmended(word: u64): bool {
  return (word & TABLE_AMENDED) != 0
}

/** A deleted entry becomes an expunged one: now only the owner of the mutex can give it a value again. */
export function tryExpungeLocked(entry: u32): bool {
  while (true) {
    const word = valueWord(entry)
    if (isValue(word)) return false
    if (<u32>word == EXPUNGED) return true
    if (cas64(entry + ENTRY_VALUE, word, word | <u64>EXPUNGED) == word) return true
  }
  return false
}

/** No entry of this table is expunged: `dirty` has them all, or there is none. */
export function unexpungeAll(table: u64): void {
  let slot = addressOf(table)
  while ((slot = nextSlot(table, slot)) != 0) {
    const entry = <u32>slotContent
    const word = valueWord(entry)
    if (<u32>word == EXPUNGED) store64(entry + ENTRY_VALUE, word & ~(<u64>EXPUNGED))
  }
}
