/** Liveness by the Web Locks API: each thread holds a lock while it lives (platform/web-thread.ts), and the other threads ask for it. */
import { platform } from '#platform'
import { AttachError } from '../errors/classes.js'
import { FIRST_MADE_UP, lockName, type WebThread } from '../platform/web-thread.js'

/** How often a thread looks for new threads to watch, while its event loop turns. */
const LOOK_EVERY_MS = 200

/** A memory in which this thread has a place. Threads are named by their numbers plus one, as the memory's registry has them. */
export interface LockedMemory {
  /** Whether this thread has given its place up. */
  readonly closed: boolean
  /** Names this thread in the registry, now that it holds its lock. */
  markWebLock(thread: number): void
  /** The living threads. */
  threads(): readonly number[]
  /** Declares a thread dead that has ended. Recovers nothing. */
  declareThread(thread: number): void
  /** Recovers what the dead threads held. */
  recoverDead(): void
}

/** The memories of this thread. The references are weak, so that a map which the program has dropped can be collected. */
const memories = new Set<WeakRef<LockedMemory>>()
/** The threads whose locks this thread has asked for and not got. */
const asked = new Set<number>()
let timer: unknown

/** Names this thread in the memory as soon as it holds its lock, and watches the memory's other threads. */
export function holdWebLock(memory: LockedMemory): void {
  const thread = platform.webThread
  if (thread === undefined) return
  const ref = new WeakRef(memory)
  void thread.ask()
  thread.whenNumbered(number => ref.deref()?.markWebLock(number))
  memories.add(ref)
  if (timer !== undefined) return
  timer = setInterval(() => look(thread), LOOK_EVERY_MS)
  platform.unref(timer)
}

/**
 * Resolves as soon as this thread may attach to maps and hand out handles. That is at once, except in a worker of a page whose Web Lock is
 * not granted yet: by that lock the other threads will hear of the worker's end. Messages to the worker are held back until then, so
 * only code that runs before the first message, or right after `await import('threadmap')`, has to wait. Never rejects.
 */
export async function ready(): Promise<void> {
  if (platform.webThread?.isUnheard) await platform.webThread.settled
}

/** `AttachError` if the other threads could not hear of this thread's end now. `what` names the call, as in "FastMap.attach()". */
export function checkReady(what: string): void {
  if (!platform.webThread?.isUnheard) return
  throw new AttachError(
    `${what}: this worker has no Web Lock yet, so nobody would notice if it were terminated now. ` +
      "`await ready()` (from 'threadmap') before, or do it when the first message arrives",
  )
}

function open(): LockedMemory[] {
  const found: LockedMemory[] = []
  for (const ref of memories) {
    const memory = ref.deref()
    if (memory === undefined || memory.closed) memories.delete(ref)
    else found.push(memory)
  }
  return found
}

function look(thread: WebThread): void {
  const all = open()
  if (all.length === 0) {
    clearInterval(timer as number)
    timer = undefined
  }
  for (const memory of all) {
    for (const number of memory.threads()) {
      if (number < FIRST_MADE_UP || number === thread.number || asked.has(number)) continue
      asked.add(number)
      // The thread held its lock before it wrote the number, so the browser grants the lock to this thread only after that thread's end.
      thread.locks
        .request(lockName(number), {}, () => recoverThread(number))
        .catch(() => {})
        .finally(() => asked.delete(number))
    }
  }
}

/** Declares a thread dead in every memory of this thread, and then recovers what it held there. */
function recoverThread(number: number): void {
  const all = open()
  for (const memory of all) memory.declareThread(number)
  for (const memory of all) memory.recoverDead()
}
