import { choiceName } from './cases.js'
import { factor } from './factors.js'
import { type AdviceLeaf, type AdviceNode, adviceLeaves, isLeaf, type Regret, type TreeAdvice } from './tree.js'

/** `FastMap = ShardedMap`: the choice of a leaf, and the subjects that tie with it. */
export function leafNames({ choice, tied }: Pick<AdviceLeaf, 'choice' | 'tied'>): string {
  return [choice, ...tied].map(choiceName).join(' = ')
}

export function percent(share: number): string {
  const value = share * 100
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)}%`
}

/** `fitted to 16 workloads: regret 0%, at worst 12%; held out 3: regret 1.2%, at worst 6.2%`: each regret beside the workloads that it is of. */
export function leafEvidence({ heldOut, fitted }: AdviceLeaf): string {
  const regret = ({ median, worst }: Regret) => `regret ${percent(median ?? 0)}, at worst ${percent(worst ?? 0)}`
  const known = `fitted to ${fitted.cases} workload${fitted.cases === 1 ? '' : 's'}: ${regret(fitted)}`
  return heldOut.cases === 0 ? `${known}; none held out` : `${known}; held out ${heldOut.cases}: ${regret(heldOut)}`
}

/** One sentence about how much following the tree costs where it was not fitted. */
export function regretText({ cases, median, worst, worstBeyondNoise }: Regret): string {
  if (median === null || worst === null || worstBeyondNoise === null) return 'No workload was held out to judge it by.'
  const noise =
    worstBeyondNoise < worst - 0.005 ? ` (${percent(worstBeyondNoise)} counting only what is beyond the noise)` : ''
  return `On ${cases} workloads of several threads that the tree was not fitted to, its choice takes ${percent(median)} longer than the best (median), at worst ${percent(worst)}${noise}.`
}

/** `Of 25 trees fitted to samples of the workloads, 98% of the choices for held-out workloads are named by this tree.` */
export function agreementText({ agreement: { trees, share } }: TreeAdvice): string {
  if (share === null) return ''
  return `Of ${trees} trees fitted to samples of the workloads, ${percent(share)} of the choices for held-out workloads are among those that this tree names.`
}

/** Whether the regret meets its goal. */
export function goalText({ goal }: TreeAdvice): string {
  const wanted = `median at most ${percent(goal.median)}, worst at most ${percent(goal.worst)}`
  if (goal.met === null) return `The goal (${wanted}) was not tested.`
  return goal.met ? `That meets the goal (${wanted}).` : `That misses the goal (${wanted}).`
}

/** The tree for a terminal. */
export function treeText(tree: AdviceNode): string {
  const lines: string[] = []
  const walk = (node: AdviceNode, condition: string, lead: string, childLead: string) => {
    if (isLeaf(node)) {
      lines.push(`${lead}${condition === '' ? '' : `${condition}: `}${leafNames(node)}  (${leafEvidence(node)})`)
      return
    }
    if (condition !== '') lines.push(`${lead}${condition}`)
    const { low, high } = factor(node.factor).text(node.threshold)
    walk(node.low, low, `${childLead}├─ `, `${childLead}│  `)
    walk(node.high, high, `${childLead}└─ `, `${childLead}   `)
  }
  walk(tree, '', '', '')
  return lines.join('\n')
}

/** The tree as a Mermaid flow chart, for a README. */
export function treeMermaid(tree: AdviceNode): string {
  const lines = ['flowchart TD']
  let next = 0
  const walk = (node: AdviceNode): string => {
    const id = `n${next++}`
    if (isLeaf(node)) {
      lines.push(`  ${id}(["${quoted(leafNames(node))}"])`)
      return id
    }
    const { question } = factor(node.factor).text(node.threshold)
    lines.push(`  ${id}{"${quoted(question)}"}`)
    lines.push(`  ${id} -->|yes| ${walk(node.low)}`)
    lines.push(`  ${id} -->|no| ${walk(node.high)}`)
    return id
  }
  walk(tree)
  return `${lines.join('\n')}\n`
}

/** Mermaid reads entities in quoted labels. */
function quoted(text: string): string {
  return text.replaceAll('#', '#35;').replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;')
}

/** The recommendation in one sentence, and in a second one the subjects that cannot be told from it. */
export function headline({ tree, goal }: TreeAdvice): { readonly verdict: string; readonly ties: string } {
  const leaves = adviceLeaves(tree)
  const shared = leaves.filter(({ choice }) => choiceName(choice) !== 'plain Map')
  const [most] = [...shared].sort((a, b) => b.cases - a.cases)
  if (most === undefined) return { verdict: 'Take a plain Map.', ties: '' }
  const isMixed = new Set(shared.map(leafNames)).size > 1
  const ties =
    most.tied.length === 0 || isMixed ? '' : `${choiceName(most.choice)} cannot be told from ${listed(most.tied)} here.`
  const name = choiceName(most.choice)
  // "Probably", where the tree was not tested on held-out workloads, or missed the goal there.
  const take = goal.met === true ? `take ${name}` : `probably ${name}`
  const verdict = isMixed
    ? `Mostly ${name}, but it depends on the workload.`
    : shared.length === leaves.length
      ? `${take[0].toUpperCase()}${take.slice(1)}.`
      : `Where threads share a map, ${take}; where only one thread uses it, take a plain Map.`
  return { verdict, ties }
}

/** `a, b and c`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}
