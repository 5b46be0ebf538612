/**
 * Loads of a cache, one at a time per key among all threads: the steps of `fetch` (src/cache). All of them happen under the shard's mutex, and no
 * lock is held while a program loads. Nobody sleeps here: threads that wait do so in JavaScript, on the word Q_LOAD_EPOCH, in slices.
 *
 * What must hold: a load's outcome is published only while the record has the load's token. A record that was set, deleted, evicted, or whose
 * load another thread took over, has it no longer. So a value that was loaded before a change never replaces it.
 */
import { add32, get32, load64, store32 } from '../atomics'
import { weighAnew } from '../cache/admit'
import { makeRoom, recordOfEntry, removeEntry } from '../cache/evict'
import { numberAt } from '../cache/inside'
import {
  countLoad,
  dropLoad,
  isLoading,
  isOwnLoad,
  isWaitedFor,
  kindOf,
  nextToken,
  ownLoad,
  setEnding,
  shortTime,
  startLoad,
  stopLoad,
  turnInto,
} from '../cache/loads'
import { queueOf, weightOf } from '../cache/queues'
import {
  askForRecord,
  ERROR_TEXT,
  isFresh,
  LOADED_NOTHING,
  NOT_LOADED,
  setNext,
  setNextKind,
  setNextToken,
  setNextWeight,
  timeAt,
  writeRecord,
} from '../cache/record'
import { blockContent, queuesOf } from '../cache/state'
import {
  ABSENT,
  AGAIN,
  D_HEAP,
  D_LOCK,
  D_TABLE,
  DIFFERENT,
  END_LOAD,
  H_ENDLESS,
  H_STALE_FOR,
  INSERT,
  LOAD_ENDS,
  LOAD_ERROR,
  LOAD_FAILS,
  LOAD_IS_ABANDONED,
  LOAD_IS_FAILED,
  LOAD_IS_WAITED,
  LOAD_KEPT,
  LOAD_MINE,
  LOAD_NOTHING,
  LOAD_OTHER,
  LOAD_WAITED,
  LOADER,
  META_LENGTH,
  META_MARK,
  META_NUMBER,
  PRESENT,
  Q_LOAD_EPOCH,
  Q_LOADING,
  R_BYTES,
  R_CREATED,
  R_FRESH_UNTIL,
  R_LOAD_EPOCH,
  R_LOAD_HAS_VALUE,
  R_LOAD_WORD,
  R_META,
  R_TOKEN,
  SET,
  V_CREATED,
  V_FRESH_UNTIL,
  V_OWNER,
  V_TOKEN,
} from '../layout'
import { allocate } from '../memory/blocks'
import { valueWord } from '../table/entry'
import { shardOf } from '../table/shard'
import { copyWords, find, foundEntry } from '../table/table'
import { copyOutOf, resultAt, setWord, valueAt, wordOfBlock } from '../table/value'
import { unlock } from '../threads/lock'
import { clock, me } from '../threads/thread'
import { cacheChange, changeLocked, hit, keepForWaiters, weigh } from './cache'
import { lockShard } from './shard-lock'

/** For so many milliseconds after it failed a load's error is kept for those who waited, however short their slices are. */
const OUTCOME_KEPT: f64 = 2000

/**
 * Looks for the key in the key area, and begins a load unless there is a fresh value (which does not count if `force` is not 0), or another
 * load. `waited`: the load that the caller waited for, or 0. `milliseconds`: how long others wait for this load.
 */
export function beginLoad(hash: u64, meta: u32, waited: u32, force: u32, milliseconds: f64): i32 {
  const shard = shardOf(hash)
  setNext(Infinity, 1)
  const weighed = weigh(shard, meta, 0)
  if (weighed < 0) return weighed
  while (true) {
    const locked = lockShard(shard)
    if (locked < 0) return locked
    const code = begin(shard, hash, meta, waited, force != 0, milliseconds)
    unlock(shard + D_LOCK)
    if (code != AGAIN) return code
  }
  return AGAIN
}

