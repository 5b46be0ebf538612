/** How long a run takes, as its experiments say of themselves: for the progress, and so that no experiment makes a run longer than it may be. */
import { duration } from '@threadmap/workbench/progress'
import type { MeshExperiment } from '../experiments/experiment.js'

/** What a run may take with all subjects that package managers have, on a quiet machine of two cores, in s. */
export const LIMIT_S = { quick: 180, whole: 2400 } as const

/** Seconds to start a pair, or to stop it, in the mean over all subjects: Consul's agent takes ten. */
const AROUND_PAIR_S = 1.5

export interface PlanSettings {
  readonly quick: boolean
  readonly soakHours?: number
}

/** The seconds of each experiment; `count` says how many subjects take part in it. */
export function plannedSeconds(
  experiments: readonly MeshExperiment[],
  count: (experiment: MeshExperiment) => number,
  { quick, soakHours = 0 }: PlanSettings,
): readonly number[] {
  return experiments.map(experiment => experiment.seconds(count(experiment), quick, soakHours))
}

/** Seconds to start and to stop so many pairs. */
export function aroundSeconds(pairs: number): number {
  return pairs * AROUND_PAIR_S
}

/** The experiments that run if none is named: `--quick` leaves the long ones out, and a soak needs its hours. */
export function usualExperiments(
  experiments: readonly MeshExperiment[],
  { quick, soakHours = 0 }: PlanSettings,
): readonly MeshExperiment[] {
  return experiments.filter(({ name, isLong }) => (name === 'soak' ? soakHours > 0 : !quick || isLong !== true))
}

/** What is left of a plan, in words. */
export class Forecast {
  readonly #planned: readonly number[]

  constructor(planned: readonly number[]) {
    this.#planned = planned
  }

  /** With `done` experiments done, and `share` of the next: `about 2 min 5 s left`. */
  remaining(done: number, share: number): string {
    const whole = this.#planned.slice(done).reduce((sum, value) => sum + value, 0)
    const left = whole - share * (this.#planned[done] ?? 0)
    return left <= 0 ? 'nothing left' : `about ${duration(left)} left`
  }
}
