import type { ThreadTime } from '../threads/time.js'

/** The figures of one step of a step load: plain data. `R` is the type of the resources in use. */
export interface Step<R extends Resources = Resources> {
  readonly clients: number
  /** Arrivals per second that were asked for; null in a closed loop, where each client sends as soon as it is answered. */
  readonly offered: number | null
  /** Duration of the counted part of the step. */
  readonly seconds: number
  /** Requests that succeeded, per second. */
  readonly throughput: number
  /** The figures of equal parts of the step, for the spread. */
  readonly slices: readonly Slice[]
  /** Milliseconds from the intended send time. A request that timed out counts with the time-out. */
  readonly latency: Latency
  /** Requests whose intended time lay in the counted part. */
  readonly requests: number
  readonly failures: Failures
  /** Share of the requests that succeeded, 0 to 1. */
  readonly success: number
  /** Requests that were due but waited for a free client, on average over time. */
  readonly waiting: number
  /** Requests that were sent and not yet answered, on average over time. */
  readonly inProgress: number
  /** Lateness, in ms, of requests that had a free client: the load generator's own share of the latency. */
  readonly lateness: { readonly p50: number; readonly p99: number }
  readonly resources: R
}

export interface Slice {
  readonly throughput: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface Latency {
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
}

/** The ways in which requests fail. A failed request is never sent again. */
export const FAILURE_KINDS = ['timedOut', 'refused', 'closed', 'status', 'other'] as const
export type FailureKind = (typeof FAILURE_KINDS)[number]
export type Failures = Readonly<Record<FailureKind, number>>

/** The resources in use during the step. Resources that cannot be seen (those of a foreign server, a missing counter) are left out. */
export interface Resources {
  /** Processor time of this process, in cores. */
  readonly cores: number
  /** Share of the machine's processor time that all programs used, 0 to 1. */
  readonly machine: number
  /** The threads that send the requests; none if the target is in this process. */
  readonly generators: readonly ThreadTime[]
  /** The threads that answer the requests; none for a foreign server. */
  readonly workers: readonly ThreadTime[]
}
