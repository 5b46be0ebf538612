import { availableParallelism } from 'node:os'
import type { Found } from '@threadmap/workbench/command/part'
import { SubjectError, UsageError } from '@threadmap/workbench/errors'
import { machine } from '@threadmap/workbench/evidence'
import type { Experiment, Settings } from '@threadmap/workbench/experiment'
import { interruptible } from '@threadmap/workbench/interrupt'
import { jsonTarget } from '@threadmap/workbench/json'
import { freeBytes } from '@threadmap/workbench/memory'
import { progressOn } from '@threadmap/workbench/progress'
import { pc } from '@threadmap/workbench/terminal/colour'
import { OthersWatch } from '@threadmap/workbench/threads/others'
import { DEFAULT_SEED } from '@threadmap/workbench/workload'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { DEFAULT_FOLDER, type RunDocument, readDocument } from '../document.js'
import { RunFolder } from '../run-folder.js'
import { runLab } from './run.js'
import { recordText } from './text.js'

/** The flags of `threadmap lab`; experiments add flags of their own. */
export interface LabFlags extends Record<string, unknown> {
  quick?: boolean
  brief?: boolean
  list?: boolean
  json?: string | true
  out: string
  resume?: boolean
  workers: number
  seed: number
}

/** A map's registry has 256 places; the main thread and the lab's own threads need some of them. */
const MOST_WORKERS = 240

/** Memory that a worker takes, with its V8 and an experiment's keys and operations. */
const WORKER_BYTES = 40e6

/** Milliseconds for which the lab looks at the processors before it begins. */
const LOOK_MS = 300
/** Share of the processors that is in use then, above which other programs are using the machine. */
const BUSY = 0.2

/** `threadmap lab`, for all experiments that were found. */
export function labCommand(experiments: readonly Experiment[]): Command {
  const command = bareCommand()
    .addArgument(
      new Argument(
        '[name...]',
        `experiments to run (without a name: all${except(experiments)}): ${experiments.map(({ name }) => name).join(', ')}`,
      ),
    )
    .action(async (names: string[], flags: LabFlags) => {
      if (flags.list) list(names.length === 0 ? experiments : chosen(names, experiments))
      else await interruptible(signal => lab(names, flags, signal, experiments))
    })
  for (const { flags } of experiments) for (const flag of flags ?? []) command.addOption(flag)
  return command
}

/** The experiments whose flags no other experiment has; the others are left out by name. */
export function withoutClashes({ experiments, leaveOut }: Found): readonly Experiment[] {
  const probe = bareCommand()
  return experiments.filter(experiment => {
    try {
      for (const flag of experiment.flags ?? []) probe.addOption(flag)
      return true
    } catch (error) {
      leaveOut(experiment, error instanceof Error ? error.message : String(error))
      return false
    }
  })
}

/** The experiments that run only when they are named, for the text of the help. */
function except(experiments: readonly Experiment[]): string {
  const names = experiments.filter(({ byName }) => byName).map(({ name }) => name)
  return names.length === 0 ? '' : ` but ${names.join(', ')}`
}

function bareCommand(): Command {
  const cores = availableParallelism()
  return new Command('lab')
    .summary('measure every map on this machine, and keep the evidence')
    .description(
      'Runs all experiments, or those that you name, and keeps the results in a run file. "threadmap report" draws that file, and ' +
        '"threadmap advise" answers from it.',
    )
    .option('--quick', 'short rounds: all experiments in about a minute and a half, with wide spreads')
    .option('--brief', 'print the findings without their tables')
    .option('--list', 'list the experiments and their durations, and run none')
    .option('--json [file]', 'write the run as JSON: to a file, or to standard output instead of the text')
    .option('--out <dir>', 'folder of the run', DEFAULT_FOLDER)
    .option(
      '--resume',
      'continue the run in --out: keep its finished experiments, and run the others that it was asked for',
    )
    .addOption(
      new Option('--workers <n>', 'threads that do the work')
        .argParser(wholeNumber('workers', 1, MOST_WORKERS))
        .default(Math.min(cores, MOST_WORKERS), `${cores}, the cores of this machine`),
    )
    .addOption(
      new Option('--seed <n>', 'seed of all random choices')
        .argParser(wholeNumber('the seed', 0, 2 ** 31 - 1))
        .default(DEFAULT_SEED),
    )
}

function list(experiments: readonly Experiment[]): void {
  for (const { name, title, seconds, byName } of experiments) {
    const when = byName ? '; only by its name' : ''
    process.stdout.write(`${name.padEnd(10)} ${title} (quick ${seconds.quick} s, full ${seconds.full} s${when})\n`)
  }
}

