/** The options of back-off, which maps and `Backoff` take, and their defaults. */

/** How a thread waits for a lock: it spins `initialDelay`, twice that, and so on, then sleeps until it is woken. */
export interface BackoffOptions {
  /** The first pause in nanoseconds (approximate: it is spun, not slept). Default 100. */
  initialDelay?: number
  /** How many pauses, each twice as long as the one before, until the thread sleeps. Default 6. */
  maxRetries?: number
}

export const BACKOFF_OPTIONS = ['initialDelay', 'maxRetries']

/**
 * 100 ns is about the time that another thread is inside a shard. After the last of six pauses, 3 microseconds, sleeping costs
 * less than spinning.
 */
export const DEFAULT_BACKOFF = { initialDelay: 100, maxRetries: 6 } as const
