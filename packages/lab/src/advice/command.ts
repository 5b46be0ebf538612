import { resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import { writeAtomically } from '@threadmap/workbench/files'
import { interruptible } from '@threadmap/workbench/interrupt'
import { type JsonTarget, jsonTarget } from '@threadmap/workbench/json'
import { freeBytes } from '@threadmap/workbench/memory'
import { type Progress, progressOn } from '@threadmap/workbench/progress'
import { MAP_KINDS, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { noRoom, USUAL_MAX_BYTES } from '@threadmap/workbench/subjects/room'
import { AGAIN, MESSAGES, PRIVATE, sharedSubject } from '@threadmap/workbench/subjects/subject'
import { pc } from '@threadmap/workbench/terminal/colour'
import { type Workload, type WorkloadNumber, workloadText } from '@threadmap/workbench/workload'
import { Command, InvalidArgumentError, Option } from 'commander'
import { DEFAULT_FOLDER } from '../document.js'
import { runWorkloads, type SubjectRounds } from '../experiments/mix/measure.js'
import { wholeNumber } from '../lab/command.js'
import { newestWith, olderText } from '../run-folder.js'
import { codecsOf } from '../trace/entries.js'
import { readTraces, type Trace } from '../trace/format.js'
import { type Plan, planOf, workloadOf } from '../trace/plan.js'
import { replay } from '../trace/replay.js'
import {
  type Answer,
  answerFromMeasurement,
  answerFromTree,
  answerText,
  choiceOf,
  type MeasuredParts,
  shapeOf,
} from './answer.js'
import { agreementText, goalText, headline, regretText, treeMermaid, treeText } from './text.js'
import { adviceOf, follow, type TreeAdvice } from './tree.js'
import { tryVariants } from './variants.js'
import { checked, describeField, readWorkload, USUAL, VALUE_TYPES, valueTypeFor, WORKLOAD_NAMES } from './workload.js'

interface Flags extends Partial<Record<WorkloadNumber, number>> {
  valueType?: (typeof VALUE_TYPES)[number]
  run: string
  workload?: string
  trace?: string
  measure?: boolean
  json?: string | true
  mermaid?: string | true
  variants: boolean
  blocks: number
  rounds: number
  ms: number
  seed: number
}

/** The share of the progress that belongs to the rounds; the rest belongs to the variants that follow. */
const MEASURED_SHARE = 0.5

/** The usual size of an object. */
const OBJECT_BYTES = 200

/** Of each variant. Only what is ahead in every round of every block counts. */
const VARIANT_BLOCKS = 2

const FLAG_NAMES: Readonly<Record<WorkloadNumber, string>> = {
  keys: 'keys',
  reads: 'reads',
  zipf: 'zipf',
  threads: 'threads',
  valueBytes: 'value-bytes',
  churn: 'churn',
}

export function adviseCommand(): Command {
  const command = new Command('advise')
    .summary('say which map to use for a workload')
    .description(
      'Answers for a workload given by flags or a JSON file, from the tree that an earlier "threadmap lab" found (or, with ' +
        '--measure, by measuring now); or for a trace that record(map, file) wrote in a program, by replaying it against ' +
        'every map. Without a workload it prints the tree.',
    )
  for (const name of WORKLOAD_NAMES) {
    command.addOption(
      new Option(`--${FLAG_NAMES[name]} <n>`, describeField(name)).argParser(text => {
        try {
          return checked(name, text.trim() === '' ? Number.NaN : Number(text))
        } catch (error) {
          throw new InvalidArgumentError(`${error instanceof Error ? error.message : String(error)}.`)
        }
      }),
    )
  }
  return command
    .addOption(
      new Option('--value-type <type>', 'what values that are no numbers are: objects have the codec json()').choices(
        VALUE_TYPES,
      ),
    )
    .option('--workload <file>', 'the workload as JSON: {"reads": 95, "keys": 50000}')
    .option('--trace <file>', 'answer for a trace, by replaying it; --threads sets the number of threads')
    .option('--measure', 'measure the workload now instead of asking the tree')
    .option('--no-variants', 'leave out what would change the answer, which takes half of a measurement')
    .option('--run <dir>', 'the run of the lab whose tree answers', DEFAULT_FOLDER)
    .option('--json [file]', 'the answer (or the tree) as JSON: to a file, or to standard output instead of the text')
    .option('--mermaid [file]', 'the tree as a Mermaid flow chart: to a file, or to standard output')
    .addOption(
      new Option('--blocks <n>', 'how often a measurement begins anew, with fresh maps and threads')
        .argParser(wholeNumber('blocks', 1, 100))
        .default(5),
    )
    .addOption(
      new Option('--rounds <n>', 'rounds of a measurement in each block')
        .argParser(wholeNumber('rounds', 1, 1000))
        .default(2),
    )
    .addOption(
      new Option('--ms <n>', 'length of one round in milliseconds')
        .argParser(wholeNumber('milliseconds', 1, 60_000))
        .default(60),
    )
    .addOption(
      new Option('--seed <n>', 'what is random follows from it')
        .argParser(wholeNumber('the seed', 0, 2 ** 31 - 1))
        .default(1),
    )
    .action((flags: Flags) => adviseAbout(flags))
}

async function adviseAbout(flags: Flags): Promise<void> {
  const json = flags.json === undefined ? undefined : jsonTarget(flags.json)
  if (flags.trace !== undefined) {
    const given = WORKLOAD_NAMES.filter(name => name !== 'threads' && flags[name] !== undefined)
    if (given.length > 0 || flags.workload !== undefined || flags.valueType !== undefined) {
      throw new UsageError(
        `a trace has its own workload; leave out ${flags.workload !== undefined ? '--workload' : given.length > 0 ? `--${FLAG_NAMES[given[0]]}` : '--value-type'}`,
      )
    }
    return say(await answerForTrace(flags.trace, flags), json)
  }
  const given = Object.fromEntries(
    WORKLOAD_NAMES.flatMap(name => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  )
  const type = flags.valueType
  const isAsked = flags.workload !== undefined || type !== undefined || Object.keys(given).length > 0
  const workload: Workload = {
    ...USUAL,
    // Values that are numbers are no objects.
    ...(type === 'objects' ? { valueBytes: OBJECT_BYTES } : {}),
    ...(flags.workload === undefined ? {} : readWorkload(flags.workload)),
    ...given,
    ...(type === undefined ? {} : { valueType: valueTypeFor(type) }),
  }
  if (flags.measure) return say(await answerByMeasuring(workload, flags), json)
  const advice = treeOf(flags.run)
  if (flags.mermaid !== undefined) {
    const text = treeMermaid(advice.tree)
    if (flags.mermaid === true || flags.mermaid === '-') process.stdout.write(text)
    else writeAtomically(resolve(flags.mermaid), text)
    if (!isAsked) return json?.write(advice)
  }
  if (isAsked) return say(answerFromTree(advice, workload), json)
  json?.write(advice)
  if (json?.path === undefined && json !== undefined) return
  const { verdict, ties } = headline(advice)
  const head = [pc.bold(verdict), ties].filter(Boolean).join(' ')
  process.stdout.write(
    `${head}\n\n${treeText(advice.tree)}\n\n${regretText(advice.heldOut)} ${goalText(advice)}\n${agreementText(advice)}\n`,
  )
}

function treeOf(run: string): TreeAdvice {
  const found = newestWith(run, 'mix')
  const advice = found === undefined ? undefined : adviceOf(found.document)
  if (found !== undefined && found.file !== resolve(run)) {
    process.stderr.write(`The newest run in ${resolve(run)} has no "mix"; the tree is from ${olderText(found)}\n`)
  }
  if (advice === undefined) {
    throw new UsageError(
      `${resolve(run)} has no finished experiment "mix"; run "threadmap lab mix", or ask with --measure`,
    )
  }
  return advice
}

function say(answer: Answer, json: JsonTarget | undefined): void {
  json?.write(answer)
  if (json !== undefined && json.path === undefined) return
  process.stdout.write(`${answerText(answer, pc.bold, pc.dim)}\n`)
}

type Effort = Pick<Flags, 'blocks' | 'rounds' | 'ms' | 'seed' | 'run' | 'variants'>

/** The choice of the tree, if the folder has a run with one. */
function leafIn(run: string, workload: Workload): string | undefined {
  try {
    const found = newestWith(run, 'mix')
    const advice = found === undefined ? undefined : adviceOf(found.document)
    return advice === undefined ? undefined : follow(advice.tree, workload).leaf.choice
  } catch {
    return undefined
  }
}

type OnProgress = (share: number, doing: string) => void

/** A question that measuring answers: what is asked, and how every subject is measured on it. */
interface Question extends Pick<MeasuredParts, 'from' | 'question' | 'workload' | 'shape'> {
  measure(effort: MeasureEffort, onProgress: OnProgress): Promise<readonly SubjectRounds[]>
  /** What there is to say beside the figures, the choice being known. */
  notes(choice: SubjectRounds): readonly string[]
}

type MeasureEffort = Pick<Flags, 'blocks' | 'rounds' | 'ms' | 'seed'> & { readonly signal: AbortSignal }

/** Measures, chooses, and tries what would change the choice. */
function answerTo(prepare: (seed: number) => Question, flags: Effort): Promise<Answer> {
  const { blocks, rounds, ms, seed } = flags
  return measuring(async (signal, onProgress) => {
    const { from, question, workload, shape, measure, notes } = prepare(seed)
    const share = flags.variants ? MEASURED_SHARE : 1
    const subjects = await measure({ blocks, rounds, ms, seed, signal }, (part, doing) =>
      onProgress(part * share, doing),
    )
    const leaf = leafIn(flags.run, workload)
    const { choice } = choiceOf(subjects, workload.threads, leaf)
    const variants = flags.variants
      ? await tryVariants(workload, choice.name, {
          blocks: VARIANT_BLOCKS,
          rounds,
          ms,
          seed,
          signal,
          onProgress: (part, doing) => onProgress(share + part * (1 - share), `what if: ${doing}`),
        })
      : []
    return answerFromMeasurement({
      from,
      question,
      workload,
      shape,
      subjects,
      variants,
      leaf,
      notes: [...notes(choice), ...(flags.variants ? [] : ['What would change the answer was not tried.'])],
    })
  })
}

function answerByMeasuring(workload: Workload, flags: Effort): Promise<Answer> {
  const kinds = workload.threads === 1 ? MAP_KINDS : SAFE_KINDS
  const all = [...kinds.map(sharedSubject), AGAIN, PRIVATE, MESSAGES]
  const leftOut: string[] = []
  const prepare = (): Question => {
    const why = noRoom(all, workload, freeBytes())
    if (why !== undefined) throw new UsageError(why)
    return {
      from: 'measured',
      question: workloadText(workload),
      workload,
      shape: shapeOf(workload),
      async measure(effort, onProgress) {
        onProgress(0, workloadText(workload))
        const [subjects] = await runWorkloads([workload], {
          ...effort,
          threads: workload.threads,
          subjects: all,
          onLeftOut: (name, reason) => leftOut.push(`Without ${name}: ${reason}.`),
          onWorkload: (_, block) => onProgress(block / effort.blocks, workloadText(workload)),
        })
        return subjects
      },
      notes: () => leftOut,
    }
  }
  return answerTo(prepare, flags)
}

function answerForTrace(file: string, flags: Effort & { threads?: number }): Promise<Answer> {
  const traces = readTraces(file)
  const prepare = (seed: number): Question => {
    const plan = planOf(traces, seed, flags.threads, freeBytes())
    const workload = workloadOf(traces, plan.threads)
    const { key, value, options } = codecsOf(plan)
    const most = Math.max(...traces.map(({ entries }) => entries.most))
    return {
      from: 'trace',
      question: questionOf(traces, workload),
      workload,
      shape: { key, value, capacity: most, maxBytes: options.maxBytes ?? USUAL_MAX_BYTES },
      measure: (effort, onProgress) => replay(plan, { ...effort, onProgress }),
      notes: choice => notesOf(traces, plan, choice.rounds),
    }
  }
  return answerTo(prepare, flags)
}

function questionOf(traces: readonly Trace[], workload: Workload): string {
  const kept = traces.reduce((sum, { ops }) => sum + ops.length, 0)
  const all = traces.reduce((sum, { operations }) => sum + operations, 0)
  const threads = traces.length === 1 ? '1 thread' : `${traces.length} threads`
  return `a ${traces[0].map} recorded in ${threads}: ${all.toLocaleString('en-US')} operations, ${kept.toLocaleString('en-US')} of them kept; about ${workloadText(workload)}`
}

/** Below this share of a program's time, the choice of a map makes no difference to the program. */
const HARDLY = 0.02

function notesOf(traces: readonly Trace[], plan: Plan, rounds: readonly number[]): string[] {
  const iterations = traces.reduce((sum, each) => sum + each.iterations, 0)
  const clears = traces.reduce((sum, each) => sum + each.clears, 0)
  const perSecond = traces.reduce((sum, { operations, seconds }) => sum + (seconds > 0 ? operations / seconds : 0), 0)
  const possible = Math.max(...rounds) * 1e6
  const share = perSecond / possible
  const most = Math.max(...traces.map(({ entries }) => entries.most))
  return [
    `The program did ${Math.round(perSecond).toLocaleString('en-US')} operations/s on its map, ${share < HARDLY ? `${(share * 100).toPrecision(2)}% of the rate of the choice, so the choice of a map hardly matters there` : `${Math.round(share * 100)}% of the rate of the choice`}.`,
    ...(iterations > 0 ? [`It walked over the whole map ${iterations} times, which a replay leaves out.`] : []),
    ...(clears > 0 ? [`It cleared the map ${clears} times, which a replay leaves out.`] : []),
    ...(plan.keyType === 'other'
      ? ['Its keys are objects, which threads cannot share; the replay used text in their place.']
      : []),
    ...(most > plan.entries
      ? [`Its map had ${most.toLocaleString('en-US')} entries; the replay had ${plan.entries.toLocaleString('en-US')}.`]
      : []),
  ]
}

/** Runs a measurement that Ctrl-C ends, and shows its progress. */
async function measuring(work: (signal: AbortSignal, onProgress: OnProgress) => Promise<Answer>): Promise<Answer> {
  const progress: Progress = progressOn(process.stderr)
  try {
    return await interruptible(signal =>
      work(signal, (share, doing) => progress.live(`${Math.round(share * 100)}%  ${doing}`)),
    )
  } finally {
    progress.clear()
  }
}
