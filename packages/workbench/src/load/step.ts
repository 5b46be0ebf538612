import type { ThreadTime } from '../threads/time.js'

/** What one step of a step load measured: plain data. `R` is what is known of the resources in use meanwhile. */
export interface Step<R extends Resources = Resources> {
  readonly clients: number
  /** Arrivals per second that were asked for; null in a closed loop, where each client sends as soon as it is answered. */
  readonly offered: number | null
  /** The counted part of the step. */
  readonly seconds: number
  /** Requests that succeeded, per second. */
  readonly throughput: number
  /** The step cut into equal parts, so that there is a spread. */
  readonly slices: readonly Slice[]
  /** Milliseconds from the intended send time. A time-out is in it with the time after which it was given up. */
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
  /** How late requests left that had a free client: the load generator's own share of the latency. */
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

/** How requests failed. None is ever sent again. */
export const FAILURE_KINDS = ['timedOut', 'refused', 'closed', 'status', 'other'] as const
export type FailureKind = (typeof FAILURE_KINDS)[number]
export type Failures = Readonly<Record<FailureKind, number>>

/** What was in use meanwhile. What cannot be seen (a foreign server's inside, a system without the counter) is left out. */
export interface Resources {
  /** Processor time of this process, in cores. */
  readonly cores: number
  /** Share of the machine's processor time that anybody used, 0 to 1. */
  readonly machine: number
  /** The threads that send the requests; none where what is under load is in the process. */
  readonly generators: readonly ThreadTime[]
  /** The threads that answer them; none for a foreign server. */
  readonly workers: readonly ThreadTime[]
}
