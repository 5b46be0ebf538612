import { judge } from '@threadmap/workbench/blocks'
import { NOTABLE, quantile } from '@threadmap/workbench/statistics'
import type { Workload } from '@threadmap/workbench/workload'
import { finished, type RunDocument } from '../document.js'
import type { MixDetails } from '../experiments/mix/index.js'
import { preferred } from '../preference.js'
import { agreement, fitBagged, votesOf } from './bagging.js'
import { type Grown, lossOf } from './cart.js'
import { type Case, casesOf } from './cases.js'
import { FACTORS, type FactorName, factor } from './factors.js'

/** Which map to use for which workload, as a tree; plain data that can be stored and drawn. */
export interface TreeAdvice {
  readonly format: 'threadmap-advice'
  readonly version: 1
  readonly tree: AdviceNode
  /** The regret over the workloads of several threads that were held out of the fit (of one thread, if there are no others). */
  readonly heldOut: Regret
  /** The regret over the workloads of the fit: the least that a tree of this size can reach. */
  readonly fitted: Regret
  /** The goal for the regret on held-out workloads, and whether the tree meets it. */
  readonly goal: { readonly median: number; readonly worst: number; readonly met: boolean | null }
  /** Trees that were fitted to samples of the workloads, and the share of their choices for held-out workloads that the tree names. */
  readonly agreement: { readonly trees: number; readonly share: number | null }
  readonly crossValidation: { readonly folds: number; readonly alpha: number; readonly leavesBefore: number }
  /** What the values of the measured workloads were, where they were no numbers. */
  readonly valueType: 'text' | 'objects'
  /** The measured range of each factor: beyond it the advice guesses. */
  readonly ranges: Readonly<Record<FactorName, { readonly low: number; readonly high: number }>>
}

export type AdviceNode = AdviceBranch | AdviceLeaf

export interface AdviceBranch {
  readonly factor: FactorName
  readonly threshold: number
  /** Workloads whose factor is at most `threshold`. */
  readonly low: AdviceNode
  readonly high: AdviceNode
}

export interface AdviceLeaf {
  readonly choice: string
  /** Subjects that cannot be told from the choice. */
  readonly tied: readonly string[]
  /** Workloads of the fit that ended here. */
  readonly cases: number
  readonly fitted: Regret
  readonly heldOut: Regret
  /** Both together: what following this leaf cost on any measured workload. */
  readonly all: Regret
  /** The other choices, best first, and how many times as long each takes (geometric mean). */
  readonly others: readonly { readonly name: string; readonly slower: number }[]
}

/** How much longer the choice takes than the best of each workload: 0.1 is 10% longer. Null where there is no workload. */
export interface Regret {
  readonly cases: number
  readonly median: number | null
  readonly worst: number | null
  /** The worst regret, counting only differences beyond the noise of the rounds. */
  readonly worstBeyondNoise: number | null
}

export const GOAL = { median: 0.05, worst: 0.3 }

/** If at most one comparison in this many favours the choice beyond the noise, the other subject still counts as tied. */
const SELDOM = 4

/** A subject that this share of the trees of a bag choose for the workloads of a leaf may be the choice in the next run: it is named as tied. */
const NOTABLE_VOTES = 0.1

/** The advice of a run, or undefined if `mix` is not in it. */
export function adviceOf(document: RunDocument): TreeAdvice | undefined {
  const record = finished(document, 'mix')
  const details = record?.details as MixDetails | undefined
  if (!Array.isArray(details?.cells)) return undefined
  return adviceFrom(casesOf(details))
}

