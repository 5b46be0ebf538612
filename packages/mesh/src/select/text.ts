/** The answer in words, for the terminal and for the report. */
import { figure } from '@threadmap/workbench/report/figures'
import { metricOf, titleOf } from '../rows/metrics.js'
import type { MeshRow } from '../rows/row.js'
import type { Answer } from './answer.js'
import type { Placed, Ranking } from './rank.js'
import type { RowFlip, WeightFlip } from './sensitivity.js'
import { isLeaf, type TreeLeaf, type TreeNode } from './tree.js'

/** The answer in one sentence. */
export function headline({ outcome, leader, tied, open, subjects }: Ranking): string {
  switch (outcome) {
    case 'chosen':
      return `Take ${leader}.`
    case 'tied':
      return `Take ${listed([leader!, ...tied], 'or')}: the rows do not tell them apart.`
    case 'none':
      return subjects.length === 0 ? 'There are no rows to choose from.' : 'No subject meets the requirements.'
    case 'undecided':
      return leader === null
        ? `Undecided: of ${listed(open, 'and')} rows are missing that the answer needs.`
        : `Undecided: ${listed([leader, ...tied], 'and')} ${tied.length === 0 ? 'leads' : 'lead'} so far, but of ${listed(open, 'and')} rows are missing that could change it.`
  }
}

export function leafText({ outcome, subjects, open }: TreeLeaf): string {
  switch (outcome) {
    case 'chosen':
      return subjects[0]
    case 'tied':
      return subjects.join(' = ')
    case 'none':
      return 'no subject'
    case 'undecided':
      return `undecided (${[...subjects, ...open.filter(name => !subjects.includes(name))].join(', ')})`
  }
}

/** `1.20x the leader`, or `1.02x the leader, a tie (below 1.05x nothing shows)`. */
export function placeText({ timesLeader, visible, gaps }: Placed, isLeader: boolean): string {
  if (timesLeader === null) {
    return gaps.length > 0 ? `no place: no row of ${gaps.map(gap => gap.metric).join(', ')}` : 'not ranked'
  }
  if (isLeader) return 'leads'
  const isTie = visible !== null && Math.abs(Math.log(timesLeader)) <= Math.log(visible)
  const text = `${timesLeader.toFixed(2)}x the leader${isTie ? `, a tie (below ${visible!.toFixed(2)}x nothing shows)` : ''}`
  return text
}

/** A row's figure or answer with its origin: `3.21 ms (measured, 2026-11-27)`. */
export function rowText({ value, unit, tag, date, source, interval }: MeshRow): string {
  const spread = interval === undefined ? '' : `, ${figure(interval.low)} to ${figure(interval.high)}`
  const shown = typeof value === 'number' ? `${figure(value)} ${unit}`.trimEnd() + spread : value
  return tag === 'measured' ? `${shown} (measured, ${date})` : `${shown} (${tag} ${date}: ${source})`
}

export function rulingText({ rulings }: Placed): string[] {
  return rulings.map(({ title, standing, row, why }) => {
    const sign = standing === 'meets' ? 'meets' : standing === 'fails' ? 'fails' : 'undecided'
    return `${sign}: ${title}${row === undefined ? '' : `: ${rowText(row)}`}${why === undefined || why === 'no row' ? '' : `; ${why}`}`
  })
}

/** What follows from a change of a weight. */
export function weightText({ metric, weight, below, above }: WeightFlip): string {
  const parts = [above, below].flatMap(flip =>
    flip === null ? [] : [`at ${figure(flip.weight)} it is ${flip.becomes}`],
  )
  const name = `weight of ${titleOf(metric)} (${metric}=${figure(weight)})`
  return parts.length === 0
    ? `The ${name} decides nothing: no value of it changes the answer.`
    : `The ${name}: ${parts.join('; ')}.`
}

export function rowFlipText({ subject, metric, factor, becomes }: RowFlip): string {
  const change = factor > 1 ? `${factor.toFixed(2)}x as high` : `${(1 / factor).toFixed(2)}x lower`
  return `If ${titleOf(metric)} of ${subject} were ${change}, the answer would be ${becomes}.`
}

