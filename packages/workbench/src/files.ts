/** Files that are written whole or not at all, and failures of the file system in one word. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { UsageError } from './errors.js'

/** Creates a folder and its parents. (Node's own recursive mkdir never returns where a parent refuses with ENOENT, as /proc does.) */
export function createFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  // `statSync` of Node 20 throws ENOTDIR if a parent is a file; newer versions return undefined, so the parent is looked at too.
  if (found) throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' })
  if (dirname(path) !== path) createFolder(dirname(path))
  mkdirSync(path)
}

/** Writes `path` whole or not at all: `UsageError`, with `advice` on what to do, if it cannot be written. */
export function writeAtomically(path: string, text: string, advice = 'give a file in a writable folder'): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, text)
    renameSync(temporary, path)
  } catch (error) {
    // If a part of the path is a file, `rmSync` throws even with `force`.
    if (existsSync(temporary)) rmSync(temporary)
    throw new UsageError(`cannot write ${path} (${codeOf(error)}); ${advice}`)
  }
}

/** The system's code of an error (`ENOENT`), or the error as text. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
