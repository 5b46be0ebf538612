/**
 * FastMap: a writer takes the shard's mutex; a reader takes nothing and writes nothing.
 *
 * A read is validated: table word, slot, header, key, value, then header and table word again. The entry lived, with this
 * key and value, at the moment its value word was loaded, if the header is the same before and after it and the table
 * word is the same from beginning to end. Otherwise it starts again. A writer that dies leaves nothing that makes a reader wait.
 *
 * Sources: CLHT, xsync (lock-free reads beside bucket locks), FASTER (versions), sequence locks.
 */
import { load64, reach } from '../atomics'
import {
  ABSENT,
  AGAIN,
  BUCKET,
  D_LOCK,
  D_TABLE,
  E_TIMEOUT,
  ENTRY_KEY,
  META_LENGTH,
  META_MARK,
  PRESENT,
  R_ENTRY,
  R_GENERATION,
  R_SHARD,
  R_VERSION,
  S_RETRIES,
} from '../layout'
import { damaged, MOST_TRIES } from '../memory/damage'
import { repair } from '../repair/repair'
import { change, shardOf } from '../table/change'
import {
  addressOf,
  bitsOf,
  find,
  foundEntry,
  foundHead,
  hitsOf,
  homeOf,
  lastBucket,
  STALE,
  sameHead,
  sameRest,
  slotOf,
  tagsOf,
  valueWord,
} from '../table/table'
import { copyOutValidated, resultAt } from '../table/value'
import { BROKEN, lock, passOn, unlock } from '../threads/lock'
import { count } from '../threads/thread'

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

/** What the last `look` came to: PRESENT or ABSENT. */
export let looked: i32 = 0

/**
 * The read that counts: the value word of a key, for values that stand in it. The same steps as `find` and `readValidated`,
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
    if (seen >> 56 == 0) break
    at = (at + BUCKET) & mask
  } while (at != home)
  looked = load64(shard + D_TABLE) == word ? ABSENT : AGAIN
  return 0
}

function lookAgain(): u64 {
  looked = AGAIN
  return 0
}

/** Takes a shard's mutex; repairs the shard if its owner died. */
export function lockShard(shard: u32): i32 {
  const code = lock(shard + D_LOCK)
  if (code != BROKEN || repair(shard)) return code
  passOn(shard + D_LOCK)
  return E_TIMEOUT
}

export function fastChange(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const shard = shardOf(hash)
  const locked = lockShard(shard)
  if (locked < 0) return locked
  const code = change(shard, op, hash, meta, valueMeta, expectedMeta)
  unlock(shard + D_LOCK)
  return code
}
