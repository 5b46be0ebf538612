/**
 * Hashes over bytes in memory. The table takes 64 bits of each: the low word orders a shard's buckets, bits 32 up choose
 * the shard, the highest seven bits are the tag; so the published hashes, which fill 32 bits or mix their high bits
 * little, are finalised first.
 *
 * Sources: FNV-1a (Fowler, Noll, Vo), xxHash (Y. Collet), the finaliser of MurmurHash3 (A. Appleby).
 */

export const HASH_DEFAULT: u32 = 0
export const HASH_FNV1A: u32 = 1
export const HASH_XXHASH32: u32 = 2
export const HASH_XXHASH64: u32 = 3

// Odd constants with about half their bits set: the golden ratio, and two of MurmurHash3 and xxHash.
const K1: u64 = 0x9e3779b97f4a7c15
const K2: u64 = 0xff51afd7ed558ccd
const K3: u64 = 0xc4ceb9fe1a85ec53

/** One word into the default hash. */
export function mixWord(h: u64, word: u64): u64 {
  return rotl<u64>(h ^ (word * K1), 29) * K2
}

export function mixEnd(h: u64): u64 {
  h ^= h >> 32
  h *= K3
  return h ^ (h >> 29)
}

/** The default hash of one word. */
export function hashWord(word: u64, seed: u64): u64 {
  return mixEnd(mixWord(seed + 8, word))
}

/** The default hash of `length` bytes that stand at an 8-byte boundary and are zero up to the next one. */
export function hashWords(address: u32, length: u32, seed: u64): u64 {
  let h = seed + <u64>length
  const end = address + length
  while (address < end) {
    h = mixWord(h, atomic.load<u64>(address))
    address += 8
  }
  return mixEnd(h)
}

export function fnv1a(address: u32, length: u32, seed: u32): u32 {
  let h: u32 = 0x811c9dc5 ^ seed
  for (let i: u32 = 0; i < length; i++) h = (h ^ load<u8>(address + i)) * 0x01000193
  return h
}

const P32_1: u32 = 0x9e3779b1
const P32_2: u32 = 0x85ebca77
const P32_3: u32 = 0xc2b2ae3d
const P32_4: u32 = 0x27d4eb2f
const P32_5: u32 = 0x165667b1

function round32(lane: u32, input: u32): u32 {
  return rotl<u32>(lane + input * P32_2, 13) * P32_1
}

export function xxhash32(address: u32, length: u32, seed: u32): u32 {
  let at = address
  const end = address + length
  let h: u32
  if (length >= 16) {
    let a = seed + P32_1 + P32_2
    let b = seed + P32_2
    let c = seed
    let d = seed - P32_1
    while (at + 16 <= end) {
      a = round32(a, load<u32>(at))
      b = round32(b, load<u32>(at + 4))
      c = round32(c, load<u32>(at + 8))
      d = round32(d, load<u32>(at + 12))
      at += 16
    }
    h = rotl<u32>(a, 1) + rotl<u32>(b, 7) + rotl<u32>(c, 12) + rotl<u32>(d, 18)
  } else {
    h = seed + P32_5
  }
  h += length
  while (at + 4 <= end) {
    h = rotl<u32>(h + load<u32>(at) * P32_3, 17) * P32_4
    at += 4
  }
  while (at < end) {
    h = rotl<u32>(h + <u32>load<u8>(at) * P32_5, 11) * P32_1
    at++
  }
  h = (h ^ (h >> 15)) * P32_2
  h = (h ^ (h >> 13)) * P32_3
  return h ^ (h >> 16)
}

const P64_1: u64 = 0x9e3779b185ebca87
const P64_2: u64 = 0xc2b2ae3d27d4eb4f
const P64_3: u64 = 0x165667b19e3779f9
const P64_4: u64 = 0x85ebca77c2b2ae63
const P64_5: u64 = 0x27d4eb2f165667c5

function round64(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * P64_2, 31) * P64_1
}

function merge64(h: u64, lane: u64): u64 {
  return (h ^ round64(0, lane)) * P64_1 + P64_4
}

export function xxhash64(address: u32, length: u32, seed: u64): u64 {
  let at = address
  const end = address + length
  let h: u64
  if (length >= 32) {
    let a = seed + P64_1 + P64_2
    let b = seed + P64_2
    let c = seed
    let d = seed - P64_1
    while (at + 32 <= end) {
      a = round64(a, load<u64>(at))
      b = round64(b, load<u64>(at + 8))
      c = round64(c, load<u64>(at + 16))
      d = round64(d, load<u64>(at + 24))
      at += 32
    }
    h = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18)
    h = merge64(merge64(merge64(merge64(h, a), b), c), d)
  } else {
    h = seed + P64_5
  }
  h += <u64>length
  while (at + 8 <= end) {
    h = rotl<u64>(h ^ round64(0, load<u64>(at)), 27) * P64_1 + P64_4
    at += 8
  }
  if (at + 4 <= end) {
    h = rotl<u64>(h ^ (<u64>load<u32>(at) * P64_1), 23) * P64_2 + P64_3
    at += 4
  }
  while (at < end) {
    h = rotl<u64>(h ^ (<u64>load<u8>(at) * P64_5), 11) * P64_1
    at++
  }
  h = (h ^ (h >> 33)) * P64_2
  h = (h ^ (h >> 29)) * P64_3
  return h ^ (h >> 32)
}

/** The published value of hash `kind`; the default one for any other. */
export function rawHash(kind: u32, address: u32, length: u32, seed: u64): u64 {
  if (kind == HASH_FNV1A) return fnv1a(address, length, <u32>seed)
  if (kind == HASH_XXHASH32) return xxhash32(address, length, <u32>seed)
  if (kind == HASH_XXHASH64) return xxhash64(address, length, seed)
  return hashWords(address, length, seed)
}

/** What the table uses: finalised, so that every bit range is as good as any other. */
export function tableHash(kind: u32, address: u32, length: u32, seed: u64): u64 {
  if (kind == HASH_DEFAULT) return hashWords(address, length, seed)
  let h = rawHash(kind, address, length, seed)
  h = (h ^ (h >> 33)) * K2
  h = (h ^ (h >> 33)) * K3
  return h ^ (h >> 33)
}
