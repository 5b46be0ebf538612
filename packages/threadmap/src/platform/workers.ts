/** The types of workers, with the members that the library uses. */

/** A `Worker` of `node:worker_threads` (or one that looks like it). */
export interface WatchableWorker {
  /** The number that the runtime gave the thread. */
  readonly threadId: number
  /** Calls `listener` when the worker has ended. */
  once(event: 'exit', listener: () => void): unknown
  /** Like `once`, before other listeners. Absent: `once` is used. */
  prependOnceListener?(event: 'exit', listener: () => void): unknown
  /** How busy the worker's event loop is. Absent where the runtime does not say. */
  readonly performance?: {
    /** What the event loop has done since the worker began. */
    eventLoopUtilization(): {
      /** Milliseconds in which the event loop had nothing to do. */
      readonly idle: number
    }
  }
}

/** A browser's `Worker`. Its end is no event; it is known by its Web Lock. */
export interface BrowserWorker {
  /** Sends a message to the worker. */
  postMessage(message: unknown): void
  /** Ends the worker. */
  terminate(): void
}
