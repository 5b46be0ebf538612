/** Lets a tool see the keys that this thread reads from a map, and the counters of its shards, by the name of the map's memory. */
import { identityOf } from '../bridge/identity.js'
import { type ReadWatcher, sessionNamed } from '../bridge/session.js'
import { OptionError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { coreOf } from './base-map.js'
import { type ShardStats, shardStatsOf } from './stats.js'

/** The name of a map's memory: the same in all threads that share the map. `OptionError` if `map` is none of the five maps. */
export function mapName(map: unknown): string {
  const core = coreOf(map)
  if (core === undefined) throw new OptionError(`mapName() takes a map of threadmap, and got ${quote(map)}`)
  return identityOf(core.session.memory)
}

/**
 * From now on `watcher` sees the keys of calls of `get` of this thread, as many as it wants, on the map of that name, through whichever of its map objects that exist now;
 * undefined ends that. Each thread watches for itself. Returns false if this thread has no such map open. A map that is not watched is as
 * fast as before. Meant for tools; @threadmap/governor samples reads with it.
 */
export function watchReads(name: string, watcher: ReadWatcher | undefined): boolean {
  const session = sessionNamed(name)
  if (session === undefined) return false
  for (const core of session.cores) core.watch(watcher)
  return true
}

/** The counters of the shards of the map of that name, as `shardStats()`; undefined if this thread has no such map open. O(shards). */
export function shardStatsNamed(name: string): ShardStats[] | undefined {
  const session = sessionNamed(name)
  return session === undefined ? undefined : shardStatsOf(session, () => session.kernel.size())
}
