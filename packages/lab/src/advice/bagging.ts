import { random } from '@threadmap/workbench/workload'
import { type CrossValidated, fit, type Grown, grow, leafFor, leavesOf, lossOf, without } from './cart.js'
import type { Case, Tried } from './cases.js'

/**
 * One tree that stands for many (bagging: Breiman, Bagging Predictors, 1996). A tree that is fitted once depends on which workloads
 * were drawn and on a hair in the pruning, so that two runs of equal figures may split differently. Here trees are fitted to samples
 * of the workloads, drawn with replacement; their forecasts of each workload are averaged, and one tree is fitted to the averages.
 */
export interface Bagged extends CrossValidated {
  /** The trees of the samples. */
  readonly forest: readonly Grown[]
}

const BAGS = 25
/** A split must save this share of the time of its workloads, or it is left out: the averages have small steps wherever some bag split. */
const LEAST_GAIN = 0.02

export function fitBagged(cases: readonly Case[], seed = 1): Bagged {
  const next = random(seed)
  const whole = fit(cases)
  const forest: Grown[] = []
  for (let bag = 0; bag < BAGS; bag++) {
    const drawn = Array.from({ length: cases.length }, () => cases[Math.floor(next() * cases.length)])
    forest.push(fit(drawn).tree)
  }
  const names = [...new Set(cases.flatMap(({ subjects }) => [...subjects.keys()]))]
  const averaged = cases.map(one => averagedCase(one, forest, names))
  const back = new Map(averaged.map((each, at) => [each, cases[at]]))
  return { ...whole, tree: measured(trimmed(grow(averaged)), back), forest }
}

/** The workload, with the mean of the trees' forecasts as the loss of each subject. */
function averagedCase(one: Case, trees: readonly Grown[], names: readonly string[]): Case {
  const subjects = new Map<string, Tried>()
  for (const name of names) {
    const own = one.subjects.get(name)
    if (own === undefined) continue
    const sum = trees.reduce((total, tree) => total + forecast(leafFor(tree, one), name), 0)
    subjects.set(name, { ...own, loss: sum / trees.length })
  }
  return { ...one, subjects }
}

function forecast({ cases }: Grown, name: string): number {
  return cases.reduce((sum, one) => sum + lossOf(one, name), 0) / cases.length
}

/** Without the splits that save too little, from the leaves up. */
function trimmed(tree: Grown): Grown {
  if (tree.split === undefined) return tree
  const split = { ...tree.split, low: trimmed(tree.split.low), high: trimmed(tree.split.high) }
  const rest = leavesOf({ ...tree, split }).reduce((sum, { cost }) => sum + cost, 0)
  return tree.cost - rest < LEAST_GAIN * tree.cases.length ? without(tree, tree) : { ...tree, split }
}

/** The share of the trees' choices for these workloads that `isNamed` accepts. */
export function agreement(
  forest: readonly Grown[],
  cases: readonly Case[],
  isNamed: (one: Case, choice: string) => boolean,
): number {
  const named = forest.flatMap(tree => cases.filter(one => isNamed(one, leafFor(tree, one).choice)))
  return named.length / (forest.length * cases.length)
}

/** The share of the trees that choose each subject for these workloads. */
export function votesOf(forest: readonly Grown[], cases: readonly Case[]): Map<string, number> {
  const votes = new Map<string, number>()
  const weight = 1 / (forest.length * cases.length)
  for (const one of cases) {
    for (const tree of forest) {
      const { choice } = leafFor(tree, one)
      votes.set(choice, (votes.get(choice) ?? 0) + weight)
    }
  }
  return votes
}

/** The same tree, with the measured workloads in place of the averaged ones. */
function measured(tree: Grown, back: ReadonlyMap<Case, Case>): Grown {
  const cases = tree.cases.map(each => back.get(each) as Case)
  const { split } = tree
  if (split === undefined) return { ...tree, cases }
  return { ...tree, cases, split: { ...split, low: measured(split.low, back), high: measured(split.high, back) } }
}
