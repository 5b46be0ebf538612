/**
 * The record in front of a value: until when it is fresh, when it was made, and what is known about a load. It is written with the value, before
 * anybody knows the block; afterwards only the holder of the shard's mutex changes it, one word at a time. A reader believes what it
 * read here once the block's generation is the one that the value word names.
 */
import { load64, store64 } from '../atomics'
import { BLOCK_CONTENT, CHAIN_CONTENT, H_STALE_FOR, V_CREATED, V_FRESH_UNTIL, V_LOAD_UNTIL, V_TOKEN } from '../layout'
import { clock } from '../threads/thread'

/** How long the value of this thread's next change is fresh, in milliseconds. */
let nextTtl: f64 = Infinity
/** The weight of that value. */
export let nextWeight: u32 = 1

export function setNext(ttl: f64, weight: u32): void {
  nextTtl = ttl
  nextWeight = weight
}

/** Whether this thread's next reads may return values whose time is over. */
let takesStale: bool = false

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
  if (nextTtl != Infinity) {
    created = clock()
    until = created + nextTtl
  }
  putTime(record + V_FRESH_UNTIL, until)
  putTime(record + V_CREATED, created)
  store64(record + V_TOKEN, 0)
  store64(record + V_LOAD_UNTIL, (<u64>reinterpret<u32>(<f32>nextTtl)) << 32)
}

// @inline
export function timeAt(address: u32): f64 {
  return reinterpret<f64>(load64(address))
}

export function putTime(address: u32, time: f64): void {
  store64(address, reinterpret<u64>(time))
}

/** Whether a value with this deadline may still be returned as fresh. Asks the clock only where there is a deadline. */
// @inline
export function isFresh(until: f64): bool {
  return until == Infinity || clock() < until
}

/** Whether a value that is not fresh may be returned all the same. */
export function mayBeStale(until: f64): bool {
  return takesStale && clock() < until + load<f64>(H_STALE_FOR)
}

/** Whether a value with this deadline is of no use any more, not even as a stale one. */
export function isOver(until: f64): bool {
  return until != Infinity && clock() >= until + load<f64>(H_STALE_FOR)
}
