import type { MapKind } from 'threadmap'

/**
 * The types of subjects:
 * - `shared`: one of the five maps, used by all threads
 * - `private`: a plain `Map` in each thread, which shares nothing: the ceiling of a JavaScript loop on this machine
 * - `messages`: one thread has a plain `Map`, the others ask it
 * - `peer`: a package or program of others that does the same job; optional, found at run time
 */
export type SubjectType = 'shared' | 'private' | 'messages' | 'peer'

/** A subject: one of the things that are compared. Evidence, charts and advice identify it by its name. */
export interface Subject {
  readonly name: string
  readonly type: SubjectType
  /** The class, where `type` is `shared`. */
  readonly kind?: MapKind
}

export const PRIVATE: Subject = { name: 'plain Map per thread', type: 'private' }
export const MESSAGES: Subject = { name: 'message passing', type: 'messages' }
export const SHAREDMAP: Subject = { name: 'sharedmap', type: 'peer' }
export const LMDB: Subject = { name: 'lmdb', type: 'peer' }
export const GO_SYNC_MAP: Subject = { name: 'Go sync.Map', type: 'peer' }
export const GO_RWMUTEX: Subject = { name: 'Go RWMutex+map', type: 'peer' }
export const GO_SHARDED: Subject = { name: 'Go sharded map', type: 'peer' }

export function sharedSubject(kind: MapKind): Subject {
  return { name: kind, type: 'shared', kind }
}

/** The map that takes part twice, and the name of the second time. */
export const TWICE: MapKind = 'FastMap'
export const AGAIN_NAME = `${TWICE} again`

/**
 * The control of a comparison: one map a second time, with a memory and threads of its own. What it differs from itself is noise, so a
 * comparison in which the two differ beyond the noise is not sure of anything smaller. It is no candidate for an answer.
 */
export const AGAIN: Subject = { name: AGAIN_NAME, type: 'shared', kind: TWICE }
