/**
 * SharedCache: reads as those of a FastMap, which look at the deadline of a value before they believe it, and mark the entry; writes under the
 * shard's mutex, which evict first. Docs: decision 0019.
 */
import { load32, load64, reach, store64 } from '../atomics'
import { dropOrphans, expire, expireSome, freeMemory, hasExpired, makeRoom, recordOfEntry } from '../cache/evict'
import { goesInside, isInside, numberAt, numberOf } from '../cache/inside'
import { endingToken, isOwnLoad, isWaitedFor } from '../cache/loads'
import { MOST_MARKS, markHit, setMarks, weightOf } from '../cache/queues'
import {
  giveTime,
  isFresh,
  keepsTime,
  mayBeStale,
  nextWeight,
  putTime,
  recordOf,
  setNextToken,
  setNextWeight,
  setTimesFrom,
  takesStale,
  timeAt,
  timeNow,
} from '../cache/record'
import { blockContent, holdsNumbers, queuesOf } from '../cache/state'
import {
  ABSENT,
  ADD,
  AGAIN,
  BLOCK_CONTENT,
  CACHE_SLIDES,
  CACHE_WEIGHS_BYTES,
  COMPARE_AND_SWAP,
  D_LOCK,
  D_TABLE,
  DIFFERENT,
  E_FULL,
  E_HEAVY,
  E_SPARSE,
  END_LOAD,
  H_CACHE_FLAGS,
  H_HAS_DEADLINES,
  H_LARGEST_VALUE,
  INSERT,
  META_MARK,
  PRESENT,
  Q_CAPACITY,
  Q_LOADING,
  Q_OLDEST,
  R_BYTES,
  R_CREATED,
  R_ENTRY,
  R_FRESH_UNTIL,
  R_META,
  R_SHARD,
  R_WORD,
  RECORD_BYTES,
  REPLACE_SAME,
  S_HITS,
  S_MISSES,
  S_RETRIES,
  S_STALE,
  SET,
  SWAP,
  TOKEN_ENDLESS,
  TOKEN_INSIDE,
  V_CREATED,
  V_FRESH_UNTIL,
  V_TTL,
  WHOLE_VALUE,
} from '../layout'
import { allowCompaction } from '../memory/allocation'
import { damaged, MOST_TRIES } from '../memory/damage'
import { changePresent, insert } from '../table/change'
import { compact } from '../table/compact'
import { entrySize, sameHead, valueWord } from '../table/entry'
import { isCurrentInCache } from '../table/read'
import { shardOf } from '../table/shard'
import { copyWords, find, foundEntry, foundHead, HIGH_HALF, STALE } from '../table/table'
import {
  blockSize,
  copyOutValidated,
  giveNumber,
  lengthOf,
  resultAt,
  returnNumber,
  setDetail,
  sum,
  valueAt,
} from '../table/value'
import { tryLock, unlock } from '../threads/lock'
import { clock, count, countLong } from '../threads/thread'
import { setLooked } from './fast'
import { lockShard } from './shard-lock'

/** The value has expired, or there is none but a load under way. */
const EXPIRED: i32 = 102

export function cacheGet(hash: u64, meta: u32, wantsValue: bool): i32 {
  const shard = shardOf(hash)
  let tries: u32 = 0
  while (true) {
    const code = readCache(shard, hash, meta, wantsValue)
    if (code != AGAIN) return wantsValue ? finishRead(shard, hash, meta, code) : code == EXPIRED ? ABSENT : code
    count(S_RETRIES, 1)
    if (++tries == MOST_TRIES) damaged()
  }
  return ABSENT
}

// @inline
function finishRead(shard: u32, hash: u64, meta: u32, code: i32): i32 {
  if (code == PRESENT) {
    if (takesStale && !isFresh(load<f64>(resultAt + R_FRESH_UNTIL))) {
      countLong(S_STALE)
      return code
    }
    hit(foundEntry)
    if ((load<u32>(H_CACHE_FLAGS) & CACHE_SLIDES) != 0) renew(shard, hash, meta)
    return code
  }
  if (code < 0) return code
  countLong(S_MISSES)
  if (code == EXPIRED) dropExpired(shard, hash, meta)
  return ABSENT
}

