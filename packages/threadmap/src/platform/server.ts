/** What Node, Deno and Bun have in common: Node's modules, which the caller hands in. */
import type { WatchableWorker } from '../types.js'
import type { AsyncHooks, Platform } from './platform.js'
import { hardwareConcurrency, lockManager, maySleep, unref } from './web.js'

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
  /** Bun announces workers nowhere else. */
  process?: { on(event: 'worker', listener: (worker: unknown) => void): unknown }
}

/** What a thread leaves for the workers that it creates. */
const PARENT = 'threadmap:parent'

export function serverPlatform(name: 'node' | 'deno' | 'bun', modules: NodeModules): Platform {
  const { threads, diagnostics, os, asyncHooks, process } = modules
  let parent: number | undefined

  function threadNumber(): number {
    // Deno says 0 in its web workers as well as in the main thread.
    if (name === 'deno' && threads.threadId === 0 && inWebWorker()) return 0
    return threads.threadId + 1
  }

  return {
    name,
    threadNumber,
    parentNumber() {
      if (parent === undefined) {
        const said = threads.getEnvironmentData(PARENT)
        parent = typeof said === 'number' ? said : 0
        threads.setEnvironmentData(PARENT, threadNumber())
      }
      return parent
    },
    onNewWorker(listener) {
      if (name === 'bun') process?.on('worker', worker => listener(withExit(worker as BunWorker)))
      else diagnostics.subscribe('worker_threads', message => listener((message as { worker: WatchableWorker }).worker))
    },
    // Node's and Bun's workers have an event for their end, which comes sooner.
    webLocks: name === 'deno' ? lockManager() : undefined,
    hardwareThreads: () => os.availableParallelism?.() || hardwareConcurrency(),
    maySleep,
    unref,
    asyncHooks,
  }
}

function inWebWorker(): boolean {
  const scope = (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope
  return typeof scope === 'function' && globalThis instanceof scope
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
