/**
 * The table: 64-byte buckets of seven slots, one cache line each.
 *
 *   word 0       seven tag bytes, and how many keys have passed this bucket on the way from their home
 *   words 1..7   slots {hash 32 | reference 32}, 0 when free
 *
 * A tag is 0 when its slot is free, else 0x80 and seven bits of the hash, so a miss mostly costs one load. A key's home
 * bucket is given by the HIGH bits of the slot's hash, so the table is in hash order at every size: that is what lets
 * iteration survive growth. When its home is full a key goes to the next bucket with room, and the count in each passed bucket
 * rises; a search ends at a bucket whose count is 0 (as in F14's tables). At 255 the count sticks until the table is rebuilt.
 *
 * A table word names a table: {version 32 | address 26 (64-byte aligned) | amended 1 (SyncMap) | log2 of buckets 5}. It
 * never repeats: each change raises the version. A reader that finds it unchanged at the end has read the table that was
 * current all the while.
 *
 * Sources: F14 (Facebook), CLHT (David, Guerraoui, Trigonakis), Swiss tables (Abseil).
 */
import { load64, reach, store64 } from '../atomics'
import {
  BUCKET,
  BUCKET_SLOTS,
  MAX_LOAD,
  MAX_TABLE_BITS,
  META_LENGTH,
  META_MARK,
  TABLE_ADDRESS,
  TABLE_BITS,
} from '../layout'
import { damaged } from '../memory/damage'
import { sameKey } from './key'

/** The table halves when fewer than one in this many slots is used. */
const MIN_LOAD_SHARE: u32 = 10
/** One slot in this many stays free in a table that can't grow. */
const SPARE_SHARE: u32 = 32

const ONES: u64 = 0x0001010101010101
const HIGHS: u64 = 0x0080808080808080
/** Of a tag: its slot is in use. Below that, seven bits of the hash. */
export const IN_USE: u64 = 0x80
const TAG_HASH: u64 = 0x7f
export const TAG: u64 = 0xff
/** All tags of a bucket. */
export const TAGS: u64 = 0x00ffffffffffffff
/** In a bucket's first word, above the tags: how many keys passed the bucket. */
const PASSED_SHIFT: u64 = 56
const PASSED_ONE: u64 = 0x0100000000000000
/** A count of passed keys that is no longer kept. */
export const STICKY: u64 = 255
/** The version of a table word, without the table; in a slot, the hash without a reference. */
export const HIGH_HALF: u64 = 0xffffffff00000000

/** What `find` found. */
export let foundEntry: u32 = 0
export let foundHead: u64 = 0
/** `find` returns this when the table was replaced meanwhile. */
export const STALE: u32 = 1

export function bitsOf(word: u64): u32 {
  return <u32>word & TABLE_BITS
}

export function addressOf(word: u64): u32 {
  return <u32>word & TABLE_ADDRESS
}

/** The word that follows `word` in the same place, for another table. */
export function nextWord(word: u64, table: u32, bits: u32): u64 {
  return (((word >> 32) + 1) << 32) | <u64>(table | bits)
}

export function slotCount(bits: u32): u32 {
  return BUCKET_SLOTS << bits
}

/** How many entries a table of 2^bits buckets takes before it grows. */
export function loadLimit(bits: u32): u32 {
  return MAX_LOAD << bits
}

/**
 * How many it takes when there is no memory for a larger one. Not all slots: in a table without free ones nearly every bucket has been passed
 * 255 times, that count sticks, and each search for an absent key then goes round the whole table.
 */
export function mostEntries(bits: u32): u32 {
  return slotCount(bits) - slotCount(bits) / SPARE_SHARE
}

export function isSparseTable(used: u32, bits: u32): bool {
  return used * MIN_LOAD_SHARE < slotCount(bits)
}

/** log2 of the buckets that `entries` need. */
export function bitsFor(entries: u32): u32 {
  let bits: u32 = 0
  while (bits < MAX_TABLE_BITS && loadLimit(bits) < entries) bits++
  return bits
}

export function homeOf(hash32: u32, bits: u32): u32 {
  return <u32>(((<u64>hash32) << bits) >> 32)
}

/** A tag is made of the lowest bits of the hash: those that order the buckets are above them, even in the largest table. */
export function tagOf(hash: u64): u64 {
  return (hash & TAG_HASH) | IN_USE
}

/** How many keys of this home are in later buckets, as a bucket's first word says. */
// @inline
export function passedOf(tags: u64): u64 {
  return tags >> PASSED_SHIFT
}

/** The tag of a hash, once for each slot: what a bucket's tags are compared with. */
// @inline
export function tagsOf(hash: u64): u64 {
  return tagOf(hash) * ONES
}

/** The highest bit of the byte of each tag that equals; a borrow can add a false one, which the slot's hash sorts out. */
// @inline
export function hitsOf(seen: u64, tags: u64): u64 {
  const differ = seen ^ tags
  return (differ - ONES) & ~differ & HIGHS
}

/** The slot of the lowest hit. */
// @inline
export function slotOf(bucket: u32, hits: u64): u32 {
  return bucket + 8 + (<u32>ctz<u64>(hits) & ~7)
}

/** The offset of a table's last bucket. */
// @inline
export function lastBucket(word: u64): u32 {
  return (((<u32>1) << bitsOf(word)) - 1) * BUCKET
}

/**
 * The slot of the live entry with the key in the key area, 0, or STALE. Reads the table that `word` names; `place` is the address of
 * that word. While writers change the table, the search never leaves the memory, and ends. The caller checks
 * the word once more before it believes a 0, and the entry's header before it believes a value.
 */
