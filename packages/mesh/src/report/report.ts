import { writeAtomically } from '@threadmap/workbench/files'
import { duration } from '@threadmap/workbench/progress'
import { scrollingTable } from '@threadmap/workbench/report/charts/frame'
import { figure } from '@threadmap/workbench/report/figures'
import { anchor, type Html, html } from '@threadmap/workbench/report/html'
import { page } from '@threadmap/workbench/report/page'
import { chartFigure, outcomeTable } from '@threadmap/workbench/report/shown'
import type { Prices } from '../rows/prices.js'
import type { MeshRow } from '../rows/row.js'
import type { LeftOut, MeshRecord, RunDocument, RunSubject } from '../run/document.js'
import type { Question } from '../select/question.js'
import { RowTable } from '../select/table.js'
import { claimsSection } from './claims-section.js'
import { selectionSection } from './selection-section.js'

/** Writes the report to `path`, whole or not at all. */
export function writeReport(run: RunDocument, path: string, options: ReportOptions = {}): void {
  writeAtomically(path, reportPage(run, options))
}

export interface ReportOptions {
  /** What the first section answers; without it, the guide's own case. */
  readonly question?: Question
  /** Rows that a user supplies; they are shown as such. */
  readonly supplied?: readonly MeshRow[]
  readonly prices?: Prices | undefined
}

export function reportPage(run: RunDocument, { question, supplied = [], prices }: ReportOptions = {}): string {
  const { machine, startedAt, settings, subjects, rows } = run
  const table = new RowTable([...rows, ...supplied], { prices, workload: question?.workload })
  const when = `${startedAt.slice(0, 16).replace('T', ' ')} UTC`
  return page(
    `threadmap mesh, ${when}`,
    html`<h1>threadmap mesh</h1><p>${subjects.length} data planes on ${machine.cpu}, ${machine.cores} cores, ${when}${settings.quick ? ', quick' : ''}</p>`,
    html`${rows.length === 0 ? '' : selectionSection(table, question)}
${contents(run.experiments)}
${run.experiments.map(recordSection)}
${evidenceSection(run.rows)}
${claimsSection(table, supplied)}
${subjectsSection(subjects, run.absent)}`,
  )
}

function contents(records: readonly MeshRecord[]): Html {
  if (records.length === 0) return html`<section><h2>Nothing is measured yet</h2></section>`
  return html`<section><nav aria-label="Experiments"><h2>What was found</h2><ol>${records.map(
    record =>
      html`<li><a href="#${anchor('experiment', record.name)}"><b>${record.title}</b><span>${said(record)}</span></a></li>`,
  )}</ol></nav></section>`
}

function said(record: MeshRecord): string {
  return record.status === 'failed' ? `failed: ${record.reason}` : (record.findings[0] ?? '')
}

function recordSection(record: MeshRecord): Html {
  const id = anchor('experiment', record.name)
  const method = html`<h3>How it was measured</h3><p>${record.method}</p>
<p class="soft">Measured ${record.startedAt.slice(0, 16).replace('T', ' ')} UTC in ${duration(record.seconds)}.</p>${leftOutList(record.leftOut)}`
  if (record.status === 'failed') {
    return html`<section id="${id}"><p class="number">${record.name}</p><h2>${record.title}</h2><p class="failed"><b>It failed:</b> ${record.reason}</p>${method}</section>`
  }
  const [first, ...rest] = record.findings
  return html`<section id="${id}">
<p class="number">${record.name}</p>
<h2>${record.title}</h2>
${first === undefined ? '' : html`<p class="headline">${first}</p>`}
<ul class="findings">${rest.map(finding => html`<li>${finding}</li>`)}</ul>
${record.tables.map(outcomeTable)}
${record.charts.map(chart => chartFigure(chart, anchor('chart', record.name, chart.id)))}
${method}
</section>`
}

function evidenceSection(rows: readonly MeshRow[]): Html {
  return html`<section id="evidence"><h2>The evidence</h2><details><summary>All ${rows.length} rows</summary>${scrollingTable(
    ['subject', 'version', 'metric', 'value', 'quartiles', 'rounds', 'workload', 'known', 'from'],
    rows.map(row => [
      { text: row.subject },
      { text: row.version ?? '' },
      { text: row.metric },
      {
        text: typeof row.value === 'number' ? `${figure(row.value)} ${row.unit}` : row.value,
        isFigure: typeof row.value === 'number',
      },
      {
        text: row.interval === undefined ? '–' : `${figure(row.interval.low)} – ${figure(row.interval.high)}`,
        isFigure: true,
      },
      { text: row.values?.length ?? '–', isFigure: true },
      { text: row.workload ?? '' },
      { text: row.tag },
      { text: `${row.source}, ${row.date}` },
    ]),
  )}</details></section>`
}

function subjectsSection(subjects: readonly RunSubject[], absent: readonly LeftOut[]): Html {
  return html`<section id="subjects"><h2>The subjects, and their configuration</h2>${subjects.map(
    ({ title, version, origin, sha256, lacks, configuration }) => html`<h3>${title} ${version}</h3>
<p class="soft">${origin}, SHA-256 ${sha256.slice(0, 16)}…</p>
${Object.keys(lacks).length === 0 ? '' : html`<ul class="findings">${Object.entries(lacks).map(([ability, why]) => html`<li>without ${ability}: ${why}</li>`)}</ul>`}
${Object.entries(configuration).map(([name, text]) => html`<details><summary>${name}</summary><pre>${text}</pre></details>`)}`,
  )}
<h3>Absent</h3>${leftOutList(absent)}</section>`
}

function leftOutList(leftOut: readonly LeftOut[]): Html | '' {
  if (leftOut.length === 0) return ''
  return html`<ul class="findings">${leftOut.map(({ what, why }) => html`<li class="soft">without ${what}: ${why}</li>`)}</ul>`
}
