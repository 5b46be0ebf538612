/**
 * Reads without a lock, which write nothing.
 *
 * A read is validated: table word, slot, header, key, value, then header and table word again. The entry lived, with this
 * key and value, at the moment its value word was loaded, if the header is the same before and after it and the table
 * word is the same from beginning to end. Otherwise the caller tries again. A writer that dies leaves nothing that makes a reader wait.
 *
 * Sources: CLHT, xsync (lock-free reads beside bucket locks), FASTER (versions), sequence locks.
 */
import { load64, reach } from '../atomics'
import { isInside, numberOf } from '../cache/inside'
import { isFresh, recordOf, timeAt } from '../cache/record'
import { isCache } from '../cache/state'
import {
  ABSENT,
  AGAIN,
  CACHE_SLIDES,
  D_TABLE,
  EXPUNGED,
  H_CACHE_FLAGS,
  META_LENGTH,
  PRESENT,
  R_ENTRY,
  R_FRESH_UNTIL,
  R_GENERATION,
  R_META,
  R_SHARD,
  R_VERSION,
  TOKEN_ENDLESS,
  TOKEN_INSIDE,
  V_FRESH_UNTIL,
  WHOLE_VALUE,
} from '../layout'
import { sameHead, valueWord } from './entry'
import { find, foundEntry, foundHead, STALE } from './table'
import { copyOutValidated, giveNumber, isInline, resultAt } from './value'

/** One try at a read; AGAIN if a writer came between. */
// @inline
export function readValidated(shard: u32, hash: u64, meta: u32, wantsValue: bool): i32 {
  const word = load64(shard + D_TABLE)
  const slot = find(word, shard + D_TABLE, hash, meta)
  if (slot == 0) return load64(shard + D_TABLE) == word ? ABSENT : AGAIN
  if (slot == STALE) return AGAIN
  const entry = foundEntry
  const head = foundHead
  if (!wantsValue) return sameHead(entry, head) && load64(shard + D_TABLE) == word ? PRESENT : AGAIN
  const value = valueWord(entry)
  if (!sameHead(entry, head) || load64(shard + D_TABLE) != word) return AGAIN
  const code = copyOutValidated(value)
  if (code == 0 || load64(shard + D_TABLE) != word) return AGAIN
  if (code < 0) return code
  store<u32>(resultAt + R_ENTRY, entry)
  store<u32>(resultAt + R_GENERATION, <u32>head)
  store<u32>(resultAt + R_SHARD, shard)
  store<u32>(resultAt + R_VERSION, <u32>(word >> 32))
  return PRESENT
}

/**
 * The value of an entry that was found earlier, if it has lived since and the shard's version is the same; ABSENT if
 * not: then it has to be looked for. Order matters: value, then header, then version (docs/memory-order.md).
 */
export function readKnown(entry: u32, generation: u32, shard: u32, version: u32): i32 {
  const word = valueWord(entry)
  if (<u32>load64(entry) != generation || <u32>(load64(shard + D_TABLE) >> 32) != version) return ABSENT
  if (isCache && isInside(word)) return readKnownInside(entry, generation, shard, version)
  // SyncMap's deleted entries have no block.
  if (isDeleted(word)) return ABSENT
  const code = copyOutValidated(word)
  if (code != 1) return code
  if (isCache && !isFreshCopy(word)) return ABSENT
  return <u32>(load64(shard + D_TABLE) >> 32) == version && (isInline || valueWord(entry) == word) ? PRESENT : ABSENT
}

/** `readKnown` for a number inside its entry. */
function readKnownInside(entry: u32, generation: u32, shard: u32, version: u32): i32 {
  const number = knownNumber(entry, generation, shard, version)
  if (!isInside(valueWord(entry)) || <u32>load64(entry) != generation) return ABSENT
  giveNumber(number)
  store<f64>(resultAt + R_FRESH_UNTIL, Infinity)
  return <u32>(load64(shard + D_TABLE) >> 32) == version ? PRESENT : ABSENT
}

/**
 * The number inside an entry that was found earlier; something else if the entry has not lived since. What stands at the entry's place by then may give no
 * length to go by, so header and version say first that it is an entry's.
 */
// @inline
function knownNumber(entry: u32, generation: u32, shard: u32, version: u32): u64 {
  const head = load64(entry)
  if (<u32>head != generation || <u32>(load64(shard + D_TABLE) >> 32) != version) return 0
  return numberOf(entry, head)
}

/** `readKnown` for numbers that are in the entry. NaN is ambiguous: the value, or it has to be looked for. */
export function readNumber(entry: u32, generation: u32, shard: u32, version: u32): f64 {
  const word = valueWord(entry)
  if (<u32>load64(entry) != generation || <u32>(load64(shard + D_TABLE) >> 32) != version) return NaN
  return reinterpret<f64>(word)
}

/** Of a value that was copied out just now: whether its deadline, which it leaves in the result area, is still to come. The caller checks that the entry still has the value. */
function isFreshCopy(word: u64): bool {
  const isChain = (load<u32>(resultAt + R_META) & META_LENGTH) > WHOLE_VALUE
  const until = timeAt(recordOf(<u32>word, isChain) + V_FRESH_UNTIL)
  store<f64>(resultAt + R_FRESH_UNTIL, until)
  return isFresh(until)
}

/** Whether the value of a value word, in its block still, has a deadline to come. */
function isFreshBlock(word: u64): bool {
  const block = <u32>word
  reach(block)
  const isChain = (<u32>(load64(block) >> 32) & META_LENGTH) > WHOLE_VALUE
  const until = timeAt(recordOf(block, isChain) + V_FRESH_UNTIL)
  return <u32>load64(block) == <u32>(word >> 32) && isFresh(until)
}

function isDeleted(word: u64): bool {
  return !isInline && <u32>word <= EXPUNGED
}

/** Whether an entry that was found earlier still holds this value word. */
export function isCurrent(entry: u32, generation: u32, shard: u32, version: u32, low: u32, high: u32): i32 {
  const word = valueWord(entry)
  if (<u32>word != low || <u32>(word >> 32) != high || <u32>load64(entry) != generation) return ABSENT
  return <u32>(load64(shard + D_TABLE) >> 32) == version ? PRESENT : ABSENT
}

/**
 * `isCurrent` in a cache, whose tokens say more (TOKEN_*). A value that is fresh for ever stays so as long as it is its entry's: its block is
 * not looked at. Whatever takes such a value away changes the value word.
 */
export function isCurrentInCache(token: u32, generation: u32, shard: u32, version: u32, low: u32, high: u32): i32 {
  const entry = token & ~(TOKEN_INSIDE | TOKEN_ENDLESS)
  let word = valueWord(entry)
  if ((token & TOKEN_INSIDE) != 0) {
    if (!isInside(word)) return ABSENT
    word = knownNumber(entry, generation, shard, version)
    if (!isInside(valueWord(entry))) return ABSENT
  }
  if (<u32>word != low || <u32>(word >> 32) != high || <u32>load64(entry) != generation) return ABSENT
  if ((token & TOKEN_ENDLESS) == 0) {
    // Where hits renew the time of a value, an ordinary read does so.
    if ((load<u32>(H_CACHE_FLAGS) & CACHE_SLIDES) != 0 || !isFreshBlock(word)) return ABSENT
  }
  return <u32>(load64(shard + D_TABLE) >> 32) == version ? PRESENT : ABSENT
}
