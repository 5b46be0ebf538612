/** A run in Markdown, for pages and letters: what was found, the tables, and bar charts drawn with characters. */
import type { BarChart, Chart, Table } from '@threadmap/workbench/experiment'
import { writeAtomically } from '@threadmap/workbench/files'
import { cellText } from '@threadmap/workbench/terminal/table'
import type { MeshRecord, RunDocument } from '../run/document.js'

/** The longest bar, in characters. */
const BAR_WIDTH = 40

/** Writes the run to `path`, whole or not at all. */
export function writeMarkdown(run: RunDocument, path: string): void {
  writeAtomically(path, runMarkdown(run))
}

export function runMarkdown({ machine, startedAt, settings, subjects, experiments }: RunDocument): string {
  const when = `${startedAt.slice(0, 16).replace('T', ' ')} UTC`
  const names = subjects.map(({ title, version }) => `${title} ${version}`).join(', ')
  const head = `${when}${settings.quick ? ', quick' : ''}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node.slice(1)}: ${names}.`
  return `${[head, ...experiments.map(recordMarkdown)].join('\n\n')}\n`
}

function recordMarkdown(record: MeshRecord): string {
  const title = `### ${record.title}`
  if (record.status === 'failed') return `${title}\n\nIt failed: ${escaped(record.reason)}`
  return [
    title,
    record.findings.map(finding => `- ${escaped(finding)}`).join('\n'),
    ...record.tables.map(tableMarkdown),
    ...record.charts.filter(isBar).map(barMarkdown),
    record.leftOut.length === 0
      ? ''
      : `Left out:\n\n${record.leftOut.map(({ what, why }) => `- ${escaped(what)}: ${escaped(why)}`).join('\n')}`,
  ]
    .filter(part => part !== '')
    .join('\n\n')
}

function tableMarkdown({ title, columns, rows }: Table): string {
  const headings = columns.map(({ label, unit }) => escaped(unit === undefined ? label : `${label} (${unit})`))
  const cells = rows.map(row => row.map((cell, at) => escaped(cellText(cell, columns[at]))))
  const isFigure = columns.map((_, at) => !rows.some(row => typeof row[at] === 'string'))
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  const rule = line(isFigure.map(figure => (figure ? '--:' : '---')))
  return [`${title}:`, '', line(headings), rule, ...cells.map(line)].join('\n')
}

function isBar(chart: Chart): chart is BarChart {
  return chart.kind === 'bar'
}

function barMarkdown({ title, categories, y, series }: BarChart): string {
  const bars = categories.flatMap((category, at) =>
    series.flatMap(({ name, values }) => {
      const bar = values[at]
      return bar == null ? [] : [{ name: series.length > 1 ? `${category}, ${name}` : category, value: bar.y }]
    }),
  )
  const most = Math.max(...bars.map(({ value }) => value), 0)
  const width = Math.max(...bars.map(({ name }) => name.length), 0)
  const lines = bars.map(({ name, value }) => {
    const length = most > 0 ? Math.max(0, Math.round((value / most) * BAR_WIDTH)) : 0
    return `${name.padEnd(width)}  ${'█'.repeat(length)} ${cellText(value, { label: '' })}`
  })
  return [`${title}, ${y.unit}:`, '', '```', ...lines, '```'].join('\n')
}

/** Text in which nothing is markup, on one line. */
function escaped(text: string): string {
  return text.replace(/[\\|<>*_`[\]]/g, '\\$&').replace(/\s+/g, ' ')
}
