import { InterruptedError } from './errors.js'

/**
 * Runs `work` with a signal that Ctrl-C (and SIGTERM) aborts with an `InterruptedError`. For a second Ctrl-C there is no listener
 * any more, so it ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const interrupt = (signal: NodeJS.Signals) => controller.abort(new InterruptedError(signal))
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}
