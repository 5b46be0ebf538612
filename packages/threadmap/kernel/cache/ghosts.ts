/**
 * Ghosts: the fingerprints of keys that a shard evicted not long ago, and which queue lost them. They are numbered, and a ghost is forgotten when
 * as many others have followed as the shard has entries. A set of the table keeps four; a fifth takes the place of the oldest.
 * A wrong ghost (two keys of one fingerprint) costs some order of eviction and nothing else.
 */
import { get32, load64, put32, put64 } from '../atomics'
import { D_USED, GHOST_SET, H_GHOST_BITS, H_GHOSTS, Q_GHOST_SHARE, Q_GHOSTS, Q_SMALL } from '../layout'
import { indexOf } from '../table/shard'
import { queuesOf } from './state'

/** The number of a ghost, without the bit for its queue. */
const NUMBER: u32 = 0x7fffffff
const FROM_MAIN: u32 = 0x80000000

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

/** How many ghosts a shard remembers. */
function memoryOf(shard: u32): u32 {
  return max(get32(shard + D_USED), 1)
}

/** An entry of this hash was evicted from a queue. */
export function addGhost(shard: u32, hash: u64, which: u32): void {
  const queues = queuesOf(shard)
  const number = (get32(queues + Q_GHOSTS) + 1) & NUMBER
  put32(queues + Q_GHOSTS, number)
  const isSmall = which == Q_SMALL
  const share = load<f64>(queues + Q_GHOST_SHARE)
  const rate = 1 / <f64>memoryOf(shard)
  store<f64>(queues + Q_GHOST_SHARE, share + ((isSmall ? 1 : 0) - share) * rate)
  const set = setOf(shard, hash)
  let place = set
  let oldest: u32 = 0
  for (let at = set; at < set + GHOST_SET; at += 8) {
    const ghost = load64(at)
    if (ghost == 0) {
      place = at
      break
    }
    const age = (number - <u32>ghost) & NUMBER
    if (age >= oldest) {
      oldest = age
      place = at
    }
  }
  put64(place, ((<u64>fingerprintOf(hash)) << 32) | <u64>(isSmall ? number : number | FROM_MAIN))
}

/** Looks for the ghost of a key that comes back, and forgets it. */
export function takeGhost(shard: u32, hash: u64): u32 {
  const number = get32(queuesOf(shard) + Q_GHOSTS)
  const fingerprint = fingerprintOf(hash)
  const set = setOf(shard, hash)
  for (let at = set; at < set + GHOST_SET; at += 8) {
    const ghost = load64(at)
    if (ghost == 0 || <u32>(ghost >> 32) != fingerprint) continue
    put64(at, 0)
    if (((number - <u32>ghost) & NUMBER) >= memoryOf(shard)) return NO_GHOST
    return (<u32>ghost & FROM_MAIN) != 0 ? MAIN_GHOST : SMALL_GHOST
  }
  return NO_GHOST
}
