/** Turns the kernel's error codes into errors that state the event, the place, the limit and the next step. */

import * as L from '../bridge/layout.generated.js'
import { deathWords, ownerWords } from '../bridge/owner-words.js'
import type { Session } from '../bridge/session.js'
import * as Errors from '../errors/classes.js'

/** The error for a negative code of an operation of the map `name`. */
export function failureOf(session: Session, name: string, code: number): Error {
  switch (code) {
    case L.E_TIMEOUT:
      return timeout(session, name)
    case L.E_FULL: {
      const max = session.header(L.H_MAX_PAGES) * L.PAGE
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