function begin(shard: u32, hash: u64, meta: u32, waited: u32, force: bool, milliseconds: f64): i32 {
  const time = clock()
  store<u32>(resultAt + R_LOAD_HAS_VALUE, 0)
  const slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
  if (slot == 0) return beginNew(shard, hash, meta, time + milliseconds)
  let entry = foundEntry
  let record = recordOfEntry(entry)
  const kind = kindOf(record)
  const token = get32(record + V_TOKEN)
  const owner = get32(record + V_OWNER)
  const isHis = waited != 0 && token == waited
  const until = timeAt(record + V_FRESH_UNTIL)
  if (isHis && (owner & LOADER) == 0) {
    if (kind == LOADED_NOTHING) return LOAD_NOTHING
    if (kind == ERROR_TEXT) return copyText(entry)
    if (kind >= 0) {
      const code = copyValue(entry, record)
      return code < 0 ? code : (owner & LOAD_IS_FAILED) != 0 ? LOAD_KEPT : PRESENT
    }
  }
  const loading = isLoading(record, time)
  if (kind >= 0) {
    const takes = isFresh(until) && !force && !(isHis && loading)
    if (takes || time < until + load<f64>(H_STALE_FOR) || isFresh(until)) {
      const code = copyValue(entry, record)
      if (code < 0) return code
    }
    if (takes) {
      hit(entry)
      return PRESENT
    }
  } else if (kind == ERROR_TEXT && !loading && !force && time < timeAt(record + V_CREATED)) {
    return copyText(entry)
  }
  if (loading) {
    // Callers of the thread that loads wait for its promise.
    if ((owner & LOADER) != me && (owner & LOAD_IS_WAITED) == 0) store32(record + V_OWNER, owner | LOAD_IS_WAITED)
    return pending(shard, token, LOAD_OTHER)
  }
  const last = time + milliseconds
  if (record == H_ENDLESS) {
    const code = giveRecord(shard, entry, hash, meta)
    if (code != PRESENT) return code
    find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
    entry = foundEntry
    record = recordOfEntry(entry)
  }
  if (load<u32>(resultAt + R_LOAD_HAS_VALUE) == 0) turnInto(record, NOT_LOADED, last)
  const mine = nextToken(shard)
  startLoad(record, mine, last)
  return pending(shard, mine, LOAD_MINE)
}

/** A number leaves its entry for a block of its own: a load of its key begins, and needs a record. */
function giveRecord(shard: u32, entry: u32, hash: u64, meta: u32): i32 {
  store<u64>(valueAt, load64(numberAt(entry)))
  setNext(Infinity, weightOf(entry))
  askForRecord(true)
  const code = changeLocked(shard, SET, hash, meta, META_NUMBER, 0)
  askForRecord(false)
  return code
}

/** A new entry without a value. */
function beginNew(shard: u32, hash: u64, meta: u32, until: f64): i32 {
  const token = nextToken(shard)
  setNextKind(NOT_LOADED, ownLoad(token), shortTime(until), until, 0)
  setNextWeight(0)
  const code = changeLocked(shard, INSERT, hash, meta, 0, 0)
  setNextToken(0)
  return code == ABSENT ? pending(shard, token, LOAD_MINE) : code
}

function pending(shard: u32, token: u32, code: i32): i32 {
  const word = queuesOf(shard) + Q_LOAD_EPOCH
  store<u32>(resultAt + R_TOKEN, token)
  store<u32>(resultAt + R_LOAD_WORD, word)
  store<u32>(resultAt + R_LOAD_EPOCH, get32(word))
  return code
}

/** Copies the value of an entry, and its times, to the result area. */
function copyValue(entry: u32, record: u32): i32 {
  const code = copyOutOf(entry, valueWord(entry))
  if (code < 0) return code
  store<f64>(resultAt + R_FRESH_UNTIL, timeAt(record + V_FRESH_UNTIL))
  store<f64>(resultAt + R_CREATED, timeAt(record + V_CREATED))
  store<u32>(resultAt + R_LOAD_HAS_VALUE, 1)
  return 0
}

/** Copies the text of an error to the result area. It is in one block, also where values are numbers. */
function copyText(entry: u32): i32 {
  const block = <u32>valueWord(entry)
  const meta = get32(block + 4) & ~META_MARK
  store<u32>(resultAt + R_META, meta)
  copyWords(resultAt + R_BYTES, block + blockContent, meta & META_LENGTH)
  return LOAD_ERROR
}

