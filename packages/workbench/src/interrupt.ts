import { InterruptedError } from './errors.js'

/** Milliseconds in which `work` may end in order after an interrupt. To end a thousand threads one by one takes minutes. */
const PATIENCE_MS = 5000

/**
 * Runs `work` with a signal that Ctrl-C (and SIGTERM) aborts with an `InterruptedError`. For a second Ctrl-C there is no listener
 * any more, so it ends the process at once. So does the first one if `work` has not ended `patienceMs` later.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const controller = new AbortController()
  let patience: NodeJS.Timeout | undefined
  const interrupt = (signal: NodeJS.Signals) => {
    controller.abort(new InterruptedError(signal))
    patience = setTimeout(() => {
      process.stderr.write(
        `error: interrupted: the workers did not end within ${patienceMs / 1000} s, so the process ends with them\n`,
      )
      // Without a listener the signal ends the process whatever its threads do; `process.exit` would wait for each of them.
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }, patienceMs)
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(patience)
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}
