/**
 * Which queue a new entry enters, and how long the small queue may be. A key that was evicted from the small queue and comes back was evicted too
 * early: the small queue gets longer. A key that comes back after the main queue lost it asks for the opposite. Docs: decision 0019.
 *
 * Source: ARC (Megiddo, Modha: ARC: a self-tuning, low overhead replacement cache, FAST 2003).
 */
import { get32 } from '../atomics'
import {
  D_USED,
  H_MAX_PAGES,
  PAGE,
  Q_CAPACITY,
  Q_EVICTED,
  Q_EVICTED_FOR_MEMORY,
  Q_GHOST_SHARE,
  Q_LOADING,
  Q_MAIN,
  Q_SHARE,
  Q_SMALL,
  Q_WEIGHT,
} from '../layout'
import { shardCount } from '../memory/heaps'
import { hashEntry } from '../table/entry'
import { MAIN_GHOST, NO_GHOST, takeGhost } from './ghosts'
import { dequeue, enqueue, queueOf, reweigh, setMarks } from './queues'
import { nextWeight } from './record'
import { queuesOf } from './state'

/** The small queue gains or loses this many places with each ghost that comes back, divided by the number of shards. */
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
export const FIRST_SHARE: f64 = 0.1
const LEAST_SHARE: f64 = 0.04
const MOST_SHARE: f64 = 0.8

/** Puts a new entry into its queue. Without a weight it is a load's, which has no value yet. */
export function admit(shard: u32, entry: u32, hash: u64): void {
  setMarks(entry, 0)
  if (nextWeight == 0) {
    enqueue(shard, entry, Q_LOADING, 0)
    return
  }
  const ghost = takeGhost(shard, hash)
  if (ghost != NO_GHOST) adapt(shard, ghost)
  const toMain = ghost != NO_GHOST || overflows(shard)
  enqueue(shard, entry, toMain ? Q_MAIN : Q_SMALL, nextWeight)
}

/**
 * An entry is about to get another value, whose weight is `nextWeight`. Comes before the value is published: the bound never lacks a value, at
 * whichever step this thread dies.
 */
export function weighAnew(shard: u32, entry: u32): void {
  if (queueOf(entry) != Q_LOADING) {
    reweigh(shard, entry, nextWeight)
    return
  }
  dequeue(shard, entry)
  admit(shard, entry, hashEntry(entry))
}

/**
 * Whether a cache that has never evicted has filled its small queue. The main queue takes the rest: otherwise all of it would have to pass the
 * small queue when eviction begins.
 */
function overflows(shard: u32): bool {
  const queues = queuesOf(shard)
  if ((get32(queues + Q_EVICTED) | get32(queues + Q_EVICTED_FOR_MEMORY)) != 0) return false
  const memory = (<f64>load<u32>(H_MAX_PAGES) * PAGE) / <f64>shardCount()
  const capacity = min<f64>(<f64>get32(queues + Q_CAPACITY), memory)
  return <f64>(get32(queues + Q_SMALL + Q_WEIGHT) + nextWeight) > load<f64>(queues + Q_SHARE) * capacity
}

function adapt(shard: u32, ghost: u32): void {
  const queues = queuesOf(shard)
  const ofSmall = load<f64>(queues + Q_GHOST_SHARE)
  const own = ghost == MAIN_GHOST ? 1 - ofSmall : ofSmall
  const places = (STEP / <f64>shardCount()) * max<f64>(1, (1 - own) / max<f64>(own, LEAST_OWN))
  const step = places / <f64>max<u32>(get32(shard + D_USED), 1)
  const share = load<f64>(queues + Q_SHARE) + (ghost == MAIN_GHOST ? -step : step)
  store<f64>(queues + Q_SHARE, min<f64>(max<f64>(share, LEAST_SHARE), MOST_SHARE))
}
