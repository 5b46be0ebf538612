/**
 * Hashes over bytes in memory. The table takes 64 bits of each: the high bits of the low word order a shard's buckets, its
 * lowest seven are the tag, the high bits of the high word choose the shard; so the published hashes, which fill 32
 * bits or mix their high bits little, are finalised first.
 *
 * The default hash withstands keys that somebody chose to collide, whatever the keys are, as long as the hash's key is secret:
 *
 *   1. NH: the stored key as pairs of 32-bit words, each plus a secret word (mod 2^32), multiplied to 64 bits, summed. Two
 *      different keys of one meta word (length and encoding) collide with a probability of at most 2^-32 over the secret
 *      words (UMAC, theorem 4.2). The meta word makes a product of its own, so keys that differ in it collide at most as often.
 *   2. Keys longer than NH_BLOCK: the sums of the blocks, as 32-bit halves, are the coefficients of a polynomial at a secret
 *      point modulo 2^61 - 1. That adds at most 2n / 2^61 for n blocks: less than 2^-48 for the longest key.
 *   3. A fixed bijection mixes the 64 bits; then two secret odd multipliers, of which each gives its high half: the shard
 *      comes from the highest bits of one product and the bucket from those of the other. Of 2^b shards or buckets two
 *      sums that differ share one with a probability of at most 2 / 2^b (Dietzfelbinger and others).
 *
 * The secret words are SipHash-2-4 of a counter under the map's seed. What is not promised: who can measure how long single
 * operations take learns about the secret words.
 *
 * Sources: NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC, CRYPTO 1999), multiply-shift (Dietzfelbinger, Hagerup,
 * Katajainen, Penttonen, 1997), SipHash (Aumasson, Bernstein), FNV-1a (Fowler, Noll, Vo), xxHash (Y. Collet), the
 * finaliser of MurmurHash3 (A. Appleby).
 */
import {
  H_SEED,
  HASH_DEFAULT,
  HASH_FNV1A,
  HASH_KEYS,
  HASH_XXHASH32,
  HASH_XXHASH64,
  META_LENGTH,
  META_NUMBER,
} from '../layout'
import { damaged } from '../memory/damage'

// Odd constants with about half their bits set, from MurmurHash3 and xxHash.
const K2: u64 = 0xff51afd7ed558ccd
const K3: u64 = 0xc4ceb9fe1a85ec53

// The secret words of a map's default hash, from HASH_KEYS on.
const SECRET_META: u32 = HASH_KEYS
const SECRET_POINT: u32 = HASH_KEYS + 8
/** The two multipliers. */
const SECRET_SHARD: u32 = HASH_KEYS + 16
const SECRET_BUCKET: u32 = HASH_KEYS + 24
/** One word for each 32 bits of a block. */
const SECRET_WORDS: u32 = HASH_KEYS + 32
/** Bytes that one NH sum takes in: as many as there are secret words for. */
export const NH_BLOCK: u32 = 448
const SECRETS: u32 = (32 + NH_BLOCK) / 8
/** What `metaTerm` gives for a number, which is hashed most often. */
const TERM_OF_NUMBER: u32 = SECRET_WORDS + NH_BLOCK

/** The prime 2^61 - 1. */
const P61: u64 = 0x1fffffffffffffff

/** SipHash-2-4 of one word. */
function sipHash(key0: u64, key1: u64, word: u64): u64 {
  let a = key0 ^ 0x736f6d6570736575
  let b = key1 ^ 0x646f72616e646f6d
  let c = key0 ^ 0x6c7967656e657261
  let d = key1 ^ 0x7465646279746573
  // Two rounds for the word, two for the length, four to finish.
  for (let round: u32 = 0; round < 8; round++) {
    if (round == 0) d ^= word
    else if (round == 2) d ^= LENGTH_WORD
    else if (round == 4) c ^= 0xff
    a += b
    c += d
    b = rotl<u64>(b, 13) ^ a
    d = rotl<u64>(d, 16) ^ c
    a = rotl<u64>(a, 32)
    c += b
    a += d
    b = rotl<u64>(b, 17) ^ c
    d = rotl<u64>(d, 21) ^ a
    c = rotl<u64>(c, 32)
    if (round == 1) a ^= word
    else if (round == 3) a ^= LENGTH_WORD
  }
  return a ^ b ^ c ^ d
}

/** SipHash's last word for a message of eight bytes. */
const LENGTH_WORD: u64 = 0x0800000000000000
/** The other half of SipHash's key: 'threadma'. */
const EXPANSION: u64 = 0x616d646165726874

