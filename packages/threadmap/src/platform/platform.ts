/**
 * The runtime, as the library uses it. The `imports` of package.json choose one file of this folder as `#platform` (node, deno, bun,
 * browser, and browser for any other runtime). So the choice does not depend on changes that a program or a test runner makes to the
 * global `process`. A file that a browser may load imports no module of Node's.
 */

import type { WebThread } from './web-thread.js'
import type { BrowserWorker, WatchableWorker } from './workers.js'

/** The parts of Node's `node:async_hooks` that the guard uses. */
export interface AsyncHooks {
  AsyncLocalStorage: new () => unknown
  executionAsyncId(): number
  triggerAsyncId(): number
  executionAsyncResource(): object
}

/** The parts of Node's `node:fs/promises` that dumps use. */
export interface FileSystem {
  open(path: string | URL, flags: string): Promise<FileHandle>
  realpath(path: string | URL): Promise<string>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
}

/** An open file of `node:fs/promises`. */
export interface FileHandle {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  write(buffer: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Platform {
  readonly name: 'node' | 'deno' | 'bun' | 'browser'
  /** This thread's number in its runtime plus one, or the made-up number of a `webThread`; 0 while the thread has none. */
  threadNumber(): number
  /** Data that a worker inherits, as a copy, from the thread that creates it. Undefined in browsers. */
  readonly environment: { get(key: string): unknown; set(key: string, value: unknown): void } | undefined
  /**
   * Calls `listener` with each worker that this thread creates from now on. Node and Deno call it inside the worker's constructor,
   * before any other code can listen for the worker's end; Bun calls it a tick later. Browsers never call it: there a worker's end is
   * no event.
   */
  onNewWorker(listener: (worker: WatchableWorker) => void): void
  /** Set in browsers and Deno, where a thread is known to live by the Web Lock that it holds. */
  readonly webThread: WebThread | undefined
  /** Whether `worker` is a web worker: this thread hears of its end by Web Locks, without listening to the worker. */
  hearsOf(worker: unknown): worker is BrowserWorker
  /** How many threads the machine runs at once; at least 1. */
  hardwareThreads(): number
  /** Whether this thread may sleep. The main thread of a page may not. */
  maySleep(): boolean
  /** Milliseconds on a clock that all threads of the process share, and that setting the wall clock does not move. */
  clock(): number
  /** Lets the program end although this timer runs. */
  unref(timer: unknown): void
  /** Undefined in browsers. */
  readonly asyncHooks: AsyncHooks | undefined
  /** Undefined in browsers. */
  readonly fileSystem: FileSystem | undefined
}
