import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import type { Settings } from '@threadmap/workbench/experiment'
import { codeOf, createFolder, writeAtomically } from '@threadmap/workbench/files'
import { type FinishedRecord, finished, PREVIOUS_FILE, RUN_FILE, type RunDocument, readDocument } from './document.js'

/** The runs before the previous one. */
const EARLIER_FOLDER = 'earlier'
/** Names the process that writes to the folder. */
const LOCK_FILE = '.lock'

/**
 * The folder of a run. It is created when it is first written to, and every file in it is replaced as a whole. No run that was kept in it
 * is lost: the run before is `previous.json`, and all before that one are in `earlier`.
 */
export class RunFolder {
  readonly path: string
  #previousKept = false

  constructor(path: string) {
    this.path = resolve(path)
  }

  get runFile(): string {
    return join(this.path, RUN_FILE)
  }

  /**
   * Creates the folder, checks that it is writable, and takes it for this process until `release`. `UsageError` if it is not
   * writable, or if another lab writes to it: of two runs one would be lost, and they would disturb each other. Called before any
   * measurement begins.
   */
  prepare(): void {
    try {
      createFolder(this.path)
      const probe = join(this.path, `.${process.pid}.tmp`)
      writeFileSync(probe, '')
      rmSync(probe)
    } catch (error) {
      throw new UsageError(`cannot write to ${this.path} (${codeOf(error)}); give a writable folder with --out DIR`)
    }
    this.#lock()
  }

  #lock(): void {
    const file = join(this.path, LOCK_FILE)
    for (;;) {
      try {
        writeFileSync(file, JSON.stringify({ pid: process.pid, began: beginOf(process.pid) }), { flag: 'wx' })
        return
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
      }
      const owner = ownerIn(file)
      if (owner !== undefined) {
        throw new UsageError(
          `the lab of process ${owner} is writing to ${this.path}; wait for its end, or give another folder with --out DIR`,
        )
      }
      // Its process ended without a release, by a signal or a crash.
      rmSync(file, { force: true })
    }
  }

  /** Gives up what `prepare` took. */
  release(): void {
    const file = join(this.path, LOCK_FILE)
    if (ownerIn(file) === process.pid) rmSync(file, { force: true })
  }

  /** Replaces the run. The first time, a run that is already there becomes `previous.json`, and that one goes to `earlier`. */
  write(document: RunDocument): void {
    if (!this.#previousKept) {
      const current = readIfThere(this.runFile)
      if (current !== undefined && !current.includes(document.id)) {
        this.#keepPrevious()
        renameSync(this.runFile, join(this.path, PREVIOUS_FILE))
      }
      this.#previousKept = true
    }
    writeAtomically(this.runFile, `${JSON.stringify(document, null, 1)}\n`)
  }

  #keepPrevious(): void {
    const previous = join(this.path, PREVIOUS_FILE)
    if (!existsSync(previous)) return
    const folder = join(this.path, EARLIER_FOLDER)
    mkdirSync(folder, { recursive: true })
    // The time first, so that the names sort by it.
    const when = /"startedAt": ?"([^"]+)"/.exec(readIfThere(previous) ?? '')?.[1] ?? 'unknown'
    let name = when.replaceAll(/[^\dA-Za-z]/g, '-')
    while (existsSync(join(folder, `${name}.json`))) name += '-again'
    renameSync(previous, join(folder, `${name}.json`))
  }

  /** The files of all runs in this folder, the newest first. */
  runs(): readonly string[] {
    const folder = join(this.path, EARLIER_FOLDER)
    const earlier = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.json')) : []
    return [
      this.runFile,
      join(this.path, PREVIOUS_FILE),
      ...earlier
        .sort()
        .reverse()
        .map(name => join(folder, name)),
    ].filter(file => existsSync(file))
  }
}

/**
 * The newest run at `path` (a folder or a file) in which the experiment `name` is finished. A folder's newest run may be one of other
 * experiments only. Undefined if there is none. `UsageError` if there is no run at all.
 */
export function newestWith(path: string, name: string): { document: RunDocument; file: string } | undefined {
  const document = readDocument(path)
  const folder = new RunFolder(path)
  if (finished(document, name) !== undefined) return { document, file: resolve(path) }
  for (const file of folder.runs().slice(1)) {
    try {
      const earlier = readDocument(file)
      if (finished(earlier, name) !== undefined) return { document: earlier, file }
    } catch {
      // A damaged older run does not prevent an answer from another.
    }
  }
  return undefined
}

/** `previous.json, the run of 2026-11-27`, to say that an answer is from an older run than the newest. */
export function olderText({ document, file }: { document: RunDocument; file: string }): string {
  return `${basename(file)}, the run of ${document.startedAt.slice(0, 10)}`
}

/**
 * What a run of some experiments keeps of the run that the folder has: the finished records of all other experiments, if both have the
 * same machine and settings. Flags that belong to the experiments which run now (`own`) may differ.
 */
export function carriedOver(
  earlier: RunDocument | undefined,
  now: RunDocument,
  names: readonly string[],
  own: readonly string[],
): readonly FinishedRecord[] {
  if (earlier === undefined) return []
  const rest = ({ quick, workers, seed, flags }: Settings) =>
    JSON.stringify([quick, workers, seed, Object.entries(flags).filter(([flag]) => !own.includes(flag))])
  const isSame =
    JSON.stringify(earlier.machine) === JSON.stringify(now.machine) && rest(earlier.settings) === rest(now.settings)
  if (!isSame) return []
  return earlier.experiments.filter(
    (record): record is FinishedRecord => record.status === 'finished' && !names.includes(record.name),
  )
}

/** The process that the lock names, if it still runs. */
function ownerIn(file: string): number | undefined {
  try {
    const { pid, began } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; began: string | null }
    return isAlive(pid) && beginOf(pid) === began ? pid : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/**
 * When a process began, in ticks since the machine's start, so that another process with the number of a dead one is not taken for it;
 * null where the system does not tell.
 */
function beginOf(pid: number): string | null {
  try {
    // The name of the program, in brackets, may have blanks; field 22 is the 20th behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return null
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
