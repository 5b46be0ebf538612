import { join } from 'node:path'
import { writeAtomically } from '@threadmap/workbench/files'
import { anchor, type Html, html } from '@threadmap/workbench/report/html'
import { page } from '@threadmap/workbench/report/page'
import type { ExperimentRecord, RunDocument } from '../document.js'
import { changesSection } from './comparison-section.js'
import { experimentSection } from './experiment-section.js'
import { folkloreSection } from './folklore-section.js'
import { recommendationSection } from './recommendation.js'

/** The name of the report in a run's folder. */
export const REPORT_FILE = 'report.html'

export interface ReportOptions {
  /** An earlier run: the report says what changed since. */
  readonly previous?: RunDocument | undefined
}

/** The run as one HTML page that needs no network. */
export function reportPage(document: RunDocument, { previous }: ReportOptions = {}): string {
  const { machine, startedAt, settings } = document
  const when = `${startedAt.slice(0, 16).replace('T', ' ')} UTC`
  return page(
    `threadmap lab, ${when}`,
    html`<h1>threadmap lab</h1><p>${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${when}${settings.quick ? ', quick' : ''}</p>`,
    html`${recommendationSection(document)}
${contents(document, previous !== undefined)}
${document.experiments.map(experimentSection)}
${folkloreSection(document)}
${previous === undefined ? '' : changesSection(previous, document)}
${machineSection(document)}`,
  )
}

/** Writes the report to `path`, whole or not at all. `UsageError` if the file cannot be written. */
export function writeReport(document: RunDocument, path: string, options: ReportOptions = {}): void {
  writeAtomically(path, reportPage(document, options))
}

export function reportPath(folder: string): string {
  return join(folder, REPORT_FILE)
}

function contents({ experiments }: RunDocument, hasPrevious: boolean): Html {
  if (experiments.length === 0) return html`<section><h2>This run has no experiment</h2></section>`
  return html`<section><nav aria-label="Experiments"><h2>What was found</h2><ol>${experiments.map(
    record =>
      html`<li><a href="#${anchor('experiment', record.name)}"><b>${record.title}</b><span>${said(record)}</span></a></li>`,
  )}<li><a href="#beliefs"><b>Folklore, and what this machine says</b></a></li>${hasPrevious ? html`<li><a href="#changes"><b>What changed since the run before</b></a></li>` : ''}</ol></nav></section>`
}

function said(record: ExperimentRecord): string {
  return record.status === 'failed' ? `failed: ${record.reason}` : (record.findings[0] ?? '')
}

function machineSection({ machine, settings, startedAt, id }: RunDocument): Html {
  const rows: [string, string][] = [
    ['processor', machine.cpu],
    ['cores', String(machine.cores)],
    ['memory', `${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ['platform', machine.platform],
    ['Node', `${machine.node}, V8 ${machine.v8}`],
    ['started', startedAt],
    ['length', settings.quick ? 'quick' : 'full'],
    ['threads', String(settings.workers)],
    ['seed', String(settings.seed)],
    ...Object.entries(settings.flags).map(([name, value]): [string, string] => [name, String(value)]),
    ['run', id],
  ]
  return html`<section id="machine"><h2>The machine, and what was asked of it</h2><dl>${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>
<p class="soft">The same again: <code>threadmap lab${settings.quick ? ' --quick' : ''} --workers ${settings.workers} --seed ${settings.seed}</code></p></section>`
}
