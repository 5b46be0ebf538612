import { hiddenText, type Judged, judge, rateOf } from '@threadmap/workbench/blocks'
import { quantile } from '@threadmap/workbench/statistics'
import { AGAIN_NAME, PRIVATE, TWICE } from '@threadmap/workbench/subjects/subject'
import type { SubjectRounds } from './experiments/mix/measure.js'

/**
 * Which of several subjects to take when a measurement cannot tell them apart, in this order:
 * 1. the choice of the tree for that workload, if a run of the lab has one (`leaf`);
 * 2. what is simplest: for one thread a plain `Map`, then the map without locks;
 * 3. the least memory per entry: SyncMap is last of the maps, since it has values in blocks of their own and a second table;
 * 4. the best worst case: FastMap reads without a lock, in ShardedMap one shard waits, in RWMutexMap everything.
 * It must not depend on which of them was a nose ahead, so that each run says the same.
 */
const PREFERENCE = [PRIVATE.name, 'UnsafeMap', 'FastMap', 'ShardedMap', 'RWMutexMap', 'SyncMap'] as const

/** The name to prefer among names that tie; others than ours come last, in the order of the alphabet. */
export function preferred(names: readonly string[], leaf?: string): string {
  if (leaf !== undefined && names.includes(leaf)) return leaf
  return PREFERENCE.find(name => names.includes(name)) ?? [...names].sort()[0]
}

export interface Choice {
  readonly choice: SubjectRounds
  /** The one with the highest rate, by whatever margin. */
  readonly fastest: SubjectRounds
  /** Those that cannot be told from the fastest, without the choice, in the order of preference. */
  readonly tied: readonly SubjectRounds[]
  /** If several tie: the smallest difference that the comparison with each of them could have seen. */
  readonly visible: number | null
}

/** How the map that takes part twice differs from itself; undefined if it took part once only. */
export function controlOf(subjects: readonly SubjectRounds[]): Judged | undefined {
  const [once, again] = [TWICE, AGAIN_NAME].map(name => subjects.find(each => each.name === name))
  return once === undefined || again === undefined ? undefined : judge(once, again)
}

/** Half of the values of a normal distribution are within this many standard deviations of its middle. */
const MIDDLE_HALF = 0.6745
/** Fewer A/A pairs do not show the noise of a run. */
const LEAST_CONTROLS = 5
/** 99% of the values of a normal distribution are within this many standard deviations. */
const SURE = 2.576

/** How far the map that took part twice differs from itself over a run of many workloads: a standard deviation of logarithms that outliers do not set. */
export function noiseOf(workloads: readonly (readonly SubjectRounds[])[]): number {
  const logs = workloads.flatMap(subjects => {
    const control = controlOf(subjects)
    return control === undefined || !(control.ratio > 0) ? [] : [Math.abs(Math.log(control.ratio))]
  })
  return logs.length < LEAST_CONTROLS ? 0 : quantile(logs, 0.5) / MIDDLE_HALF
}

/**
 * Compares two subjects of a run. Where its A/A pair differs, a smaller difference is none; nor is one that the A/A pairs of all
 * workloads of the run (`runNoise`, of `noiseOf`) reach by chance.
 */
export function judgeBeside(control: Judged | undefined, a: SubjectRounds, b: SubjectRounds, runNoise = 0): Judged {
  const judged = judge(a, b)
  const own = control?.differs ? Math.abs(Math.log(control.ratio)) : 0
  const noise = Math.max(own, SURE * runNoise)
  if (noise === 0) return judged
  return {
    ...judged,
    differs: judged.differs && Math.abs(Math.log(judged.ratio)) > noise,
    visible: Math.max(judged.visible, Math.exp(noise)),
  }
}

/** The subject to take: the fastest, or of those that cannot be told from the fastest the preferred one. */
export function choose(all: readonly SubjectRounds[], leaf?: string, runNoise = 0): Choice {
  const control = controlOf(all)
  const subjects = all.filter(({ name }) => name !== AGAIN_NAME)
  const fastest = subjects.reduce((most, each) => (rateOf(each) > rateOf(most) ? each : most))
  const others = subjects.filter(each => each !== fastest)
  const equal = others.filter(other => !judgeBeside(control, fastest, other, runNoise).differs)
  let left = [fastest, ...equal]
  const order: SubjectRounds[] = []
  while (left.length > 0) {
    const name = preferred(
      left.map(each => each.name),
      leaf,
    )
    order.push(...left.filter(each => each.name === name))
    left = left.filter(each => each.name !== name)
  }
  const visible =
    equal.length === 0 ? null : Math.max(...equal.map(other => judgeBeside(control, fastest, other, runNoise).visible))
  return { choice: order[0], fastest, tied: order.slice(1), visible }
}

/** What a tie may claim, in a sentence. */
export function tieText(visible: number): string {
  const text = hiddenText(visible)
  return `${text[0].toUpperCase()}${text.slice(1)}.`
}
