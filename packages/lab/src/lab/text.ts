import { pc } from '@threadmap/workbench/terminal/colour'
import { tableText } from '@threadmap/workbench/terminal/table'
import { disturbedText, isDisturbed } from '@threadmap/workbench/threads/others'
import type { ExperimentRecord } from '../document.js'

/** An experiment that has ended, for the terminal: its findings and its figures. */
export function recordText(record: ExperimentRecord, { tables = true } = {}): string {
  const head = `${pc.bold(record.title)} ${pc.dim(`(${record.name}, ${record.seconds.toFixed(1)} s)`)}`
  if (record.status === 'failed') return `${head}\n  ${pc.red('failed:')} ${record.reason}`
  const figures = tables ? record.tables.map(tableText) : []
  const { processors } = record
  const noise =
    processors !== undefined && isDisturbed(processors) ? [`  ${pc.yellow('!')} ${disturbedText(processors)}`] : []
  return [head, ...noise, ...record.findings.map(finding => `  - ${finding}`), ...figures].join('\n')
}
