import type { Case } from './cases.js'
import { FACTORS, type FactorName, factor } from './factors.js'

/**
 * Classification trees after Breiman, Friedman, Olshen and Stone (CART, 1984): grown greedily, pruned by the weakest
 * link, with the amount of pruning chosen by cross-validation. The cost of a leaf is not the number of workloads that it gets wrong
 * but the time that its choice loses there: a second best by a hair is no fault.
 *
 * Everything is deterministic: equal gains are settled by the order of factors and thresholds.
 */
export interface Grown {
  readonly cases: readonly Case[]
  /** The subject that loses least over these cases. */
  readonly choice: string
  /** The sum of the losses of the choice. */
  readonly cost: number
  readonly split?: Split
}

export interface Split {
  readonly factor: FactorName
  /** Workloads whose factor is at most this value go to `low`. */
  readonly threshold: number
  readonly low: Grown
  readonly high: Grown
}

/** Workloads in a leaf at least: a leaf of one workload would only repeat its measurement. */
const LEAST_LEAF = 2
/** Levels of the tree at most: a reader does not remember a longer chain of conditions, and a sample of tens of workloads does not support one. */
const DEEPEST = 5
/** The loss of a choice that cannot serve a workload (a plain `Map` for several threads): as if it were a hundred times slower. */
const CANNOT_SERVE = Math.log(100)
const FOLDS = 10

/** What choosing the subject loses. */
export function lossOf(one: Case, subject: string): number {
  return one.subjects.get(subject)?.loss ?? CANNOT_SERVE
}

export function grow(cases: readonly Case[], depth = 0): Grown {
  const leaf = leafOf(cases)
  if (depth === DEEPEST || leaf.cost === 0 || cases.length < 2 * LEAST_LEAF) return leaf
  let best: { factor: FactorName; threshold: number; low: Case[]; high: Case[]; cost: number } | undefined
  for (const { name, of, between } of FACTORS) {
    const levels = [...new Set(cases.map(({ workload }) => of(workload)))].sort((a, b) => a - b)
    for (let i = 1; i < levels.length; i++) {
      const threshold = between(levels[i - 1], levels[i])
      const low = cases.filter(({ workload }) => of(workload) <= threshold)
      const high = cases.filter(({ workload }) => of(workload) > threshold)
      if (low.length < LEAST_LEAF || high.length < LEAST_LEAF) continue
      const cost = leafOf(low).cost + leafOf(high).cost
      if (cost < (best?.cost ?? leaf.cost) - 1e-9) best = { factor: name, threshold, low, high, cost }
    }
  }
  if (best === undefined) return leaf
  return {
    ...leaf,
    split: {
      factor: best.factor,
      threshold: best.threshold,
      low: grow(best.low, depth + 1),
      high: grow(best.high, depth + 1),
    },
  }
}

function leafOf(cases: readonly Case[]): Grown {
  const names = [...new Set(cases.flatMap(({ subjects }) => [...subjects.keys()]))].sort()
  let choice = names[0]
  let cost = Number.POSITIVE_INFINITY
  for (const name of names) {
    const sum = cases.reduce((total, one) => total + lossOf(one, name), 0)
    if (sum < cost) [choice, cost] = [name, sum]
  }
  return { cases, choice, cost }
}

/** The leaf for a workload. */
export function leafFor(tree: Grown, one: Pick<Case, 'workload'>): Grown {
  let node = tree
  while (node.split !== undefined) {
    const { factor: name, threshold, low, high } = node.split
    node = factor(name).of(one.workload) <= threshold ? low : high
  }
  return node
}

export function leavesOf(tree: Grown): readonly Grown[] {
  return tree.split === undefined ? [tree] : [...leavesOf(tree.split.low), ...leavesOf(tree.split.high)]
}

/** The smallest subtree in which every split gains more than `alpha` per leaf that it adds. */
export function prune(tree: Grown, alpha: number): Grown {
  let pruned = tree
  for (;;) {
    const weakest = weakestLink(pruned)
    if (weakest === undefined || weakest.gain > alpha + 1e-12) return pruned
    pruned = without(pruned, weakest.node)
  }
}

/** The gains per leaf at which pruning removes another branch, in rising order. */
function alphasOf(tree: Grown): number[] {
  const alphas = [0]
  let pruned = prune(tree, 0)
  for (let weakest = weakestLink(pruned); weakest !== undefined; weakest = weakestLink(pruned)) {
    alphas.push(weakest.gain)
    pruned = prune(pruned, weakest.gain)
  }
  return alphas
}

function weakestLink(tree: Grown): { node: Grown; gain: number } | undefined {
  if (tree.split === undefined) return undefined
  const leaves = leavesOf(tree)
  const gain = (tree.cost - leaves.reduce((sum, { cost }) => sum + cost, 0)) / (leaves.length - 1)
  return [weakestLink(tree.split.low), weakestLink(tree.split.high)].reduce<{ node: Grown; gain: number }>(
    (weakest, other) => (other !== undefined && other.gain < weakest.gain ? other : weakest),
    { node: tree, gain },
  )
}

export function without(tree: Grown, node: Grown): Grown {
  const { split, ...leaf } = tree
  if (tree === node || split === undefined) return leaf
  return { ...tree, split: { ...split, low: without(split.low, node), high: without(split.high, node) } }
}

export interface CrossValidated {
  readonly tree: Grown
  readonly folds: number
  /** Gain per leaf that a split had to bring. */
  readonly alpha: number
  readonly leavesBefore: number
}

/**
 * Grows a tree and prunes it as far as cross-validation allows: the smallest one whose loss on workloads that it has not
 * seen is within one standard error of the least (the book's rule). `cases` are dealt to the folds in turn.
 */
export function fit(cases: readonly Case[]): CrossValidated {
  const whole = grow(cases)
  const alphas = alphasOf(whole)
  const folds = Math.min(FOLDS, cases.length)
  if (folds < 2) return { tree: whole, folds, alpha: 0, leavesBefore: leavesOf(whole).length }
  // Between two of the alphas the pruned tree does not change; their geometric mean represents the interval.
  const candidates = alphas.map((alpha, at) => (at + 1 < alphas.length ? Math.sqrt(alpha * alphas[at + 1]) : alpha))
  const losses = candidates.map((): number[] => [])
  for (let fold = 0; fold < folds; fold++) {
    const grown = grow(cases.filter((_, at) => at % folds !== fold))
    const unseen = cases.filter((_, at) => at % folds === fold)
    for (const [at, alpha] of candidates.entries()) {
      const tree = prune(grown, alpha)
      losses[at].push(...unseen.map(one => lossOf(one, leafFor(tree, one).choice)))
    }
  }
  const means = losses.map(mean)
  const least = means.indexOf(Math.min(...means))
  const allowed = means[least] + standardError(losses[least])
  const chosen = means.findLastIndex(value => value <= allowed)
  return {
    tree: prune(whole, candidates[chosen]),
    folds,
    alpha: candidates[chosen],
    leavesBefore: leavesOf(whole).length,
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function standardError(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map(value => (value - middle) ** 2)) / values.length)
}
