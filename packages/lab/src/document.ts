import { randomUUID } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import { type Machine, machine } from '@threadmap/workbench/evidence'
import type { Outcome, Settings } from '@threadmap/workbench/experiment'
import { codeOf } from '@threadmap/workbench/files'
import type { Shares } from '@threadmap/workbench/threads/others'

/** Raised whenever an older reader would misread the document. */
export const DOCUMENT_VERSION = 2
const FORMAT = 'threadmap-lab'

/** The folder of runs, unless `--out` names another. */
export const DEFAULT_FOLDER = '.threadmap'
export const RUN_FILE = 'run.json'
/** The run that the folder had before, for comparisons. */
export const PREVIOUS_FILE = 'previous.json'

/** One run of the lab: all that the report, the advice and a comparison of runs need. */
export interface RunDocument {
  readonly format: typeof FORMAT
  readonly version: typeof DOCUMENT_VERSION
  readonly id: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly machine: Machine
  readonly settings: Settings
  /** The experiments that the command asked for; `--resume` continues with these. Absent in runs of older labs. */
  readonly names?: readonly string[]
  /** The experiments, in the order in which they ended. */
  readonly experiments: readonly ExperimentRecord[]
}

/** One experiment of a run. */
export type ExperimentRecord = FinishedRecord | FailedRecord

interface RecordBase {
  readonly name: string
  readonly title: string
  readonly method: string
  readonly startedAt: string
  readonly seconds: number
  /** The parts that were left out, and why. */
  readonly leftOut: readonly LeftOut[]
  /** Processor time of this process during the experiment, in seconds. Far below `seconds` x threads, other programs were using the machine. */
  readonly cpuSeconds: number
  /** Who had the processors during the experiment. Absent in runs of older labs. */
  readonly processors?: Shares
}

export interface LeftOut {
  readonly what: string
  readonly why: string
}

export interface FinishedRecord extends RecordBase, Outcome {
  readonly status: 'finished'
}

export interface FailedRecord extends RecordBase {
  readonly status: 'failed'
  readonly reason: string
}

export function newDocument(settings: Settings, names: readonly string[]): RunDocument {
  return {
    format: FORMAT,
    version: DOCUMENT_VERSION,
    id: randomUUID(),
    startedAt: new Date().toISOString(),
    machine: machine(),
    settings,
    names,
    experiments: [],
  }
}

/** The document with `record` in place of an earlier record of that name. */
export function withRecord(document: RunDocument, record: ExperimentRecord): RunDocument {
  return { ...document, experiments: [...document.experiments.filter(({ name }) => name !== record.name), record] }
}

/** The finished experiment of this name, or undefined. */
export function finished(document: RunDocument, name: string): FinishedRecord | undefined {
  return document.experiments.find(
    (record): record is FinishedRecord => record.name === name && record.status === 'finished',
  )
}

/** The run at `path`, a run's folder or its file. `UsageError` if there is no run. */
export function readDocument(path: string): RunDocument {
  const whole = resolve(path)
  const file = statSync(whole, { throwIfNoEntry: false })?.isDirectory() ? join(whole, RUN_FILE) : whole
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(
      `cannot read ${file} (${codeOf(error)}); run "threadmap lab" in ${dirname(file)} first, or name another run`,
    )
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new UsageError(`${file} is not JSON; give the ${RUN_FILE} that "threadmap lab" wrote`)
  }
  if (!isRecord(parsed) || parsed.format !== FORMAT) {
    throw new UsageError(`${file} is no run of the lab; give the ${RUN_FILE} that "threadmap lab" wrote`)
  }
  if (parsed.version !== DOCUMENT_VERSION) {
    throw new UsageError(
      `${file} has version ${String(parsed.version)}, this lab reads ${DOCUMENT_VERSION}; run "threadmap lab" again`,
    )
  }
  const problem = problemOf(parsed)
  if (problem !== undefined) throw new UsageError(`${file} is damaged: ${problem}; run "threadmap lab" again`)
  return parsed as unknown as RunDocument
}

/** The first part that is missing in a document of the right version, or undefined. */
function problemOf(document: Record<string, unknown>): string | undefined {
  if (!isRecord(document.machine)) return 'no machine'
  if (!isRecord(document.settings)) return 'no settings'
  if (!Array.isArray(document.experiments)) return 'no experiments'
  for (const record of document.experiments as unknown[]) {
    if (!isRecord(record) || typeof record.name !== 'string') return 'an experiment without a name'
    if (record.status === 'failed') continue
    const lists = ['evidence', 'charts', 'tables', 'findings', 'beliefs'] as const
    const missing = lists.find(list => !Array.isArray(record[list]))
    if (record.status !== 'finished' || missing !== undefined)
      return `experiment ${record.name} has no ${missing ?? 'status'}`
  }
  return undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
