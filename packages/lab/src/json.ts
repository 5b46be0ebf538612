import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { UsageError } from './errors.js'

/** Where `--json` writes to. */
export interface JsonTarget {
  /** Undefined for standard output, which then carries nothing else. */
  readonly path: string | undefined
  write(value: unknown): void
}

/**
 * The target of `--json FILE`, or of `--json` and `--json -` (standard output). Checked at once, so that nobody measures
 * for a minute to learn that the folder is missing; written whole or not at all.
 */
export function jsonTarget(flag: string | true): JsonTarget {
  if (flag === true || flag === '-') {
    return { path: undefined, write: value => process.stdout.write(textOf(value)) }
  }
  const path = resolve(flag)
  requireWritable(path)
  return {
    path,
    write(value) {
      const temporary = `${path}.${process.pid}.tmp`
      try {
        writeFileSync(temporary, textOf(value))
        renameSync(temporary, path)
      } catch (error) {
        rmSync(temporary, { force: true })
        throw cannotWrite(path, error)
      }
    },
  }
}

function textOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function requireWritable(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`cannot write ${path}: it is a folder; give --json a file`)
  }
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

function cannotWrite(path: string, error: unknown): UsageError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return new UsageError(`cannot write ${path} (${code}); give --json a file in a writable folder`)
}
