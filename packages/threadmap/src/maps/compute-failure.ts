/** The errors of `getOrInsertComputed` about computations: each names the keys and the threads. */

import * as L from '../bridge/layout.generated.js'
import { threadWords, unheardWords } from '../bridge/owner-words.js'
import type { Session } from '../bridge/session.js'
import type { KeyCodec } from '../codec/codec.js'
import {
  ComputeDeadlockError,
  ComputeTimeoutError,
  LockTimeoutError,
  RecursiveComputeError,
} from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { failureOf } from './failure.js'

/** The error for a negative code of `beginClaim` for `key`. */
export function computeFailureOf<K>(session: Session, name: string, code: number, key: K, codec: KeyCodec<K>): Error {
  const { u32, resultWord } = session.scratch
  const owner = u32[(resultWord + L.R_DETAIL) >>> 2]
  switch (code) {
    case L.E_RECURSIVE:
      return new RecursiveComputeError(
        `getOrInsertComputed was called for the key ${quote(key)} from within the function that computes this key; return the value instead`,
      )
    case L.E_COMPUTE_TIMEOUT:
      return new ComputeTimeoutError(
        `the key ${quote(key)} of this ${name} is being computed by ${threadWords(session, owner)}, which did not end within computeTimeout = ${session.header(L.H_COMPUTE_TIMEOUT)} ms. ` +
          `Make its function faster or raise computeTimeout; if that thread died, ${unheardWords(session, owner)}`,
        key,
        owner,
      )
    case L.E_DEADLOCK: {
      // The claim can be in a page that is younger than this thread's views.
      session.scratch.refresh()
      const held = codec.read(
        session.scratch,
        u32[(resultWord + L.R_HELD_KEY) >>> 2],
        u32[(resultWord + L.R_HELD_META) >>> 2],
      )
      return new ComputeDeadlockError(
        `this thread computes the key ${quote(held)} of this ${name} and asks for ${quote(key)}, which ${threadWords(session, owner)} computes; ` +
          `that thread waits for ${quote(held)}, itself or through others: none of them could go on. Nothing was computed; let keys depend on one another in one direction only`,
        held,
        key,
        owner,
      )
    }
    case L.E_TIMEOUT:
      return new LockTimeoutError(
        `no lock on the list of computations of this ${name} within lockTimeout = ${session.header(L.H_LOCK_TIMEOUT)} ms: ${threadWords(session, owner)} holds it. ` +
          `If that thread died, ${unheardWords(session, owner)}`,
        owner,
        -1,
      )
    default:
      return failureOf(session, name, code)
  }
}
