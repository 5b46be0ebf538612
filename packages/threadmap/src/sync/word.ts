/** Waiting for a word of shared memory without blocking the thread. */

interface WaitAsync {
  waitAsync?(
    words: Int32Array,
    index: number,
    value: number,
    timeout: number,
  ): { async: false; value: string } | { async: true; value: Promise<string> }
}

/** Where `Atomics.waitAsync` is missing (Firefox before 145) the word is looked at this often. */
const POLL_MS = 4

/**
 * Calls `then` when the word was notified (`woken`), holds something else, or `milliseconds` are over. Keeps no event loop alive:
 * the caller needs a timer of its own for that. Cannot be called off: whoever no longer needs the wake-up has to pass it on.
 */
export function waitForWord(
  words: Int32Array,
  index: number,
  value: number,
  milliseconds: number,
  then: (woken: boolean) => void,
): void {
  const { waitAsync } = Atomics as WaitAsync
  if (typeof waitAsync !== 'function') {
    // It may have been notified.
    setTimeout(then, Math.min(milliseconds, POLL_MS), true)
    return
  }
  const waiting = waitAsync(words, index, value | 0, milliseconds)
  if (waiting.async) waiting.value.then(outcome => then(outcome === 'ok'))
  else queueMicrotask(() => then(false))
}
