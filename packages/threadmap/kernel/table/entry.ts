/**
 * Entries: header {meta 32 | generation 32}, value word, key. The header's generation is the entry's linearization point: an entry
 * is in the map while it is even. It becomes even after its slot is written, and odd before the slot is cleared.
 */
import { get32, load32, load64, put64, store32 } from '../atomics'
import { trailerBytes } from '../cache/state'
import { ENTRY_KEY, ENTRY_VALUE, H_HASH, META_LENGTH, META_MARK, WHOLE_KEY } from '../layout'
import { hashWords, tableHash } from './hash'
import { keyAt, writeLongKey } from './key'

export function entrySize(meta: u32): u32 {
  return keyEnd(meta) + trailerBytes
}

/** The offset behind an entry's key. */
// @inline
export function keyEnd(meta: u32): u32 {
  return ENTRY_KEY + max(((meta & META_LENGTH) + 7) & ~7, 8)
}

/** Fills a new entry but for its value; it is not live yet. */
export function writeEntry(entry: u32, meta: u32): void {
  store32(entry + 4, meta)
  const length = meta & META_LENGTH
  if (length > WHOLE_KEY) {
    writeLongKey(entry, length)
    return
  }
  let offset: u32 = 0
  do {
    put64(entry + ENTRY_KEY + offset, load<u64>(keyAt + offset))
    offset += 8
  } while (offset < length)
}

/** The entry enters the map. */
export function bringToLife(entry: u32): void {
  store32(entry, get32(entry) + 1)
}

/** The entry leaves the map. */
export function kill(entry: u32): void {
  store32(entry, get32(entry) + 1)
}

/** The load of a value word is the linearization point of a read. */
export function valueWord(entry: u32): u64 {
  return load64(entry + ENTRY_VALUE)
}

export function headGeneration(block: u32): u32 {
  return load32(block)
}

/** Whether an entry still has the header `head`, but for the mark that a repair may have set meanwhile. */
// @inline
export function sameHead(entry: u32, head: u64): bool {
  return ((load64(entry) ^ head) & ~((<u64>META_MARK) << 32)) == 0
}

/** The hash of an entry's own key, for repairs. */
export function hashEntry(entry: u32): u64 {
  const meta = load<u32>(entry + 4) & ~META_MARK
  if ((meta & META_LENGTH) > WHOLE_KEY) return hashWords(entry + ENTRY_KEY, meta)
  return tableHash(load<u32>(H_HASH), entry + ENTRY_KEY, meta)
}
