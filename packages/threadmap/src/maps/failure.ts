/** Turns the kernel's error codes into errors that say what, where, the limit and the next step. */
import * as Errors from '../errors.js'
import * as L from '../bridge/layout.generated.js'
import type { Session } from '../bridge/session.js'
import { watchOf } from '../liveness/watch.js'
import { threadIdOf } from '../platform/web-thread.js'

/** The error for a negative code of an operation of the map `name`. */
export function failureOf(session: Session, name: string, code: number): Error {
  switch (code) {
    case L.E_TIMEOUT:
      return timeout(session, name)
    case L.E_FULL: {
      const max = session.header(L.H_MAX_PAGES) * 4096
      return new Errors.MapFullError(
        `the ${name} is full: maxBytes = ${max} is reached, with ${session.kernel.usedBytes()} bytes in use and ${session.kernel.shardTotal(L.D_HEAP + L.P_FREE_BYTES)} in free blocks of other sizes; ` +
          'nothing was changed. Delete entries, or create the map with a larger maxBytes. (A value that replaces another needs both copies for a moment.)',
      )
    }
    case L.E_WRITES:
      return new Errors.ConcurrentMapError('concurrent map writes')
    case L.E_READ_WRITE:
      return new Errors.ConcurrentMapError('concurrent map read and map write')
    case L.E_ITERATION_WRITE:
      return new Errors.ConcurrentMapError('concurrent map iteration and map write')
    case L.E_HOLDS:
      return new Errors.ThreadLimitError(
        `this thread holds ${L.HOLD_COUNT} locks for reading, which is the limit; release some`,
      )
    default:
      return new Errors.ThreadmapError('ERR_THREADMAP_INTERNAL', `unexpected code ${code} from the kernel of a ${name}`)
  }
}

function timeout(session: Session, name: string): Error {
  const words = session.scratch.u32
  const owner = words[(session.scratch.resultWord + L.R_DETAIL) >>> 2]
  const shard = words[(session.scratch.resultWord + L.R_ERROR_SHARD) >>> 2]
  const limit = session.header(L.H_LOCK_TIMEOUT)
  return new Errors.LockTimeoutError(
    `no lock on shard ${shard} of this ${name} within lockTimeout = ${limit} ms: ${ownerWords(session, owner)}. ` +
      `${deathWords(session, owner)}; if it is slow, raise lockTimeout`,
    owner,
    shard,
  )
}

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
