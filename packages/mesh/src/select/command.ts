/** `threadmap mesh advise`: which proxies to take, from the rows of a run and of files. */
import { resolve } from 'node:path'

import { UsageError } from '@threadmap/workbench/errors'
import { interruptible } from '@threadmap/workbench/interrupt'
import { jsonTarget } from '@threadmap/workbench/json'
import { pc } from '@threadmap/workbench/terminal/colour'
import { Command } from 'commander'
import { writeReport } from '../report/report.js'
import { type RowsFile, readRows } from '../rows/supplied.js'
import type { RunDocument } from '../run/document.js'
import type { MeshRun } from '../run-file.js'
import { answerOf } from './answer.js'
import { PRESETS, parseRequirements, parseWeights, presetOf, type Question, REQUIREMENTS } from './question.js'
import { RowTable } from './table.js'
import { answerLines } from './text.js'

interface Flags {
  require?: string
  weigh?: string
  preset?: string
  workload?: string
  rows?: string[]
  run?: string
  json?: string | true
  report?: string
}

/** The run in a folder; undefined if none is named and the usual folder has no run. */
export type ReadRun = (folder: string | undefined) => MeshRun | undefined

export function adviseCommand(readRun: ReadRun): Command {
  return new Command('advise')
    .summary('say which proxies to take, and what is undecided')
    .description(
      'Answers from the rows of a run and of files: subjects that fail a requirement are out, measured rows rank the others by ' +
        'weights, and nothing is ranked inside the noise. A missing row is named, never guessed. ' +
        `Requirements: ${REQUIREMENTS.map(({ name, title }) => `${name} (${title})`).join(', ')}; or a limit, such as p99<=20.`,
    )
    .option('--require <list>', 'requirements that a subject must meet: tls13,fips')
    .option('--weigh <list>', 'metrics with their weights: p95=3,memory=1')
    .option(
      '--preset <name>',
      `a question that is prepared: ${PRESETS.map(({ name, title }) => `${name} (${title})`).join(', ')}`,
    )
    .option('--workload <text>', 'compare the rows of the workload whose name has this text')
    .option('--rows <file...>', 'YAML files with rows and prices that you supply')
    .option('--run <dir>', 'the run whose rows answer')
    .option('--json [file]', 'the answer as JSON: to a file, or to standard output instead of the text')
    .option('--report <file>', "the run's report with this question first, and the supplied rows, as one HTML file")
    .action((flags: Flags) => interruptible(async () => advise(flags, readRun)))
}

function advise(flags: Flags, readRun: ReadRun): void {
  const json = flags.json === undefined ? undefined : jsonTarget(flags.json)
  const question = questionOf(flags)
  const files: RowsFile[] = (flags.rows ?? []).map(file => readRows(file))
  const run = readRun(flags.run)
  const prices = files.flatMap(file => (file.prices === undefined ? [] : [file.prices]))
  if (prices.length > 1) throw new UsageError('--rows: two files have prices; leave one of them out')
  const rows = [...(run?.rows ?? []), ...files.flatMap(file => file.rows)]
  if (rows.length === 0) {
    throw new UsageError('there are no rows; run "threadmap mesh" first, or give rows with --rows FILE.yaml')
  }
  const answer = answerOf(new RowTable(rows, { workload: flags.workload, prices: prices[0] }), question)
  if (flags.report !== undefined) {
    if (run === undefined)
      throw new UsageError('--report needs a run; run "threadmap mesh" first, or name one with --run')
    const supplied = files.flatMap(file => file.rows)
    writeReport(run as RunDocument, resolve(flags.report), { question, supplied, prices: prices[0] })
  }
  json?.write(answer)
  if (json !== undefined && json.path === undefined) return
  process.stdout.write(answerLines(answer, pc.bold, pc.dim))
}

/** The question of the flags. Flags beside a preset replace the part of it that they name. */
function questionOf({ require, weigh, preset, workload }: Flags): Question {
  if (require === undefined && weigh === undefined && preset === undefined) {
    throw new UsageError('nothing is asked; give --require tls13,fips, --weigh p95=3,memory=1 or --preset payments')
  }
  if (preset !== undefined && require === undefined && weigh === undefined && workload === undefined)
    return presetOf(preset)
  const base: Question = preset === undefined ? { require: [], weigh: new Map() } : presetOf(preset)
  return {
    require: require === undefined ? base.require : parseRequirements(require),
    weigh: weigh === undefined ? base.weigh : parseWeights(weigh),
    workload,
    ...(base.about === undefined ? {} : { about: base.about }),
  }
}