/** A read found a value. */
// @inline
export function hit(entry: u32): void {
  markHit(entry)
  countLong(S_HITS)
}

/**
 * A hit renews the time of its value, if that prolongs it by a sixteenth at least and no other thread is at work in the shard: so most hits write
 * nothing here. The time that is read without the lock is a hint, which may be of another value.
 */
function renew(shard: u32, hash: u64, meta: u32): void {
  const value = load<u64>(resultAt + R_WORD)
  const until = load<f64>(resultAt + R_FRESH_UNTIL)
  if (until == Infinity) return
  const isChain = lengthOf(load<u32>(resultAt + R_META)) > WHOLE_VALUE
  if (!isWorthRenewing(until, ttlAt(recordOf(<u32>value, isChain))) || !tryLock(shard + D_LOCK)) return
  const slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
  if (slot != 0 && valueWord(foundEntry) == value) {
    const record = recordOfEntry(foundEntry)
    const ttl = ttlAt(record)
    const seen = timeAt(record + V_FRESH_UNTIL)
    if (isFresh(seen) && isWorthRenewing(seen, ttl)) putTime(record + V_FRESH_UNTIL, timeNow() + ttl)
  }
  unlock(shard + D_LOCK)
}

function ttlAt(record: u32): f64 {
  return <f64>reinterpret<f32>(load32(record + V_TTL))
}

function isWorthRenewing(until: f64, ttl: f64): bool {
  return ttl > 0 && ttl != Infinity && timeNow() + ttl - until > ttl / 16
}

/** One try at a read; AGAIN if a writer came between. */
// @inline
function readCache(shard: u32, hash: u64, meta: u32, wantsValue: bool): i32 {
  const word = load64(shard + D_TABLE)
  const slot = find(word, shard + D_TABLE, hash, meta)
  if (slot == 0) return load64(shard + D_TABLE) == word ? ABSENT : AGAIN
  if (slot == STALE) return AGAIN
  const entry = foundEntry
  const head = foundHead
  const value = valueWord(entry)
  if (isInside(value)) {
    const number = numberOf(entry, head)
    if (!isInside(valueWord(entry)) || !sameHead(entry, head) || load64(shard + D_TABLE) != word) return AGAIN
    giveNumber(number)
    giveToken(entry | TOKEN_INSIDE, head, shard, word, Infinity, 0)
    return PRESENT
  }
  if (!sameHead(entry, head) || load64(shard + D_TABLE) != word) return AGAIN
  const block = <u32>value
  reach(block)
  const first = load64(block)
  if (<u32>first != <u32>(value >> 32)) return AGAIN
  const valueMeta = <u32>(first >> 32) & ~META_MARK
  const length = lengthOf(valueMeta)
  const record = recordOf(block, length > WHOLE_VALUE)
  const until = timeAt(record + V_FRESH_UNTIL)
  const created = timeAt(record + V_CREATED)
  let code = PRESENT
  if (!wantsValue) {
    if (<u32>load64(block) != <u32>first) return AGAIN
  } else if (length > WHOLE_VALUE) {
    code = copyOutValidated(value)
    if (code == 0) return AGAIN
  } else {
    // As `copyOutValidated`, which would look at the header once more.
    store<u64>(resultAt + R_WORD, value)
    store<u32>(resultAt + R_META, valueMeta)
    copyWords(resultAt + R_BYTES, block + (BLOCK_CONTENT + RECORD_BYTES), length)
    if (<u32>load64(block) != <u32>first) return AGAIN
  }
  if (load64(shard + D_TABLE) != word) return AGAIN
  if (!isFresh(until) && !mayBeStale(until)) return EXPIRED
  if (code < 0) return code
  giveToken(entry, head, shard, word, until, created)
  return PRESENT
}

