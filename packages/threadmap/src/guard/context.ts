/**
 * Knows which context is running, without a call of `run()` by the program. Each operation leaves a `Step` in the asynchronous context,
 * linked to the step before it. Code that was awaited (or scheduled) after a step finds that step when it goes on. So the links are
 * a tree that says which code had seen what: one path per flow of execution, which forks where a flow starts another one.
 */
import { platform } from '#platform'

/** Reads one key. */
export const READ = 0
/** Changes one key, or all of them (`clear`). */
export const WRITE = 1
/** Iterates: this reads the key that was yielded last, and at the end all keys. */
export const WALK = 2
/** Reads the number of entries. */
export const SIZE = 3
/** This turn has read more than the guard remembers: the steps before are not known any more. */
export const BLUR = 4
export type StepKind = typeof READ | typeof WRITE | typeof WALK | typeof SIZE | typeof BLUR

/** How many steps of one path the guard remembers at least. A path is cut at twice this length, so that an endless loop keeps no memory. */
const REMEMBERED = 64
/** How many reads of one flow within one turn the guard remembers. More reads are bulk work, which should cost next to nothing. */
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

/** Code that runs without a pause: a task, or a reaction to a promise. */
export class Turn {
  constructor(
    /**
     * Between two steps of one path with equal numbers no other code ran. (Reactions that were queued before the end of a turn was
     * noticed have its number too, but they cannot be on one path.)
     */
    readonly run: number,
    /** The runtime's number of the running callback: callbacks of one socket, parser or port share it. 0 or 1: unknown. */
    readonly asyncId: number,
    readonly triggerId: number,
  ) {}
}

/** One operation on a guarded map, and the place of a flow of execution after it. */
export class Step {
  prev: Step | undefined
  /** Grows with time, so it falls along `prev`. */
  readonly seq: number
  readonly turn: Turn
  /** How many reads in a row on this path happened in this turn. */
  readonly nth: number
  /** How many steps there are from the start of the path, or from its cut. */
  readonly depth: number
  /** Whether `prev` is missing because it was forgotten, and not because there was none. */
  cut = false
  /** WALK: whether the iteration reached its end. */
  whole = false
  /** WRITE: whether the key was absent before. */
  inserted = false
  /** WRITE: the number of the change of this key before this one, as far as it is remembered. */
  priorSeq = 0

  constructor(
    prev: Step | undefined,
    turn: Turn,
    readonly kind: StepKind,
    /** The guard of the map. */
    readonly of: object | undefined,
    /** The method's name, such as "get". */
    readonly operation: string,
    public key: unknown,
    /** READ, WALK: the value that was read; for `has` whether the key was there; SIZE: the size. */
    public seen: unknown,
    /** The place in the program, if the budget of stacks allowed it. */
    readonly trace: Trace | undefined,
  ) {
    this.seq = ++steps
    this.prev = prev
    this.turn = turn
    this.nth = prev !== undefined && prev.turn === turn ? prev.nth + (kind === READ ? 1 : 0) : 1
    this.depth = prev === undefined ? 1 : prev.depth < 2 * REMEMBERED ? prev.depth + 1 : forget(prev)
  }
}

/** An object with a `stack`, which the runtime formats only when it is read. */
export interface Trace {
  stack?: string
}

/** Cuts a long path and returns the depth of the next step. Costs little: it happens once in REMEMBERED steps. */
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

/** Whether this runtime can tell contexts apart. */
export const available = storage !== undefined

/**
 * Up to Node 22 the store is a property of the running resource, under a symbol, and the value of `enterWith` stays there for the next
 * callback of the same socket, parser or interval: the next request on a connection would seem to continue the one before. So the
 * guard removes the value at the end of the turn. Undefined where the runtime works otherwise (Node 24, Deno, Bun).
 */
function leakySlot(): symbol | undefined {
  if (!hooks || !storage) return undefined
  const probe = new Step(undefined, new Turn(0, 0, 0), BLUR, undefined, '', undefined, undefined, undefined)
  return storage.run(probe, () => {
    const resource = hooks.executionAsyncResource()
    return Object.getOwnPropertySymbols(resource ?? {}).find(symbol => resource[symbol] === probe)
  })
}

/** The stores of this turn's resources, as they were before. */
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
 * The turn that runs now. A microtask ends the turn; it runs before any code that begins to await from here on. Callbacks of
 * `process.nextTick` run before that microtask; their number tells them apart.
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

/** Whether a read is one too many for this turn. If so, the flow is marked by a BLUR step. */
export function overflows(last: Step | undefined, turn: Turn): boolean {
  if (last === undefined || last.turn !== turn || last.nth < READS_PER_TURN) return false
  if (last.kind !== BLUR) enter(new Step(last, turn, BLUR, undefined, '', undefined, undefined, undefined))
  return true
}

/**
 * Runs `action`, and all code that it starts, as a context of its own, which has read nothing yet. It is needed only where one
 * asynchronous function does unrelated work: a loop that takes messages and handles them one after the other, or starts their
 * handlers without a callback of the runtime between. Then each handler counts as a request of its own.
 */
export function separate<T>(action: () => T): T {
  if (!storage) return action()
  touch()
  return storage.run(undefined, action)
}
