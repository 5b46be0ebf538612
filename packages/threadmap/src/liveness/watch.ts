/**
 * Hears of the deaths of threads, and tells the memories of this thread in a fixed order. A thread listens as soon as it loads this file.
 * The file knows neither kernel nor maps, so that a worker which only forwards handles can load it alone (`threadmap/watch`).
 *
 * Node and Bun: the thread that created a worker hears of its end by the worker's 'exit' event. Workers that are created after this file
 * was loaded are watched without a call; `watch(worker)` is for older ones. A thread that hears of a death notes it in the table of
 * threads. All threads of the process find it there: at once if they wait for a lock of the dead thread, else within a second. The
 * order in each thread: the death is declared in all its memories, then all of them are recovered, then listeners run.
 *
 * In browsers and Deno each thread holds a Web Lock while it lives, and the other threads ask for that lock (web-locks.ts). The 'exit'
 * event of a worker in Deno does not count: it comes while the worker still runs.
 */
import { platform } from '#platform'
import { OptionError } from '../errors/classes.js'
import type { BrowserWorker, WatchableWorker } from '../platform/workers.js'
import { Lineage } from './lineage.js'
import { FIRST_RECORD, type RecordName } from './thread-table.js'

/** The argument of a listener of `onThreadDeath`. */
export interface ThreadDeath {
  /** The `threadId` that the dead thread had. Its number is not given to another thread. */
  readonly threadId: number
}

/** A memory in which this thread has a place. */
export interface WatchedMemory {
  /** Declares every thread dead that is known to have ended. Recovers nothing. */
  declareEnded(): void
  /** Recovers what the dead threads held. Where a living thread holds a lock that recovery needs, it is done a little later. */
  recoverDead(): void
  /** Gives up this thread's place if no map or lock of it uses the memory, and it need not watch the memory. */
  closeIfIdle(): void
}

/** The name of a registered thread: its number plus one, its record, and the identity of the table that has the record. */
export interface ThreadName {
  readonly thread: number
  readonly record: RecordName
  readonly table: number
}

interface KnownWorker {
  readonly worker: WatchableWorker
  readonly thread: number
  readonly record: RecordName
}

/** How often a thread looks for deaths that other threads have heard of, while its event loop turns. */
const LOOK_EVERY_MS = 1000
/** The number of a worker that has ended. */
const GONE = -1

const lineage = Lineage.enter()
const memories = new Set<WatchedMemory>()
const listeners = new Set<(death: ThreadDeath) => void>()
/** Workers of this thread that have not ended. */
const living = new Set<KnownWorker>()
const known = new WeakSet<WatchableWorker>()
/** Threads, by number plus one, that have no record and of whose end this thread has heard. */
const unlisted = new Set<number>()
/** Tables whose first thread has ended. All other threads of such a table descend from that thread, and have ended too. */
const endedTables = new Set<number>()
/** How many deaths of the table this thread has dealt with. */
let seen = lineage?.table.deaths ?? 0
let timer: unknown

platform.onNewWorker(worker => hear(worker, true))

/** The name under which this thread is registered. */
export function ownName(thread: number): ThreadName {
  return { thread, record: lineage?.record ?? 0, table: lineage?.table.identity ?? 0 }
}

/** From now on deaths are declared and recovered in this memory. */
export function keepWatch(memory: WatchedMemory): void {
  memories.add(memory)
  lookRegularly()
}

export function endWatch(memory: WatchedMemory): void {
  memories.delete(memory)
}

/**
 * Listens for the end of a worker that this thread created before it loaded the library; the library listens to later ones by itself.
 * Call it in the thread that created the worker. `OptionError` if the argument is no worker.
 */
export function watchWorker(worker: WatchableWorker | BrowserWorker): void {
  if (platform.hearsOf(worker)) return
  if (typeof worker?.once !== 'function' || typeof worker.threadId !== 'number') {
    throw new OptionError(
      'watch() takes a Worker of node:worker_threads; elsewhere threads are watched by the Web Locks API, or waiters give up after lockTimeout',
    )
  }
  hear(worker, false)
}

/**
 * Calls `listener` for each thread of this process that dies or ends, in the thread that calls this function. Before, the death is
 * declared in all maps and locks of this thread, and what the dead thread held there is recovered. So a listener can use the maps and
 * locks, and can give back what the program itself lent to the dead thread: leases, permits, work that was begun.
 *
 * When: for a worker of this thread, at its 'exit' event, before any listener of yours for that event (if the worker was
 * created after the library was loaded); for any other thread, within a second while this thread's event loop turns.
 * Threads that a dead thread had created end with it and are reported, too. Only threads that load the library (or
 * `threadmap/watch`), and workers of such threads, are known. Node and Bun; in browsers and Deno it is never called.
 *
 * An error that a listener throws is an uncaught exception; the other listeners run nevertheless. Returns a function that
 * removes the listener. The listener keeps no program alive.
 */
