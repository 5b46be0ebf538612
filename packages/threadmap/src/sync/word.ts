/** Waits for a word of shared memory without blocking the thread. */

interface WaitAsync {
  waitAsync?(
    words: Int32Array,
    index: number,
    value: number,
    timeout: number,
  ): { async: false; value: string } | { async: true; value: Promise<string> }
}

/** How often the word is checked where `Atomics.waitAsync` is missing (Firefox before 145). */
const POLL_MS = 4

/**
 * Calls `then` when the word was notified (`woken`), holds another value, or `milliseconds` are over. Keeps no event loop alive:
 * the caller needs a timer of its own for that. The wait cannot be cancelled: a caller that no longer needs the wake-up passes it on.
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
    // Without waitAsync a notification cannot be noticed, so each check counts as one.
    setTimeout(then, Math.min(milliseconds, POLL_MS), true)
    return
  }
  const waiting = waitAsync(words, index, value | 0, milliseconds)
  if (waiting.async) waiting.value.then(outcome => then(outcome === 'ok'))
  else queueMicrotask(() => then(false))
}
