/**
 * The record in front of a value: until when it is fresh, when it was made, and what is known about a load. It is written with the value, before
 * anybody knows the block; afterwards only the holder of the shard's mutex changes it, one word at a time. A reader believes what it
 * read here once the block's generation is the one that the value word names.
 */
import { load32, load64, store32, store64 } from '../atomics'
import {
  BLOCK_CONTENT,
  CHAIN_CONTENT,
  H_ENDLESS,
  H_HAS_DEADLINES,
  H_STALE_FOR,
  V_CREATED,
  V_FRESH_UNTIL,
  V_LOAD_UNTIL,
  V_TOKEN,
  V_TTL,
} from '../layout'
import { clock } from '../threads/thread'

/**
 * In place of V_TTL: there is no value, but a load under way, the text of a loader's error, or the knowledge that a loader returned
 * nothing. Then V_FRESH_UNTIL is negative: minus the time until which the entry is of use. V_CREATED of an error is the time until which
 * it is for everybody, and not just for those who waited.
 */
export const NOT_LOADED: f32 = -1
export const ERROR_TEXT: f32 = -2
export const LOADED_NOTHING: f32 = -3

/** The time of the operation that is under way, where the clock was read for it already; else 0. */
let given: f64 = 0

/** One reading of the clock will do for all that follows, until `giveTime(0)`. */
export function giveTime(time: f64): void {
  given = time
}

export function timeNow(): f64 {
  return given != 0 ? given : clock()
}

/** What the next change of this thread writes: `setNext` begins anew. How long the value is fresh, in milliseconds. */
let nextTtl: f64 = Infinity
/** The weight of that value. */
export let nextWeight: u32 = 1

/** ADD: a value that is there keeps its time. */
export let keepsTime: bool = false
/** The record from which the next one has its times; 0: none. */
let timesFrom: u32 = 0

/** A negative `ttl`: the value of a new key is fresh so long, and one that is there keeps its time (ADD). */
export function setNext(ttl: f64, weight: u32): void {
  nextTtl = abs<f64>(ttl)
  keepsTime = ttl < 0
  nextWeight = weight
  timesFrom = 0
  setNextToken(0)
}

/** The next record has the times of this one, which nobody changes meanwhile; 0: its own. */
export function setTimesFrom(record: u32): void {
  timesFrom = record
}

/** What the next record says about loads: {owner 32 | token 32}, and if it has no value, what it has instead. */
let nextLoad: u64 = 0
let nextLoadUntil: u32 = 0
let nextKind: f32 = 0
let nextUntil: f64 = 0
let nextCreated: f64 = 0

/** The next value has a record, also if it is fresh for ever: a load of its key is about to begin. */
let wantsRecord: bool = false

export function askForRecord(wanted: bool): void {
  wantsRecord = wanted
}

/** Whether the next value is fresh for ever, and there is nothing to know about a load. */
export function needsNoRecord(): bool {
  if (nextKind != 0 || nextLoad != 0 || wantsRecord) return false
  return timesFrom != 0 ? timeAt(timesFrom + V_FRESH_UNTIL) == Infinity : nextTtl == Infinity
}

/** The next value is made by the load with this number. */
export function setNextToken(token: u32): void {
  nextLoad = token
  nextLoadUntil = 0
  nextKind = 0
}

/** The next record is without a value, of use until `until`. */
export function setNextKind(kind: f32, load: u64, loadUntil: u32, until: f64, created: f64): void {
  nextKind = kind
  nextLoad = load
  nextLoadUntil = loadUntil
  nextUntil = -until
  nextCreated = created
}

/** Whether this thread's next reads may return values whose time is over. */
export let takesStale: bool = false

export function allowStale(allowed: bool): void {
  takesStale = allowed
}

export function setNextWeight(weight: u32): void {
  nextWeight = weight
}

// @inline
export function recordOf(block: u32, isChain: bool): u32 {
  return block + (isChain ? CHAIN_CONTENT : BLOCK_CONTENT)
}

/** Writes the record of a new block. */
export function writeRecord(block: u32, isChain: bool): void {
  const record = recordOf(block, isChain)
  let until: f64 = Infinity
  let created: f64 = 0
  let ttl = <f32>nextTtl
  if (nextKind != 0) {
    until = nextUntil
    created = nextCreated
    ttl = nextKind
  } else if (timesFrom != 0) {
    until = timeAt(timesFrom + V_FRESH_UNTIL)
    created = timeAt(timesFrom + V_CREATED)
    ttl = reinterpret<f32>(load32(timesFrom + V_TTL))
  } else if (nextTtl != Infinity) {
    created = timeNow()
    until = created + nextTtl
  }
  if (until != Infinity && load32(H_HAS_DEADLINES) == 0) store32(H_HAS_DEADLINES, 1)
  putTime(record + V_FRESH_UNTIL, until)
  putTime(record + V_CREATED, created)
  store64(record + V_TOKEN, nextLoad)
  store64(record + V_LOAD_UNTIL, ((<u64>reinterpret<u32>(ttl)) << 32) | <u64>nextLoadUntil)
}

// @inline
export function timeAt(address: u32): f64 {
  return reinterpret<f64>(load64(address))
}

/** Writes the record at H_ENDLESS. */
export function writeEndless(): void {
  putTime(H_ENDLESS + V_FRESH_UNTIL, Infinity)
  store64(H_ENDLESS + V_LOAD_UNTIL, (<u64>reinterpret<u32>(<f32>Infinity)) << 32)
}

export function putTime(address: u32, time: f64): void {
  store64(address, reinterpret<u64>(time))
}

/** Whether a value with this deadline may still be returned as fresh. Asks the clock only where there is a deadline. */
// @inline
export function isFresh(until: f64): bool {
  return until == Infinity || timeNow() < until
}

/** Whether a value that is not fresh may be returned all the same. */
export function mayBeStale(until: f64): bool {
  return takesStale && until >= 0 && timeNow() < until + load<f64>(H_STALE_FOR)
}

/** Whether a value with this deadline is of no use any more, not even as a stale one. */
export function isOver(until: f64): bool {
  return until != Infinity && timeNow() >= (until < 0 ? -until : until + load<f64>(H_STALE_FOR))
}