export function onThreadDeath(listener: (death: ThreadDeath) => void): () => void {
  if (typeof listener !== 'function') {
    throw new OptionError(`onThreadDeath() takes a function, and got ${typeof listener}`)
  }
  // A new function each time: a program can add one function twice, and remove each addition by itself.
  const added = (death: ThreadDeath) => listener(death)
  listeners.add(added)
  lookRegularly()
  return () => {
    listeners.delete(added)
  }
}

/** Whether it is known that a thread has ended. See `askWorkers`. */
export function hasEnded({ thread, record, table }: ThreadName): boolean {
  if (thread !== 0 && unlisted.has(thread)) {
    if (record === FIRST_RECORD && table !== lineage?.table.identity) endedTables.add(table)
    return true
  }
  if (table === 0) return false
  if (table === lineage?.table.identity) return lineage.table.hasEnded(record, thread)
  return endedTables.has(table)
}

/** How this thread would hear of the end of another one. */
export function watchOf(name: ThreadName): 'here' | 'elsewhere' | 'unknown' {
  for (const { thread } of living) if (thread === name.thread) return 'here'
  return name.table !== 0 && name.table === lineage?.table.identity ? 'elsewhere' : 'unknown'
}

/**
 * Whether this thread must go on watching a memory that none of its maps and locks uses. `others`: other threads have a place in the
 * memory. A worker without a record may still attach, and no other thread would recover what it leaves.
 */
export function mustListen(others: boolean): boolean {
  if (others) return living.size > 0
  for (const { record } of living) if (record === 0) return true
  return false
}

function hear(worker: WatchableWorker, isNew: boolean): void {
  if (known.has(worker) || platform.name === 'deno') return
  known.add(worker)
  // Node forgets the number when the worker ends.
  const thread = worker.threadId + 1
  const entry = { worker, thread, record: isNew ? (lineage?.recordOfNew(worker, thread) ?? 0) : 0 }
  living.add(entry)
  lookRegularly()
  // From its first answer on Node remembers when the worker's event loop began; without that it cannot tell the loop's end.
  if (worker.performance !== undefined) {
    const online = worker as unknown as { once(event: 'online', listener: () => void): unknown }
    online.once('online', () => worker.performance?.eventLoopUtilization())
  }
  const onExit = () => {
    if (living.has(entry)) look([entry])
  }
  // Listeners that the program added to an older worker before must find its locks recovered, too.
  if (worker.prependOnceListener !== undefined) worker.prependOnceListener('exit', onExit)
  else worker.once('exit', onExit)
}

/** Deals with the ends of workers of this thread, and with deaths that other threads have noted since the last call. */
function look(ended: readonly KnownWorker[]): void {
  const threads: number[] = []
  for (const entry of ended) {
    const { thread } = entry
    living.delete(entry)
    const record = entry.record !== 0 ? entry.record : (lineage?.table.find(thread) ?? 0)
    if (record !== 0) lineage?.table.end(record)
    else {
      unlisted.add(thread)
      threads.push(thread - 1)
    }
  }
  if (lineage !== undefined) {
    const noted = lineage.table.since(seen)
    seen = noted.deaths
    threads.push(...noted.threads)
  }
  const tables = endedTables.size
  for (const memory of memories) memory.declareEnded()
  // Declaring can find that the first thread of another table has ended: then all threads of that table have.
  if (endedTables.size > tables) for (const memory of memories) memory.declareEnded()
  for (const memory of memories) memory.recoverDead()
  for (const memory of memories) memory.closeIfIdle()
  for (const threadId of threads) for (const listener of [...listeners]) report(listener, { threadId })
}

function report(listener: (death: ThreadDeath) => void, death: ThreadDeath): void {
  try {
    listener(death)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** Notes the workers of this thread that no longer run code, although their 'exit' events have not come yet. */
export function askWorkers(): void {
  for (const { worker, record } of living) {
    // In Node the idle time is negative once the worker's environment is gone (decision 0009). Workers of the worker may still run.
    if (record !== 0 && worker.performance !== undefined && worker.performance.eventLoopUtilization().idle < 0) {
      lineage?.table.stop(record)
    }
  }
}

function lookRegularly(): void {
  if (lineage === undefined || timer !== undefined) return
  timer = setInterval(() => {
    // A program may have removed all listeners of a worker.
    const ended = [...living].filter(({ worker }) => worker.threadId === GONE)
    if (ended.length > 0 || lineage.table.deaths !== seen) look(ended)
    else for (const memory of memories) memory.closeIfIdle()
    if (memories.size > 0 || listeners.size > 0 || living.size > 0) return
    clearInterval(timer as number)
    timer = undefined
  }, LOOK_EVERY_MS)
  platform.unref(timer)
}
