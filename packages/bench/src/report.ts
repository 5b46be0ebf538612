import os from 'node:os'
import { machine } from '@threadmap/workbench/evidence'
import { ratios, type Spread, spread } from '@threadmap/workbench/statistics'
import type { Case, Comparison, Target, Unit } from './cases.js'
import type { Measured } from './jobs.js'

/** The rounds of one subject, or the reason why it has none. */
export interface SubjectResult {
  label: string
  unit: Unit
  summary?: Spread
  note?: string
  skipped?: string
  failed?: string
}

export interface ComparisonResult {
  what: string
  target?: Target
  /** A ratio, or the subject's own figure if the line compares nothing. */
  summary?: Spread
  unit: Unit | 'x'
  verdict: 'reached' | 'missed' | 'no target' | 'skipped' | 'failed'
}

export interface CaseResult {
  name: string
  subjects: SubjectResult[]
  comparisons: ComparisonResult[]
}

/** The rounds of one subject. */
export interface Rounds {
  label: string
  rounds: Measured[]
  skipped?: string
  failed?: string
}

export function evaluate(one: Case, measured: Rounds[]): CaseResult {
  const subjects = measured.map(({ label, rounds, skipped, failed }): SubjectResult => {
    const note = rounds.at(-1)?.note
    return {
      label,
      unit: one.unit,
      ...(rounds.length > 0 ? { summary: spread(rounds.map(round => round.value)) } : {}),
      ...(note ? { note } : {}),
      ...(skipped ? { skipped } : {}),
      ...(failed ? { failed } : {}),
    }
  })
  const comparisons = one.comparisons.map(comparison => compare(comparison, one.unit, measured))
  return { name: one.name, subjects, comparisons }
}

function compare(comparison: Comparison, unit: Unit, measured: Rounds[]): ComparisonResult {
  const { what, target } = comparison
  const base = { what, unit: comparison.against ? ('x' as const) : unit, ...(target ? { target } : {}) }
  const sides = [comparison.of, comparison.against].flatMap(label => measured.filter(side => side.label === label))
  if (sides.some(side => side.failed)) return { ...base, verdict: 'failed' }
  if (sides.some(side => side.skipped)) return { ...base, verdict: 'skipped' }
  const [of, against] = sides.map(side => side.rounds.map(round => round.value))
  const summary = against ? ratios(of, against) : spread(of)
  return { ...base, summary, verdict: verdict(summary.median, target) }
}

function verdict(median: number, target: Target | undefined): ComparisonResult['verdict'] {
  if (!target) return 'no target'
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = target
  return median <= atMost && median >= atLeast ? 'reached' : 'missed'
}

function number(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value.toFixed(value >= 10 ? 1 : 2)
}

function figure({ median, low, high }: Spread, unit: Unit | 'x'): string {
  const suffix = unit === 'x' ? 'x' : ` ${unit}`
  return low === high ? `${number(median)}${suffix}` : `${number(median)}${suffix} (${number(low)}–${number(high)})`
}

function targetText({ target, unit }: ComparisonResult): string {
  if (!target) return '–'
  const suffix = unit === 'x' ? 'x' : ` ${unit}`
  return target.atMost !== undefined ? `<= ${target.atMost}${suffix}` : `>= ${target.atLeast}${suffix}`
}

/** The figures of one case on a few lines, printed when the case ends. */
export function caseText({ name, subjects, comparisons }: CaseResult): string {
  const lines = subjects.map(subject => `    ${subject.label.padEnd(26)} ${subjectText(subject)}`)
  for (const row of comparisons) {
    const measured = row.summary ? figure(row.summary, row.unit) : ''
    lines.push(
      `  ${mark(row)} ${row.what}: ${measured} ${row.target ? `(target ${targetText(row)}) ` : ''}${row.verdict}`,
    )
  }
  return [name, ...lines].join('\n')
}

function mark({ verdict }: ComparisonResult): string {
  return verdict === 'reached' ? '+' : verdict === 'missed' || verdict === 'failed' ? '!' : ' '
}

function subjectText({ summary, unit, note, skipped, failed }: SubjectResult): string {
  if (failed) return `failed: ${failed}`
  if (skipped) return `skipped: ${skipped}`
  return `${summary ? figure(summary, unit) : ''}${note ? `  [${note}]` : ''}`
}

/** The machine, the runtime and the settings of the run, without which the figures mean nothing. */
export interface Setting {
  machine: string
  node: string
  go: string
  command: string
  rounds: number
  ms: number
  load: number
}

export function setting(go: string, rounds: number, ms: number): Setting {
  const { cpu, cores, memoryBytes, v8 } = machine()
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`
  return {
    machine: `${cores} x ${cpu}, ${memory}, ${os.type()} ${os.release()} ${os.arch()}`,
    node: `Node ${process.versions.node} (V8 ${v8})`,
    go,
    command: `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`,
    rounds,
    ms,
    load: os.loadavg()[0],
  }
}

export function settingText({ machine, node, go, command, rounds, ms, load }: Setting): string {
  return [
    `Machine: ${machine}`,
    `Runtime: ${node}; ${go}`,
    `Command: \`${command}\`; ${rounds} interleaved rounds of ${ms} ms, one process per subject; load at the start ${load}`,
  ].join('\n')
}

/** The tables for BENCHMARKS.md. Medians; in brackets the quartiles of the rounds. */
export function markdown(results: CaseResult[], about: Setting): string {
  const rows = results.flatMap(result => result.comparisons)
  const targets = rows.map(row => {
    const measured = row.summary ? figure(row.summary, row.unit) : '–'
    return `| ${row.what} | ${targetText(row)} | ${measured} | ${row.verdict === 'no target' ? '–' : row.verdict} |`
  })
  const figures = results.flatMap(({ name, subjects }) =>
    subjects.map(subject => `| ${name} | ${subject.label} | ${subjectText(subject)} |`),
  )
  return [
    settingText(about),
    '',
    'Ratios of times (get, set): smaller is better. Ratios of throughput (threads): larger is better.',
    '',
    '| what | target | measured: median (quartiles) | |',
    '|---|---|---|---|',
    ...targets,
    '',
    '| case | subject | ns per operation, M operations/s, bytes or percent |',
    '|---|---|---|',
    ...figures,
  ].join('\n')
}
