/**
 * The key of the operation that this thread carries out. JavaScript writes it into the thread's area for keys; a key that is longer
 * than the area passes through it in pieces (carry.ts), and afterwards the first piece is there again.
 */
import { load64, put64 } from '../atomics'
import { AREA_KEY, ENTRY_KEY, H_HASH, HASH_DEFAULT, KEY_PIECE, META_LENGTH, WHOLE_KEY } from '../layout'
import { pull } from './carry'
import { addBlocks, finishBlocks, finishSum, metaTerm, NH_BLOCK, pairTerm, tableHash } from './hash'

/** This thread's scratch area for keys. Of a key that is longer than that it holds the first piece. */
export let keyAt: u32 = 0

export function setKeyArea(address: u32): void {
  keyAt = address
}

/**
 * The hash of the key in the key area; zeroes the bytes between the key's end and the next 8-byte boundary. JavaScript
 * wrote 32 bits at a time, and a wider load would wait for both halves to leave the store buffer: so they are loaded
 * apart, and stored as the words that `sameKey` will load.
 */
// @inline
export function hashKey(meta: u32): u64 {
  const length = meta & META_LENGTH
  const kind = load<u32>(H_HASH)
  if (length > NH_BLOCK) return hashLongKey(kind, meta)
  let sum = metaTerm(meta)
  let offset: u32 = 0
  while (offset + 8 <= length) {
    const low = load<u32>(keyAt + offset)
    const high = load<u32>(keyAt + offset, 4)
    store<u64>(keyAt + offset, <u64>low | ((<u64>high) << 32))
    sum += pairTerm(offset, low, high)
    offset += 8
  }
  const rest = length & 7
  if (rest != 0) {
    const word = lastWord(keyAt + offset, rest)
    store<u64>(keyAt + offset, word)
    sum += pairTerm(offset, <u32>word, <u32>(word >> 32))
  } else if (length == 0) {
    store<u64>(keyAt, 0)
  }
  return kind == HASH_DEFAULT ? finishSum(sum) : tableHash(kind, keyAt, meta)
}

function hashLongKey(kind: u32, meta: u32): u64 {
  const length = meta & META_LENGTH
  if (length > WHOLE_KEY) return hashPieces(meta)
  const rest = length & 7
  const last = keyAt + length - rest
  if (rest != 0) store<u64>(last, lastWord(last, rest))
  return tableHash(kind, keyAt, meta)
}

/** The last `rest` bytes of the key, and zeros. */
// @inline
function lastWord(at: u32, rest: u32): u64 {
  return (<u64>load<u32>(at) | ((<u64>load<u32>(at, 4)) << 32)) & (((<u64>1) << (rest << 3)) - 1)
}

// @inline
export function sameKey(entry: u32, length: u32): bool {
  return load64(entry + ENTRY_KEY) == load<u64>(keyAt) && sameRest(entry, length)
}

/** Whether an entry's key is the one in the key area, behind the first word. */
// @inline
export function sameRest(entry: u32, length: u32): bool {
  if (length > WHOLE_KEY) return sameLongKey(entry, length)
  for (let offset: u32 = 8; offset < length; offset += 8) {
    if (load64(entry + ENTRY_KEY + offset) != load<u64>(keyAt + offset)) return false
  }
  return true
}

/** Brings the piece at `offset` of this thread's key into the area; returns its length. */
function pullKey(offset: u32, length: u32): u32 {
  const size = min(length - offset, KEY_PIECE)
  pull(AREA_KEY, offset, size, keyAt)
  const rest = size & 7
  if (rest != 0) {
    const last = keyAt + size - rest
    store<u64>(last, load<u64>(last) & (((<u64>1) << (rest << 3)) - 1))
  }
  return size
}

/** The hash of a key that is longer than the area. It is the default hash whatever the map's is: that takes one piece after the other. */
function hashPieces(meta: u32): u64 {
  const length = meta & META_LENGTH
  let blocks: u64 = 0
  for (let offset: u32 = 0; offset < length; offset += KEY_PIECE) {
    blocks = addBlocks(blocks, keyAt, pullKey(offset, length))
  }
  pullKey(0, length)
  return finishBlocks(blocks, meta)
}

/** Compares piece by piece. A claim's copy of a key has the place that an entry's key would have. */
export function sameLongKey(entry: u32, length: u32): bool {
  let same = true
  for (let offset: u32 = 0; same && offset < length; offset += KEY_PIECE) {
    const size = pullKey(offset, length)
    for (let at: u32 = 0; same && at < size; at += 8) {
      same = load64(entry + ENTRY_KEY + offset + at) == load<u64>(keyAt + at)
    }
  }
  pullKey(0, length)
  return same
}

export function writeLongKey(entry: u32, length: u32): void {
  for (let offset: u32 = 0; offset < length; offset += KEY_PIECE) {
    const size = pullKey(offset, length)
    for (let at: u32 = 0; at < size; at += 8) put64(entry + ENTRY_KEY + offset + at, load<u64>(keyAt + at))
  }
  pullKey(0, length)
}
