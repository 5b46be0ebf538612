/** How errors name the thread that holds a lock, and what to do about it. */
import { watchOf } from '../liveness/watch.js'
import { threadIdOf } from '../platform/web-thread.js'
import * as L from './layout.generated.js'
import type { Session } from './session.js'

/** What to do if the owner of a lock died and this thread did not know. */
export function deathWords(session: Session, owner: number): string {
  const unknown = 'If that thread died, watch() its worker where it was created so that its locks are recovered'
  if (owner === 0 || owner > L.SLOT_COUNT) return unknown
  switch (watchOf(session.nameOf(owner))) {
    case 'here':
      return 'It is a worker of this thread: if you terminate it, await worker.terminate() first, for this thread hears of the end when its event loop turns'
    case 'elsewhere':
      return 'If that thread is being terminated, await worker.terminate() first in the thread that created it'
    default:
      return unknown
  }
}

/** Who holds a lock, as far as can be told. */
export function ownerWords(session: Session, owner: number): string {
  if (owner === 0 || owner > L.SLOT_COUNT) return 'readers hold it'
  return `${threadWords(session, owner)} holds it`
}

/** The thread of a registry slot, by its slot plus one. */
export function threadWords(session: Session, owner: number): string {
  const threadId = threadIdOf(session.threadOf(owner))
  return `thread ${owner} (registry slot ${owner - 1}${threadId === undefined ? '' : `, threadId ${threadId}`})`
}
