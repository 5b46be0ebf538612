/** The planted faults of SharedCache (see faults.ts). */
import type { Fault } from './faults.js'

export const cacheFaults: readonly Fault[] = [
  {
    name: 'the neighbours of an entry that compaction moved name the place where it was',
    rule: 2,
    file: 'cache/queues.ts',
    find: '  if (newer == 0) put32(queue + Q_NEWEST, to)\n  else put32(trailerOf(newer) + T_OLDER, to)\n',
    replace: '  if (newer == 0) put32(queue + Q_NEWEST, to)\n',
    maps: 'SharedCache',
  },
  {
    name: 'a repair after a death leaves the queues as they were',
    rule: 4,
    file: 'repair/repair.ts',
    find: '  if (isCache) rebuildQueues(shard)\n',
    replace: '',
    maps: 'SharedCache',
  },
  {
    name: 'a removed entry stays in its queue',
    rule: 2,
    file: 'table/change.ts',
    find: '  if (isCache) dequeue(shard, entry)\n',
    replace: '',
    maps: 'SharedCache',
  },
  {
    name: 'a cleared cache keeps its queues',
    rule: 2,
    file: 'table/change.ts',
    find: '  if (isCache) emptyQueues(shard)\n',
    replace: '',
    maps: 'SharedCache',
  },
  {
    name: 'a cache publishes a new entry before it evicts',
    rule: 1,
    file: 'maps/cache.ts',
    find: '    if (!makeRoom(shard, 0, nextWeight)) return AGAIN\n    return insert(shard, hash, meta, valueMeta)\n',
    replace: '    const code = insert(shard, hash, meta, valueMeta)\n    makeRoom(shard, 0, 0)\n    return code\n',
    maps: 'SharedCache',
  },
  {
    name: 'room for a value that grows is made by evicting its own entry',
    rule: 1,
    file: 'cache/evict.ts',
    find: '    if (entry != kept) {\n',
    replace: '    if (entry != 0) {\n',
    maps: 'SharedCache',
  },
  {
    name: 'a read of a cache does not look at the deadline',
    rule: 2,
    file: 'maps/cache.ts',
    find: '  if (!isFresh(until) && !mayBeStale(until)) return EXPIRED\n',
    replace: '',
    maps: 'SharedCache',
  },
  {
    name: 'a read of a cache does not look at the header again',
    rule: 2,
    file: 'maps/cache.ts',
    find: 'if (!sameHead(entry, head) || load64(shard + D_TABLE) != word) return AGAIN',
    replace: 'if (load64(shard + D_TABLE) != word) return AGAIN',
    maps: 'SharedCache',
  },
]
