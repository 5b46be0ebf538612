/** The platform of Node, Deno and Bun, made of Node's modules, which the caller passes. */

import type { AsyncHooks, FileSystem, Platform } from './platform.js'
import { clock, hardwareConcurrency, lockManager, looksLikeWebWorker, maySleep, unref } from './web.js'
import { WebThread } from './web-thread.js'
import type { BrowserWorker, WatchableWorker } from './workers.js'

export interface WorkerThreads {
  readonly threadId: number
  readonly isMainThread: boolean
  getEnvironmentData(key: string): unknown
  setEnvironmentData(key: string, value: unknown): void
}

export interface NodeModules {
  threads: WorkerThreads
  diagnostics: { subscribe(name: string, listener: (message: unknown) => void): void }
  os: { availableParallelism?(): number }
  asyncHooks: AsyncHooks
  files: FileSystem
  /** Bun announces workers by an event of `process` only. */
  process?: { on(event: 'worker', listener: (worker: unknown) => void): unknown }
}

export function serverPlatform(name: 'node' | 'deno' | 'bun', modules: NodeModules): Platform {
  const { threads, diagnostics, os, asyncHooks, files, process } = modules

  // Deno has no event that comes after a worker's end, and its web workers have no numbers, so Deno uses Web Locks.
  const locks = name === 'deno' ? lockManager() : undefined
  const webThread = locks && new WebThread(locks, { atOnce: true })

  function threadNumber(): number {
    if (webThread === undefined) return threads.threadId + 1
    void webThread.ask()
    return webThread.number
  }

  return {
    name,
    threadNumber,
    environment: {
      get: key => threads.getEnvironmentData(key),
      set: (key, value) => threads.setEnvironmentData(key, value),
    },
    onNewWorker(listener) {
      if (name === 'bun') process?.on('worker', worker => listener(withExit(worker as BunWorker)))
      else diagnostics.subscribe('worker_threads', message => listener((message as { worker: WatchableWorker }).worker))
    },
    webThread,
    hearsOf: (worker): worker is BrowserWorker => webThread !== undefined && looksLikeWebWorker(worker),
    hardwareThreads: () => os.availableParallelism?.() || hardwareConcurrency(),
    maySleep,
    clock: name === 'node' ? hrtimeClock() : clock,
    unref,
    asyncHooks,
    fileSystem: files,
  }
}

/**
 * In Node the zero of `hrtime` is the system's start, the same for all threads, and it takes 40 ns to read where `performance.now()` takes 47. Deno and Bun
 * count from each thread's own start.
 */
function hrtimeClock(): () => number {
  // Looking `process` up takes as long as `hrtime` saves.
  const { process } = globalThis as { process?: { hrtime?(): [number, number] } }
  return () => {
    const time = process?.hrtime?.()
    return time === undefined ? clock() : time[0] * 1e3 + time[1] / 1e6
  }
}

/** A `Worker` of `node:worker_threads` in Bun, or the global one, whose end is a `close` event. */
interface BunWorker extends Partial<WatchableWorker> {
  readonly threadId: number
  addEventListener?(event: 'close', listener: () => void, options: { once: true }): void
}

function withExit(worker: BunWorker): WatchableWorker {
  if (typeof worker.once === 'function') return worker as WatchableWorker
  return {
    threadId: worker.threadId,
    once: (_exit, listener) => worker.addEventListener?.('close', listener, { once: true }),
  }
}
