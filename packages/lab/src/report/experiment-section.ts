import type { Evidence } from '@threadmap/workbench/evidence'
import type { Chart, Table } from '@threadmap/workbench/experiment'
import { duration } from '@threadmap/workbench/progress'
import { barFigure } from '@threadmap/workbench/report/charts/bar'
import { scrollingTable } from '@threadmap/workbench/report/charts/frame'
import { heatFigure } from '@threadmap/workbench/report/charts/heat'
import { lineFigure } from '@threadmap/workbench/report/charts/line'
import { figure } from '@threadmap/workbench/report/figures'
import { anchor, type Content, type Html, html } from '@threadmap/workbench/report/html'
import { cellText } from '@threadmap/workbench/terminal/table'
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
${folded(record.charts, MOST_CHARTS_OPEN, 'more charts', list => list.map(chart => chartOf(chart, anchor('chart', record.name, chart.id))))}
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

function chartOf(chart: Chart, id: string): Html {
  switch (chart.kind) {
    case 'line':
      return lineFigure(chart, id)
    case 'bar':
      return barFigure(chart, id)
    case 'heat':
      return heatFigure(chart, id)
  }
}

/** More rows than this are folded. */
const MOST_ROWS_OPEN = 12

export function tableOf({ title, columns, rows }: Table): Html {
  const isText = columns.map((_, at) => rows.some(row => typeof row[at] === 'string'))
  const table = scrollingTable(
    columns.map(({ label, unit }) => (unit === undefined ? label : `${label} (${unit})`)),
    rows.map(row => row.map((cell, at) => ({ text: cellText(cell, columns[at]), isFigure: !isText[at] }))),
    title,
  )
  return rows.length > MOST_ROWS_OPEN
    ? html`<details><summary>${title} (${rows.length} rows)</summary>${table}</details>`
    : table
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
