/**
 * Ghosts: the fingerprints of keys that a shard evicted not long ago, and which queue lost them. Each queue numbers its ghosts, and forgets one
 * when nearly as many have followed as the shard has entries. A set of the table keeps four; a fifth takes the place of the oldest.
 * A wrong ghost (two keys of one fingerprint) costs some order of eviction and nothing else.
 */
import { get32, load64, put32, put64 } from '../atomics'
import {
  D_USED,
  GHOST_SET,
  H_GHOST_BITS,
  H_GHOSTS,
  Q_GHOST_SHARE,
  Q_MAIN_GHOSTS,
  Q_SMALL,
  Q_SMALL_GHOSTS,
} from '../layout'
import { indexOf } from '../table/shard'
import { queuesOf } from './state'

/** Of a ghost's low half: its number, and a bit that says which queue lost it. */
const NUMBER: u32 = 0x7fffffff
const FROM_MAIN: u32 = 0x80000000
/** How many ghosts of each queue are remembered for each entry. */
const GHOSTS_PER_ENTRY: f64 = 0.9

/**
 * A ghost tells how long its queue should be if its key left not longer ago than this share of the entries: what a queue that is much longer
 * would keep says little about one that is a little longer. (On four public traces at eleven capacities of 0.5% to 30%: 0.1 points.)
 */
const NEAR: f64 = 0.3
/**
 * One in so many of the main queue's ghosts has to pass the small queue again. Otherwise a loop over more keys than the cache holds takes
 * the main queue over, and each key leaves it just before it comes back: on such traces 1 to 8 points (the lab's simulator).
 */
const PROVES_AGAIN: u32 = 4

/** What `takeGhost` found. */
export const NO_GHOST: u32 = 0
const SMALL_GHOST: u32 = 1
export const MAIN_GHOST: u32 = 2

function setOf(shard: u32, hash: u64): u32 {
  const bits = load<u32>(H_GHOST_BITS)
  const set = <u32>(((hash & 0xffffffff) << bits) >> 32)
  return load<u32>(H_GHOSTS) + ((indexOf(shard) << bits) + set) * GHOST_SET
}

function fingerprintOf(hash: u64): u32 {
  return <u32>(hash >> 32)
}

/** Where a shard has the number of the last ghost of the queue that lost `ghost`. */
function counterOf(shard: u32, ghost: u32): u32 {
  return queuesOf(shard) + ((ghost & FROM_MAIN) != 0 ? Q_MAIN_GHOSTS : Q_SMALL_GHOSTS)
}

/** How many ghosts of its queue came after this one. */
function ageOf(shard: u32, ghost: u32): u32 {
  return (get32(counterOf(shard, ghost)) - ghost) & NUMBER
}

/** An entry of this hash was evicted from a queue. */
export function addGhost(shard: u32, hash: u64, which: u32): void {
  const bit = which == Q_SMALL ? 0 : FROM_MAIN
  const counter = counterOf(shard, bit)
  const number = (get32(counter) + 1) & NUMBER
  put32(counter, number)
  const share = queuesOf(shard) + Q_GHOST_SHARE
  const change = (bit == 0 ? 1 : 0) - load<f64>(share)
  store<f64>(share, load<f64>(share) + change / <f64>max<u32>(get32(shard + D_USED), 1))
  const set = setOf(shard, hash)
  let place = set
  let oldest: u32 = 0
  for (let at = set; at < set + GHOST_SET; at += 8) {
    const ghost = load64(at)
    const age = ghost == 0 ? NUMBER : ageOf(shard, <u32>ghost)
    if (age < oldest) continue
    oldest = age
    place = at
  }
  put64(place, ((<u64>fingerprintOf(hash)) << 32) | <u64>(number | bit))
}

/** Of the ghost that `takeGhost` found: whether a queue that is a little longer would still have the key. */
export let isNear: bool = false
/** Of the ghost that `takeGhost` found: whether its key goes to the main queue at once. */
export let leadsToMain: bool = false

/** Looks for the ghost of a key that comes back, and forgets it. */
export function takeGhost(shard: u32, hash: u64): u32 {
  const fingerprint = fingerprintOf(hash)
  const set = setOf(shard, hash)
  for (let at = set; at < set + GHOST_SET; at += 8) {
    const ghost = load64(at)
    if (ghost == 0 || <u32>(ghost >> 32) != fingerprint) continue
    const age = <f64>ageOf(shard, <u32>ghost)
    const entries = <f64>get32(shard + D_USED)
    put64(at, 0)
    if (age > GHOSTS_PER_ENTRY * entries) return NO_GHOST
    isNear = age < NEAR * entries
    const isMain = (<u32>ghost & FROM_MAIN) != 0
    leadsToMain = !isMain || <u32>ghost % PROVES_AGAIN != 0
    return isMain ? MAIN_GHOST : SMALL_GHOST
  }
  return NO_GHOST
}