/** Leaves the token of a read and the times of its value in the result area. */
// @inline
function giveToken(entry: u32, head: u64, shard: u32, word: u64, until: f64, created: f64): void {
  const endless: u32 = until == Infinity ? TOKEN_ENDLESS : 0
  // Two words each: the entry and its generation, the shard and its version.
  store<u64>(resultAt + R_ENTRY, (head << 32) | <u64>(entry | endless))
  store<u64>(resultAt + R_SHARD, (word & HIGH_HALF) | <u64>shard)
  store<f64>(resultAt + R_FRESH_UNTIL, until)
  store<f64>(resultAt + R_CREATED, created)
}

/**
 * `cacheGet` where values are numbers: the value's word; `looked` says whether there is one. One try at a number inside its entry; whatever else
 * there is, `cacheGet` finds.
 */
// @inline
export function cacheLook(hash: u64, meta: u32): u64 {
  const shard = shardOf(hash)
  const word = load64(shard + D_TABLE)
  if (find(word, shard + D_TABLE, hash, meta) > STALE) {
    const entry = foundEntry
    const head = foundHead
    if (isInside(valueWord(entry))) {
      const number = numberOf(entry, head)
      if (isInside(valueWord(entry)) && sameHead(entry, head) && load64(shard + D_TABLE) == word) {
        hit(entry)
        setLooked(PRESENT)
        return number
      }
    }
  }
  setLooked(cacheGet(hash, meta, true))
  return load<u64>(resultAt + R_BYTES)
}

/** `isCurrent` of the read cache: counts a hit as well. */
export function cacheIsCurrent(token: u32, generation: u32, shard: u32, version: u32, low: u32, high: u32): i32 {
  const code = isCurrentInCache(token, generation, shard, version, low, high)
  if (code == PRESENT) hit(token & ~(TOKEN_INSIDE | TOKEN_ENDLESS))
  return code
}

/** A read met an expired entry: removes it, unless another thread is at work in the shard. */
function dropExpired(shard: u32, hash: u64, meta: u32): void {
  if (!tryLock(shard + D_LOCK)) return
  const slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
  if (slot != 0 && hasExpired(foundEntry)) expire(shard, slot, foundEntry)
  unlock(shard + D_LOCK)
}

/** Whether an operation may leave a value of its own. */
function brings(op: u32): bool {
  return op <= COMPARE_AND_SWAP || op == ADD || op == REPLACE_SAME || op == END_LOAD
}

export function cacheChange(op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  const shard = shardOf(hash)
  if (brings(op)) {
    const code = weigh(shard, meta, valueMeta)
    if (code < 0) return code
  }
  while (true) {
    const locked = lockShard(shard)
    if (locked < 0) return locked
    if (op == SET && goesInside() && setInside(shard, hash, meta)) {
      unlock(shard + D_LOCK)
      return PRESENT
    }
    // One reading of the clock will do for all entries that are looked at.
    if (load32(H_HAS_DEADLINES) != 0) giveTime(clock())
    const code = changeLocked(shard, op, hash, meta, valueMeta, expectedMeta)
    giveTime(0)
    unlock(shard + D_LOCK)
    if (code != AGAIN) return code
  }
  return AGAIN
}

/**
 * SET of a number, known and inside its entry, that weighs what the one before did: one store, which cannot fail. Returns false, having done nothing, in all other
 * cases, and where entries have deadlines: then writes look for expired ones.
 */
// @inline
function setInside(shard: u32, hash: u64, meta: u32): bool {
  if (load32(H_HAS_DEADLINES) != 0) return false
  if (find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta) == 0) return false
  if (!isInside(valueWord(foundEntry)) || weightOf(foundEntry) != nextWeight) return false
  store64(numberAt(foundEntry), load<u64>(valueAt))
  return true
}