/** Fits the tree to the cases that are not held out, and judges it by those that are. */
export function adviceFrom(cases: readonly Case[]): TreeAdvice | undefined {
  const known = cases.filter(({ heldOut }) => !heldOut)
  const unseen = cases.filter(({ heldOut }) => heldOut)
  if (known.length === 0) return undefined
  const { tree, forest, ...crossValidation } = fitBagged(known)
  // One thread is an easy question (a plain Map), and a third of the matrix: its regret of 0 would dilute the median of the others.
  const shared = unseen.filter(({ workload }) => workload.threads > 1)
  const shown = described(tree, unseen, forest)
  const chosen = ({ workload }: Case) => follow(shown, workload).leaf.choice
  const judges = shared.length > 0 ? shared : unseen
  const heldOut = regretOf(judges, chosen)
  const isNamed = ({ workload }: Case, name: string) => {
    const { leaf } = follow(shown, workload)
    return name === leaf.choice || leaf.tied.includes(name)
  }
  const share = judges.length === 0 ? null : agreement(forest, judges, isNamed)
  const met =
    heldOut.median === null || heldOut.worst === null
      ? null
      : heldOut.median <= GOAL.median && heldOut.worst <= GOAL.worst
  const ranges = Object.fromEntries(
    FACTORS.map(({ name, of }) => {
      const levels = cases.map(({ workload }) => of(workload))
      return [name, { low: Math.min(...levels), high: Math.max(...levels) }]
    }),
  ) as Record<FactorName, { low: number; high: number }>
  return {
    format: 'threadmap-advice',
    version: 1,
    tree: shown,
    heldOut,
    fitted: regretOf(known, chosen),
    goal: { ...GOAL, met },
    agreement: { trees: forest.length, share },
    crossValidation,
    valueType: cases.some(({ workload }) => workload.valueType === 'objects') ? 'objects' : 'text',
    ranges,
  }
}

function described(node: Grown, unseen: readonly Case[], forest: readonly Grown[]): AdviceNode {
  if (node.split !== undefined) {
    const { factor: name, threshold, low, high } = node.split
    const of = factor(name).of
    const lowNode = described(
      low,
      unseen.filter(({ workload }) => of(workload) <= threshold),
      forest,
    )
    const highNode = described(
      high,
      unseen.filter(({ workload }) => of(workload) > threshold),
      forest,
    )
    return { factor: name, threshold, low: lowNode, high: highNode }
  }
  const { cases } = node
  const choice = stable(cases, node.choice)
  const others = servingAll(cases)
    .filter(name => name !== choice)
    .map(name => ({ name, slower: Math.exp(meanLoss(cases, name) - meanLoss(cases, choice)) }))
    .sort((a, b) => a.slower - b.slower)
  const votes = votesOf(forest, cases)
  const isTied = (name: string, slower: number) =>
    ties(cases, choice, name, slower) || (votes.get(name) ?? 0) >= NOTABLE_VOTES
  return {
    choice,
    tied: others.filter(({ name, slower }) => isTied(name, slower)).map(({ name }) => name),
    cases: cases.length,
    fitted: regretOf(cases, () => choice),
    heldOut: regretOf(unseen, () => choice),
    all: regretOf([...cases, ...unseen], () => choice),
    others,
  }
}

/** Of the subjects that lose no more than the leaf's by what matters, the preferred one: not whichever was a nose ahead. */
function stable(cases: readonly Case[], fastest: string): string {
  const near = servingAll(cases).filter(name => name === fastest || isNear(cases, name, fastest))
  return preferred(near)
}

/** Whether it is not certain over the leaf as a whole that `name` loses more than what matters. */
function isNear(cases: readonly Case[], name: string, fastest: string): boolean {
  const variance = (one: Case) =>
    (one.subjects.get(name)?.error ?? 0) ** 2 + (one.subjects.get(fastest)?.error ?? 0) ** 2
  const error = Math.sqrt(cases.reduce((sum, one) => sum + variance(one), 0)) / cases.length
  return meanLoss(cases, name) - meanLoss(cases, fastest) - 2 * error <= Math.log1p(NOTABLE)
}

function servingAll(cases: readonly Case[]): string[] {
  const names = [...new Set(cases.flatMap(({ subjects }) => [...subjects.keys()]))]
  return names.filter(name => cases.every(({ subjects }) => subjects.has(name)))
}

