/** Steps of a load as a target would give them, from the figures that a test is about. */
import type { ThreadTime } from '@threadmap/workbench/threads/time'
import type { PairStep } from '#mesh/load/pair-target.js'

export interface StepFigures {
  readonly clients?: number
  readonly offered?: number | null
  readonly throughput?: number
  readonly requests?: number
  readonly success?: number
  readonly p95?: number
  /** Processor time of both sidecars, in ms. */
  readonly sidecars?: { readonly client: number; readonly server: number }
  /** Share of a core that the generator had. */
  readonly generator?: number
}

export function pairStep({
  clients = 10,
  offered = 300,
  requests = 300,
  throughput = requests,
  success = 1,
  p95 = 2,
  sidecars = { client: 0, server: 0 },
  generator = 0.1,
}: StepFigures): PairStep {
  const time: ThreadTime = { active: generator, cpu: generator, collector: 0 }
  return {
    clients,
    offered,
    seconds: 1,
    throughput,
    slices: Array.from({ length: 5 }, () => ({ throughput, p50: p95 / 2, p95, p99: 2 * p95 })),
    latency: { mean: p95 / 2, p50: p95 / 2, p95, p99: 2 * p95, p999: 3 * p95 },
    requests,
    failures: { timedOut: 0, refused: 0, closed: Math.round(requests * (1 - success)), status: 0, other: 0 },
    success,
    waiting: 0,
    inProgress: 0,
    lateness: { p50: 0, p99: 1 },
    resources: { cores: 1, machine: 0.5, generators: [time], workers: [], sidecars },
  }
}
