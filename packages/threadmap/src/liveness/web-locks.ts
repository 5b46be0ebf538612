/** Liveness by the Web Locks API: the browser (or Deno) releases a thread's locks when the thread ends, however it ends. */
import { platform } from '#platform'
import * as L from '../kernel/layout.generated.js'
import { type Session, slotAddress } from '../kernel/session.js'
import type { LockManager } from '../platform/platform.js'

/** How often a thread looks for new threads to watch. It only does so while its event loop turns. */
const LOOK_EVERY_MS = 200

function nameOf(session: Session, owner: number, incarnation: number): string {
  return `threadmap:${session.header(L.H_SEED)}:${session.header(L.H_SEED + 4)}:${session.header(L.H_IDENTITY)}:${owner}:${incarnation}`
}

/** Holds this thread's lock till the session is closed, and watches the other threads' locks. */
export function holdWebLock(session: Session): void {
  const locks = platform.webLocks
  if (locks === undefined) return
  const incarnation = incarnationAt(session, session.owner)
  const ref = new WeakRef(session)
  let release: (() => void) | undefined
  locks
    .request(nameOf(session, session.owner, incarnation), () => {
      // Only now may others ask for it: who asked before would get it at once.
      session.kernel.markWebLock()
      return new Promise<void>(resolve => {
        release = resolve
      })
    })
    .catch(() => {})
  const seen = new Set<string>()
  const timer = setInterval(() => {
    const current = ref.deref()
    if (current === undefined || current.closed) {
      clearInterval(timer)
      release?.()
      return
    }
    watchOthers(current, locks, seen)
  }, LOOK_EVERY_MS)
  platform.unref(timer)
}

function watchOthers(session: Session, locks: LockManager, seen: Set<string>): void {
  const words = session.scratch.i32
  for (let owner = 1; owner <= L.SLOT_COUNT; owner++) {
    if (owner === session.owner) continue
    if ((Atomics.load(words, slotAddress(owner, L.S_STATE) >>> 2) & L.STATE_MASK) !== L.SLOT_ALIVE) continue
    if (Atomics.load(words, slotAddress(owner, L.S_WEB_LOCK) >>> 2) === 0) continue
    const incarnation = incarnationAt(session, owner)
    const name = nameOf(session, owner, incarnation)
    if (seen.has(name)) continue
    seen.add(name)
    const ref = new WeakRef(session)
    locks
      .request(name, () => {
        const current = ref.deref()
        // A slot that was given back in order, or taken anew since, is no death.
        if (current !== undefined && !current.closed && incarnationAt(current, owner) === incarnation)
          current.recover(owner)
      })
      .catch(() => {})
  }
}

function incarnationAt(session: Session, owner: number): number {
  return Atomics.load(session.scratch.i32, slotAddress(owner, L.S_INCARNATION) >>> 2)
}