export function sensitivityLines({ measured, sensitivity }: Answer): string[] {
  const { weights, requirements, missing, rows } = sensitivity
  return [
    // Where nothing has a place, no weight decides.
    ...(measured.leader === null ? [] : weights.map(weightText)),
    ...requirements.map(({ title, becomes }) => `Without the requirement “${title}” it is ${becomes}.`),
    ...missing.map(
      ({ subject, metric, ifMet, ifNot }) =>
        `If ${titleOf(metric)} of ${subject} meets the requirement, it is ${ifMet}; otherwise ${ifNot}.`,
    ),
    ...rows.map(rowFlipText),
  ]
}

/** The tree for a terminal. */
export function treeText(tree: TreeNode): string {
  const lines: string[] = []
  const walk = (node: TreeNode, condition: string, lead: string, childLead: string) => {
    if (isLeaf(node)) {
      lines.push(`${lead}${condition === '' ? '' : `${condition}: `}${leafText(node)}`)
      return
    }
    lines.push(`${lead}${condition === '' ? '' : `${condition}: `}${node.title}?`)
    walk(node.yes, 'required', `${childLead}├─ `, `${childLead}│  `)
    walk(node.no, 'not required', `${childLead}└─ `, `${childLead}   `)
  }
  walk(tree, '', '', '')
  return lines.join('\n')
}

/** The question in one sentence. */
export function questionText({ question: { require, weigh, workload } }: Answer): string {
  const weights = Object.entries(weigh).map(([metric, weight]) => `${metric}=${figure(weight)}`)
  return [
    require.length === 0 ? 'nothing required' : `required: ${require.join(', ')}`,
    weights.length === 0 ? 'nothing weighed' : `weighed: ${weights.join(', ')}`,
    ...(workload === null ? [] : [`workload: ${workload}`]),
  ].join('; ')
}

export function listed(names: readonly string[], word: 'and' | 'or'): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`
}

/** The answer as text. */
export function answerLines(answer: Answer, bold: (text: string) => string, dim: (text: string) => string): string {
  const { measured, withSupplied, suppliedMetrics, tree, steps, unanswered } = answer
  const lines = [bold(headline(measured)), dim(questionText(answer)), '']
  for (const placed of measured.subjects) {
    const name = placed.version === undefined ? placed.subject : `${placed.subject} ${placed.version}`
    const front =
      placed.dominatedBy === null || placed.status === 'excluded' || Object.keys(answer.question.weigh).length === 0
        ? ''
        : frontText(placed)
    const state = placed.status === 'excluded' ? 'excluded' : placed.status === 'open' ? 'undecided' : 'meets all'
    lines.push(`  ${name}: ${state}; ${placeText(placed, placed.subject === measured.leader)}${front}`)
    lines.push(...rulingText(placed).map(text => dim(`    ${text}`)))
  }
  if (withSupplied !== null) {
    lines.push(
      '',
      bold(
        `With supplied figures (${suppliedMetrics.map(titleOf).join(', ')}), which nobody measured here: ${headline(withSupplied)}`,
      ),
    )
  }
  if (!isLeaf(tree)) lines.push('', 'By requirement:', treeText(tree))
  const sensitivity = sensitivityLines(answer)
  if (sensitivity.length > 0) lines.push('', 'What would change the answer:', ...sensitivity.map(text => `  ${text}`))
  if (steps.length > 0) lines.push('', 'Undecided until you:', ...folded(steps).map(text => `  ${text}`))
  if (unanswered.length > 0) {
    lines.push(
      '',
      'No row of any subject answers:',
      ...unanswered.map(
        metric => `  ${titleOf(metric)}: ${metricOf(metric)?.measurable ? 'measure' : 'supply'} ${metric}`,
      ),
    )
  }
  return `${lines.join('\n')}\n`
}

function frontText({ dominatedBy }: Placed): string {
  return dominatedBy!.length === 0 ? '; on the Pareto front' : `; dominated by ${listed(dominatedBy!, 'and')}`
}

/** Steps that are printed. */
const MOST_STEPS = 12

function folded(steps: readonly string[]): string[] {
  return steps.length <= MOST_STEPS
    ? [...steps]
    : [...steps.slice(0, MOST_STEPS), `... and ${steps.length - MOST_STEPS} more (--json has all)`]
}
