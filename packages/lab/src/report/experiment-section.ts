import type { Evidence } from '@threadmap/workbench/evidence'
import type { Table } from '@threadmap/workbench/experiment'
import { duration } from '@threadmap/workbench/progress'
import { scrollingTable } from '@threadmap/workbench/report/charts/frame'
import { figure } from '@threadmap/workbench/report/figures'
import { anchor, type Content, type Html, html } from '@threadmap/workbench/report/html'
import { chartFigure, outcomeTable } from '@threadmap/workbench/report/shown'
import { disturbedText, isDisturbed } from '@threadmap/workbench/threads/others'
import type { ExperimentRecord, FinishedRecord, LeftOut } from '../document.js'

/** One experiment: its question, findings, charts, tables and method. */
export function experimentSection(record: ExperimentRecord): Html {
  const id = anchor('experiment', record.name)
  if (record.status === 'failed') {
    return html`<section id="${id}"><p class="number">${record.name}</p><h2>${record.title}</h2><p class="failed"><b>It failed:</b> ${record.reason}</p>${measuredHow(record)}</section>`
  }
  const [first, ...rest] = record.findings
  return html`<section id="${id}">
<p class="number">${record.name}</p>
<h2>${record.title}</h2>
${first === undefined ? '' : html`<p class="headline">${first}</p>`}
${folded(rest, MOST_FINDINGS_OPEN, 'more findings', list => html`<ul class="findings">${list.map(finding => html`<li>${finding}</li>`)}</ul>`)}
${folded(record.charts, MOST_CHARTS_OPEN, 'more charts', list => list.map(chart => chartFigure(chart, anchor('chart', record.name, chart.id))))}
<h3>The table behind it</h3>
${record.tables.map(tableOf)}
${evidenceTable(record)}
${measuredHow(record)}
</section>`
}

/** Findings that are not folded: on a phone, a longer list would hide the next experiment. */
const MOST_FINDINGS_OPEN = 4
const MOST_CHARTS_OPEN = 3

/** The first `most` are shown, the others folded. */
function folded<T>(list: readonly T[], most: number, what: string, show: (part: readonly T[]) => Content): Content {
  if (list.length <= most + 1) return list.length === 0 ? '' : show(list)
  return [
    show(list.slice(0, most)),
    html`<details class="more"><summary>${list.length - most} ${what}</summary>${show(list.slice(most))}</details>`,
  ]
}

/** More rows than this are folded. */
const MOST_ROWS_OPEN = 12

export function tableOf(table: Table): Html {
  const { title, rows } = table
  const shown = outcomeTable(table)
  return rows.length > MOST_ROWS_OPEN
    ? html`<details><summary>${title} (${rows.length} rows)</summary>${shown}</details>`
    : shown
}

function evidenceTable({ evidence }: FinishedRecord): Html | '' {
  if (evidence.length === 0) return ''
  return html`<details><summary>All ${evidence.length} rows of evidence, with their spread</summary>${scrollingTable(
    ['subject', 'workload', 'threads', 'metric', 'median', 'quartiles', 'rounds', 'known'],
    evidence.map(row => [
      { text: row.subject },
      { text: row.workload },
      { text: row.workers, isFigure: true },
      { text: row.metric },
      { text: `${figure(row.value)} ${row.unit}`, isFigure: true },
      { text: quartiles(row), isFigure: true },
      { text: row.spread.rounds.length, isFigure: true },
      { text: row.known },
    ]),
  )}</details>`
}

function quartiles({ spread: { low, high } }: Evidence): string {
  return Number.isFinite(low) && Number.isFinite(high) && low !== null ? `${figure(low)} – ${figure(high)}` : '–'
}

function measuredHow({ method, seconds, cpuSeconds, processors, startedAt, leftOut }: ExperimentRecord): Html {
  const noise =
    processors !== undefined && isDisturbed(processors)
      ? html`<p class="soft"><strong>Noise:</strong> ${disturbedText(processors)}.</p>`
      : ''
  return html`<h3>How it was measured</h3><p>${method}</p>
<p class="soft">Measured ${startedAt.slice(0, 16).replace('T', ' ')} UTC in ${duration(seconds)}, with ${duration(cpuSeconds)} of processor time.</p>${noise}${leftOutList(leftOut)}`
}

function leftOutList(leftOut: readonly LeftOut[]): Html | '' {
  if (leftOut.length === 0) return ''
  return html`<ul class="findings">${leftOut.map(({ what, why }) => html`<li class="soft">without ${what}: ${why}</li>`)}</ul>`
}
