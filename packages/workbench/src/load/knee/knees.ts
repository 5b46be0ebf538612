import type { Step } from '../step.js'
import { kneedle } from './kneedle.js'
import { fitUslWithInterval, type UslFit } from './usl.js'

/** The objective of the service. */
export interface Objective {
  /** Milliseconds that 95 of 100 requests may take at most. */
  readonly p95: number
  /** Share of the requests that have to succeed. */
  readonly success: number
}

/** Three answers to "up to how many clients?"; null: that knee was not reached. */
export interface Knees {
  /** The clients at which throughput peaks by the Universal Scalability Law, if the peak is within the steps. */
  readonly usl: number | null
  /** The last step before latency (its logarithm) bends upward. */
  readonly kneedle: number | null
  /** The last step that meets the objective while the next one does not; 0: no step meets it. */
  readonly objective: number | null
  readonly fit: UslFit | null
  /** P95 of the last step as a multiple of the first step's. */
  readonly rise: number
  /** Whether the knees that were reached lie on one step or on two neighbours. */
  readonly agree: boolean
  /**
   * The index of a step beyond the knee. The search begins at the first step that breaks the objective (otherwise at the first past
   * the bend of latency, otherwise past the peak of throughput) and takes the first step that answers less than was offered, if
   * there is one: a hiccup can break an objective, but only a full resource makes a backlog. Null: no knee was reached.
   */
  readonly beyond: number | null
}

/** Latency must grow by this factor from the bend to the last step; less is noise. */
const LEAST_RISE = 2

export function findKnees(steps: readonly Step[], objective: Objective, seed: number): Knees {
  const clients = steps.map(step => step.clients)
  const samples = steps.map(step => ({ n: step.clients, throughputs: step.slices.map(({ throughput }) => throughput) }))
  const fit = fitUslWithInterval(samples, seed) ?? null
  const last = clients[clients.length - 1]
  const usl = fit !== null && fit.peak !== null && fit.peak <= last ? fit.peak : null

  const logs = steps.map(({ latency }) => Math.log(Math.max(latency.p95, 1e-6)))
  const highest = logs[logs.length - 1]
  const found = kneedle(clients, logs, 'convex')
  const bend = found !== undefined && highest - logs[found] >= Math.log(LEAST_RISE) ? found : undefined

  const broken = steps.findIndex(step => !meets(step, objective))
  const kneeByObjective = broken < 0 ? null : broken === 0 ? 0 : clients[broken - 1]

  const pastPeak = usl === null ? -1 : clients.findIndex(n => n > usl)
  const past = broken >= 0 ? broken : bend !== undefined ? bend + 1 : pastPeak >= 0 ? pastPeak : null
  const short = past === null ? -1 : steps.findIndex((step, at) => at >= past && fallsShort(step))
  const beyond = short >= 0 ? short : past
  const kneeByBend = bend === undefined ? null : clients[bend]
  return {
    usl,
    kneedle: kneeByBend,
    objective: kneeByObjective,
    fit,
    rise: Math.exp(highest - logs[0]),
    agree: agree(clients, [usl, kneeByBend, kneeByObjective]),
    beyond,
  }
}

export function meets({ latency, success }: Step, objective: Objective): boolean {
  return latency.p95 <= objective.p95 && success >= objective.success
}

/** A step falls short if it answers less than this, given the random number of arrivals. */
const KEPT_UP = 0.9
const CHANCE = 3

function fallsShort({ throughput, offered, seconds }: Step): boolean {
  if (offered === null) return false
  const due = offered * seconds
  return throughput * seconds < KEPT_UP * due - CHANCE * Math.sqrt(due)
}

/** Whether all knees were reached or none, and the first and the last are at most one step apart. */
function agree(clients: readonly number[], knees: readonly (number | null)[]): boolean {
  const reached = knees.filter(knee => knee !== null)
  if (reached.length === 0) return true
  if (reached.length < knees.length) return false
  // A knee between two steps counts as the lower one.
  const at = reached.map(knee => clients.filter(n => n <= knee).length)
  return Math.max(...at) - Math.min(...at) <= 1
}

/**
 * `912/s (600 clients)`, `not reached`, in the order of the three. The requests per second come first: they are the property of the
 * target, while the number of clients that make them follows from the rate of a client.
 */
export function kneeTexts(
  { usl, kneedle: bend, objective, fit, rise }: Knees,
  ratePerClient: number,
): [string, string, string] {
  const round = (n: number | null | undefined) => (n === null || n === undefined ? 'none' : Math.round(n).toString())
  const rate = (clients: number) => `${round(clients * ratePerClient)}/s offered (${round(clients)} clients`
  const interval = fit === null ? '' : `; 90%: ${round(fit.interval.low)} to ${round(fit.interval.high)}`
  return [
    usl === null
      ? fit?.peak === null || fit === null
        ? 'not reached: the curve has no peak'
        : `not reached: the peak would be at ${rate(fit.peak)}${interval})`
      : `${rate(usl)}${interval})`,
    bend === null ? noBend(rise) : `${rate(bend)})`,
    objective === null
      ? 'not reached: the last step meets it'
      : objective === 0
        ? 'below the first step'
        : `${rate(objective)})`,
  ]
}

/** Latency may rise a hundredfold without a bend, by the same factor from step to step. */
function noBend(rise: number): string {
  return rise < LEAST_RISE
    ? `not reached: P95 grows by less than ${LEAST_RISE} times`
    : `no single bend: P95 grows ${rise >= 10 ? rise.toFixed(0) : rise.toFixed(1)} times over the steps, without one step at which it begins`
}
