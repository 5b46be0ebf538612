import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { SubjectError, UsageError } from '@threadmap/workbench/errors'
import { machine } from '@threadmap/workbench/evidence'
import { createFolder, writeAtomically } from '@threadmap/workbench/files'
import { interruptible } from '@threadmap/workbench/interrupt'
import { progressOn } from '@threadmap/workbench/progress'
import { pc } from '@threadmap/workbench/terminal/colour'
import { tableText } from '@threadmap/workbench/terminal/table'
import type { Command } from 'commander'
import type { MeshExperiment } from '../experiments/experiment.js'
import { EXPERIMENTS } from '../experiments/index.js'
import { soak } from '../experiments/soak.js'
import { withGiven } from '../install/given.js'
import { type Binary, findProxies, proxiesFolder } from '../install/installed.js'
import { hasOwnNetwork, runInOwnNetwork } from '../processes/network.js'
import { tiedProblem } from '../processes/tied.js'
import { writeMarkdown } from '../report/markdown.js'
import { writeReport } from '../report/report.js'
import { DEFAULT_FOLDER, MESH_FILE, readRun } from '../run-file.js'
import { ADAPTERS, WITHOUT_ADAPTER } from '../subjects/index.js'
import { DEFAULT_FIRST_PORT } from '../topology/topology.js'
import type { MeshRecord, RunDocument } from './document.js'
import { usualExperiments } from './plan.js'
import { runMesh } from './run.js'

export const REPORT_FILE = 'mesh.html'
const MARKDOWN_FILE = 'mesh.md'

interface Flags {
  readonly quick?: boolean
  readonly full?: boolean
  readonly only?: string
  readonly subjects?: string
  readonly proxies?: string
  readonly linkerd?: string
  readonly istiod?: string
  readonly out: string
  readonly ports: string
  readonly seed: string
  readonly resume?: boolean
  readonly soak?: string
}

/** Adds flags and action of `threadmap mesh` itself. */
export function measuring(command: Command): Command {
  const names = EXPERIMENTS.map(({ name }) => name).join(', ')
  return command
    .option('--quick', 'everything in less than three minutes, with wide spreads and few faults')
    .option('--full', 'faults as long as they need: hours, to show failures that are rare')
    .option('--only <names>', `some of the experiments, with commas: ${names}`)
    .option('--subjects <names>', 'some of the subjects, with commas')
    .option(
      '--proxies <dir>',
      'the folder of "threadmap mesh install" (default: $THREADMAP_PROXIES, or .threadmap/proxies)',
    )
    .option('--linkerd <path>', 'linkerd2-proxy, which no package has (default: the one on PATH)')
    .option('--istiod <path>', "Istio's control plane, which no package has (default: the one on PATH)")
    .option('--out <dir>', 'folder of the run and its report', DEFAULT_FOLDER)
    .option('--ports <n>', 'the first of the ports on the loopback interface', String(DEFAULT_FIRST_PORT))
    .option('--seed <n>', 'seed of the arrivals', '1')
    .option('--soak <hours>', 'steady load for so many hours, fractions allowed: the growth of memory over time')
    .option('--resume', 'continue the run in --out: its finished experiments are kept')
    .action((flags: Flags) => interruptible(signal => measure(flags, signal), 15_000))
}

