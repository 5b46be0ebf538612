/** A service with shards, and callers that call it at a rate: what the governor's tests govern. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Governor, GovernorOptions, GovernorSnapshot, Transition } from '@threadmap/governor'

/** A tenth of a second for each look: the times of the tests are a fiftieth of the guide's. */
export const QUICK: GovernorOptions = {
  objective: { p99: 40 },
  shards: 8,
  shardOf: key => Number(key.split(':')[0]),
  timeScale: 0.02,
  detection: { minOperations: 20, ratio: 3 },
  degrade: { minOperations: 5, probes: 5 },
}

/** Calls `call` every `ms` milliseconds without waiting for it, until it is stopped. Errors are what the test is about, and are counted. */
export function load(ms: number, call: () => Promise<unknown>): { stop(): Promise<void>; errors: Map<string, number> } {
  const errors = new Map<string, number>()
  const open = new Set<Promise<void>>()
  const timer = setInterval(() => {
    const one: Promise<void> = call().then(
      () => {},
      (error: { code?: string; message: string }) => {
        const name = error.code ?? error.message
        errors.set(name, (errors.get(name) ?? 0) + 1)
      },
    )
    open.add(one)
    one.finally(() => open.delete(one))
  }, ms)
  return {
    errors,
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
    },
  }
}

/** Waits until the snapshot is as wanted. Fails after a minute, with the last snapshot's shards that are not normal. */
export async function until(
  governor: Governor,
  wanted: (snapshot: GovernorSnapshot) => boolean,
  what: string,
  ms = 60_000,
): Promise<GovernorSnapshot> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    const snapshot = governor.snapshot()
    if (wanted(snapshot)) return snapshot
    await sleep(20)
  }
  const { shards, transitions, topKeys } = governor.snapshot()
  throw new Error(
    `${what} did not happen: ${JSON.stringify({ shards: shards.filter(({ level, hot, shard }) => level > 0 || hot || shard < 3), transitions, topKeys }, null, 1)}`,
  )
}

export function stepsOf(transitions: readonly Transition[], shard: number): string {
  return transitions
    .filter(each => each.shard === shard)
    .map(({ from, to }) => `${from}>${to}`)
    .join(' ')
}
