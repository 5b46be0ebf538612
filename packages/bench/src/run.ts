/** The benchmark: `npm run bench -- [--quick] [--only NAME] [--json FILE] [--against DIR]`. See BENCHMARKS.md for how to read it. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { goVersion } from '@threadmap/workbench/go/program'
import { NotHere } from '@threadmap/workbench/subjects/peers'
import { beforeAndAfter, NoSuchBuild } from './against.js'
import { allCases, type Case, quickCases, type SubjectSpec } from './cases.js'
import { type Running, start } from './processes.js'
import { type CaseResult, caseText, evaluate, markdown, type Rounds, setting, settingText } from './report.js'

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

async function runCase(one: Case, effort: Effort): Promise<CaseResult> {
  const measured: Rounds[] = one.subjects.map(({ label }) => ({ label, rounds: [] }))
  const running = await startAll(one.subjects, measured)
  const all = async (ms: number, keep: boolean): Promise<void> => {
    for (const [i, process] of running.entries()) {
      if (!process || measured[i].failed) continue
      const result = await guarded(measured[i], () => process.round(ms))
      if (result && keep) measured[i].rounds.push(result)
    }
  }
  try {
    if (!one.once) await all(effort.warmUpMs, false)
    for (let round = 0; round < (one.once ? 1 : effort.rounds); round++) await all(effort.ms, true)
  } finally {
    for (const process of running) process?.stop()
  }
  return evaluate(one, measured)
}

/** Sets all subjects up at the same time, since setting up is not timed. */
function startAll(subjects: SubjectSpec[], measured: Rounds[]): Promise<(Running | undefined)[]> {
  return Promise.all(subjects.map((subject, i) => guarded(measured[i], () => start(subject))))
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
const cases = known.filter(one => one.name.includes(options.only ?? ''))
if (cases.length === 0) {
  console.error(`--only ${options.only}: no such case; there are ${known.map(one => one.name).join(', ')}`)
  process.exit(2)
}

const began = performance.now()
const about = setting(await goText(), effort.rounds, effort.ms)
console.log(`${settingText(about)}\n`)
if (about.load > BUSY) console.log('Other programs are using this machine: do not publish these figures.\n')
const results: CaseResult[] = []
for (const one of cases) {
  const result = await runCase(one, effort)
  results.push(result)
  console.log(`${caseText(result)}\n`)
}

const rows = results.flatMap(result => result.comparisons)
const count = (verdict: string): number => rows.filter(row => row.verdict === verdict).length
console.log(`${markdown(results, about)}\n`)
console.log(
  `${count('reached')} targets reached, ${count('missed')} missed, ${count('failed')} failed, ` +
    `${count('skipped')} skipped; ${((performance.now() - began) / 1000).toFixed(0)} s`,
)
if (options.json) writeFileSync(options.json, `${JSON.stringify({ about, results }, undefined, 2)}\n`)
// A missed target is a finding, with exit code 0; a failed subject (an error, a wrong value, a lost update) is a fault.
process.exitCode = results.some(({ subjects }) => subjects.some(subject => subject.failed)) ? 1 : 0