/** Runs experiments, and shows and keeps their outcomes. Throws `SubjectError` after the last one if one of them failed. */
export async function lab(
  names: readonly string[],
  flags: LabFlags,
  signal: AbortSignal,
  all: readonly Experiment[],
): Promise<void> {
  const { quick = false, workers, seed, out, resume, json: jsonFlag } = flags
  const settings: Settings = { quick, workers, seed, flags: ownFlags(flags, all) }
  requireMemory(workers, freeBytes())
  const json = jsonFlag === undefined ? undefined : jsonTarget(jsonFlag)
  const quiet = json !== undefined && json.path === undefined
  const print = (text: string) => {
    if (!quiet) process.stdout.write(`${text}\n`)
  }
  const folder = new RunFolder(out)
  const continued = resume ? resumable(folder, settings) : undefined
  const experiments = chosen(names.length > 0 ? names : (continued?.names ?? []), all)
  const here = machine()
  const watch = new OthersWatch()
  await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  const { others } = watch.stop()
  const document = await runLab({
    experiments,
    settings,
    folder,
    earlier: earlierIn(folder),
    resume: continued,
    signal,
    progress: progressOn(process.stderr),
    onBegin(kept) {
      print(`${here.cpu}, ${here.cores} cores, Node ${here.node}${quick ? '; quick, so spreads are wide' : ''}`)
      if (others > BUSY) {
        print(
          `${pc.yellow('!')} Other programs are using ${Math.round(100 * others)}% of this machine: times will be noisy.`,
        )
      }
      if (kept.length > 0) print(`Kept from the run in ${folder.path}: ${kept.join(', ')}`)
      print('')
    },
    onRecord: record => print(`${recordText(record, { tables: flags.brief !== true })}\n`),
    onLeftOut: (name, { what, why }) => process.stderr.write(`${pc.dim(`${name}: without ${what}: ${why}`)}\n`),
  })
  json?.write(document)
  print(`Kept in ${folder.runFile}`)
  const failed = document.experiments.filter(({ status }) => status === 'failed').map(({ name }) => name)
  if (failed.length > 0)
    throw new SubjectError(`failed: ${failed.join(', ')}; the reasons are above, the others are kept`)
}

function chosen(names: readonly string[], all: readonly Experiment[]): readonly Experiment[] {
  const unknown = names.find(name => !all.some(experiment => experiment.name === name))
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(', ')
    throw new UsageError(`there is no experiment "${unknown}"; choose from ${known}`)
  }
  return all.filter(({ name, byName }) => (names.length === 0 ? byName !== true : names.includes(name)))
}

/** The values of the experiments' own flags. */
function ownFlags(flags: LabFlags, all: readonly Experiment[]): Readonly<Record<string, unknown>> {
  const names = all.flatMap(({ flags: own }) => (own ?? []).map(option => option.attributeName()))
  return Object.fromEntries(names.filter(name => flags[name] !== undefined).map(name => [name, flags[name]]))
}

/** Refuses a number of workers that the memory does not suffice for, before any worker starts. */
export function requireMemory(workers: number, free: number): void {
  const most = Math.floor(free / WORKER_BYTES)
  if (workers <= most) return
  const advice =
    most > 0 ? `give at most --workers ${most}` : 'close other programs, since the memory is not enough for one worker'
  throw new UsageError(
    `${workers} workers need about ${Math.ceil((workers * WORKER_BYTES) / 1e6)} MB, and ${Math.floor(free / 1e6)} MB are free; ${advice}`,
  )
}

/** The run in `folder`, if it has this machine and these settings: figures of different machines or settings don't mix. */
function resumable(folder: RunFolder, settings: Settings): RunDocument {
  const document = readDocument(folder.path)
  const here = JSON.stringify(machine())
  if (JSON.stringify(document.machine) !== here) {
    throw new UsageError(
      `${folder.runFile} was measured on another machine or Node; run without --resume, or with another --out`,
    )
  }
  if (JSON.stringify(document.settings) !== JSON.stringify(settings)) {
    throw new UsageError(
      `${folder.runFile} was measured with other flags (${JSON.stringify(document.settings)}); give these flags, or run without --resume`,
    )
  }
  return document
}

/** The run that the folder has, if it has one that can be read. */
function earlierIn(folder: RunFolder): RunDocument | undefined {
  try {
    return readDocument(folder.path)
  } catch {
    return undefined
  }
}

/** Parses a flag that is a whole number. */
export function wholeNumber(what: string, least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a whole number of ${what} from ${least} to ${most}.`)
  }
}
