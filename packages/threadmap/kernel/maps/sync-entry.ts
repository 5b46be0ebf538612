/**
 * Operations on one entry of a SyncMap, by compare-exchange of its value word: the methods of `entry` in Go's source.
 *
 * Source: go/src/sync/map.go, Go 1.23.
 */
import { cas64, load64, reach, store64 } from '../atomics'
import {
  ABSENT,
  ADD,
  AGAIN,
  BLOCK_CONTENT,
  COMPARE_AND_DELETE,
  COMPARE_AND_SWAP,
  D_HEAP,
  DELETE,
  DELETE_SAME,
  DIFFERENT,
  ENTRY_VALUE,
  EXPUNGED,
  GET_AND_DELETE,
  INSERT,
  NIL,
  PRESENT,
  REPLACE_SAME,
  S_RETRIES,
  SET,
  SLOW,
  SWAP,
} from '../layout'
import { failure } from '../memory/allocation'
import { allocate, free } from '../memory/blocks'
import { damaged, MOST_TRIES } from '../memory/damage'
import { tokenEntry, tokenGeneration, tokenWord } from '../table/change'
import { entrySize, headGeneration, sameHead, valueWord, writeEntry } from '../table/entry'
import { blockEqualsExpected, copyOutValidated, returnNumber, sum, valueAt } from '../table/value'
import { count } from '../threads/thread'
import { isValue, withState } from './sync-state'
import { dropPending, freeValue, newValue, settlePublished } from './sync-values'

export function inserts(op: u32): bool {
  return op == SET || op == INSERT || op == SWAP || op == ADD
}

function isRemoval(op: u32): bool {
  return op == DELETE || op == GET_AND_DELETE || op == COMPARE_AND_DELETE || op == DELETE_SAME
}

/** The value word (`p` in Go's source) of an entry that was found with this header; GONE, which is no value word, if the entry has gone. */
export const GONE: u64 = 0xffffffff00000002

export function loadP(entry: u32, head: u64): u64 {
  const word = valueWord(entry)
  return sameHead(entry, head) ? word : GONE
}

/**
 * Go's trySwap, tryLoadOrStore, delete and tryCompareAndSwap in one: `op` on an entry of `read`, by compare-exchange.
 * SLOW: the entry is expunged, and `op` would insert. AGAIN: it is no entry of this key any more.
 */
export function changeEntry(entry: u32, head: u64, op: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const delta = load<u64>(valueAt)
  let fresh: u64 = 0
  let code: i32
  let tries: u32 = 0
  while (true) {
    if (++tries == MOST_TRIES) damaged()
    const word = loadP(entry, head)
    if (word == GONE) {
      code = AGAIN
      break
    }
    let next: u64 = 0
    if (isValue(word)) {
      reach(<u32>word)
      code = checkPresent(entry, head, word, op, expectedMeta)
      if (code == AGAIN) continue
      if (code != PRESENT || op == INSERT) break
    } else {
      code = ABSENT
      if (!inserts(op)) break
      if (<u32>word == EXPUNGED) {
        code = SLOW
        break
      }
    }
    if (isRemoval(op)) {
      next = withState(head, NIL)
    } else {
      if (op == ADD) store<u64>(valueAt, isValue(word) ? sum(load64(<u32>word + BLOCK_CONTENT), delta) : delta)
      if (fresh == 0) {
        fresh = newValue(valueMeta, !isValue(word))
        if (fresh == 0) {
          code = failure
          break
        }
      } else if (op == ADD) {
        store64(<u32>fresh + BLOCK_CONTENT, load<u64>(valueAt))
      }
      next = fresh
    }
    if (cas64(entry + ENTRY_VALUE, word, next) == word) {
      if (op == ADD) returnNumber()
      if (isValue(word)) freeValue(word)
      if (fresh != 0) settlePublished(entry, fresh)
      return code
    }
    count(S_RETRIES, 1)
  }
  if (op == ADD) store<u64>(valueAt, delta)
  if (fresh != 0) dropPending(fresh)
  return code
}

/** What `op` makes of a value: PRESENT to go on, AGAIN if the value changed while it was looked at, else its result. */
function checkPresent(entry: u32, head: u64, word: u64, op: u32, expectedMeta: u32): i32 {
  if (op == INSERT || op == SWAP || op == GET_AND_DELETE) {
    const code = copyOutValidated(word)
    return code == 0 || valueWord(entry) != word ? AGAIN : code
  }
  if (op == COMPARE_AND_SWAP || op == COMPARE_AND_DELETE) {
    if (headGeneration(<u32>word) != <u32>(word >> 32)) return AGAIN
    const equal = blockEqualsExpected(<u32>word, expectedMeta)
    if (headGeneration(<u32>word) != <u32>(word >> 32) || valueWord(entry) != word) return AGAIN
    return equal ? PRESENT : DIFFERENT
  }
  if (op == REPLACE_SAME || op == DELETE_SAME) {
    return entry == tokenEntry && <u32>head == tokenGeneration && word == tokenWord ? PRESENT : DIFFERENT
  }
  return PRESENT
}

/** An entry of the key and the value in the areas, in no table and not alive yet; or 0 (see `failure`). */
export function newEntry(shard: u32, meta: u32, valueMeta: u32): u32 {
  const heap = shard + D_HEAP
  const entry = allocate(heap, entrySize(meta))
  if (entry == 0) return 0
  const value = newValue(valueMeta, true)
  if (value == 0) {
    free(heap, entry)
    return 0
  }
  writeEntry(entry, meta)
  store64(entry + ENTRY_VALUE, value)
  return entry
}
