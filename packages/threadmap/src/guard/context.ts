/**
 * Which context is running, without anybody having called `run()`: each operation leaves a `Step` in the asynchronous context,
 * linked to the step before it. What was awaited (or scheduled) after a step finds that step there when it goes on, so
 * the links are a tree of who had seen what: one path per flow of execution, forking where a flow starts another.
 */
import { platform } from '#platform'

/** Reads one key. */
export const READ = 0
/** Changes one key, or all of them (`clear`). */
export const WRITE = 1
/** Iterates: the key yielded last, and once it came to its end all keys, were read. */
export const WALK = 2
/** Reads the number of entries. */
export const SIZE = 3
/** More was read in this turn than is remembered: what came before is not known any more. */
export const BLUR = 4
export type StepKind = typeof READ | typeof WRITE | typeof WALK | typeof SIZE | typeof BLUR

/** Steps of one path that are surely remembered. A path is cut at twice as many, so that an endless loop holds no memory. */
const REMEMBERED = 64
/** Reads of one flow within one turn that are remembered: more than that is bulk work, which is to cost next to nothing. */
const READS_PER_TURN = 32

interface Storage {
  getStore(): Step | undefined
  enterWith(step: Step | undefined): void
  run<T>(step: Step | undefined, action: () => T): T
}

interface AsyncHooks {
  AsyncLocalStorage: new () => Storage
  executionAsyncId(): number
  triggerAsyncId(): number
  executionAsyncResource(): Record<symbol, unknown>
}

/** What runs without a pause: a task, or a reaction to a promise. */
export class Turn {
  constructor(
    /**
     * Two steps of one path with the same number were surely not interrupted. (Reactions that were queued before the end of a
     * turn was noticed share its number; they can't stand on one path.)
     */
    readonly run: number,
    /** The runtime's number of what runs: a callback of the same socket, parser or port has the same. 0 or 1: unknown. */
    readonly asyncId: number,
    readonly triggerId: number,
  ) {}
}

/** One operation on a guarded map, and the place of a flow of execution after it. */
export class Step {
  prev: Step | undefined
  /** Grows with time; so it falls along `prev`. */
  readonly seq: number
  readonly turn: Turn
  /** How many reads, one after the other on this path, happened in this turn. */
  readonly nth: number
  /** Steps from the start of the path, or from where it was cut. */
  readonly depth: number
  /** `prev` is missing because it was forgotten, not because there was none. */
  cut = false
  /** WALK: the end was reached. */
  whole = false
  /** WRITE: the key was not there before. */
  inserted = false
  /** WRITE: the number of the change of this key before this one, as far as it is remembered. */
  priorSeq = 0

  constructor(
    prev: Step | undefined,
    turn: Turn,
    readonly kind: StepKind,
    /** Whose step it is: the guard of the map. */
    readonly of: object | undefined,
    /** As in "get". */
    readonly operation: string,
    public key: unknown,
    /** READ, WALK: the value that was seen; for `has` whether there was one; SIZE: the size. */
    public seen: unknown,
    /** Where in the program, if the budget allowed to look. */
    readonly trace: Trace | undefined,
  ) {
    this.seq = ++steps
    this.prev = prev
    this.turn = turn
    this.nth = prev !== undefined && prev.turn === turn ? prev.nth + (kind === READ ? 1 : 0) : 1
    this.depth = prev === undefined ? 1 : prev.depth < 2 * REMEMBERED ? prev.depth + 1 : forget(prev)
  }
}

/** An object that carries a `stack`, which is written out only when somebody reads it. */
export interface Trace {
  stack?: string
}

/** Cuts a long path and returns the depth of a step that follows. Costs little: it happens once in REMEMBERED steps. */
function forget(last: Step): number {
  let step = last
  for (let i = 1; i < REMEMBERED && step.prev !== undefined; i++) step = step.prev
  step.prev = undefined
  step.cut = true
  return REMEMBERED + 1
}

let steps = 0
let runs = 0
let open: Turn | undefined

const hooks = platform.asyncHooks as AsyncHooks | undefined
const storage = hooks && new hooks.AsyncLocalStorage()
const slot = leakySlot()
const settled = Promise.resolve()

/** Whether contexts can be told apart here. */
export const available = storage !== undefined

/**
 * Up to Node 22 the store stands in the resource that runs, under a symbol, and what `enterWith` puts there stays for the
 * next callback of the same socket, parser or interval: the next request on a connection would seem to continue the one
 * before. So it is taken away at the end of the turn. Undefined where that is not how it works (Node 24, Deno, Bun).
 */
function leakySlot(): symbol | undefined {
  if (!hooks || !storage) return undefined
  const probe = new Step(undefined, new Turn(0, 0, 0), BLUR, undefined, '', undefined, undefined, undefined)
  return storage.run(probe, () => {
    const resource = hooks.executionAsyncResource()
    return Object.getOwnPropertySymbols(resource ?? {}).find(symbol => resource[symbol] === probe)
  })
}

/** What was in the resources of this turn before. */
let touched: { resource: Record<symbol, unknown>; before: unknown }[] = []

function touch(): void {
  if (slot === undefined) return
  const resource = (hooks as AsyncHooks).executionAsyncResource()
  if (touched.length > 0 && touched[touched.length - 1].resource === resource) return
  touched.push({ resource, before: resource[slot] })
}

function close(): void {
  open = undefined
  if (slot === undefined) return
  for (let i = touched.length - 1; i >= 0; i--) touched[i].resource[slot] = touched[i].before
  touched = []
}

/**
 * The turn that runs now. A turn ends by a microtask, which runs before anything that awaits something from here on; callbacks of
 * `process.nextTick` come before it, and are told by their number.
 */
export function currentTurn(): Turn {
  const { executionAsyncId, triggerAsyncId } = hooks as AsyncHooks
  const id = executionAsyncId()
  if (open !== undefined) {
    if (open.asyncId === id) return open
  } else {
    runs++
    settled.then(close)
  }
  open = new Turn(runs, id, triggerAsyncId())
  return open
}

/** The last step of the flow that runs now. */
export function currentStep(): Step | undefined {
  return (storage as Storage).getStore()
}

/** Makes `step` the last one of the flow that runs now. */
export function enter(step: Step): Step {
  touch()
  ;(storage as Storage).enterWith(step)
  return step
}

/** Whether a read is one too many for this turn; then the flow is marked as not to be known. */
export function overflows(last: Step | undefined, turn: Turn): boolean {
  if (last === undefined || last.turn !== turn || last.nth < READS_PER_TURN) return false
  if (last.kind !== BLUR) enter(new Step(last, turn, BLUR, undefined, '', undefined, undefined, undefined))
  return true
}

/**
 * Runs `action`, and all that it starts, as a context of its own, which has read nothing yet. Only needed where one
 * asynchronous function serves many: a loop that takes messages and handles them one after the other, or starts their
 * handlers without a callback of the runtime's between. Each handler is then what a request is.
 */
export function separate<T>(action: () => T): T {
  if (!storage) return action()
  touch()
  return storage.run(undefined, action)
}
