/**
 * Numbers inside their entries. A cache keeps a value in a block, together with its record, so that one store publishes both. A number that is
 * fresh for ever and has nothing to do with a load needs no record: it stands in its entry (T_NUMBER), and the value word is INSIDE.
 * A hit then touches one cache line less, and a change of the number allocates nothing.
 *
 * What must hold: the number counts while the value word is INSIDE. A change from one number to another is one store of the number; a change
 * between the two forms is one store of the value word, and a number that is written before that store is nobody's yet. A reader loads the value
 * word, the number, and the value word again: if that is INSIDE both times, the number was the value at some moment in between.
 */
import { load64 } from '../atomics'
import { INSIDE, T_NUMBER } from '../layout'
import { keyEnd } from '../table/entry'
import { trailerOf } from './queues'
import { needsNoRecord } from './record'
import { holdsNumbers } from './state'

/** Whether a value word says that the value is inside the entry. */
// @inline
export function isInside(word: u64): bool {
  return <u32>word == INSIDE
}

/** Whether the next value goes into its entry. */
export function goesInside(): bool {
  return holdsNumbers && needsNoRecord()
}

/** Where an entry has its number. The caller holds the shard's mutex. */
export function numberAt(entry: u32): u32 {
  return trailerOf(entry) + T_NUMBER
}

/** The number of an entry with this header, for readers. */
// @inline
export function numberOf(entry: u32, head: u64): u64 {
  return load64(entry + keyEnd(<u32>(head >> 32)) + T_NUMBER)
}
