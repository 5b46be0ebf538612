import { sharedOperations } from '@threadmap/workbench/subjects/team'
import { Team } from '@threadmap/workbench/threads/team'
import { NUMBER_BYTES, userKeys } from '@threadmap/workbench/workload'
import { FastMap, f64, string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import type { Cached, CachingRound, CachingSetup } from './caching.js'
import { type CacheWorkersJob, type Subject, WARM_UP_MS } from './jobs.js'

/** Never aborted: `run.ts` kills the process instead. */
const { signal } = new AbortController()
/** As in cache.ts: no shard evicts. */
const ROOM = 2

/** Reads and writes of known keys, of one SharedCache or FastMap by all workers, or of an lru-cache of its own by each. */
export async function cacheWorkers({ subject, threads, keys, reads, zipf, seed }: CacheWorkersJob): Promise<Subject> {
  const workload = { threads, keys, reads, zipf, churn: 0, valueBytes: NUMBER_BYTES }
  const lists = sharedOperations(workload, seed)
  const shared =
    subject === 'FastMap'
      ? new FastMap({ key: string, value: f64, capacity: keys })
      : new SharedCache({ key: string, value: f64, max: keys * ROOM })
  for (const [i, key] of userKeys(keys).entries()) shared.set(key, i + 0.5)
  const team = await Team.start<CachingSetup, CachingRound, Cached>({
    name: subject,
    program: new URL('./caching.js', import.meta.url),
    members: threads,
    setup: index => ({
      keys,
      operations: lists[index],
      max: keys * ROOM,
      ...(subject === 'lru-cache' ? {} : { handle: shared.handle }),
    }),
    signal,
  })
  return async ({ ms }) => {
    const counted = await team.ask({ ms, warmUpMs: WARM_UP_MS })
    const rates = counted.map(({ operations, ms: took }) => operations / took)
    const sum = rates.reduce((all, rate) => all + rate, 0)
    return { value: sum / 1000, figures: { fairness: Math.min(...rates) / (sum / rates.length) } }
  }
}
