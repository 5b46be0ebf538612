import { Arrivals } from '@threadmap/workbench/load/arrivals'
import { indexPicker, random } from '@threadmap/workbench/workload'
import {
  type FaultName,
  HOT_KEY,
  HOT_KEY_SHARE,
  HOT_SHARD,
  KEYS,
  type Plan,
  RATE,
  STEEP_ZIPF,
  shardOf,
  WRITES,
  ZIPF,
} from './plan.js'

/** The requests of a run in the order of their intended times; every server gets all of them. */
export interface Traffic {
  /** Intended send times in ms from the begin of the run. */
  readonly at: Float64Array
  readonly key: Uint32Array
  /** 1 for a request that writes. */
  readonly writes: Uint8Array
  /** 1 for a request to the hot shard; the others are everyone else. */
  readonly hot: Uint8Array
  /** A random number for each, by which a worker of a server is chosen. */
  readonly turn: Uint16Array
}

/** The requests of a run of `fault` (undefined: none): an open loop, whose times and keys follow from `seed` alone. */
export function trafficOf(fault: FaultName | undefined, plan: Plan, seed: number, rate = RATE): Traffic {
  const arrivals = new Arrivals(rate, 0, plan.until, seed)
  // Each choice has a generator of its own, so that a fault changes nothing but its own choice.
  const [usual, planted, kind, worker] = [1, 2, 3, 4].map(n => random(seed + 7919 * n))
  const pick = indexPicker(KEYS, ZIPF, usual)
  const pickSteep = indexPicker(KEYS, STEEP_ZIPF, planted)
  const [at, key, writes, turn]: number[][] = [[], [], [], []]
  for (; arrivals.due !== Number.POSITIVE_INFINITY; arrivals.advance()) {
    const inFault = arrivals.due >= plan.faultFrom && arrivals.due < plan.faultUntil
    const ordinary = pick()
    at.push(arrivals.due)
    if (inFault && fault === 'hot key') key.push(planted() < HOT_KEY_SHARE ? HOT_KEY : ordinary)
    else if (inFault && fault === 'steeper zipf') key.push(pickSteep())
    else key.push(ordinary)
    writes.push(kind() < WRITES ? 1 : 0)
    turn.push(Math.floor(worker() * 65_536))
  }
  return {
    at: Float64Array.from(at),
    key: Uint32Array.from(key),
    writes: Uint8Array.from(writes),
    hot: Uint8Array.from(key, each => (shardOf(each) === HOT_SHARD ? 1 : 0)),
    turn: Uint16Array.from(turn),
  }
}
