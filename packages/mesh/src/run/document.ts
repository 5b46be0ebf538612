/** A run of `threadmap mesh` as it is kept: what `readRun` reads, and the parts that only the report needs. */
import { machine } from '@threadmap/workbench/evidence'
import type { MeshOutcome } from '../experiments/experiment.js'
import type { Binary } from '../install/installed.js'
import { MESH_FORMAT, MESH_VERSION, type MeshRun } from '../run-file.js'

export interface RunSubject extends Pick<Binary, 'subject' | 'version' | 'sha256' | 'origin'> {
  readonly title: string
  /** The configuration files at the begin, without keys. */
  readonly configuration: Readonly<Record<string, string>>
  /** What it lacks, and why. */
  readonly lacks: Readonly<Record<string, string>>
}

export interface LeftOut {
  readonly what: string
  readonly why: string
}

interface RecordBase {
  readonly name: string
  readonly title: string
  readonly method: string
  readonly startedAt: string
  readonly seconds: number
  readonly leftOut: readonly LeftOut[]
}

export interface FinishedRecord extends RecordBase, Omit<MeshOutcome, 'rows'> {
  readonly status: 'finished'
}

export interface FailedRecord extends RecordBase {
  readonly status: 'failed'
  readonly reason: string
}

/** Of an experiment that was interrupted, and goes on from its draft when the run is continued. */
export interface PartialRecord extends RecordBase, Omit<MeshOutcome, 'rows'> {
  readonly status: 'partial'
  readonly draft: unknown
}

export type MeshRecord = FinishedRecord | PartialRecord | FailedRecord

export interface RunSettings {
  readonly quick: boolean
  /** Whether faults take as long as they need; undefined in runs of earlier versions. */
  readonly full?: boolean
  readonly seed: number
  /** Hours of the soak. A run may be continued with another length, or without one. */
  readonly soakHours?: number
}

/** The whole document; rows are those of all experiments. */
export interface RunDocument extends MeshRun {
  readonly settings: RunSettings
  readonly subjects: readonly RunSubject[]
  /** Subjects that are absent, and why. */
  readonly absent: readonly LeftOut[]
  readonly experiments: readonly MeshRecord[]
}

export function newRun(
  settings: RunSettings,
  subjects: readonly RunSubject[],
  absent: readonly LeftOut[],
): RunDocument {
  return {
    format: MESH_FORMAT,
    version: MESH_VERSION,
    startedAt: new Date().toISOString(),
    machine: machine(),
    rows: [],
    settings,
    subjects,
    absent,
    experiments: [],
  }
}
