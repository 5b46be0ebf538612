/** Which queue a new entry enters. Docs: decision 0019. */
import { get32 } from '../atomics'
import {
  H_MAX_PAGES,
  PAGE,
  Q_CAPACITY,
  Q_EVICTED,
  Q_EVICTED_FOR_MEMORY,
  Q_LOADING,
  Q_MAIN,
  Q_SMALL,
  Q_WEIGHT,
} from '../layout'
import { shardCount } from '../memory/heaps'
import { hashEntry } from '../table/entry'
import { isNear, leadsToMain, NO_GHOST, takeGhost } from './ghosts'
import { dequeue, enqueue, queueOf, reweigh, setMarks, weightOf } from './queues'
import { nextWeight } from './record'
import { adapt, smallShare } from './share'
import { queuesOf } from './state'

/** Puts a new entry into its queue. Without a weight it is a load's, which has no value yet. */
export function admit(shard: u32, entry: u32, hash: u64): void {
  setMarks(entry, 0)
  if (nextWeight == 0) {
    enqueue(shard, entry, Q_LOADING, 0)
    return
  }
  const ghost = takeGhost(shard, hash)
  if (ghost != NO_GHOST && isNear) adapt(shard, ghost)
  const toMain = (ghost != NO_GHOST && leadsToMain) || overflows(shard)
  enqueue(shard, entry, toMain ? Q_MAIN : Q_SMALL, nextWeight)
}

/**
 * An entry is about to get another value, whose weight is `nextWeight`. Comes before the value is published: the bound never lacks a value, at
 * whichever step this thread dies.
 */
export function weighAnew(shard: u32, entry: u32): void {
  if (queueOf(entry) != Q_LOADING) {
    // Most values weigh what the one before did: nothing is written then that other threads would have to fetch.
    if (weightOf(entry) != nextWeight) reweigh(shard, entry, nextWeight)
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
  return <f64>(get32(queues + Q_SMALL + Q_WEIGHT) + nextWeight) > smallShare() * capacity
}
