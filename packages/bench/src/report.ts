import os from 'node:os'
import { machine } from '@threadmap/workbench/evidence'
import { ratios, type Spread, spread } from '@threadmap/workbench/statistics'
import type { Case, Comparison, Target, Unit } from './case.js'
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

/** What one version of Node made of a case. */
export interface Column {
  runtime: string
  subjects: SubjectResult[]
  comparisons: ComparisonResult[]
}

export interface CaseResult {
  name: string
  /** In the order of the runtimes; the first one decides whether a target is reached. */
  columns: Column[]
}

/** The rounds of one subject. */
export interface Rounds {
  label: string
  /** The name of the runtime; undefined for a program that is not JavaScript, and is in all columns. */
  runtime?: string
  rounds: Measured[]
  skipped?: string
  failed?: string
}

export function evaluate(one: Case, runtimes: readonly string[], all: readonly Rounds[]): CaseResult {
  const columns = runtimes.map(runtime => {
    const measured = all.filter(rounds => rounds.runtime === undefined || rounds.runtime === runtime)
    return { runtime, ...columnOf(one, measured) }
  })
  return { name: one.name, columns }
}

function columnOf(one: Case, measured: Rounds[]): Omit<Column, 'runtime'> {
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
  return { subjects, comparisons }
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
export function caseText({ name, columns }: CaseResult): string {
  const lines = columns.flatMap(({ runtime, subjects, comparisons }) => [
    `${name}, ${runtime}`,
    ...subjects.map(subject => `    ${subject.label.padEnd(26)} ${subjectText(subject)}`),
    ...comparisons.map(row => {
      const measured = row.summary ? figure(row.summary, row.unit) : ''
      return `  ${mark(row)} ${row.what}: ${measured} ${row.target ? `(target ${targetText(row)}) ` : ''}${row.verdict}`
    }),
  ])
  return lines.join('\n')
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
  /** The versions of Node, in the order of the columns. */
  nodes: readonly string[]
  go: string
  command: string
  rounds: number
  ms: number
  load: number
}

export function setting(nodes: readonly string[], go: string, rounds: number, ms: number): Setting {
  const { cpu, cores, memoryBytes } = machine()
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`
  return {
    machine: `${cores} x ${cpu}, ${memory}, ${os.type()} ${os.release()} ${os.arch()}`,
    nodes,
    go,
    command: `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`,
    rounds,
    ms,
    load: os.loadavg()[0],
  }
}

export function settingText({ machine, nodes, go, command, rounds, ms, load }: Setting): string {
  return [
    `Machine: ${machine}`,
    `Runtimes: ${nodes.join(', ')}; ${go}`,
    `Command: \`${command}\`; ${rounds} interleaved rounds of ${ms} ms, one process per subject; load at the start ${load}`,
  ].join('\n')
}

/** The tables for BENCHMARKS.md, with a column for each version of Node. Medians; in brackets the quartiles of the rounds. */
export function markdown(results: CaseResult[], about: Setting): string {
  const names = results[0].columns.map(({ runtime }) => runtime)
  const rule = '|---'.repeat(names.length)
  const targets = results.flatMap(({ columns }) =>
    columns[0].comparisons.map((row, at) => {
      const cells = columns.map(({ comparisons }) => comparisonText(comparisons[at]))
      return `| ${row.what} | ${targetText(row)} | ${cells.join(' | ')} | ${row.verdict === 'no target' ? '–' : row.verdict} |`
    }),
  )
  const figures = results.flatMap(({ name, columns }) =>
    columns[0].subjects.map(({ label }, at) => {
      // A note is about what was done, which is the same in all columns.
      const cells = columns.map(({ subjects }, i) =>
        subjectText(i === 0 ? subjects[at] : { ...subjects[at], note: '' }),
      )
      return `| ${name} | ${label} | ${cells.join(' | ')} |`
    }),
  )
  return [
    settingText(about),
    '',
    'Ratios of times (get, set): smaller is better. Ratios of throughput (threads): larger is better.',
    '',
    `| what | target | ${names.join(' | ')} | ${names[0]} |`,
    `|---|---${rule}|---|`,
    ...targets,
    '',
    `| case | subject | ${names.join(' | ')} |`,
    `|---|---${rule}|`,
    ...figures,
  ].join('\n')
}

function comparisonText({ summary, unit, verdict }: ComparisonResult): string {
  return summary ? figure(summary, unit) : verdict === 'failed' ? 'failed' : '–'
}
