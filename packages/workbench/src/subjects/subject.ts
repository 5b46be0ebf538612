import type { MapKind } from 'threadmap'

/**
 * What kind of thing is under test:
 * - `shared`: one of the five maps, used by all threads
 * - `private`: a plain `Map` in each thread, which shares nothing: the ceiling of a JavaScript loop on this machine
 * - `messages`: one thread has a plain `Map`, the others ask it
 * - `peer`: a package or program of others that does the same job; optional, found at run time
 */
export type SubjectType = 'shared' | 'private' | 'messages' | 'peer'

/** A thing under test, as all experiments name it: the same name is the same thing in evidence, charts and advice. */
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
