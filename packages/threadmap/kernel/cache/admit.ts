/**
 * Which queue a new entry enters, and how long the small queue may be. A key that was evicted from the small queue and comes back was evicted too
 * early: the small queue gets longer. A key that comes back after the main queue lost it asks for the opposite. As in ARC, the
 * step is larger when the other ghosts are more. Docs: decision 0019.
 *
 * Source: ARC (Megiddo, Modha: ARC: a self-tuning, low overhead replacement cache, FAST 2003).
 */
import { get32 } from '../atomics'
import { D_USED, Q_GHOST_SHARE, Q_MAIN, Q_SHARE, Q_SMALL } from '../layout'
import { shardCount } from '../memory/heaps'
import { MAIN_GHOST, NO_GHOST, takeGhost } from './ghosts'
import { enqueue, setMarks } from './queues'
import { nextWeight } from './record'
import { queuesOf } from './state'

/** The small queue gains or loses this many places with each ghost that comes back, divided by the number of shards. */
const STEP: f64 = 5
const LEAST_SHARE: f64 = 0.01
const MOST_SHARE: f64 = 0.9
export const FIRST_SHARE: f64 = 0.1

/** Puts a new entry into its queue. */
export function admit(shard: u32, entry: u32, hash: u64): void {
  setMarks(entry, 0)
  const ghost = takeGhost(shard, hash)
  if (ghost != NO_GHOST) adapt(shard, ghost)
  enqueue(shard, entry, ghost == NO_GHOST ? Q_SMALL : Q_MAIN, nextWeight)
}

function adapt(shard: u32, ghost: u32): void {
  const queues = queuesOf(shard)
  const ofSmall = load<f64>(queues + Q_GHOST_SHARE)
  const own = ghost == MAIN_GHOST ? 1 - ofSmall : ofSmall
  const places = (STEP / <f64>shardCount()) * max<f64>(1, (1 - own) / max<f64>(own, 0.001))
  const step = places / <f64>max<u32>(get32(shard + D_USED), 1)
  const share = load<f64>(queues + Q_SHARE) + (ghost == MAIN_GHOST ? -step : step)
  store<f64>(queues + Q_SHARE, min<f64>(max<f64>(share, LEAST_SHARE), MOST_SHARE))
}
