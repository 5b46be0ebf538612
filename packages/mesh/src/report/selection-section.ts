/** The first section of the report: the answer, what it rests on, what is undecided, and what would change it. */
import { type Cell, scrollingTable } from '@threadmap/workbench/report/charts/frame'
import { figure } from '@threadmap/workbench/report/figures'
import { type Html, html } from '@threadmap/workbench/report/html'
import { metricOf, titleOf } from '../rows/metrics.js'
import type { MeshRow } from '../rows/row.js'
import { type Answer, answerOf } from '../select/answer.js'
import { PRESETS, type Question } from '../select/question.js'
import type { Placed, Ranking, Ruling } from '../select/rank.js'
import type { RowTable } from '../select/table.js'
import { headline, placeText, questionText, sensitivityLines } from '../select/text.js'
import { treeFigure } from './tree.js'

/** Lines of a list that are shown; the others are folded. */
const MOST_OPEN = 5

/** The section for a question; without one, for the guide's own case. */
export function selectionSection(table: RowTable, question: Question = PRESETS[0]): Html {
  const answer = answerOf(table, question)
  const preset = PRESETS.find(each => each === question)
  const { measured, withSupplied, suppliedMetrics, unanswered, steps } = answer
  const undecided = [
    ...steps.map(step => `${step[0].toUpperCase()}${step.slice(1)}.`),
    ...unanswered.map(
      metric =>
        `No row of any subject has ${titleOf(metric)}: ${metricOf(metric)?.measurable ? 'measure' : 'supply'} ${metric}.`,
    ),
  ]
  return html`<section class="verdict" id="selection">
<p class="number">${preset === undefined ? 'The selection' : `The guide’s own case: ${preset.title}`}</p>
<h2>${headline(measured)}</h2>
<p class="soft">Asked: ${questionText(answer)}. ${preset?.note}</p>
${
  withSupplied === null
    ? ''
    : html`<p class="warn">With supplied figures (${suppliedMetrics.map(titleOf).join(', ')}), which nobody measured here: ${headline(withSupplied)}</p>`
}
${table.candidates.length === 0 ? '' : standings(table, answer)}
<p class="soft">A place is the weighed geometric mean of the ratios to the leader’s figures, round by round. Differences inside the noise (99%) are ties. A subject is on the Pareto front if no other one is better in one weighed metric and worse in none.</p>
${treeFigure(answer.tree, 'selection-tree')}
${list('What would change the answer', sensitivityLines(answer))}
${list('What is undecided, and what would decide it', undecided)}
<p>For your own case: <code>threadmap mesh advise --require tls13,fips --weigh p95=3,memory=1 --rows FILE.yaml</code></p>
</section>`
}

function list(title: string, lines: readonly string[]): Html {
  if (lines.length === 0) return html``
  const items = (part: readonly string[]) => html`<ul class="findings">${part.map(line => html`<li>${line}</li>`)}</ul>`
  const rest = lines.length > MOST_OPEN + 1 ? lines.slice(MOST_OPEN) : []
  return html`<h3>${title}</h3>${items(lines.slice(0, lines.length - rest.length))}${rest.length === 0 ? '' : html`<details class="more"><summary>${rest.length} more</summary>${items(rest)}</details>`}`
}

const STATES: Readonly<Record<Placed['status'], { readonly text: string; readonly style: string }>> = {
  meets: { text: 'meets all', style: 'holds' },
  open: { text: 'undecided', style: 'unsure' },
  excluded: { text: 'excluded', style: 'fails' },
}

const MARKS: Readonly<
  Record<Ruling['standing'], { readonly sign: string; readonly style: string; readonly word: string }>
> = {
  meets: { sign: '✓', style: 'holds', word: 'meets' },
  fails: { sign: '✗', style: 'fails', word: 'fails' },
  open: { sign: '?', style: 'unsure', word: 'undecided' },
}

/** A row for each subject: what it meets, then its place and its weighed figures. */
function standings(table: RowTable, { measured, question }: Answer): Html {
  const { subjects } = measured
  const metrics = Object.keys(question.weigh)
  const nameCell = ({ subject, version }: Placed): Cell => ({ text: html`<b>${subject}</b> ${version}` })
  // Only a subject without effect has a ruling about it.
  const titles = [...new Set(subjects.flatMap(({ rulings }) => rulings.map(({ title }) => title)))]
  const requirements = scrollingTable(
    ['subject', 'state', ...titles],
    subjects.map(placed => [
      nameCell(placed),
      { text: html`<span class="badge ${STATES[placed.status].style}">${STATES[placed.status].text}</span>` },
      ...titles.map(title => {
        const ruling = placed.rulings.find(each => each.title === title)
        return { text: ruling === undefined ? '–' : rulingCell(ruling) }
      }),
    ]),
    'What the subjects meet',
  )
  const figures = scrollingTable(
    ['subject', 'place', 'Pareto front', ...metrics.map(titleOf)],
    subjects.map(placed => [
      nameCell(placed),
      ...placeCells(placed, measured),
      ...metrics.map(metric => ({ text: weighedText(table, placed.subject, metric) })),
    ]),
    'How their weighed figures compare; best first',
  )
  return html`${requirements}${metrics.length === 0 ? '' : figures}`
}

function placeCells(placed: Placed, { leader }: Ranking): Cell[] {
  const { dominatedBy, status } = placed
  const front =
    dominatedBy === null || status === 'excluded'
      ? '–'
      : dominatedBy.length === 0
        ? 'on it'
        : `behind ${dominatedBy.join(', ')}`
  return [{ text: placeText(placed, placed.subject === leader) }, { text: front }]
}

function weighedText(table: RowTable, subject: string, metric: string): string {
  const { row } = table.decision(subject, metric)
  return row === undefined ? 'no row' : figureOf(row)
}

function rulingCell({ standing, row, why }: Ruling): Html {
  const { sign, style, word } = MARKS[standing]
  const small = (text: string) => html`<br><small>${text}</small>`
  return html`<span class="${style}"><span aria-hidden="true">${sign}</span> ${word}</span>${row !== undefined && small(figureOf(row))}${why !== undefined && small(why)}`
}

function figureOf({ value, unit, tag, interval }: MeshRow): string {
  const spread =
    interval === undefined || interval.low === interval.high
      ? ''
      : ` (${figure(interval.low)} to ${figure(interval.high)})`
  const shown = typeof value === 'number' ? `${figure(value)} ${unit}${spread}` : value
  return tag === 'measured' ? shown : `${shown} (${tag})`
}