/** Whether `other` cannot be told from `choice`: the choice is seldom ahead beyond the noise, or by too little to matter. */
function ties(cases: readonly Case[], choice: string, other: string, slower: number): boolean {
  if (slower <= 1 + NOTABLE || isNear(cases, other, choice)) return true
  const ahead = cases.filter(({ subjects }) => {
    const [a, b] = [subjects.get(choice), subjects.get(other)]
    if (a === undefined || b === undefined) return true
    const { ratio, differs } = judge(a, b)
    return differs && ratio > 1
  })
  return ahead.length * SELDOM <= cases.length
}

function meanLoss(cases: readonly Case[], name: string): number {
  return cases.reduce((sum, one) => sum + lossOf(one, name), 0) / cases.length
}

function regretOf(cases: readonly Case[], choose: (one: Case) => string): Regret {
  if (cases.length === 0) return { cases: 0, median: null, worst: null, worstBeyondNoise: null }
  const regrets = cases.map(one => Math.expm1(lossOf(one, choose(one))))
  const sure = cases.map((one, at) => {
    const [best, chosen] = [one.subjects.get(one.best), one.subjects.get(choose(one))]
    if (best === undefined || chosen === undefined) return regrets[at]
    return judge(best, chosen).differs ? regrets[at] : 0
  })
  return {
    cases: cases.length,
    median: quantile(regrets, 0.5),
    worst: Math.max(...regrets),
    worstBeyondNoise: Math.max(...sure),
  }
}

export function isLeaf(node: AdviceNode): node is AdviceLeaf {
  return 'choice' in node
}

export function adviceLeaves(node: AdviceNode): readonly AdviceLeaf[] {
  return isLeaf(node) ? [node] : [...adviceLeaves(node.low), ...adviceLeaves(node.high)]
}

/** The path of a workload through the tree: the conditions that it meets, and the leaf. */
export function follow(tree: AdviceNode, workload: Workload): { because: readonly string[]; leaf: AdviceLeaf } {
  const because: string[] = []
  let node = tree
  while (!isLeaf(node)) {
    const { of, text } = factor(node.factor)
    const isLow = of(workload) <= node.threshold
    because.push(text(node.threshold)[isLow ? 'low' : 'high'])
    node = isLow ? node.low : node.high
  }
  return { because, leaf: node }
}

/** A change of one factor after which the tree advises something else. */
export interface Turn {
  /** The change in words: `reads ≤ 30%`. */
  readonly change: string
  readonly leaf: AdviceLeaf
}

/** The changes of the answer: per factor the smallest change, upwards and downwards, to a leaf where the choice is not among the best. */
export function turnsOf(tree: AdviceNode, workload: Workload): Turn[] {
  const { leaf } = follow(tree, workload)
  const turns: Turn[] = []
  for (const { name, of, text, set } of FACTORS) {
    const now = of(workload)
    const thresholds = thresholdsOf(tree, name).sort((a, b) => Math.abs(a - now) - Math.abs(b - now))
    for (const isUp of [false, true]) {
      for (const threshold of thresholds.filter(each => (isUp ? each >= now : each < now))) {
        const there = follow(tree, set(workload, isUp ? justAbove(name, threshold) : atMost(name, threshold))).leaf
        if ([there.choice, ...there.tied].includes(leaf.choice)) continue
        turns.push({ change: text(threshold)[isUp ? 'high' : 'low'], leaf: there })
        break
      }
    }
  }
  return turns
}

/** Factors that are counts: the next value beside a threshold is a whole number. */
const isCount = (name: FactorName) => name === 'threads' || name === 'keys' || name === 'valueBytes'

function justAbove(name: FactorName, threshold: number): number {
  return isCount(name) ? Math.floor(threshold) + 1 : threshold + 1e-6
}

function atMost(name: FactorName, threshold: number): number {
  return isCount(name) ? Math.floor(threshold) : threshold
}

function thresholdsOf(node: AdviceNode, name: FactorName): number[] {
  if (isLeaf(node)) return []
  const own = node.factor === name ? [node.threshold] : []
  return [...new Set([...own, ...thresholdsOf(node.low, name), ...thresholdsOf(node.high, name)])]
}