/** Refuses what is above the share of the bound that one value may have. */
export function weigh(shard: u32, meta: u32, valueMeta: u32): i32 {
  const length = lengthOf(valueMeta)
  if (length > load<u32>(H_LARGEST_VALUE)) {
    setDetail(load<u32>(H_LARGEST_VALUE))
    return E_HEAVY
  }
  if ((load<u32>(H_CACHE_FLAGS) & CACHE_WEIGHS_BYTES) != 0) setNextWeight(entrySize(meta) + blockSize(valueMeta))
  const capacity = load<u32>(queuesOf(shard) + Q_CAPACITY)
  if (nextWeight <= capacity) return 0
  setDetail(capacity)
  return E_HEAVY
}

/** AGAIN: there is more to evict, and other threads may want the shard in between. */
export function changeLocked(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  if (load32(H_HAS_DEADLINES) != 0) {
    expireSome(shard)
    // What loads leave behind has a deadline as well.
    if (load<u32>(queuesOf(shard) + Q_LOADING + Q_OLDEST) != 0) dropOrphans(shard)
  }
  allowCompaction(true)
  let code = tryChange(shard, op, hash, meta, valueMeta, expectedMeta)
  allowCompaction(false)
  if (code == E_SPARSE) {
    compact(shard)
    code = tryChange(shard, op, hash, meta, valueMeta, expectedMeta)
  }
  if (code != E_FULL) return code
  const slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
  const needed = entrySize(meta) + blockSize(valueMeta)
  return freeMemory(shard, slot == 0 ? 0 : foundEntry, needed) ? AGAIN : E_FULL
}

function tryChange(shard: u32, op: u32, hash: u64, meta: u32, valueMeta: u32, expectedMeta: u32): i32 {
  let slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
  if (op == END_LOAD) {
    if (slot == 0 || !isOwnLoad(recordOfEntry(foundEntry))) return DIFFERENT
    // Where nobody waits, nobody looks for the load's number: a number that is fresh for ever can go into its entry.
    if (holdsNumbers) setNextToken(isWaitedFor ? endingToken : 0)
  } else if (slot != 0 && op != SET && !isFresh(timeAt(recordOfEntry(foundEntry) + V_FRESH_UNTIL))) {
    expire(shard, slot, foundEntry)
    slot = 0
  }
  if (slot == 0) {
    if (op != SET && op != INSERT && op != SWAP && op != ADD) return ABSENT
    if (!makeRoom(shard, 0, nextWeight)) return AGAIN
    const code = insert(shard, hash, meta, valueMeta)
    if (op == ADD && code == ABSENT) returnNumber()
    return code
  }
  const entry = foundEntry
  if (op == ADD) return addTo(shard, slot, entry, valueMeta)
  if (brings(op) && op != INSERT) {
    const weight = weightOf(entry)
    if (nextWeight > weight) {
      if (!makeRoom(shard, entry, nextWeight - weight)) return AGAIN
      // The table may be another one now.
      slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
    }
  }
  if (op != END_LOAD) return changePresent(shard, op, slot, entry, valueMeta, expectedMeta)
  const code = changePresent(shard, SET, slot, entry, valueMeta, expectedMeta)
  if (code == PRESENT) keepForWaiters(entry)
  return code
}

/** Adds the number in the value area to that of an entry, as a value of its own: a load that began before must not replace it. */
function addTo(shard: u32, slot: u32, entry: u32, valueMeta: u32): i32 {
  const delta = load<u64>(valueAt)
  const old = valueWord(entry)
  const number = load64(isInside(old) ? numberAt(entry) : <u32>old + blockContent)
  store<u64>(valueAt, sum(number, delta))
  setNextWeight(weightOf(entry))
  if (keepsTime) setTimesFrom(recordOfEntry(entry))
  const code = changePresent(shard, SET, slot, entry, valueMeta, 0)
  setTimesFrom(0)
  if (code == PRESENT) returnNumber()
  else store<u64>(valueAt, delta)
  return code
}

/** Threads that waited for a load count as hits: its outcome must not be gone before they have looked. The load is the one `isOwnLoad` found. */
export function keepForWaiters(entry: u32): void {
  if (isWaitedFor) setMarks(entry, MOST_MARKS)
}
