/**
 * How much of the weight the small queue may have. A key that was evicted from the small queue and comes back was evicted too early: the small
 * queue gets longer. A key that comes back after the main queue lost it asks for the opposite. Docs: decision 0019.
 *
 * The share is one for all shards, so that each learns from the ghosts of all: shards that learn alone take as many times longer as there are
 * shards, or else, with larger steps, they sway. With 64 shards of 8,192 entries a set of keys that moves on loses 4 points of its hit ratio if
 * each has a share of its own (the lab's simulator).
 *
 * The word is not guarded. A thread that holds the mutex of one shard may overwrite what another one wrote just now: a step is lost, which
 * costs nothing.
 *
 * Source: ARC (Megiddo, Modha: ARC: a self-tuning, low overhead replacement cache, FAST 2003).
 */
import { get32 } from '../atomics'
import { D_USED, H_SMALL_SHARE, Q_GHOST_SHARE } from '../layout'
import { shardCount } from '../memory/heaps'
import { MAIN_GHOST } from './ghosts'
import { queuesOf } from './state'

/** The small queue gains or loses this many places of the whole cache with each ghost that comes back. */
const STEP: f64 = 5
/**
 * A step is larger when the other queue's ghosts are more, as in ARC: without that a set of keys that moves on costs 4 points of the hit ratio
 * (the lab's simulator). The share of a queue's ghosts counts as this at least, so that a step has a limit.
 */
const LEAST_OWN: f64 = 0.001
/**
 * Of the weight, the small queue has this share at first, at least and at most. With 1% to 90% a set of keys that moves on loses 2 points of
 * its hit ratio (the lab's simulator, generated traces).
 */
const FIRST_SHARE: f64 = 0.1
const LEAST_SHARE: f64 = 0.02
const MOST_SHARE: f64 = 0.8
/** What the word counts as 1. */
const UNIT: f64 = 4294967296

// @inline
export function smallShare(): f64 {
  return <f64>load<u32>(H_SMALL_SHARE) / UNIT
}

/** Writes nothing if nothing changes: other threads read the word with each eviction, and at a limit it stays as it is. */
function putShare(share: f64): void {
  const word = <u32>(share * UNIT)
  if (word != load<u32>(H_SMALL_SHARE)) store<u32>(H_SMALL_SHARE, word)
}

export function resetSmallShare(): void {
  putShare(FIRST_SHARE)
}

/** A key has come back that left the queue of `ghost` not long ago. The caller holds the shard's mutex. */
export function adapt(shard: u32, ghost: u32): void {
  const ofSmall = load<f64>(queuesOf(shard) + Q_GHOST_SHARE)
  const own = ghost == MAIN_GHOST ? 1 - ofSmall : ofSmall
  const places = STEP * max<f64>(1, (1 - own) / max<f64>(own, LEAST_OWN))
  const step = places / (<f64>max<u32>(get32(shard + D_USED), 1) * <f64>shardCount())
  const share = smallShare() + (ghost == MAIN_GHOST ? -step : step)
  putShare(min<f64>(max<f64>(share, LEAST_SHARE), MOST_SHARE))
}
