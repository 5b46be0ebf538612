/** The answer to a question: a ranking of measured rows, one with supplied figures apart from it, the tree, and what would change the answer. */
import { isWeighable, metricOf } from '../rows/metrics.js'
import type { Question } from './question.js'
import { nextStep, type Ranking, rank, type Weights } from './rank.js'
import { type Sensitivity, sensitivityOf } from './sensitivity.js'
import type { RowTable } from './table.js'
import { type TreeNode, treeOf } from './tree.js'

export interface Answer {
  readonly question: {
    readonly require: readonly string[]
    readonly weigh: Readonly<Record<string, number>>
    readonly workload: string | null
  }
  /** By the weights of measured metrics. Requirements may rest on supplied rows. */
  readonly measured: Ranking
  /** By all weights, if some of them are on metrics that nobody measured; it rests on supplied figures and is no measurement. */
  readonly withSupplied: Ranking | null
  /** The weighed metrics of which supplied rows alone are compared. */
  readonly suppliedMetrics: readonly string[]
  readonly tree: TreeNode
  readonly sensitivity: Sensitivity
  /** What would decide the open points, one step each. */
  readonly steps: readonly string[]
  /** Metrics that the question is about and that no row of any subject has. */
  readonly unanswered: readonly string[]
}

export function answerOf(table: RowTable, question: Question): Answer {
  const { require, weigh, about = [] } = question
  const suppliedMetrics = [...weigh.keys()].filter(metric => isSuppliedOnly(table, metric))
  const own: Weights = new Map([...weigh].filter(([metric]) => !suppliedMetrics.includes(metric)))
  const measured = rank(table, require, own)
  const withSupplied = suppliedMetrics.length === 0 ? null : rank(table, require, weigh)
  return {
    question: {
      require: require.map(({ name }) => name),
      weigh: Object.fromEntries(weigh),
      workload: question.workload ?? null,
    },
    measured,
    withSupplied,
    suppliedMetrics,
    tree: treeOf(table, require, own),
    sensitivity: sensitivityOf(table, require, own),
    steps: stepsOf(table, withSupplied ?? measured),
    unanswered: about.filter(metric =>
      table.candidates.every(({ subject }) => table.decision(subject, metric).row === undefined),
    ),
  }
}

/** Whether no run measured the metric, and a run could not, or a user supplied it. */
function isSuppliedOnly(table: RowTable, metric: string): boolean {
  if (table.isMeasured(metric)) return false
  if (metricOf(metric)?.measurable !== true) return true
  return table.candidates.some(({ subject }) => table.decision(subject, metric).row !== undefined)
}

function stepsOf(table: RowTable, { subjects }: Ranking): string[] {
  const steps = subjects
    .filter(({ status }) => status === 'open')
    .flatMap(({ subject, version, rulings, gaps }) => {
      const name = version === undefined ? subject : `${subject} ${version}`
      return [
        ...rulings
          .filter(({ standing }) => standing === 'open')
          .map(({ metric, why }) => nextStep(name, metric, why ?? '', false)),
        ...gaps.flatMap(({ metric, why }) => {
          const missing = metric === 'cost' ? table.missingForCost(subject) : []
          if (metric === 'cost' && missing.length === 0)
            return ['supply a price list (prices: in a file of rows) for the cost a year']
          if (missing.length > 0) return missing.map(each => nextStep(name, each, 'the cost needs it', false))
          return [nextStep(name, metric, why, isWeighable(metricOf(metric)!) && table.isMeasured(metric))]
        }),
      ]
    })
  return [...new Set(steps)]
}
