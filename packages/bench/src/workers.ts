import { type Subject as MapSubject, PRIVATE, SHAREDMAP, sharedSubject } from '@threadmap/workbench/subjects/subject'
import { SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import { Team } from '@threadmap/workbench/threads/team'
import { NUMBER_BYTES } from '@threadmap/workbench/workload'
import { FastMap, f64, string } from 'threadmap'
import type { Added, AddRound, AddSetup } from './adding.js'
import { type AddJob, type Subject, WARM_UP_MS, type WorkersJob } from './jobs.js'

const HOT_KEY = 'hot'

/** Never aborted: `run.ts` kills the process instead. */
const { signal } = new AbortController()

/** Reads and writes of one map from several workers. */
export async function mixedWorkers({ subject, seed, threads, keys, reads, zipf }: WorkersJob): Promise<Subject> {
  const workload = { threads, keys, reads, zipf, churn: 0, valueBytes: NUMBER_BYTES }
  // With detection an UnsafeMap refuses two threads at once. Without it, the map shows the cost of the table without locks.
  const mapOptions = subject === 'UnsafeMap' ? { detect: false } : {}
  const team = await SubjectTeam.start({ subject: subjectOf(subject), threads, signal, mapOptions })
  await team.prepare(workload, sharedOperations(workload, seed))
  return async ({ ms }) => ({ value: (await team.round({ ms, warmUpMs: WARM_UP_MS })).rate })
}

function subjectOf(name: WorkersJob['subject']): MapSubject {
  if (name === 'Map') return PRIVATE
  return name === 'sharedmap' ? SHAREDMAP : sharedSubject(name)
}

/** Several workers `add(key, 1)` to one key; the sum of their counts must be the key's value afterwards. */
export async function hotAdd({ threads }: AddJob): Promise<Subject> {
  const map = new FastMap({ key: string, value: f64 })
  map.set(HOT_KEY, 0)
  const team = await Team.start<AddSetup, AddRound, Added>({
    name: 'FastMap.add',
    program: new URL('./adding.js', import.meta.url),
    members: threads,
    setup: () => ({ handle: map.handle, key: HOT_KEY }),
    signal,
  })
  let added = 0
  return async ({ ms }) => {
    const counted = await team.ask({ ms, warmUpMs: WARM_UP_MS })
    for (const { all } of counted) added += all
    const value = map.get(HOT_KEY)
    if (value !== added) throw new Error(`updates lost: ${added} added, the value is ${value}`)
    const rate = counted.reduce((sum, { operations, ms: took }) => sum + operations / took, 0) / 1000
    return { value: rate, note: `${(added / 1e6).toFixed(1)} M added, none lost` }
  }
}
