/** Rows, matrix and findings of what the faults did. */
import type { HeatMap, Table } from '@threadmap/workbench/experiment'
import { type Disturbance, failureBound } from '../../load/effects.js'
import type { MeshRow } from '../../rows/row.js'
import type { MeshContext, MeshOutcome } from '../experiment.js'
import type { Fault } from './fault.js'
import type { Retries } from './pairs.js'

/** One fault of one subject. Plain data. */
export interface Cell {
  readonly subject: string
  readonly fault: string
  /** Undefined: the pair as it comes. */
  readonly retries: Retries | undefined
  readonly open: Disturbance
  /** Of requests over new connections. */
  readonly fresh?: Disturbance
  readonly note?: string
}

/** A line of the matrix: a fault, twice where it was planted without and with retries. */
interface Line {
  readonly fault: Fault
  readonly retries: 'on' | 'off' | undefined
  readonly title: string
}

export function outcomeOf(cells: readonly Cell[], faults: readonly Fault[], context: MeshContext): MeshOutcome {
  const lines = faults.flatMap(linesOf)
  const subjects = [...new Set(cells.map(({ subject }) => subject))]
  const cellOf = (subject: string, line: Line) => cells.find(cell => cell.subject === subject && isOf(cell, line))
  const matrix: Table = {
    title: 'Subject x fault: failed requests, how, recovery, P99',
    columns: [{ label: 'fault' }, ...subjects.map(label => ({ label }))],
    rows: lines.map(line => [line.title, ...subjects.map(subject => textOf(cellOf(subject, line)))]),
  }
  const heat: HeatMap = {
    kind: 'heat',
    id: 'faults',
    title: 'Requests that failed, by subject and fault',
    alternative: lines
      .map(line => [line, cells.filter(cell => isOf(cell, line))] as const)
      .filter(([, own]) => own.length > 0)
      .map(([{ title }, own]) => `${title}: ${own.map(({ subject, open }) => `${subject} ${open.failed}`).join(', ')}`)
      .join('; '),
    columns: subjects,
    rows: lines.map(({ title }) => title),
    value: { label: 'failed', unit: 'requests' },
    cells: lines.map(line => subjects.map(subject => cellOf(subject, line)?.open.failed ?? null)),
  }
  return {
    rows: cells.flatMap(cell => rowsOf(cell, faults, context)),
    charts: cells.length === 0 ? [] : [heat],
    tables: [matrix],
    findings: lines.flatMap(line => finding(line, cells)),
  }
}

function linesOf(fault: Fault): Line[] {
  if (fault.pair !== 'retries') return [{ fault, retries: undefined, title: fault.title }]
  return (['off', 'on'] as const).map(retries => ({ fault, retries, title: `${fault.title}, retries ${retries}` }))
}

/** A subject without retries stands in the line without them. */
function isOf({ fault, retries = 'off' }: Cell, line: Line): boolean {
  return fault === line.fault.name && (line.retries === undefined || retries === line.retries)
}

function rowsOf(cell: Cell, faults: readonly Fault[], context: MeshContext): MeshRow[] {
  const { open, fresh, note } = cell
  const fault = faults.find(({ name }) => name === cell.fault)
  if (fault === undefined) return []
  const running = context.topology.running.find(({ pair }) => pair.subject === cell.subject) ?? cell.subject
  const retries = cell.retries === undefined ? '' : `, retries ${cell.retries}`
  const name = cell.retries === 'on' ? `${fault.name}-retried` : fault.name
  const rowsFor = (id: string, found: Disturbance, connections: string) => {
    const workload = `${fault.title}${retries}${connections}; of ${found.requests} requests${note === undefined ? '' : `; ${note}`}`
    const row = (what: string, unit: string, value: number | string) =>
      context.row(running, { metric: `fault-${id}-${what}`, unit, value, workload })
    return [
      row('failed', 'requests', found.failed),
      found.recovery === undefined ? row('recovery', '', 'none') : row('recovery', 'ms', found.recovery),
      row('p99', 'ms', found.p99),
    ]
  }
  return [
    ...rowsFor(name, open, ''),
    ...(fresh === undefined ? [] : rowsFor(`${name}-new`, fresh, ', new connections')),
  ]
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return 'not applicable'
  const parts = [disturbanceText(cell.open)]
  if (cell.fresh !== undefined) parts.push(`new connections: ${disturbanceText(cell.fresh)}`)
  if (cell.note !== undefined) parts.push(cell.note)
  return parts.join('; ')
}

function disturbanceText({ failed, requests, failures, recovery, p99 }: Disturbance): string {
  if (failed === 0)
    return `0 of ${requests} (< ${(100 * failureBound(requests)).toPrecision(2)}%), P99 ${p99.toFixed(0)} ms`
  const how = failures.map(([outcome, count]) => `${count} x ${outcome}`).join(', ')
  return `${failed} of ${requests} (${how}), ${recovery === undefined ? 'no recovery' : `back after ${recovery.toFixed(0)} ms`}, P99 ${p99.toFixed(0)} ms`
}

function finding(line: Line, cells: readonly Cell[]): string[] {
  const own = cells
    .filter(cell => isOf(cell, line))
    .map(({ subject, open, fresh }) => ({
      subject,
      failed: open.failed + (fresh?.failed ?? 0),
      recovery: fresh !== undefined && fresh.failed > 0 && open.failed === 0 ? fresh.recovery : open.recovery,
    }))
  if (own.length === 0) return []
  const without = own.filter(({ failed }) => failed === 0).map(({ subject }) => subject)
  const said = own
    .filter(({ failed }) => failed > 0)
    .sort((a, b) => b.failed - a.failed)
    .map(
      ({ subject, failed, recovery }) =>
        `${subject} ${failed} (${recovery === undefined ? 'no recovery' : `${recovery.toFixed(0)} ms`})`,
    )
  const none =
    without.length === 0 ? 'no subject is without a failed request' : `no failed request with ${without.join(', ')}`
  return [`${line.title}: ${none}${said.length === 0 ? '' : `; failed: ${said.join(', ')}`}.`]
}
