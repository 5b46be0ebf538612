import { accessSync, constants, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { UsageError } from './errors.js'
import { codeOf, writeAtomically } from './files.js'

const ADVICE = 'give --json a file in a writable folder'

/** The target of `--json`. */
export interface JsonTarget {
  /** Undefined for standard output, to which the command then prints nothing else. */
  readonly path: string | undefined
  write(value: unknown): void
}

/**
 * The target of `--json FILE`, or of `--json` and `--json -` (standard output). The file is checked at once, so that the command does
 * not fail after a minute of measuring; it is written whole or not at all.
 */
export function jsonTarget(flag: string | true): JsonTarget {
  if (flag === true || flag === '-') {
    return { path: undefined, write: value => process.stdout.write(textOf(value)) }
  }
  const path = resolve(flag)
  requireWritable(path)
  return {
    path,
    write: value => writeAtomically(path, textOf(value), ADVICE),
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
    throw new UsageError(`cannot write ${path} (${codeOf(error)}); ${ADVICE}`)
  }
}
