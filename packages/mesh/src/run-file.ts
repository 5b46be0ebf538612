/** The rows of a run of `threadmap mesh`, in the folder of runs. */
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import type { Machine } from '@threadmap/workbench/evidence'
import { codeOf } from '@threadmap/workbench/files'
import type { MeshRow } from './rows/row.js'

/** The folder of runs, unless a flag names another. */
export const DEFAULT_FOLDER = '.threadmap'
export const MESH_FILE = 'mesh.json'
export const MESH_FORMAT = 'threadmap-mesh'
/** Raised whenever an older reader would misread the file. */
export const MESH_VERSION = 1

/** What every run has; the run itself may add to it. */
export interface MeshRun {
  readonly format: typeof MESH_FORMAT
  readonly version: typeof MESH_VERSION
  /** ISO 8601. */
  readonly startedAt: string
  readonly machine: Machine
  readonly rows: readonly MeshRow[]
}

/** The run in `folder` (or the run's file itself). `UsageError` if there is none, or it is damaged. */
export function readRun(folder: string): MeshRun {
  const whole = resolve(folder)
  const file = statSync(whole, { throwIfNoEntry: false })?.isDirectory() ? join(whole, MESH_FILE) : whole
  let run: unknown
  try {
    run = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not JSON' : `cannot be read (${codeOf(error)})`
    throw new UsageError(`${file} ${why}; run "threadmap mesh" first, or name its folder with --run`)
  }
  if (!isRecord(run) || run.format !== MESH_FORMAT) {
    throw new UsageError(`${file} is no run of the mesh; give the folder that "threadmap mesh" wrote`)
  }
  if (run.version !== MESH_VERSION) {
    throw new UsageError(
      `${file} has version ${String(run.version)}, this command reads ${MESH_VERSION}; run "threadmap mesh" again`,
    )
  }
  const isWhole =
    typeof run.startedAt === 'string' && isRecord(run.machine) && Array.isArray(run.rows) && run.rows.every(isRow)
  if (!isWhole) throw new UsageError(`${file} is damaged; run "threadmap mesh" again`)
  return run as unknown as MeshRun
}

/** The run in `folder`; undefined if no folder is named and the usual one has no run. */
export function runIn(folder: string | undefined): MeshRun | undefined {
  const usual = join(resolve(DEFAULT_FOLDER), MESH_FILE)
  if (folder === undefined && statSync(usual, { throwIfNoEntry: false }) === undefined) return undefined
  return readRun(folder ?? DEFAULT_FOLDER)
}

function isRow(row: unknown): row is MeshRow {
  return (
    isRecord(row) &&
    ['subject', 'metric', 'unit', 'tag', 'source', 'date'].every(name => typeof row[name] === 'string') &&
    (typeof row.value === 'number' || typeof row.value === 'string') &&
    (row.values === undefined || (Array.isArray(row.values) && row.values.every(value => typeof value === 'number')))
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
