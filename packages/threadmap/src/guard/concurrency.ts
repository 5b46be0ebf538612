/** What the tree of steps says of two of them: which read a write acts upon, and whether a change came from elsewhere. */
import { BLUR, READ, SIZE, type Step, type Turn, WALK, WRITE } from './context.js'

/**
 * What the flow that stands at `last` saw of `key` most recently. Undefined: nothing that is remembered, or it has written the
 * key since, which makes the next write one of its own.
 */
export function lastRead(last: Step | undefined, of: object, key: unknown): Step | undefined {
  for (let step = last; step !== undefined; step = step.prev) {
    if (step.kind === BLUR) return undefined
    if (step.of !== of) continue
    const same = sameKey(step.key, key)
    if (step.kind === WRITE && (same || step.operation === 'clear')) return undefined
    if (step.kind === READ && same) return step
    if (step.kind === WALK && (step.whole || (same && step.operation !== 'values'))) return step
  }
  return undefined
}

/** When the flow that stands at `last` last read the whole map by iterating, unless it cleared it since. */
export function lastWalk(last: Step | undefined, of: object): Step | undefined {
  for (let step = last; step !== undefined; step = step.prev) {
    if (step.kind === BLUR) return undefined
    if (step.of !== of) continue
    if (step.kind === WRITE && step.operation === 'clear') return undefined
    if (step.kind === WALK && step.whole) return step
  }
  return undefined
}

/** When the flow that stands at `last` last read the size, unless it inserted or removed something since. */
export function lastSize(last: Step | undefined, of: object): Step | undefined {
  for (let step = last; step !== undefined; step = step.prev) {
    if (step.kind === BLUR) return undefined
    if (step.of !== of) continue
    if (step.kind === WRITE && (step.inserted || step.operation !== 'set')) return undefined
    if (step.kind === SIZE) return step
  }
  return undefined
}

/**
 * Whether `change`, which happened after `read`, is surely the work of a context other than that of the flow which did `read`
 * and now stands at `last` in the turn `now`. False means: its own, or not to be known.
 *
 * 1. The flow of the change never knew of the read: it was there before, or comes from elsewhere. They are concurrent.
 *    (Except for a bare callback of the same socket, parser or port that the flow itself started from, as the 'data' events
 *    of a request are: it may well belong to it.)
 * 2. The flow of the change began after the read. Then it may be a function that this flow awaits, which is one context with
 *    its caller; that is not told by the tree. It is no such function if it read the same key in the very turn of
 *    the fork, after this flow had gone to sleep: what runs then was called by somebody else (the next of `Promise.all`).
 */
export function isForeign(read: Step, change: Step, last: Step | undefined, now: Turn): boolean {
  let step: Step | undefined = change
  while (step !== undefined && step.seq > read.seq) {
    if (step.cut) return false
    step = step.prev
  }
  if (step !== read) return !mayBeOurCallback(change, last)

  let theirs: Step | undefined = change
  let ours: Step | undefined = last
  let firstOfOurs: Step | undefined
  /** What `change` acts upon. */
  let theirRead: Step | undefined
  while (theirs !== ours) {
    if (theirs === undefined || ours === undefined) return false
    if (theirs.seq > ours.seq) {
      if (theirs.kind === READ && theirs.of === change.of && sameKey(theirs.key, change.key)) theirRead = theirs
      theirs = theirs.prev
    } else {
      firstOfOurs = ours
      ours = ours.prev
    }
  }
  const fork = ours as Step
  return theirRead !== undefined && theirRead.turn === fork.turn && (firstOfOurs?.turn ?? now) !== fork.turn
}

/** Numbers of the runtime's own, which say nothing: none, and the main program. */
const ANYBODY = 1

/** Whether the turn of `change` has the number of a turn of our path, of the part that is ours alone. */
function mayBeOurCallback(change: Step, last: Step | undefined): boolean {
  const { asyncId, triggerId } = change.turn
  let theirs: Step | undefined = change
  let ours = last
  while (ours !== undefined && ours !== theirs) {
    if (theirs !== undefined && theirs.seq > ours.seq) {
      theirs = theirs.prev
      continue
    }
    const id = ours.turn.asyncId
    if (id > ANYBODY && (id === asyncId || id === triggerId)) return true
    ours = ours.prev
  }
  return false
}

/** As Map compares keys (where -0 is stored as 0). */
function sameKey(one: unknown, other: unknown): boolean {
  return one === other || (Number.isNaN(one) && Number.isNaN(other))
}
