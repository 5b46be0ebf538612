import type { Column, Table } from '../experiment.js'
import { pc } from './colour.js'

/** A table with aligned columns: text to the left, figures to the right. */
export function tableText({ title, columns, rows }: Table): string {
  const headings = columns.map(({ label, unit }) => (unit === undefined ? label : `${label} (${unit})`))
  const cells = rows.map(row => row.map((cell, at) => cellText(cell, columns[at])))
  const isText = columns.map((_, at) => rows.some(row => typeof row[at] === 'string'))
  const widths = headings.map((heading, at) => Math.max(heading.length, ...cells.map(row => row[at].length)))
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, at) => (isText[at] ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ')}`.trimEnd()
  return [`  ${pc.dim(title)}`, pc.bold(line(headings)), ...cells.map(line)].join('\n')
}

/** A cell as it is shown, here and in the report. */
export function cellText(cell: string | number | null, { digits }: Column): string {
  if (cell === null) return '-'
  if (typeof cell === 'string') return cell
  if (!Number.isFinite(cell)) return '-'
  if (digits !== undefined) return grouped(cell, digits)
  const size = Math.abs(cell)
  return grouped(cell, size >= 100 || Number.isInteger(cell) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
