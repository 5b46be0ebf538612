/**
 * The benchmark: `npm run bench -- [--quick] [--only NAME,NAME] [--node 24,20] [--json FILE] [--against DIR] [--growth]`. See BENCHMARKS.md for how
 * to read it.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { goVersion } from '@threadmap/workbench/go/program'
import { NotHere } from '@threadmap/workbench/subjects/peers'
import { beforeAndAfter, NoSuchBuild } from './against.js'
import type { Case, SubjectSpec } from './case.js'
import { allCases, quickCases } from './cases.js'
import { growthTables } from './growth.js'
import { type Running, start } from './processes.js'
import { type CaseResult, caseText, evaluate, markdown, type Rounds, setting, settingText } from './report.js'
import { NoSuchNode, type Runtime, runtimes } from './runtimes.js'

interface Effort {
  /** An odd number, so that the median is the figure of one round. */
  rounds: number
  ms: number
  /** Milliseconds of a first round that is not counted: it compiles the code and fills the caches. */
  warmUpMs: number
}

/**
 * The full run takes under five minutes. On virtual machines neighbours slow the memory down for seconds at a time. Many
 * short rounds, each a pair for a ratio, suffer less from that than few long rounds.
 */
const FULL: Effort = { rounds: 9, ms: 200, warmUpMs: 300 }
/** Under a minute, to see that nothing broke. Its spread is wide. */
const QUICK: Effort = { rounds: 3, ms: 100, warmUpMs: 150 }

/** Load at the start, before the benchmark begins, above which other programs are using the machine. */
const BUSY = 0.7

/** The answer of a subject. An error fails this subject, and the run goes on with the other lines of the table. */
async function guarded<T>(into: Rounds, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof NotHere) into.skipped = error.message
    else into.failed = error instanceof Error ? error.message : String(error)
    return undefined
  }
}

/** A subject as one runtime runs it. */
interface Seat {
  readonly subject: SubjectSpec
  readonly execPath: string
  readonly rounds: Rounds
}

/** Every subject in every runtime, and once those that are no JavaScript. The runtimes of one subject stand side by side. */
function seatsOf(one: Case, nodes: readonly Runtime[]): Seat[] {
  return one.subjects.flatMap(subject => {
    const { label, job } = subject
    if (job.program === 'go') return [{ subject, execPath: '', rounds: { label, rounds: [] } }]
    return nodes.map(({ name, execPath }) => ({ subject, execPath, rounds: { label, runtime: name, rounds: [] } }))
  })
}

async function runCase(one: Case, nodes: readonly Runtime[], effort: Effort): Promise<CaseResult> {
  const seats = seatsOf(one, nodes)
  const rounds = one.once ? 1 : effort.rounds
  if (one.fresh) for (let round = 0; round < rounds; round++) await runBlock(one, seats, effort, 1)
  else await runBlock(one, seats, effort, rounds)
  return evaluate(
    one,
    nodes.map(({ name }) => name),
    seats.map(seat => seat.rounds),
  )
}

/** Rounds of one set of processes. */
async function runBlock(one: Case, seats: readonly Seat[], effort: Effort, rounds: number): Promise<void> {
  const running = await startAll(seats)
  const all = async (ms: number, keep: boolean): Promise<void> => {
    for (const [i, process] of running.entries()) {
      const { rounds: into } = seats[i]
      if (!process || into.failed) continue
      const result = await guarded(into, () => process.round(ms))
      if (result && keep) into.rounds.push(result)
    }
  }
  try {
    if (!one.once) await all(effort.warmUpMs, false)
    for (let round = 0; round < rounds; round++) await all(effort.ms, true)
  } finally {
    for (const process of running) process?.stop()
  }
}

/** Sets all subjects up at the same time, since setting up is not timed. */
function startAll(seats: readonly Seat[]): Promise<(Running | undefined)[]> {
  return Promise.all(seats.map(({ subject, execPath, rounds }) => guarded(rounds, () => start(subject, execPath))))
}

async function goText(): Promise<string> {
  try {
    return await goVersion()
  } catch (error) {
    return `skipped: ${error instanceof Error ? error.message : error}`
  }
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    json: { type: 'string' },
    against: { type: 'string' },
    node: { type: 'string' },
    growth: { type: 'boolean' },
  },
})

/** All cases, or those of this library's maps beside another build's. */
function wanted(against: string | undefined): Case[] {
  if (against === undefined) return allCases()
  try {
    return beforeAndAfter(allCases(), against)
  } catch (error) {
    if (!(error instanceof NoSuchBuild)) throw error
    console.error(error.message)
    process.exit(2)
  }
}

const effort = options.quick ? QUICK : FULL
const known = options.quick ? quickCases(wanted(options.against)) : wanted(options.against)
const cases = known.filter(one => (options.only ?? '').split(',').some(part => one.name.includes(part)))
if (cases.length === 0) {
  console.error(`--only ${options.only}: no such case; there are ${known.map(one => one.name).join(', ')}`)
  process.exit(2)
}

/** The runtimes that were asked for. */
function installed(wanted: string | undefined): Runtime[] {
  try {
    return runtimes(wanted)
  } catch (error) {
    if (!(error instanceof NoSuchNode)) throw error
    console.error(error.message)
    process.exit(2)
  }
}

const began = performance.now()
const nodes = installed(options.node)
const about = setting(
  nodes.map(({ version }) => version),
  await goText(),
  effort.rounds,
  effort.ms,
)
// The tables of growth have rounds of their own.
console.log(`${options.growth ? settingText(about).replace(/; .* load at/, '; load at') : settingText(about)}\n`)
if (about.load > BUSY) console.log('Other programs are using this machine: do not publish these figures.\n')
if (options.growth) {
  console.log(`${await growthTables(nodes[0], options.quick === true, text => console.error(text))}\n`)
  process.exit(0)
}
const results: CaseResult[] = []
for (const one of cases) {
  const result = await runCase(one, nodes, effort)
  results.push(result)
  console.log(`${caseText(result)}\n`)
}

const rows = results.flatMap(({ columns }) => columns[0].comparisons)
const count = (verdict: string): number => rows.filter(row => row.verdict === verdict).length
console.log(`${markdown(results, about)}\n`)
console.log(
  `${count('reached')} targets reached, ${count('missed')} missed, ${count('failed')} failed, ` +
    `${count('skipped')} skipped; ${((performance.now() - began) / 1000).toFixed(0)} s`,
)
if (options.json) writeFileSync(options.json, `${JSON.stringify({ about, results }, undefined, 2)}\n`)
// A missed target is a finding, with exit code 0; a failed subject (an error, a wrong value, a lost update) is a fault.
process.exitCode = results.some(({ columns }) =>
  columns.some(({ subjects }) => subjects.some(subject => subject.failed)),
)
  ? 1
  : 0
