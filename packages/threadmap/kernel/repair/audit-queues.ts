/** Checks the queues of a cache's shard against its table: each entry is in exactly one of them, links agree both ways, and sums add up. */
import { get32, load64 } from '../atomics'
import { MOST_MARKS, marksOf, totalWeight, trailerOf, weightOf } from '../cache/queues'
import { queuesOf } from '../cache/state'
import {
  D_TABLE,
  D_USED,
  PROBLEM_MARK,
  PROBLEM_OVER_CAPACITY,
  PROBLEM_QUEUE_COUNT,
  PROBLEM_QUEUE_LINK,
  PROBLEM_QUEUE_WEIGHT,
  Q_CAPACITY,
  Q_COUNT,
  Q_LOADING,
  Q_MAIN,
  Q_NEWEST,
  Q_OLDEST,
  Q_SMALL,
  Q_VALUES,
  Q_WEIGHT,
  T_NEWER,
  T_OLDER,
  T_QUEUE,
} from '../layout'
import { hashEntry } from '../table/entry'
import { slotOfEntry } from '../table/table'
import { report } from './report'

export function auditQueues(shard: u32): void {
  const values = auditQueue(shard, Q_SMALL) + auditQueue(shard, Q_MAIN)
  if (values != get32(queuesOf(shard) + Q_VALUES)) report(PROBLEM_QUEUE_COUNT, queuesOf(shard) + Q_VALUES, values)
  const entries = values + auditQueue(shard, Q_LOADING)
  if (entries != get32(shard + D_USED)) report(PROBLEM_QUEUE_COUNT, shard, entries)
  const total = totalWeight(shard)
  if (total > get32(queuesOf(shard) + Q_CAPACITY)) report(PROBLEM_OVER_CAPACITY, shard, total)
}

/** Walks a queue from its newest entry. Returns how many entries it has. */
function auditQueue(shard: u32, which: u32): u32 {
  const queue = queuesOf(shard) + which
  let weight: u32 = 0
  let count: u32 = 0
  let newer: u32 = 0
  let entry = get32(queue + Q_NEWEST)
  while (entry != 0) {
    const trailer = trailerOf(entry)
    const isListed = slotOfEntry(load64(shard + D_TABLE), <u32>hashEntry(entry), entry) != 0
    if (!isListed || get32(trailer + T_NEWER) != newer || get32(trailer + T_QUEUE) != which) {
      report(PROBLEM_QUEUE_LINK, entry, newer)
      break
    }
    if (marksOf(entry) > MOST_MARKS) report(PROBLEM_MARK, entry, marksOf(entry))
    weight += weightOf(entry)
    count++
    newer = entry
    entry = get32(trailer + T_OLDER)
  }
  if (get32(queue + Q_OLDEST) != newer) report(PROBLEM_QUEUE_LINK, queue, newer)
  if (get32(queue + Q_COUNT) != count) report(PROBLEM_QUEUE_COUNT, queue, count)
  if (get32(queue + Q_WEIGHT) != weight) report(PROBLEM_QUEUE_WEIGHT, queue, weight)
  return count
}
