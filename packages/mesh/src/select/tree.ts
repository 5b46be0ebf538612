/**
 * The decision tree: which requirements change the answer under the weights that are given. It is made from the rows by asking the
 * ranking with and without each requirement; a question whose two answers are equal is left out.
 */
import { REQUIREMENTS, type Requirement } from './question.js'
import { type Outcome, type Ranking, rank, type Weights } from './rank.js'
import type { RowTable } from './table.js'

export type TreeNode = TreeLeaf | TreeQuestion

export interface TreeLeaf {
  readonly outcome: Outcome
  /** The leader and those that tie with it. */
  readonly subjects: readonly string[]
  /** Subjects that a missing row keeps open, where that matters. */
  readonly open: readonly string[]
}

export interface TreeQuestion {
  readonly requirement: string
  readonly title: string
  /** Whether the question that was asked has this requirement. */
  readonly isAsked: boolean
  readonly yes: TreeNode
  readonly no: TreeNode
}

export function isLeaf(node: TreeNode): node is TreeLeaf {
  return 'outcome' in node
}

/** Requirements in the tree at most: it has up to two to that power leaves before equal ones are merged. */
const MOST_QUESTIONS = 5
/** Of these, requirements at most that nobody asked for: they show what else would matter, and more would hide the answer. */
const MOST_OTHERS = 2

/** The tree over the requirements that some subject fails; those that are asked for come first. */
export function treeOf(table: RowTable, asked: readonly Requirement[], weigh: Weights): TreeNode {
  const others = REQUIREMENTS.filter(({ name }) => asked.every(each => each.name !== name))
  const mattering = others
    .filter(each => exclusions(table, each) > 0)
    .sort((a, b) => exclusions(table, b) - exclusions(table, a))
    .slice(0, MOST_OTHERS)
  const splitting = [...asked, ...mattering]
    .map((requirement, at) => ({ requirement, isAsked: at < asked.length, excluded: exclusions(table, requirement) }))
    // Of those that are asked for, the ones that exclude most are decided first. A requirement that nobody can answer comes last.
    .sort((a, b) => Number(b.isAsked) - Number(a.isAsked) || b.excluded - a.excluded)
    .slice(0, MOST_QUESTIONS)
  const always = asked.filter(each => splitting.every(({ requirement }) => requirement !== each))
  const grow = (at: number, required: readonly Requirement[]): TreeNode => {
    const next = splitting[at]
    if (next === undefined) return leafOf(rank(table, required, weigh))
    const { requirement, isAsked } = next
    const yes = grow(at + 1, [...required, requirement])
    const no = grow(at + 1, required)
    if (JSON.stringify(yes) === JSON.stringify(no)) return yes
    return { requirement: requirement.name, title: requirement.title, isAsked, yes, no }
  }
  return grow(0, always)
}

function leafOf({ outcome, leader, tied, open }: Ranking): TreeLeaf {
  return { outcome, subjects: leader === null ? [] : [leader, ...tied], open }
}

/** How many candidates fail a requirement. */
function exclusions(table: RowTable, { metric, judge }: Requirement): number {
  return table.candidates.filter(({ subject }) => {
    const { row } = table.decision(subject, metric)
    return row !== undefined && judge(row) === 'fails'
  }).length
}

export function leaves(node: TreeNode): TreeLeaf[] {
  return isLeaf(node) ? [node] : [...leaves(node.yes), ...leaves(node.no)]
}
