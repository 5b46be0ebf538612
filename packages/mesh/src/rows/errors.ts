import { UsageError } from '@threadmap/workbench/errors'

/** The place of a fault in a file of rows. */
export interface RowsFault {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** The field, as a path: `rows[2].unit`; '' for the file as a whole. */
  readonly field: string
  /** What is wrong, with the value and the limit. */
  readonly problem: string
  /** What to do. */
  readonly next: string
}

/** A file of rows or prices that cannot be taken. Nothing of the file is used. */
export class RowsError extends UsageError implements RowsFault {
  readonly code = 'ERR_MESH_ROWS'
  readonly file: string
  readonly line: number
  readonly field: string
  readonly problem: string
  readonly next: string

  constructor({ file, line, field, problem, next }: RowsFault) {
    super(`${file}:${line}: ${field === '' ? '' : `${field}: `}${problem}; ${next}`)
    this.file = file
    this.line = line
    this.field = field
    this.problem = problem
    this.next = next
  }
}
