/**
 * FastMap: a reader takes nothing and writes nothing (table/read.ts). A writer takes the shard's mutex, but for a number that it changes in
 * place (in-place.ts).
 */
import { load64, reach } from '../atomics'
import {
  ABSENT,
  ADD,
  AGAIN,
  BUCKET,
  D_LOCK,
  D_TABLE,
  ENTRY_KEY,
  META_LENGTH,
  META_MARK,
  PRESENT,
  S_RETRIES,
  SET,
} from '../layout'
import { damaged, MOST_TRIES } from '../memory/damage'
import { change } from '../table/change'
import { sameHead, valueWord } from '../table/entry'
import { sameRest } from '../table/key'
import { readValidated } from '../table/read'
import { shardOf } from '../table/shard'
import { addressOf, bitsOf, hitsOf, homeOf, lastBucket, passedOf, slotOf, tagsOf } from '../table/table'
import { changesInPlace } from '../threads/at-work'
import { unlock } from '../threads/lock'
import { count } from '../threads/thread'
import { changeInPlace } from './in-place'
import { lockBesideWork } from './shard-lock'

export function fastGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardOf(hash)
  let tries: u32 = 0
  while (true) {
    const code = readValidated(shard, hash, meta, wantsValue)
    if (code != AGAIN) return code
    count(S_RETRIES, 1)
    if (++tries == MOST_TRIES) damaged()
  }
  return ABSENT
}

/** What the last `look` came to: PRESENT or ABSENT. */
export let looked: i32 = 0

export function setLooked(code: i32): void {
  looked = code
}

/**
 * The read that counts: the value word of a key, for values that are in the entry. Its steps are those of `find` and `readValidated`,
 * in one function, with everything in registers: taken apart it takes 22 ns instead of 16. `first` is the key's first word.
 */
// @inline
export function look(hash: u64, meta: u32, first: u64): u64 {
  const shard = shardOf(hash)
  let tries: u32 = 0
  while (true) {
    looked = PRESENT
    const word = tryLook(shard, hash, meta, first)
    if (looked != AGAIN) return word
    count(S_RETRIES, 1)
    if (++tries == MOST_TRIES) damaged()
  }
  return 0
}

// @inline
function tryLook(shard: u32, hash: u64, meta: u32, first: u64): u64 {
  const word = load64(shard + D_TABLE)
  const hash32 = <u32>hash
  const tags = tagsOf(hash)
  const mask = lastBucket(word)
  reach(addressOf(word) + mask)
  let at = homeOf(hash32, bitsOf(word)) * BUCKET
  const home = at
  do {
    const bucket = addressOf(word) + at
    const seen = load64(bucket)
    let hits = hitsOf(seen, tags)
    while (hits != 0) {
      const content = load64(slotOf(bucket, hits))
      hits &= hits - 1
      const entry = <u32>content
      if (<u32>(content >> 32) != hash32 || entry == 0) continue
      // While the table is the current one, its references are good.
      if (load64(shard + D_TABLE) != word) return lookAgain()
      reach(entry)
      const head = load64(entry)
      if ((<u32>(head >> 32) & ~META_MARK) != meta || (head & 1) != 0) continue
      if (load64(entry + ENTRY_KEY) != first || !sameRest(entry, meta & META_LENGTH)) continue
      const value = valueWord(entry)
      return sameHead(entry, head) && load64(shard + D_TABLE) == word ? value : lookAgain()
    }
    if (passedOf(seen) == 0) break
    at = (at + BUCKET) & mask
  } while (at != home)
  looked = load64(shard + D_TABLE) == word ? ABSENT : AGAIN
  return 0
}

function lookAgain(): u64 {
  looked = AGAIN
  return 0
}

// @inline
export function fastChange(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const shard = shardOf(hash)
  if (changesInPlace && (op == SET || op == ADD) && changeInPlace(shard, op, hash, meta)) return PRESENT
  const locked = lockBesideWork(shard)
  if (locked < 0) return locked
  const code = change(shard, op, hash, meta, valueMeta, expectedMeta)
  unlock(shard + D_LOCK)
  return code
}
