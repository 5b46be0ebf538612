import { ThreadmapError } from '../errors/classes.js'
import type { Step, Trace } from './context.js'

/** `lost-update`: a read, a wait, a write, and another context's change between. `iteration`: a change while one waited. */
export type FaultKind = 'lost-update' | 'iteration'

/** One of the three operations of a fault. */
export interface FaultPlace {
  /** The method: "get", "set", ... */
  readonly operation: string
  /** Where it was called: a stack without the guard's own frames; empty if the budget for stacks was spent then. */
  readonly stack: string
}

const INDENT = '      '

/** What the guard found. The texts are made when they are read. */
export class GuardReport {
  /** Which of the two faults it is. */
  readonly kind: FaultKind
  /** The `name` option of the guard. */
  readonly map: string
  /** The key; for `iteration` the one that was changed; undefined for `clear`. */
  readonly key: unknown
  /** What to do about it. */
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

  /** What this context had seen; `iteration`: its step before the wait. */
  get read(): FaultPlace {
    return place(this.#steps[0])
  }

  /** The change by another context. */
  get other(): FaultPlace {
    return place(this.#steps[1])
  }

  /** What this context did then, upon what it had seen. */
  get act(): FaultPlace {
    return place(this.#steps[2])
  }

  /** The pair of places in the program: reports with equal ones are the same fault again. */
  get places(): string {
    return `${firstLine(this.read)} -> ${firstLine(this.act)}`
  }

  /** All of it, in words. */
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

/** With the option `throw`: thrown in place of the write (or the step of the iteration) that would do the harm. */
export class GuardError extends ThreadmapError {
  static {
    GuardError.prototype.name = 'GuardError'
  }
  /** What the guard found. */
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
  // A stack begins with a line of its error's name, except where it doesn't (JavaScriptCore).
  const frames = lines.filter(line => line !== '' && !/^\s*(Error|\[object Object\])\s*$/.test(line))
  const own = frames.filter(line => !/[( ](node|native|ext):/.test(line))
  return { operation, stack: (own.length > 0 ? own : frames).map(line => INDENT + line.trim()).join('\n') }
}

/** What V8, and JavaScriptCore after it, have beside the standard. */
interface Capturing {
  stackTraceLimit: number
  captureStackTrace(into: Trace, below: unknown): void
}
const capturing = Error as unknown as Capturing

/**
 * Takes stacks, which is what costs (microseconds; all else is a tenth of it), at most so many a second. Whoever finds a fault
 * needs the stack of a read that is long over, so they can't be taken when they are needed.
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