// @inline
export function find(word: u64, place: u32, hash: u64, meta: u32): u32 {
  const mask = lastBucket(word)
  reach(addressOf(word) + mask)
  const hash32 = <u32>hash
  const tags = tagsOf(hash)
  let at = homeOf(hash32, bitsOf(word)) * BUCKET
  const home = at
  do {
    const bucket = addressOf(word) + at
    const seen = load64(bucket)
    let hits = hitsOf(seen, tags)
    while (hits != 0) {
      const slot = slotOf(bucket, hits)
      const content = load64(slot)
      if (<u32>(content >> 32) == hash32) {
        // While the table is the current one, its references are good.
        if (load64(place) != word) return STALE
        const entry = <u32>content
        if (entry != 0) {
          reach(entry)
          const head = load64(entry)
          if ((<u32>(head >> 32) & ~META_MARK) == meta && (head & 1) == 0 && sameKey(entry, meta & META_LENGTH)) {
            foundEntry = entry
            foundHead = head
            return slot
          }
        }
      }
      hits &= hits - 1
    }
    if (passedOf(seen) == 0) return 0
    at = (at + BUCKET) & mask
  } while (at != home)
  return 0
}

/** The slot that references an entry, or 0. The caller holds the lock that writers take. */
export function slotOfEntry(word: u64, hash32: u32, entry: u32): u32 {
  const mask = lastBucket(word)
  let at = homeOf(hash32, bitsOf(word)) * BUCKET
  const home = at
  do {
    const bucket = addressOf(word) + at
    for (let slot = bucket + 8; slot < bucket + BUCKET; slot += 8) if (<u32>load64(slot) == entry) return slot
    if (passedOf(load64(bucket)) == 0) return 0
    at = (at + BUCKET) & mask
  } while (at != home)
  return 0
}

/** Puts a reference into the first free slot from its home on. The caller owns the table, and has made sure that there is room. */
export function place(word: u64, hash32: u32, tag: u64, entry: u32): void {
  const bits = bitsOf(word)
  const mask = lastBucket(word)
  const table = addressOf(word)
  let at = homeOf(hash32, bits) * BUCKET
  let passed: u32 = 0
  while (true) {
    // There is room: the count of entries says so.
    if (passed++ > mask) damaged()
    const bucket = table + at
    const tags = load64(bucket)
    const free = ~tags & HIGHS
    if (free != 0) {
      const index = <u32>ctz<u64>(free) >> 3
      store64(bucket + 8 + index * 8, ((<u64>hash32) << 32) | <u64>entry)
      store64(bucket, (tags & ~(TAG << (index << 3))) | (tag << (index << 3)))
      return
    }
    if (passedOf(tags) != STICKY) store64(bucket, tags + PASSED_ONE)
    at = (at + BUCKET) & mask
  }
}

/** Clears a slot, after its entry died. */
export function displace(word: u64, slot: u32): void {
  const bits = bitsOf(word)
  const mask = lastBucket(word)
  const table = addressOf(word)
  const target = slot & ~(BUCKET - 1)
  let bucket = table + homeOf(<u32>(load64(slot) >> 32), bits) * BUCKET
  const shift = (((slot - target) >> 3) - 1) << 3
  store64(target, load64(target) & ~(TAG << shift))
  store64(slot, 0)
  let steps: u32 = 0
  while (bucket != target) {
    if (steps++ > mask) damaged()
    const tags = load64(bucket)
    const passed = passedOf(tags)
    if (passed != STICKY && passed != 0) store64(bucket, tags - PASSED_ONE)
    bucket = table + ((bucket - table + BUCKET) & mask)
  }
}

/** The content of the slot that `nextSlot` returned. */
export let slotContent: u64 = 0

/**
 * For walks through a table: the first slot in use after `slot`, or 0. A walk begins at the table's own address. The caller holds the
 * lock that keeps the table from being freed.
 */
// @inline
export function nextSlot(word: u64, slot: u32): u32 {
  const size = BUCKET << bitsOf(word)
  while ((slot += 8) - addressOf(word) < size) {
    // Each bucket begins with its tags.
    if ((slot & (BUCKET - 1)) == 0) continue
    slotContent = load64(slot)
    if (<u32>slotContent != 0) return slot
  }
  return 0
}

/** Copies the references of live entries into a larger or smaller empty table. Returns how many. */
export function copyTable(from: u64, to: u64): u32 {
  const end = addressOf(from) + (BUCKET << bitsOf(from))
  let copied: u32 = 0
  for (let bucket = addressOf(from); bucket < end; bucket += BUCKET) {
    let tags = load64(bucket)
    for (let slot = bucket + 8; slot < bucket + BUCKET; slot += 8) {
      if ((tags & IN_USE) != 0) {
        const content = load64(slot)
        place(to, <u32>(content >> 32), tags & TAG, <u32>content)
        copied++
      }
      tags >>= 8
    }
  }
  return copied
}

/**
 * Writes zeros. `memory.fill` would not do: an engine checks its range against the size of the memory that this thread knows, which can
 * lag behind what another thread has made it.
 */
export function clearTable(table: u32, bits: u32): void {
  const end = table + (BUCKET << bits)
  for (let at = table; at < end; at += 16) v128.store(at, i64x2.splat(0))
}

/** Copies `length` bytes of content between blocks or areas, 8 at a time; the source may be changing. */
export function copyWords(to: u32, from: u32, length: u32): void {
  for (let offset: u32 = 0; offset < length; offset += 8) store<u64>(to + offset, load64(from + offset))
}
