/**
 * What the library asks of the runtime it runs on. The `imports` of package.json choose one file of this folder as
 * `#platform` (node, deno, bun, browser, and browser for any other), so that nothing here depends on what a program or a test runner did to the
 * global `process`. A file that a browser may load imports no module of Node's.
 */

import type { WebThread } from './web-thread.js'
import type { BrowserWorker, WatchableWorker } from './workers.js'

/** Node's `node:async_hooks`, as far as the guard uses it. */
export interface AsyncHooks {
  AsyncLocalStorage: new () => unknown
  executionAsyncId(): number
  triggerAsyncId(): number
  executionAsyncResource(): object
}

export interface Platform {
  readonly name: 'node' | 'deno' | 'bun' | 'browser'
  /** This thread's number in its runtime plus one, or the made-up number of a `webThread`; 0 where it has none (yet). */
  threadNumber(): number
  /** What a worker inherits from the thread that creates it, as it is at that moment. Undefined in browsers. */
  readonly environment: { get(key: string): unknown; set(key: string, value: unknown): void } | undefined
  /**
   * Calls `listener` with each worker that this thread creates from now on: on Node and Deno inside the worker's constructor, before anyone
   * else can listen for its end, on Bun a tick later. Never calls it in a browser, where a worker's end is no event.
   */
  onNewWorker(listener: (worker: WatchableWorker) => void): void
  /** Set where threads are known to live by the Web Locks they hold: browsers and Deno. */
  readonly webThread: WebThread | undefined
  /** Whether `worker` is a web worker whose end this thread hears of without listening to it. */
  hearsOf(worker: unknown): worker is BrowserWorker
  /** How many threads the machine runs side by side; at least 1. */
  hardwareThreads(): number
  /** Whether this thread may sleep. The main thread of a page may not. */
  maySleep(): boolean
  /** Lets the program end although this timer runs. */
  unref(timer: unknown): void
  /** Undefined in browsers. */
  readonly asyncHooks: AsyncHooks | undefined
}
