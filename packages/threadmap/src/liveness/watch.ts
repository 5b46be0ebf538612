/**
 * Who tells the maps that a thread has died.
 *
 * Node, Deno and Bun: a worker's 'exit' event, in the thread that created it. The platform announces each new worker, so
 * those made after the first map are watched without anybody's doing; `watch(worker)` is for older ones. Where there are Web
 * Locks (browsers, Deno), each thread holds one for as long as it lives, and the others ask for it: who gets it knows.
 */
import { platform } from '#platform'
import { DisposedError, OptionError } from '../errors.js'
import * as L from '../kernel/layout.generated.js'
import type { Session } from '../kernel/session.js'
import type { BrowserWorker, WatchableWorker } from '../types.js'
import { holdWebLock } from './web-locks.js'

/** This thread's open sessions; weakly, so that a map which nobody uses any more can be collected. */
const sessions = new Set<WeakRef<Session>>()
let listening = false

/** Watches for deaths on behalf of a session. */
export function keepWatch(session: Session): void {
  for (const ref of sessions) {
    const other = ref.deref()
    if (other === undefined || other.closed) sessions.delete(ref)
  }
  sessions.add(new WeakRef(session))
  if (!listening) {
    listening = true
    platform.onNewWorker(watchWorker)
  }
  holdWebLock(session)
}

const watched = new WeakSet<WatchableWorker>()

/** Recovers what the worker holds, in every map of this thread, when it exits. */
export function watchWorker(worker: WatchableWorker | BrowserWorker): void {
  if (platform.hearsOf(worker)) return
  if (typeof worker?.once !== 'function' || typeof worker.threadId !== 'number') {
    throw new OptionError(
      'watch() takes a Worker of node:worker_threads; elsewhere threads are watched by the Web Locks API, or waiters give up after lockTimeout',
    )
  }
  if (watched.has(worker)) return
  watched.add(worker)
  // The number is gone when the worker is.
  const thread = worker.threadId + 1
  worker.once('exit', () => {
    for (const ref of sessions) {
      const session = ref.deref()
      if (session === undefined || session.closed) sessions.delete(ref)
      else recoverThread(session, thread)
    }
  })
}

/** Recovers what a thread holds, and those that it created: they end with it, and nobody else hears of their end. */
function recoverThread(session: Session, thread: number): void {
  for (let owner = 1; owner <= L.SLOT_COUNT; owner++) {
    const living = session.threadOf(owner)
    if (living === 0) continue
    if (living === thread) session.recover(owner)
    else if (session.parentOf(owner) === thread) recoverThread(session, living)
  }
}

export function checkOpen(session: Session, what: string): void {
  if (session.closed)
    throw new DisposedError(`this ${what} was disposed in this thread; attach to its handle again to go on`)
}
