/** Rounds of real load, for tests of the statistics. */
import { HttpTarget } from '@threadmap/workbench/load/http-target'
import { LOOPBACK } from '#mesh/processes/ports.js'
import type { MeshRow } from '#mesh/rows/row.js'

export const QUANTILES = ['p50', 'p95', 'p99'] as const
export type Quantile = (typeof QUANTILES)[number]
/** The figures of one target, one per round. */
export type Rounds = Readonly<Record<Quantile, readonly number[]>>

export interface Recording {
  /** The port of each target; several may be the same. */
  readonly ports: readonly number[]
  readonly rounds: number
  readonly ms: number
  readonly rate: number
  readonly signal: AbortSignal
}

/** Sends requests to all targets in turns, as the experiment `latency` does, and keeps the quantiles of each round. */
export async function recorded({ ports, rounds, ms, rate, signal }: Recording): Promise<Rounds[]> {
  const targets: HttpTarget[] = []
  const all = ports.map(() => ({ p50: [] as number[], p95: [] as number[], p99: [] as number[] }))
  try {
    for (const port of ports) {
      targets.push(
        await HttpTarget.start({
          name: `port ${port}`,
          destinations: [{ origin: `http://${LOOPBACK}:${port}`, address: LOOPBACK, family: 4 }],
          requests: [{ method: 'GET', path: '/' }],
          generators: 1,
          signal,
        }),
      )
    }
    // The first round counts nowhere: connections are made and code is compiled.
    for (let round = -1; round < rounds; round++) {
      for (let turn = 0; turn < targets.length; turn++) {
        const at = (turn + round + 1) % targets.length
        const { latency } = await targets[at].step({ clients: 10, rate, warmUpMs: 0, ms, seed: round + 2 })
        if (round >= 0) for (const q of QUANTILES) all[at][q].push(latency[q])
      }
    }
    return all
  } finally {
    await Promise.all(targets.map(target => target.stop()))
  }
}

/** A measured row with these rounds. */
export function rowWith(subject: string, metric: string, values: readonly number[], unit = 'ms'): MeshRow {
  const sorted = [...values].sort((a, b) => a - b)
  return {
    subject,
    version: '1.0',
    metric,
    unit,
    value: sorted[Math.floor(sorted.length / 2)],
    values,
    interval: { low: sorted[Math.floor(sorted.length / 4)], high: sorted[Math.floor((sorted.length * 3) / 4)] },
    tag: 'measured',
    source: 'a test',
    date: '2026-11-27',
  }
}
