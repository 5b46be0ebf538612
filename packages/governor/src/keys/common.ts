/** The shares of frequent keys. */
import type { HotKey } from '../snapshot.js'
import type { CommonKeys } from './published.js'

export interface SharedKey extends HotKey {
  readonly hash: number
}

/** The frequent keys with their shares. `operations`: what callers wanted of each shard in the last minute. */
export function sharesOf(common: CommonKeys, operations: ArrayLike<number>): SharedKey[] {
  let all = 0
  for (let shard = 0; shard < operations.length; shard++) all += operations[shard]
  if (all === 0 || common.operations === 0) return []
  return common.keys.map(({ key, hash, shard, count }) => {
    const share = Math.min(1, count / common.operations)
    // Counts of keys decay, and those of shards have a window; so the key's share of all is set against the shard's share of all.
    const ofShard = operations[shard] === 0 ? 0 : Math.min(1, (share * all) / operations[shard])
    return { key, hash, shard, count: Math.round(count), share, shareOfShard: ofShard }
  })
}