/** Ends a load of this thread with the value in the value area: PRESENT, DIFFERENT (refused), or an error; then the load is not over. */
export function endLoad(hash: u64, meta: u32, token: u32, valueMeta: u32, ttl: f64, weight: u32, took: f64): i32 {
  setEnding(token)
  setNext(ttl, weight)
  setNextToken(token)
  const code = cacheChange(END_LOAD, hash, meta, valueMeta, 0)
  setNextToken(0)
  if (code < 0) return code
  const shard = shardOf(hash)
  if (code == PRESENT && lockShard(shard) >= 0) {
    countLoad(shard, took, false)
    unlock(shard + D_LOCK)
  }
  wake(shard)
  return code
}

/**
 * Ends a load of this thread without a value. LOAD_FAILS: with the text of an error in the value area. LOAD_ENDS: there is nothing to
 * load. LOAD_IS_ABANDONED: unless another thread waits. LOAD_IS_RELEASED: a thread that waits will load. `kept`: for how many milliseconds
 * everybody gets the error. Returns PRESENT, DIFFERENT (refused), LOAD_WAITED, or an error.
 */
export function endLoadWithout(hash: u64, meta: u32, token: u32, how: u32, textMeta: u32, kept: f64, took: f64): i32 {
  const shard = shardOf(hash)
  const locked = lockShard(shard)
  if (locked < 0) return locked
  setEnding(token)
  const slot = find(load64(shard + D_TABLE), shard + D_TABLE, hash, meta)
  let code = DIFFERENT
  if (slot != 0 && isOwnLoad(recordOfEntry(foundEntry))) {
    code = PRESENT
    if (how == LOAD_IS_ABANDONED && isWaitedFor) code = LOAD_WAITED
    else end(shard, foundEntry, token, how, textMeta, kept)
    if (how == LOAD_FAILS || how == LOAD_ENDS) countLoad(shard, took, how == LOAD_FAILS)
  }
  unlock(shard + D_LOCK)
  if (code != LOAD_WAITED) wake(shard)
  return code
}

function end(shard: u32, entry: u32, token: u32, how: u32, textMeta: u32, kept: f64): void {
  const record = recordOfEntry(entry)
  const time = clock()
  const until = timeAt(record + V_FRESH_UNTIL)
  const isValue = kindOf(record) >= 0 && (isFresh(until) || time < until + load<f64>(H_STALE_FOR))
  if (how == LOAD_ENDS) {
    settle(shard, entry)
    if (isValue) {
      // Read caches look no longer at the block of a value that is fresh for ever: another value word has to take it away.
      setNextKind(LOADED_NOTHING, token, 0, time + OUTCOME_KEPT, 0)
      replaceByText(shard, entry, 0)
    } else {
      turnInto(record, LOADED_NOTHING, time + OUTCOME_KEPT)
      stopLoad(record, 0)
    }
  } else if (how != LOAD_FAILS) {
    if (isValue) dropLoad(record)
    else removeEntry(shard, entry)
  } else if (isValue) {
    stopLoad(record, LOAD_IS_FAILED)
  } else {
    settle(shard, entry)
    setNextKind(ERROR_TEXT, token, 0, time + max<f64>(kept, OUTCOME_KEPT), time + kept)
    replaceByText(shard, entry, textMeta)
  }
}

/** Replaces an entry's value by what `setNextKind` said, with the text in the value area. Without memory for it those who wait load for themselves. */
function replaceByText(shard: u32, entry: u32, meta: u32): void {
  const block = newText(shard + D_HEAP, meta)
  setNextToken(0)
  if (block == 0) removeEntry(shard, entry)
  else setWord(shard + D_HEAP, entry, wordOfBlock(block))
}

/** The entry will keep the outcome of its load, though that is no value: so it counts as an entry from now on. */
function settle(shard: u32, entry: u32): void {
  if (queueOf(entry) == Q_LOADING) {
    makeRoom(shard, entry, 1)
    setNextWeight(1)
    weighAnew(shard, entry)
  }
  keepForWaiters(entry)
}

/** A block with the text in the value area, or 0. The text fits into a slab's block. */
function newText(heap: u32, meta: u32): u32 {
  const length = meta & META_LENGTH
  const block = allocate(heap, blockContent + max<u32>(length, 8))
  if (block == 0) return 0
  store32(block + 4, meta)
  store32(block, get32(block) + 1)
  writeRecord(block, false)
  copyWords(block + blockContent, valueAt, length)
  return block
}

/** Wakes the threads that wait for loads of this shard. */
function wake(shard: u32): void {
  const word = queuesOf(shard) + Q_LOAD_EPOCH
  add32(word, 1)
  atomic.notify(word, -1)
}
