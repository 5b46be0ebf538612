/** The parts of error messages that name the thread which holds a lock, and say what to do about it. */
import { platform } from '#platform'
import { watchOf } from '../liveness/watch.js'
import { FIRST_MADE_UP, threadIdOf } from '../platform/web-thread.js'
import * as L from './layout.generated.js'
import type { Session } from './session.js'

/** What to do if the owner of a lock died and this thread did not hear of it. `owner` is a registry slot plus one, or 0 for readers. */
export function deathWords(session: Session, owner: number): string {
  if (owner === 0 || owner > L.SLOT_COUNT) return `If one of them died, ${unheardWords(session, owner)}`
  switch (watchOf(session.nameOf(owner))) {
    case 'here':
      return 'It is a worker of this thread: if you terminate it, await worker.terminate() first, for this thread hears of the end when its event loop turns'
    case 'elsewhere':
      return 'If that thread is being terminated, await worker.terminate() first in the thread that created it'
    default:
      return `If that thread died, ${unheardWords(session, owner)}`
  }
}

/**
 * The next step after "if that thread died", for an owner that no thread is known to watch. In Node and Bun that is `watch()`;
 * in browsers and Deno, where `watch()` does nothing, the owner's Web Lock tells of its death, if it has one.
 */
export function unheardWords(session: Session, owner: number): string {
  if (platform.name === 'node' || platform.name === 'bun') {
    return 'watch() its worker where it was created so that its locks and computations are recovered'
  }
  const isOne = owner > 0 && owner <= L.SLOT_COUNT
  // A thread makes its number up only where it holds a Web Lock of that name.
  const number = isOne ? session.threadOf(owner) : platform.threadNumber()
  if (number < FIRST_MADE_UP) {
    return 'nobody hears of it where threads can hold no Web Locks (an opaque origin, or blocked storage): create the map or lock anew there'
  }
  const late = platform.name === 'browser' ? ', in Chromium up to 2 s after terminate()' : ''
  return `let the event loop turn and try again: this thread hears of the death then${late}`
}

/** Says which thread holds a lock, as far as the lock's word tells. */
export function ownerWords(session: Session, owner: number): string {
  if (owner === 0 || owner > L.SLOT_COUNT) return 'readers hold it'
  return `${threadWords(session, owner)} holds it`
}

/** The thread of a registry slot, by its slot plus one. */
export function threadWords(session: Session, owner: number): string {
  const threadId = threadIdOf(session.threadOf(owner))
  return `thread ${owner} (registry slot ${owner - 1}${threadId === undefined ? '' : `, threadId ${threadId}`})`
}