/** Makes the secret words of this memory's seed. */
export function expandSeed(): void {
  const seed = load<u64>(H_SEED)
  for (let i: u32 = 0; i < SECRETS; i++) store<u64>(HASH_KEYS + i * 8, sipHash(seed, EXPANSION, i))
  store<u64>(SECRET_SHARD, load<u64>(SECRET_SHARD) | 1)
  store<u64>(SECRET_BUCKET, load<u64>(SECRET_BUCKET) | 1)
  store<u64>(TERM_OF_NUMBER, metaTerm(META_NUMBER))
}

/** What the length and the encoding add to the NH sum of a key. */
// @inline
export function metaTerm(meta: u32): u64 {
  return <u64>(meta + load<u32>(SECRET_META)) * <u64>load<u32>(SECRET_META, 4)
}

/** What the eight bytes {low, high} add that stand `offset` bytes from the start of their block. */
// @inline
export function pairTerm(offset: u32, low: u32, high: u32): u64 {
  const secrets = SECRET_WORDS + offset
  return <u64>(low + load<u32>(secrets)) * <u64>(high + load<u32>(secrets, 4))
}

/** The default hash of a key whose terms sum up to `sum`. */
// @inline
export function finishSum(sum: u64): u64 {
  sum *= K3
  sum ^= sum >> 32
  return ((sum * load<u64>(SECRET_SHARD)) & 0xffffffff00000000) | ((sum * load<u64>(SECRET_BUCKET)) >> 32)
}

/** The default hash of a number as a key. */
export function hashWord(word: u64): u64 {
  return finishSum(load<u64>(TERM_OF_NUMBER) + pairTerm(0, <u32>word, <u32>(word >> 32)))
}

/** The default hash of a key that stands at an 8-byte boundary and is zero up to the next one. */
export function hashWords(address: u32, meta: u32): u64 {
  const length = meta & META_LENGTH
  if (length <= NH_BLOCK) return finishSum(metaTerm(meta) + nh(address, length))
  return finishBlocks(addBlocks(0, address, length), meta)
}

/** Takes whole blocks, the last of which may be shorter, into the polynomial of a long key. */
export function addBlocks(value: u64, address: u32, length: u32): u64 {
  const point = load<u64>(SECRET_POINT) & P61
  for (let offset: u32 = 0; offset < length; offset += NH_BLOCK) {
    const block = nh(address + offset, min(length - offset, NH_BLOCK))
    value = multiply61(value, point) + (block >> 32)
    value = multiply61(value, point) + (block & 0xffffffff)
  }
  return value
}

/** The default hash of a long key, of whose blocks this is the polynomial. */
export function finishBlocks(value: u64, meta: u32): u64 {
  // One form for each remainder.
  value = (value & P61) + (value >> 61)
  if (value >= P61) value -= P61
  return finishSum(metaTerm(meta) + value)
}

function nh(address: u32, length: u32): u64 {
  let sum: u64 = 0
  for (let offset: u32 = 0; offset < length; offset += 8) {
    const word = atomic.load<u64>(address + offset)
    sum += pairTerm(offset, <u32>word, <u32>(word >> 32))
  }
  return sum
}

/** The product modulo 2^61 - 1, of which more than one form is possible; both factors are below 2^62, and so is the product. */
function multiply61(a: u64, b: u64): u64 {
  a = (a & P61) + (a >> 61)
  const a0 = a & 0xffffffff
  const a1 = a >> 32
  const b0 = b & 0xffffffff
  const b1 = b >> 32
  const middle = a1 * b0 + a0 * b1
  const low = a0 * b0
  // 2^64 is 8 and 2^61 is 1 here.
  const sum = ((a1 * b1) << 3) + (middle >> 29) + ((middle & 0x1fffffff) << 32) + (low & P61) + (low >> 61)
  return (sum & P61) + (sum >> 61)
}

function fnv1a(address: u32, length: u32, seed: u32): u32 {
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

function xxhash32(address: u32, length: u32, seed: u32): u32 {
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

function xxhash64(address: u32, length: u32, seed: u64): u64 {
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

/** The published value of hash `kind`, which is not the default one. */
export function rawHash(kind: u32, address: u32, length: u32, seed: u64): u64 {
  if (kind == HASH_FNV1A) return fnv1a(address, length, <u32>seed)
  if (kind == HASH_XXHASH32) return xxhash32(address, length, <u32>seed)
  if (kind != HASH_XXHASH64) damaged()
  return xxhash64(address, length, seed)
}

/** What the table uses: finalised, so that every bit range is as good as any other. */
export function tableHash(kind: u32, address: u32, meta: u32): u64 {
  if (kind == HASH_DEFAULT) return hashWords(address, meta)
  let h = rawHash(kind, address, meta & META_LENGTH, load<u64>(H_SEED))
  h = (h ^ (h >> 33)) * K2
  h = (h ^ (h >> 33)) * K3
  return h ^ (h >> 33)
}
