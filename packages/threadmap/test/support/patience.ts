/**
 * Milliseconds after which an event counts as not happening. Tests wait for events, which take milliseconds each; the rest is for a
 * machine that runs ten other programs. A hang costs this time once, and its error names the event.
 */
export const PATIENCE = 120_000

/** Polls until `condition` holds; rejects with `what` after PATIENCE, or when `signal` is aborted. */
export async function until(
  condition: () => boolean,
  what: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  const end = performance.now() + PATIENCE
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${PATIENCE} ms`)
    if (signal?.aborted) throw signal.reason
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/**
 * Runs `attempt` until it returns true, and at least `least` times: for events that only chance brings about, such as two threads that
 * meet. Rejects with `what` after PATIENCE.
 */
export async function untilSeen(
  attempt: (round: number) => Promise<boolean> | boolean,
  what: string,
  least = 1,
): Promise<void> {
  const end = performance.now() + PATIENCE
  let seen = false
  for (let round = 0; round < least || !seen; round++) {
    if (await attempt(round)) seen = true
    if (!seen && round >= least && performance.now() > end) {
      throw new Error(`${what}: not in ${round + 1} attempts within ${PATIENCE} ms`)
    }
  }
}
