import { Histogram, type HistogramHandle } from 'threadmap/histogram'
import { FAILURE_KINDS, type FailureKind, type Failures, type Resources, type Slice, type Step } from './step.js'

/** Parts into which a step is cut: enough for quartiles. */
export const SLICES = 5

/** Milliseconds after which a request without an answer has failed. It is not sent again: a retry would hide the failure, and add load. */
export const TIME_OUT_MS = 5000

/** The counted part of a step, in times of the thread's own clock. */
export interface Window {
  readonly from: number
  readonly until: number
}

/** The counts of one thread during a step; structured-cloneable. */
export interface Counts {
  readonly seconds: number
  /** A histogram of latencies for each slice, by intended time. */
  readonly latencies: readonly HistogramHandle[]
  /** Successes of each slice, by the time of the answer. */
  readonly answered: readonly number[]
  readonly lateness: HistogramHandle
  readonly requests: number
  readonly failures: Failures
  readonly waitingMs: number
  readonly inProgressMs: number
}

/** Counts the requests of one thread. Requests whose intended time lies outside the window are sent, but not counted. */
export class Tally {
  readonly #window: Window
  readonly #latencies = Array.from({ length: SLICES }, () => new Histogram())
  readonly #answered = new Array<number>(SLICES).fill(0)
  readonly #lateness = new Histogram()
  readonly #failures = Object.fromEntries(FAILURE_KINDS.map(kind => [kind, 0])) as Record<FailureKind, number>
  #requests = 0
  #waitingMs = 0
  #inProgressMs = 0

  constructor(window: Window) {
    this.#window = window
  }

  succeeded(intended: number, sent: number, now: number): void {
    const answeredIn = this.#sliceOf(now)
    if (answeredIn >= 0) this.#answered[answeredIn]++
    this.#counted(intended, sent, now)?.record((now - intended) * 1e6)
  }

  failed(kind: FailureKind, intended: number, sent: number, now: number): void {
    const latencies = this.#counted(intended, sent, now)
    if (latencies === undefined) return
    this.#failures[kind]++
    if (kind === 'timedOut') latencies.record(Math.max(TIME_OUT_MS, now - intended) * 1e6)
  }

  /** Records the lateness of a request that had a free client. */
  late(intended: number, sent: number): void {
    if (this.#sliceOf(intended) >= 0) this.#lateness.record((sent - intended) * 1e6)
  }

  #counted(intended: number, sent: number, now: number): Histogram | undefined {
    const slice = this.#sliceOf(intended)
    if (slice < 0) return undefined
    this.#requests++
    this.#waitingMs += sent - intended
    this.#inProgressMs += now - sent
    return this.#latencies[slice]
  }

  #sliceOf(time: number): number {
    const { from, until } = this.#window
    if (time < from || time >= until) return -1
    return Math.min(SLICES - 1, Math.floor(((time - from) / (until - from)) * SLICES))
  }

  counts(): Counts {
    return {
      seconds: (this.#window.until - this.#window.from) / 1000,
      latencies: this.#latencies.map(({ handle }) => handle),
      answered: this.#answered,
      lateness: this.#lateness.handle,
      requests: this.#requests,
      failures: this.#failures,
      waitingMs: this.#waitingMs,
      inProgressMs: this.#inProgressMs,
    }
  }
}

/** The step that the counts of all threads make. By Little's law, the sum of waiting times divided by the duration is the mean queue. */
export function stepOf<R extends Resources>(
  { clients, offered, resources }: Pick<Step<R>, 'clients' | 'offered' | 'resources'>,
  threads: readonly Counts[],
): Step<R> {
  const seconds = threads[0].seconds
  const sum = (of: (counts: Counts) => number) => threads.reduce((total, counts) => total + of(counts), 0)
  const bySlice = Array.from({ length: SLICES }, (_, slice) =>
    Histogram.sum(threads.map(({ latencies }) => latencies[slice])),
  )
  const slices: Slice[] = bySlice.map((latencies, slice) => ({
    throughput: sum(({ answered }) => answered[slice]) / (seconds / SLICES),
    ...quantiles(latencies),
  }))
  const all = Histogram.sum(bySlice)
  const failures = Object.fromEntries(
    FAILURE_KINDS.map(kind => [kind, sum(counts => counts.failures[kind])]),
  ) as Record<FailureKind, number>
  const requests = sum(counts => counts.requests)
  const failed = FAILURE_KINDS.reduce((total, kind) => total + failures[kind], 0)
  const lateness = Histogram.sum(threads.map(counts => counts.lateness))
  return {
    clients,
    offered,
    seconds,
    throughput: slices.reduce((total, slice) => total + slice.throughput, 0) / SLICES,
    slices,
    latency: { mean: milliseconds(all.mean), ...quantiles(all), p999: milliseconds(all.percentile(99.9)) },
    requests,
    failures,
    success: requests === 0 ? 0 : (requests - failed) / requests,
    waiting: sum(({ waitingMs }) => waitingMs) / 1000 / seconds,
    inProgress: sum(({ inProgressMs }) => inProgressMs) / 1000 / seconds,
    lateness: { p50: milliseconds(lateness.percentile(50)), p99: milliseconds(lateness.percentile(99)) },
    resources,
  }
}

function quantiles(latencies: Histogram): Pick<Slice, 'p50' | 'p95' | 'p99'> {
  return {
    p50: milliseconds(latencies.percentile(50)),
    p95: milliseconds(latencies.percentile(95)),
    p99: milliseconds(latencies.percentile(99)),
  }
}

/** A percentile; 0 for a histogram without records, since the run document has no NaN. */
function milliseconds(nanoseconds: number): number {
  return Number.isNaN(nanoseconds) ? 0 : nanoseconds / 1e6
}
