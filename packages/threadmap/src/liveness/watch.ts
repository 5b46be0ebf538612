/**
 * Who tells the maps that a thread has died, and in which order. What loads this file listens: it knows of no kernel and no
 * map, so that a worker which only forwards handles can load it alone (`threadmap/watch`).
 *
 * Node and Bun: the thread that created a worker hears of its end by the worker's 'exit' event. Workers that are created
 * after this file was loaded are known without anybody's doing, `watch(worker)` is for older ones. What one thread hears
 * stands in the table of threads, where all threads of the process find it: at once if they wait for what the dead one
 * holds, else within a second. The order in each thread: the death is declared in all its memories, then all of them
 * are recovered, then listeners run.
 *
 * Where there are Web Locks (browsers, Deno), each thread holds one for as long as it lives, and the others ask for it
 * (web-locks.ts). An 'exit' event of Deno's does not count: it comes while the worker still runs.
 */
import { platform } from '#platform'
import { OptionError } from '../errors/classes.js'
import type { BrowserWorker, WatchableWorker } from '../platform/workers.js'
import { Lineage } from './lineage.js'
import { FIRST_RECORD, type RecordName } from './thread-table.js'

/** What `onThreadDeath` tells. */
export interface ThreadDeath {
  /** The `threadId` that the dead thread had. Its number is not given to another thread. */
  readonly threadId: number
}

/** A memory in which this thread has a place. */
export interface WatchedMemory {
  /** Declares every thread dead of which it is known that it has ended. Recovers nothing. */
  declareEnded(): void
  /** Recovers what the dead held; what is not to be had now, a little later. */
  recoverDead(): void
  /** Gives up this thread's place if nobody here uses the memory, and nothing obliges this thread to. */
  closeIfIdle(): void
}

/** How a registered thread is named: by its number plus one, its record, and the table that the record stands in. */
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

/** How often a thread looks for deaths that others have heard of. It does so while its event loop turns. */
const LOOK_EVERY_MS = 1000
/** The number of a worker that has ended. */
const GONE = -1

const lineage = Lineage.enter()
const memories = new Set<WatchedMemory>()
const listeners = new Set<(death: ThreadDeath) => void>()
/** Workers of this thread that have not ended. */
const living = new Set<KnownWorker>()
const known = new WeakSet<WatchableWorker>()
/** Threads, by number plus one, whose end was heard here and that the table does not know. */
const unlisted = new Set<number>()
/** Tables whose first thread has ended: all threads in them descend from it. */
const endedTables = new Set<number>()
/** Deaths in the table that this thread has seen to. */
let seen = lineage?.table.deaths ?? 0
let timer: unknown

platform.onNewWorker(worker => hear(worker, true))

/** This thread, as it is to be registered. */
export function ownName(thread: number): ThreadName {
  return { thread, record: lineage?.record ?? 0, table: lineage?.table.identity ?? 0 }
}

/** Declares and recovers deaths in this memory from now on. */
export function keepWatch(memory: WatchedMemory): void {
  memories.add(memory)
  lookRegularly()
}

export function endWatch(memory: WatchedMemory): void {
  memories.delete(memory)
}

/**
 * Hears of this worker's end, as this thread does anyway of every worker that it creates after the library was loaded. It must be
 * called in the thread that created the worker. `OptionError` for what is no worker.
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
 * Calls `listener` for each thread of this process that dies or ends, in the thread that calls this function, once the death is
 * declared in all maps and locks that this thread has, and what the dead one held there is recovered. So a listener
 * can use them, and can give back what is its own affair: leases, permits, work that was begun.
 *
 * When: for a worker of this thread, at its 'exit' event, before any listener of yours for that event (if the worker was
 * created after the library was loaded); for any other thread, within a second while this thread's event loop turns.
 * Threads that a dead thread had created end with it and are reported, too. Only threads that load the library (or
 * `threadmap/watch`), and workers of such threads, are known. Node and Bun; in browsers and Deno it is never called.
 *
 * An error that a listener throws is an uncaught exception; the other listeners run all the same. Returns a function that
 * removes the listener. The listener keeps no program alive.
 */
export function onThreadDeath(listener: (death: ThreadDeath) => void): () => void {
  if (typeof listener !== 'function') {
    throw new OptionError(`onThreadDeath() takes a function, and got ${typeof listener}`)
  }
  // One of its own: the same function can be added twice, and each time be removed by itself.
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

/** How this thread hears of the end of another. */
export function watchOf(name: ThreadName): 'here' | 'elsewhere' | 'unknown' {
  for (const { thread } of living) if (thread === name.thread) return 'here'
  return name.table !== 0 && name.table === lineage?.table.identity ? 'elsewhere' : 'unknown'
}

/**
 * Whether a memory that nobody uses here any more must stay watched by this thread. `others`: other threads have a place
 * in it. A worker that the table does not know may come later, and nobody else would recover what it leaves.
 */
export function mustListen(others: boolean): boolean {
  if (others) return living.size > 0
  for (const { record } of living) if (record === 0) return true
  return false
}

function hear(worker: WatchableWorker, isNew: boolean): void {
  if (known.has(worker) || platform.name === 'deno') return
  known.add(worker)
  // The number is gone when the worker is.
  const thread = worker.threadId + 1
  const entry = { worker, thread, record: isNew ? (lineage?.recordOfNew(worker, thread) ?? 0) : 0 }
  living.add(entry)
  lookRegularly()
  // Node remembers from its first answer on when the worker's event loop began, and can't tell its end without that.
  if (worker.performance !== undefined) {
    const online = worker as unknown as { once(event: 'online', listener: () => void): unknown }
    online.once('online', () => worker.performance?.eventLoopUtilization())
  }
  const onExit = () => {
    if (living.has(entry)) look([entry])
  }
  // Who listened to an older worker already must find its locks recovered, too.
  if (worker.prependOnceListener !== undefined) worker.prependOnceListener('exit', onExit)
  else worker.once('exit', onExit)
}

/** Sees to the ends of workers of this thread, and to the deaths that other threads have heard of since the last time. */
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
  // A thread that began a table of its own has ended: then so have all threads in that table.
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

/** Notes which workers of this thread run no code any more, although their 'exit' events have not come. */
export function askWorkers(): void {
  for (const { worker, record } of living) {
    // In Node this is less than nothing once the worker's environment is gone (decision 0009). Workers of its own may still run.
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
