import { ThreadmapError } from '../errors/classes.js'
import type { Step, Trace } from './context.js'

/** `lost-update`: a read, a wait, a write, and a change by another context between. `iteration`: a change while an iteration waited. */
export type FaultKind = 'lost-update' | 'iteration'

/** One of the three operations of a fault. */
export interface FaultPlace {
  /** The method: "get", "set", ... */
  readonly operation: string
  /** The place of the call: a stack without the guard's own frames; empty if the budget for stacks was spent. */
  readonly stack: string
}

const INDENT = '      '

/** A fault that the guard found. The texts are made when they are read. */
export class GuardReport {
  /** Which of the two faults it is. */
  readonly kind: FaultKind
  /** The `name` option of the guard. */
  readonly map: string
  /** The key; for `iteration` the key that was changed; undefined for `clear`. */
  readonly key: unknown
  /** The advice on how to mend the fault. */
  readonly fix: string
  readonly #what: string
  readonly #steps: readonly [Step, Step, { operation: string; trace: Trace | undefined }]

  /** @internal */
  constructor(
    kind: FaultKind,
    map: string,
    key: unknown,
    what: string,
    fix: string,
    read: Step,
    other: Step,
    operation: string,
    trace: Trace | undefined,
  ) {
    this.kind = kind
    this.map = map
    this.key = key
    this.fix = fix
    this.#what = what
    this.#steps = [read, other, { operation, trace }]
  }

  /** The read of this context; for `iteration` its step before the wait. */
  get read(): FaultPlace {
    return place(this.#steps[0])
  }

  /** The change by another context. */
  get other(): FaultPlace {
    return place(this.#steps[1])
  }

  /** The operation of this context that acts upon the read. */
  get act(): FaultPlace {
    return place(this.#steps[2])
  }

  /** The pair of places in the program: reports with equal pairs are one fault. */
  get places(): string {
    return `${firstLine(this.read)} -> ${firstLine(this.act)}`
  }

  /** The whole report as text. */
  get message(): string {
    const { read, other, act } = this
    return [
      `threadmap/guard: ${this.#what}`,
      `  ${read.operation}, then a wait:`,
      read.stack || `${INDENT}(no stack: the budget was spent, see the option \`stacks\`)`,
      `  ${other.operation} by another context meanwhile:`,
      other.stack || `${INDENT}(no stack: the budget was spent, see the option \`stacks\`)`,
      `  ${act.operation}, as if nothing had happened:`,
      act.stack,
      `  ${this.fix}`,
    ].join('\n')
  }

  /** The `message`. */
  toString(): string {
    return this.message
  }
}

/** The error that the option `throw` throws in place of the write (or the step of the iteration) that would do the harm. */
export class GuardError extends ThreadmapError {
  static {
    GuardError.prototype.name = 'GuardError'
  }
  /** The report of the fault. */
  readonly report: GuardReport
  constructor(report: GuardReport) {
    super('ERR_THREADMAP_GUARD', report.message)
    this.report = report
  }
}

function firstLine({ operation, stack }: FaultPlace): string {
  return `${operation} ${stack.split('\n', 1)[0].trim()}`
}

function place({ operation, trace }: { operation: string; trace: Trace | undefined }): FaultPlace {
  const lines = String(trace?.stack ?? '').split('\n')
  // A stack begins with a line that has the error's name, except in JavaScriptCore.
  const frames = lines.filter(line => line !== '' && !/^\s*(Error|\[object Object\])\s*$/.test(line))
  const own = frames.filter(line => !/[( ](node|native|ext):/.test(line))
  return { operation, stack: (own.length > 0 ? own : frames).map(line => INDENT + line.trim()).join('\n') }
}

/** Members of `Error` that V8 and JavaScriptCore have beside the standard. */
interface Capturing {
  stackTraceLimit: number
  captureStackTrace(into: Trace, below: unknown): void
}
const capturing = Error as unknown as Capturing

/**
 * Takes at most a given number of stacks per second. A stack costs microseconds, ten times as much as all other work of the guard. A report
 * needs the stack of a read that is long over, so stacks must be taken before it is known that they are needed.
 */
export class Stacks {
  readonly #perSecond: number
  readonly #frames: number
  #left: number
  #since = Date.now()

  constructor(perSecond: number, frames: number) {
    this.#perSecond = perSecond
    this.#frames = frames
    this.#left = perSecond
  }

  /** The stack above `below`, if the budget allows. */
  take(below: unknown): Trace | undefined {
    if (this.#left <= 0) {
      if (this.#perSecond <= 0) return undefined
      const now = Date.now()
      if (now - this.#since < 1000) return undefined
      this.#since = now
      this.#left = this.#perSecond
    }
    this.#left--
    return this.always(below)
  }

  always(below: unknown): Trace {
    const trace: Trace = {}
    const { stackTraceLimit } = capturing
    capturing.stackTraceLimit = this.#frames
    capturing.captureStackTrace(trace, below)
    capturing.stackTraceLimit = stackTraceLimit
    return trace
  }
}
