import * as maps from '@threadmap/workbench/subjects/maps'
import { type ConcurrentMap, f64, type MapHandle, type MapKind, string } from 'threadmap'

/**
 * The ways to count the words:
 * - `none`: the words are made and dropped, which is the part of the work that every way of counting has
 * - `own`: one thread, one plain `Map`
 * - `merge`: each worker counts into its own `Map` and posts it to the owner at the end
 * - `messages`: only the owner has a `Map`; workers post their words to it in batches
 * - `shared`: all workers `add` to one shared map
 */
export type Way = 'none' | 'own' | 'merge' | 'messages' | 'shared'

/** One of the ways to count that are compared. */
export interface Subject {
  readonly name: string
  readonly way: Way
  /** The class, where `way` is `shared`. */
  readonly kind?: MapKind
  /** Threads that make words. `merge` and `messages` have one more, the owner of the result. */
  readonly workers: number
}

export type WordMap = ConcurrentMap<string, number>
export type WordMapHandle = MapHandle<string, number>

export { MAP_KINDS } from '@threadmap/workbench/subjects/maps'

/** An empty map without a capacity, since a user would not know the number of words. */
export function createMap(kind: MapKind, maxBytes?: number): WordMap {
  return maps.createMap(kind, { key: string, value: f64, ...(maxBytes === undefined ? {} : { maxBytes }) })
}

export function attachMap(handle: WordMapHandle): WordMap {
  return maps.attachMap(handle)
}

/** The subjects of one run, in the order they are shown. */
export function subjectsFor(kinds: readonly MapKind[], workers: number): Subject[] {
  const subjects: Subject[] = [{ name: 'no counting', way: 'none', workers: 1 }]
  if (workers > 1) subjects.push({ name: 'no counting', way: 'none', workers })
  subjects.push(
    { name: 'plain Map, one thread', way: 'own', workers: 1 },
    { name: 'plain Map each, merged', way: 'merge', workers },
    { name: 'plain Map, by messages', way: 'messages', workers },
  )
  for (const kind of kinds) {
    // An UnsafeMap is for one thread at a time. A mutex around every `add` would measure the mutex, which RWMutexMap
    // does already; so UnsafeMap runs with one worker and shows the cost of the table without a lock.
    subjects.push({ name: kind, way: 'shared', kind, workers: kind === 'UnsafeMap' ? 1 : workers })
  }
  return subjects
}