async function measure(flags: Flags, signal: AbortSignal): Promise<void> {
  const problem = tiedProblem()
  if (problem !== undefined) throw new UsageError(`proxies cannot be run safely: ${problem}`)
  const soakHours = hoursOf(flags.soak)
  const asked = askedFor(flags.only, soakHours)
  const experiments =
    flags.only === undefined ? usualExperiments(asked, { quick: flags.quick === true, soakHours }) : asked
  const found = withGiven(findProxies(resolve(proxiesFolder(flags.proxies))), flags)
  // A quick run leaves out the subjects that take part in few experiments, unless they are named.
  const isLeft = ({ subject }: Binary) => flags.subjects === undefined && flags.quick === true && isPartial(subject)
  const binaries: readonly Binary[] = chosen(
    flags.subjects,
    found.binaries.filter(binary => !isLeft(binary)),
    ({ subject }) => subject,
    'proxy that is installed',
  )
  const [{ why: advice } = { why: '' }] = found.absent
  if (binaries.length === 0) throw new UsageError(`there is no proxy: ${advice}`)
  if (binaries.some(({ subject }) => subject === 'linkerd2-proxy') && !hasOwnNetwork()) {
    // Its redirections must not be those of the machine. All other subjects run there, too, so that they are compared on the same ground.
    process.exitCode = await runInOwnNetwork(signal)
    return
  }
  if (flags.quick && flags.full) throw new UsageError('--quick and --full exclude each other; give one of them')
  const length = { quick: flags.quick === true, ...(flags.full === true ? { full: true } : {}) }
  const settings = { ...length, seed: whole('--seed', flags.seed) }
  const firstPort = whole('--ports', flags.ports)
  const folder = resolve(flags.out)
  const resume = flags.resume === true ? resumable(folder, settings) : undefined
  createFolder(folder)
  const left = found.binaries.filter(isLeft).map(({ subject }) => ({ subject, why: 'left to a run without --quick' }))
  const absent = [...left, ...found.absent, ...WITHOUT_ADAPTER].map(({ subject, why }) => ({ what: subject, why }))
  const putOff = asked.filter(each => !experiments.includes(each)).map(({ name }) => name)
  if (putOff.length > 0)
    absent.push({ what: putOff.join(', '), why: 'left to a run without --quick; --only names them' })
  const here = machine()
  const print = (text: string) => process.stdout.write(`${text}\n`)
  print(
    `${here.cpu}, ${here.cores} cores; ${binaries.map(({ subject, version }) => `${subject} (${version})`).join(', ')}`,
  )
  for (const { what, why } of absent) print(pc.dim(`without ${what}: ${why}`))
  const document = await runMesh({
    experiments,
    binaries,
    absent,
    settings: soakHours === 0 ? settings : { ...settings, soakHours },
    firstPort,
    everywhere: flags.subjects !== undefined,
    resume,
    signal,
    progress: progressOn(process.stderr),
    keep(run) {
      writeAtomically(join(folder, MESH_FILE), `${JSON.stringify(run)}\n`)
      writeReport(run, join(folder, REPORT_FILE))
      writeMarkdown(run, join(folder, MARKDOWN_FILE))
    },
    onRecord: record => print(`\n${recordText(record)}`),
    onLeftOut: ({ what, why }) => process.stderr.write(`${pc.dim(`without ${what}: ${why}`)}\n`),
  })
  print(
    `\nKept in ${join(folder, MESH_FILE)}; the report is ${join(folder, REPORT_FILE)}, and in Markdown ${join(folder, MARKDOWN_FILE)}`,
  )
  const failed = document.experiments.filter(({ status }) => status === 'failed').map(({ name }) => name)
  if (failed.length > 0)
    throw new SubjectError(`failed: ${failed.join(', ')}; the reasons are above, the others are kept`)
}

function recordText(record: MeshRecord): string {
  const head = `${pc.bold(record.title)} ${pc.dim(`(${record.name}, ${record.seconds.toFixed(0)} s)`)}`
  if (record.status === 'failed') return `${head}\n  ${pc.red('failed:')} ${record.reason}`
  return [head, ...record.findings.map(finding => `  - ${finding}`), ...record.tables.map(tableText)].join('\n')
}

function isPartial(name: string): boolean {
  return ADAPTERS.find(({ subject }) => subject === name)?.onlyIn !== undefined
}

function chosen<T>(
  flag: string | undefined,
  all: readonly T[],
  nameOf: (item: T) => string,
  what: string,
): readonly T[] {
  if (flag === undefined) return all
  const names = flag.split(',').map(name => name.trim())
  const unknown = names.find(name => !all.some(item => nameOf(item) === name))
  if (unknown !== undefined) {
    throw new UsageError(`there is no ${what} "${unknown}"; choose from ${all.map(nameOf).join(', ') || 'none'}`)
  }
  return all.filter(item => names.includes(nameOf(item)))
}

/** The experiments that are named, or else all; a soak needs its hours. */
function askedFor(only: string | undefined, soakHours: number): readonly MeshExperiment[] {
  const asked = chosen(only, EXPERIMENTS, ({ name }) => name, 'experiment')
  if (soakHours > 0) return asked
  if (only !== undefined && asked.includes(soak)) throw new UsageError('--only soak needs its length: --soak HOURS')
  return asked.filter(each => each !== soak)
}

const MOST_SOAK_HOURS = 1000

function hoursOf(text: string | undefined): number {
  if (text === undefined) return 0
  const hours = Number(text)
  if (!(hours > 0 && hours <= MOST_SOAK_HOURS)) {
    throw new UsageError(`--soak needs a number of hours above 0, up to ${MOST_SOAK_HOURS}, not "${text}"`)
  }
  return hours
}

function whole(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${flag} needs a whole number, not "${text}"`)
  return Number(text)
}

/** The run in `folder`, if it has this machine and these settings. */
function resumable(folder: string, settings: RunDocument['settings']): RunDocument | undefined {
  if (!existsSync(join(folder, MESH_FILE))) return undefined
  const run = readRun(folder) as RunDocument
  if (
    JSON.stringify(run.machine) !== JSON.stringify(machine()) ||
    JSON.stringify({ ...run.settings, soakHours: undefined }) !== JSON.stringify(settings)
  ) {
    throw new UsageError(
      `the run in ${folder} is of another machine or has other flags; run without --resume, or with another --out`,
    )
  }
  return run
}
