/** A step load: closed loops that find the ceiling of a target's throughput, then an open loop of a higher rate at each step, past that ceiling. */
import type { Resources, Step } from '../step.js'
import type { Target } from '../target.js'

/** The load of the last step as a multiple of the ceiling: the knee then lies at two thirds of the clients. */
export const OVERLOAD = 1.5

/** Closed loops at most after the planned ones. */
const MOST_REPEATS = 6
/** The ceiling still rises if the last closed loop has beaten all before it by this share. */
const RISING = 0.05

export interface StepPlan {
  /** Clients of each closed loop; the best loop is the ceiling. */
  readonly closed: readonly number[]
  readonly closedMs: number
  /** Clients of each step of the open loop, ascending. */
  readonly clients: readonly number[]
  readonly ms: number
  readonly warmUpMs: number
  /** Requests per second of one client; undefined: so many that the last step offers `OVERLOAD` times the ceiling. */
  readonly ratePerClient: number | undefined
  readonly seed: number
  readonly signal: AbortSignal
  progress(share: number, doing: string): void
}

export interface Steps<R extends Resources> {
  readonly closed: readonly Step<R>[]
  readonly ratePerClient: number
  readonly steps: readonly Step<R>[]
}

export async function stepLoad<R extends Resources>(target: Target<R>, plan: StepPlan): Promise<Steps<R>> {
  const { clients, ms, warmUpMs, closedMs, seed, signal, progress } = plan
  const closed: Step<R>[] = []
  for (const n of plan.closed) {
    progress(0, `closed loop of ${n}`)
    closed.push(await target.step({ clients: n, rate: null, warmUpMs, ms: closedMs, seed }))
    signal.throwIfAborted()
  }
  // A server that has just started is still being compiled: the ceiling counts when it stops rising.
  for (let again = 0; again < MOST_REPEATS && plan.closed.length > 0 && isRising(closed); again++) {
    progress(0, 'closed loop, again')
    const most = plan.closed[plan.closed.length - 1]
    closed.push(await target.step({ clients: most, rate: null, warmUpMs, ms: closedMs, seed: seed + again }))
    signal.throwIfAborted()
  }
  const ratePerClient = plan.ratePerClient ?? (OVERLOAD * ceilingOf(closed)) / clients[clients.length - 1]
  const steps: Step<R>[] = []
  for (const [at, n] of clients.entries()) {
    progress(at / clients.length, `${n} clients`)
    steps.push(await target.step({ clients: n, rate: n * ratePerClient, warmUpMs, ms, seed: seed + at * 1000 }))
    signal.throwIfAborted()
  }
  return { closed, ratePerClient, steps }
}

/** The highest throughput of the closed loops, at least 1. */
export function ceilingOf(closed: readonly Step[]): number {
  return Math.max(1, ...closed.map(({ throughput }) => throughput))
}

/** Whether the last closed loop shows that the one before it was not yet the ceiling. */
function isRising(closed: readonly Step[]): boolean {
  const rates = closed.map(({ throughput }) => throughput)
  const last = rates[rates.length - 1]
  return closed.length < 2 || last > Math.max(...rates.slice(0, -1)) * (1 + RISING)
}
